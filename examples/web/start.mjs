// `npm run example`: a gateway with its simulated WeCom, and the web app in front of it, until SIGINT or SIGTERM.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, preview } from "vite";
import { seed } from "./demo/seed.mjs";
import { createSignIn, signInRoute } from "./demo/sign-in.mjs";

const app = { configFile: fileURLToPath(new URL("vite.config.mjs", import.meta.url)), logLevel: "warn" };
const main = fileURLToPath(new URL("../../dist/main.js", import.meta.url));
const dataDir = await mkdtemp(join(tmpdir(), "example-"));
const { env, sign } = createSignIn();

// Nothing of this process's settings: the example never reaches WeCom.
const gateway = spawn(process.execPath, [main], {
  env: {
    PORT: "0",
    DATA_DIR: dataDir,
    AUDIT_LOG_FILE: join(dataDir, "audit.log"),
    LOG_LEVEL: "error",
    SIMULATOR_PLAY: "1",
    ...env,
  },
  stdio: ["ignore", "pipe", "inherit"],
});
const ended = once(gateway, "exit");
let server;
let stopping;
async function stop(code) {
  gateway.kill("SIGTERM");
  await Promise.all([ended, server?.close()]);
  await rm(dataDir, { recursive: true, force: true });
  process.exit(code);
}
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => (stopping ??= stop(0)));

try {
  const started = bannerOf(gateway);
  await build(app);
  const { gatewayUrl, simulatorUrl } = await started;
  await seed({ gatewayUrl: `${gatewayUrl}/graphql`, simulatorUrl, sign });
  server = await preview({
    ...app,
    // What goes wrong between browser and gateway is shown by the page.
    logLevel: "silent",
    plugins: [signInRoute(sign, { simulatorUrl })],
    preview: {
      host: "127.0.0.1",
      port: 5173,
      // One origin for the browser, as behind your own reverse proxy.
      proxy: { "/graphql": { target: gatewayUrl, ws: true }, "/media": { target: gatewayUrl } },
    },
  });
  process.stdout.write(`\n  The example         ${server.resolvedUrls.local[0]}\n\n`);
} catch (error) {
  if (!stopping) process.stderr.write(`The example cannot start: ${error instanceof Error ? error.message : error}\n`);
  await (stopping ??= stop(1));
}
void ended.then(([code]) => (stopping ??= stop(code ?? 1)));

/** The addresses that the gateway prints at its start. What it prints goes on to the terminal. */
async function bannerOf({ stdout }) {
  let text = "";
  stdout.setEncoding("utf8").on("data", (part) => {
    text += part;
    process.stdout.write(part);
  });
  for (;;) {
    const [, gatewayUrl] = /without internet +(\S+)\/graphiql/.exec(text) ?? [];
    const [, simulatorUrl] = /the simulated WeCom (\S+)/.exec(text) ?? [];
    if (gatewayUrl && simulatorUrl) return { gatewayUrl, simulatorUrl };
    await Promise.race([
      once(stdout, "data"),
      ended.then(([code]) => {
        throw new Error(`the gateway ended with status ${code}`);
      }),
    ]);
  }
}
