// What reads cost while Redis hangs (SIGSTOP: connections stay, nothing is answered), beside what they cost before:
// `npm run test:redis-hang`. Two replicas, a steady rate of reads, once with a token that is held and once with one that
// WeCom gives up every second. Ends with 1 when a read fails, or the 99th percentile rises by more than 60 ms.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { DEMO_CORP, startSimulator } from "../../dist/simulator/index.js";
import { steadyLoad } from "./steady-load.mjs";

const readsPerSecond = 100;
const phaseMs = Number(process.env.PHASE_MS ?? 12_000);
const maxAddedMs = 60;
const query = `{ livings(anchorUserid: "zhangsan") { nodes { livingid } } }`;

const redisPort = await freePort();
const redis = spawn("redis-server", ["--port", redisPort, "--bind", "127.0.0.1", "--save", ""], { stdio: "ignore" });
const simulator = await startSimulator({ latencyMs: 5 });
const replicas = await Promise.all([startReplica(), startReplica()]);
let isBad = false;
await load(2000);

for (const [what, everyMs] of [
  ["token held", undefined],
  ["token given up every second", 1000],
]) {
  const rows = {};
  for (const [phase, signal] of [
    ["before", "SIGCONT"],
    ["Redis hangs", "SIGSTOP"],
    ["Redis is back", "SIGCONT"],
  ]) {
    redis.kill(signal);
    const invalidating = everyMs && setInterval(() => simulator.invalidateTokens(), everyMs);
    const fetchesBefore = simulator.requestsTo("gettoken").length;
    rows[phase] = await load();
    clearInterval(invalidating);
    rows[phase].gettoken = simulator.requestsTo("gettoken").length - fetchesBefore;
    simulator.forgetRequests();
  }
  const addedMs = rows["Redis hangs"].p99 - rows.before.p99;
  const failures = Object.values(rows).reduce((sum, { failed }) => sum + failed, 0);
  console.log(`\n${what}: ${addedMs.toFixed(1)} ms added at the 99th percentile, ${failures} reads failed`);
  console.table(rows);
  isBad ||= addedMs > maxAddedMs || failures > 0;
}

for (const { child } of replicas) child.kill("SIGKILL");
redis.kill("SIGKILL");
await simulator.close();
process.exit(isBad ? 1 : 0);

function load(forMs = phaseMs) {
  const send = (index) => read(replicas[index % replicas.length].url);
  return steadyLoad({ perSecond: readsPerSecond, forMs, send });
}

async function read(url) {
  const body = JSON.stringify({ query });
  const response = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
  const { errors } = await response.json();
  return errors === undefined;
}

async function startReplica() {
  const main = new URL("../../dist/main.js", import.meta.url);
  const child = spawn(process.execPath, [main.pathname], {
    env: {
      PORT: "0",
      WECOM_BASE_URL: simulator.url,
      WECOM_CORP_ID: DEMO_CORP.corpid,
      WECOM_CORP_SECRET: DEMO_CORP.apps[0].secret,
      REDIS_URL: `redis://127.0.0.1:${redisPort}`,
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  for (;;) {
    const [chunk] = await once(child.stdout, "data");
    output += chunk;
    const url = /"msg":"listening on ([^"]+)"/.exec(output)?.[1];
    if (url) {
      child.stdout.resume();
      return { child, url };
    }
  }
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  return String(port);
}
