/** environment → config → app → listen → signals; nothing else. */
import { createApp } from "./app.js";
import { type Config, ConfigurationError, loadConfig } from "./config.js";

/** sysexits.h: something is wrong with the configuration. */
const exitCodeConfiguration = 78;

function readConfig(): Config {
  try {
    return loadConfig();
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(exitCodeConfiguration);
  }
}

const config = readConfig();
const app = await createApp(config);
const url = await app.listen();
app.log.info({ url: `${url}/graphql` }, `listening on ${url}/graphql`);
if (!config.isProduction) process.stdout.write(banner(url, config.wecom.credentials.kind === "simulator"));

// `on`, not `once`: a second signal must not kill what the first one lets finish.
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.on(signal, () => {
    app.log.info({ signal }, "draining");
    void app.close().then(() => process.exit(0));
  });
}

function banner(base: string, isSimulated: boolean): string {
  const lines = [
    `  Apollo Sandbox      ${base}/graphql`,
    `  without internet    ${base}/graphiql`,
    ...(isSimulated ? ["", "  SIMULATOR: no WeCom credentials are set, so nothing reaches WeCom."] : []),
  ];
  return `\n${lines.join("\n")}\n\n`;
}
