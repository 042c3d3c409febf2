/**
 * environment → config → app → listen → signals; nothing else. Signal handlers are installed first, before the gateway's own
 * code is loaded.
 */
import { readFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import type { App } from "./app.js";

/** As in sysexits.h: EX_CONFIG and EX_UNAVAILABLE. */
const exitCodes = { done: 0, fault: 1, configuration: 78, unavailable: 69 };

/**
 * A start takes half a second. After this time it fails, also when it listens already but has no keys of the issuer:
 * nobody can sign in then.
 */
const startLimitMs = 30_000;
/** After a signal during the start: how long it may take to end in order. */
const stopLimitMs = 5000;

let app: App | undefined;
let isStopRequested = false;
let waitsFor = "its own code";

// `on`, not `once`: a second signal must not kill requests that the first one lets finish.
// SIGHUP has nothing to reload: files of secrets are read again when they change, and the audit log's when it is renamed.
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
  process.on(signal, () => {
    if (app) {
      clearTimeout(startLimit);
      app.log.info({ signal }, "draining");
      drain(app, exitCodes.done);
      return;
    }
    // No request was accepted yet, so none can be lost.
    if (isStopRequested) process.exit(exitCodes.done);
    isStopRequested = true;
    process.stderr.write(`${signal} while the gateway starts: it stops\n`);
    setTimeout(() => process.exit(exitCodes.done), stopLimitMs);
  });
}
// A bug: the state of this process is unknown. Running requests are finished, because a create must not be lost; then the
// orchestrator starts a new process.
for (const fault of ["unhandledRejection", "uncaughtException"] as const) {
  process.on(fault, (error: unknown) => {
    if (!app) return endStart(error);
    app.log.error({ err: error, fault }, "draining after a fault");
    drain(app, exitCodes.fault);
  });
}
const startLimit = setTimeout(() => {
  endStart(new Error(`it has waited ${startLimitMs / 1000} s for ${waitsFor}`));
}, startLimitMs);

// In the first second of load, while the young generation is still small, each request's objects survive a collection. V8 then
// allocates such objects directly in the old generation, where they stay, with everything they reference, until a full
// collection: this costs a tenth of a request's CPU, and twice the memory.
setFlagsFromString("--no-allocation-site-pretenuring");
// Little reaches the old generation then, so it is collected when it has grown by a third, not to three times its size.
setFlagsFromString("--heap-growing-percent=30");

if (process.argv[2] === "doctor") {
  clearTimeout(startLimit);
  const [{ runDoctor }, { loadConfig }] = await Promise.all([import("./doctor/doctor.js"), import("./config.js")]);
  const print = (line: string): void => void process.stdout.write(`${line}\n`);
  process.exit(await runDoctor(loadConfig, process.argv.slice(3), { print }));
}

try {
  await start();
} catch (error) {
  endStart(error);
}

async function start(): Promise<void> {
  const [{ createApp }, { loadConfig }] = await Promise.all([import("./app.js"), import("./config.js")]);
  const config = loadConfig();
  const created = await createApp(config, {
    onWait: (what) => (waitsFor = what),
    version: await ownVersion(),
    explorerPage: new URL("graphiql.html.gz", import.meta.url),
  });
  if (isStopRequested) {
    await created.close({ acceptForMs: 0 });
    process.exit(exitCodes.done);
  }
  app = created;
  const url = await app.listen();
  if (app.adminUrl !== undefined) app.log.info({ url: app.adminUrl }, `probes and metrics on ${app.adminUrl}`);
  app.log.info({ url: `${url}/graphql` }, `listening on ${url}/graphql`);
  // Not waited for: the gateway answers meanwhile, and is ready whatever WeCom says.
  void app.checkCredentials();
  // Without a listener, a full disk would end the process.
  if (!config.isProduction) process.stdout.on("error", () => undefined).write(banner(url, app.simulatorUrl));
  // Probes are answered meanwhile, so that operators can see what it waits for.
  waitsFor = "the issuer's keys (AUTH_JWKS_URL)";
  while (!app.canServe()) await pause(100);
  clearTimeout(startLimit);
}

async function ownVersion(): Promise<string> {
  const file = await readFile(new URL("../package.json", import.meta.url), "utf8").catch(() => "{}");
  return (JSON.parse(file) as { version?: string }).version ?? "unknown";
}

function drain(running: App, exitCode: number): void {
  running.close().then(
    () => process.exit(exitCode),
    (error: unknown) => {
      running.log.error({ err: error }, "the drain failed");
      process.exit(exitCodes.fault);
    },
  );
}

/** Prints one sentence, or one for each configuration error. */
function endStart(error: unknown): never {
  if (isStopRequested) process.exit(exitCodes.done);
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  if (name === "ConfigurationError") {
    process.stderr.write(`${message}\n`);
    process.exit(exitCodes.configuration);
  }
  process.stderr.write(`The gateway cannot start: ${message}\n`);
  process.exit(exitCodes.unavailable);
}

function banner(base: string, simulatorUrl: string | undefined): string {
  const lines = [
    `  Apollo Sandbox      ${base}/graphql`,
    `  without internet    ${base}/graphiql`,
    ...(simulatorUrl === undefined
      ? []
      : [
          `  the simulated WeCom ${simulatorUrl}`,
          "",
          "  SIMULATOR: no WeCom credentials are set, so nothing reaches WeCom.",
        ]),
  ];
  return `\n${lines.join("\n")}\n\n`;
}
