// Draws the dashboard as it looks in use, where no Grafana runs: `npm run build && node scripts/draw-dashboard.mjs`, with Debian's
// `prometheus` installed. For three minutes a gateway is used in front of a simulated WeCom, which fails now and then; Prometheus
// reads its metrics each second and evaluates deploy/observability/rules.yaml; its answers to the queries of dashboard.json are
// drawn into docs/dashboard.svg.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { setTimeout as wait } from "node:timers/promises";
import { startSimulator } from "../dist/simulator/index.js";
import { drawDashboard } from "./dashboard-picture.mjs";
import { use } from "./dashboard-load.mjs";

const seconds = Number(process.env.DASHBOARD_SECONDS ?? 180);
const inRepository = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "dashboard-"));
const processes = [];
process.on("exit", () => {
  for (const child of processes) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  return port;
}

async function answering(url) {
  for (const giveUpAt = Date.now() + 20_000; Date.now() < giveUpAt; await wait(50)) {
    if ((await fetch(url).catch(() => undefined))?.ok) return;
  }
  throw new Error(`${url} does not answer`);
}

const [port, prometheusPort] = [await freePort(), await freePort()];
const gatewayUrl = `http://127.0.0.1:${port}`;
const prometheusUrl = `http://127.0.0.1:${prometheusPort}`;
const keys = { token: "callbacktoken", aesKey: "a".repeat(43) };
const callback = { url: `${gatewayUrl}/wecom/callback`, ...keys };
const suite = { suiteId: "wwsuite", suiteSecret: "suite-secret", agentid: 1000002 };
const corpid = "wwcorp";
const simulator = await startSimulator({
  corps: [{ corpid, apps: [] }],
  suites: [{ ...suite, commandCallback: callback, dataCallback: callback }],
  ...{ latencyMs: 20, mediaIds: "any" },
});

const settings = {
  ...{ PORT: String(port), DATA_DIR: join(folder, "data"), AUDIT_LOG_FILE: join(folder, "audit.log") },
  ...{ AUTH_MODE: "none", LOG_LEVEL: "silent", WECOM_BASE_URL: simulator.url },
  ...{ WECOM_SUITE_ID: suite.suiteId, WECOM_SUITE_SECRET: suite.suiteSecret },
  ...{ WECOM_CALLBACK_TOKEN: keys.token, WECOM_CALLBACK_AES_KEY: keys.aesKey },
  ...{ WECOM_SETTLE_MS: "10000", WECOM_TIMEOUT_MS: "2000", LIMIT_CALLS_PER_MINUTE: "10000" },
};
processes.push(
  spawn(process.execPath, [inRepository("dist/main.js")], { env: settings, stdio: ["ignore", "ignore", "inherit"] }),
);
await answering(`${gatewayUrl}/health/ready`);

const rules = JSON.stringify(inRepository("deploy/observability/rules.yaml"));
const configuration = `global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: [${rules}]
scrape_configs: [{ job_name: wecom-living-gateway, static_configs: [{ targets: ["127.0.0.1:${port}"] }] }]
`;
await writeFile(join(folder, "prometheus.yaml"), configuration);
const prometheusArguments = [`--config.file=${folder}/prometheus.yaml`, `--storage.tsdb.path=${folder}/prometheus`];
prometheusArguments.push(`--web.listen-address=127.0.0.1:${prometheusPort}`, "--log.level=error");
processes.push(spawn("prometheus", prometheusArguments, { stdio: "inherit" }));
await answering(`${prometheusUrl}/-/ready`);

// Read a few times at rest, so that the first of everything is seen to be more than before.
const isRead = async () =>
  (await (await fetch(`${prometheusUrl}/api/v1/query?query=up`)).json()).data.result.length > 0;
while (!(await isRead())) await wait(200);
await wait(3000);
const startedAt = Date.now() / 1000;
await use({ gatewayUrl, simulator, corpid, suiteId: suite.suiteId, seconds });
const endedAt = Date.now() / 1000;

/** With what Grafana puts in for its variables. */
const filledIn = (query) =>
  query.replaceAll("$__rate_interval", "10s").replaceAll("$job", ".*").replaceAll("$instance", ".*");

async function ask(query) {
  const range = { query: filledIn(query), start: startedAt, end: endedAt, step: Math.max(1, Math.round(seconds / 90)) };
  const response = await fetch(`${prometheusUrl}/api/v1/query_range?${new URLSearchParams(range)}`);
  const { status, data, error } = await response.json();
  if (status !== "success") throw new Error(`${query}: ${error}`);
  return data.result;
}

const dashboard = JSON.parse(await readFile(inRepository("deploy/observability/dashboard.json"), "utf8"));
const answers = new Map();
for (const { targets = [] } of dashboard.panels) for (const { expr } of targets) answers.set(expr, await ask(expr));
const { svg, empty } = drawDashboard({ dashboard, answers, startedAt, endedAt });
await writeFile(inRepository("docs/dashboard.svg"), svg);
process.stdout.write(`docs/dashboard.svg is written. Panels without a line: ${empty.join(", ") || "none"}\n`);

const ended = processes.map((child) => once(child, "exit"));
for (const child of processes) child.kill("SIGTERM");
await Promise.all(ended);
await simulator.close();
