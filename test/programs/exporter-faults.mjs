// What a collector of traces that fails costs the requests: `npm run test:exporter`. Five gateways, each with every operation
// recorded: one without a collector, one whose collector takes the spans, one that hangs, one that refuses, one that is away.
// The same reads go to all of them in turn, so that what the machine does meets all alike. Ends with 1 when the 99th percentile
// of one is more than 5 ms above that without a collector, when memory grows by more than 50 MB over its, or when the log has
// more than one line a minute.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { DEMO_CORP, startSimulator } from "../../dist/simulator/index.js";

const seconds = Number(process.env.EXPORTER_SECONDS ?? 90);
const readsPerSecond = 25;
const maxAddedMs = 5;
const maxAddedMb = 50;
const query = `{ livings(anchorUserid: "zhangsan") { nodes { livingid } } }`;

const folder = mkdtempSync(join(tmpdir(), "exporter-"));
const children = [];
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});
const simulator = await startSimulator({ latencyMs: 5, record: false });
const collectors = {
  "none (off)": undefined,
  "takes spans": (request, response) => request.resume().on("end", () => response.end("{}")),
  hangs: (request) => request.resume(),
  refuses: (request, response) => request.resume().on("end", () => response.writeHead(503).end()),
  "is away": "http://127.0.0.1:9",
};
const gateways = [];
for (const [name, collector] of Object.entries(collectors)) gateways.push(await startGateway(name, collector));

await load(5);
for (const gateway of gateways) {
  gateway.latencies = [];
  gateway.mbBefore = gateway.rssMb();
}
await load(seconds);

const percentile = ({ latencies }, part) => latencies[Math.ceil(part * latencies.length) - 1];
for (const { latencies } of gateways) latencies.sort((a, b) => a - b);
const [off] = gateways;
const grownMb = ({ rssMb, mbBefore }) => rssMb() - mbBefore;
const rounded = (value) => Math.round(value * 10) / 10;
const rows = gateways.map((gateway) => ({
  collector: gateway.name,
  reads: gateway.latencies.length,
  failed: gateway.failed,
  "p50 ms": rounded(percentile(gateway, 0.5)),
  "p99 ms": rounded(percentile(gateway, 0.99)),
  "p99 added": rounded(percentile(gateway, 0.99) - percentile(off, 0.99)),
  "MB grown": rounded(grownMb(gateway)),
  "log lines": gateway.complaints(),
}));
console.table(rows);
const isBad = rows.some(
  (row, index) =>
    row.failed > 0 ||
    row["p99 added"] > maxAddedMs ||
    grownMb(gateways[index]) - grownMb(off) > maxAddedMb ||
    row["log lines"] > Math.ceil((seconds + 5) / 60),
);

process.exit(isBad ? 1 : 0);

/** Reads leave at their time, whether or not those before them are answered. */
async function load(forSeconds) {
  const startedAt = performance.now();
  const count = forSeconds * readsPerSecond * gateways.length;
  const reads = Array.from({ length: count }, async (_, index) => {
    const gateway = gateways[index % gateways.length];
    const dueAt = startedAt + (index * 1000) / (readsPerSecond * gateways.length);
    await wait(dueAt - performance.now());
    const leftAt = performance.now();
    if (!(await read(gateway.url))) gateway.failed += 1;
    gateway.latencies.push(performance.now() - leftAt);
  });
  await Promise.all(reads);
}

async function read(url) {
  const headers = { "content-type": "application/json" };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify({ query }) });
  const { errors } = await response.json();
  return errors === undefined;
}

async function startGateway(name, collector) {
  let endpoint = collector;
  if (typeof collector === "function") {
    const server = createServer(collector).listen(0, "127.0.0.1");
    await once(server, "listening");
    endpoint = `http://127.0.0.1:${server.address().port}`;
  }
  const main = new URL("../../dist/main.js", import.meta.url);
  const child = spawn(process.execPath, ["--max-semi-space-size=16", "--expose-gc", main.pathname], {
    env: {
      ...{ PORT: "0", DATA_DIR: join(folder, `data-${gateways.length}`), WECOM_BASE_URL: simulator.url },
      ...{ WECOM_CORP_ID: DEMO_CORP.corpid, WECOM_CORP_SECRET: DEMO_CORP.apps[0].secret },
      ...(endpoint && { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }),
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  const ended = once(child, "exit");
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (output += text));
  for (;;) {
    const url = /"msg":"listening on ([^"]+)"/.exec(output)?.[1];
    if (!url) {
      if (child.exitCode !== null) throw new Error(`the gateway does not start:\n${output}`);
      await Promise.race([once(child.stdout, "data"), ended]);
      continue;
    }
    return {
      ...{ name, url, failed: 0, latencies: [] },
      complaints: () => output.split(`"msg":"spans cannot be sent"`).length - 1,
      rssMb: () => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))[1]) / 1000,
    };
  }
}
