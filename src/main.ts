/** environment → config → app → listen → signals; nothing else. */
import { setFlagsFromString } from "node:v8";
import { type App, createApp, StartError } from "./app.js";
import { type Config, ConfigurationError, loadConfig } from "./config.js";

/** sysexits.h: something is wrong with the configuration; something that is needed is not there. */
const exitCodes = { configuration: 78, unavailable: 69 };

function readConfig(): Config {
  try {
    return loadConfig();
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(exitCodes.configuration);
  }
}

async function start(config: Config): Promise<App> {
  try {
    return await createApp(config);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(exitCodes.unavailable);
  }
}

// In its first second of load, while the young generation is still small, V8 sees every request's objects outlive a
// collection of it, and from then on puts those that the same code makes straight among the old ones, where they stay, with
// all that they lead to, until everything is collected: a tenth of a request's CPU, and twice the memory.
setFlagsFromString("--no-allocation-site-pretenuring");
// What is left of that is little: so the old ones may be collected when they are a third more, not three times as many.
setFlagsFromString("--heap-growing-percent=30");

const config = readConfig();
const app = await start(config);
// Before anybody can know that it listens; and `on`, not `once`: a second signal must not kill what the first one lets
// finish.
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.on(signal, () => {
    app.log.info({ signal }, "draining");
    void app.close().then(() => process.exit(0));
  });
}

const url = await app.listen();
app.log.info({ url: `${url}/graphql` }, `listening on ${url}/graphql`);
if (!config.isProduction) process.stdout.write(banner(url, config.wecom.credentials.kind === "simulator"));

function banner(base: string, isSimulated: boolean): string {
  const lines = [
    `  Apollo Sandbox      ${base}/graphql`,
    `  without internet    ${base}/graphiql`,
    ...(isSimulated ? ["", "  SIMULATOR: no WeCom credentials are set, so nothing reaches WeCom."] : []),
  ];
  return `\n${lines.join("\n")}\n\n`;
}
