// What calls that hang cost the others: `npm run test:isolation`. A provider's app for 101 corps: at a steady rate one of
// them creates livings, by turns alone and while each of the others has ten creates and ten reads that WeCom does not
// answer. Ends with 1 when a create fails, or the median or the 99th percentile rises by more than 20 ms. The turns are
// compared one by one, so that what a neighbour of this machine does meanwhile does not count.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, request as send } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { Agent, fetch } from "undici";
import { startSimulator } from "../../dist/simulator/index.js";
import { steadyLoad } from "./steady-load.mjs";

const createsPerSecond = 50;
const phaseMs = Number(process.env.PHASE_MS ?? 5000);
const rounds = Number(process.env.ROUNDS ?? 5);
const maxAddedMs = 20;
const perCorp = 10;
const another = "wwanother";
const corps = Array.from({ length: 100 }, (_, index) => `wwhangs${index}`);

const suite = { suiteId: "wwsuite", suiteSecret: "suite-secret", agentid: 1000002 };
const keys = { token: "callbackToken", aesKey: "k".repeat(43) };
const port = await freePort();
const callback = { url: `http://127.0.0.1:${port}/wecom/callback`, ...keys };
const simulator = await startSimulator({
  corps: [another, ...corps].map((corpid) => ({ corpid, apps: [] })),
  suites: [{ ...suite, commandCallback: callback, dataCallback: callback }],
  latencyMs: 5,
  record: false,
});
const wecom = await hangingFor(new Set(corps));
const dataDir = mkdtempSync(join(tmpdir(), "isolation-"));
const gateway = spawn(process.execPath, [new URL("../../dist/main.js", import.meta.url).pathname], {
  env: {
    ...{ PORT: port, DATA_DIR: dataDir, AUTH_MODE: "none", LOG_LEVEL: "silent", WECOM_BASE_URL: wecom.url },
    ...{ WECOM_SUITE_ID: suite.suiteId, WECOM_SUITE_SECRET: suite.suiteSecret, WECOM_TIMEOUT_MS: "60000" },
    ...{ WECOM_CALLBACK_TOKEN: keys.token, WECOM_CALLBACK_AES_KEY: keys.aesKey, WECOM_MAX_IN_FLIGHT: String(perCorp) },
  },
  stdio: ["ignore", "ignore", "inherit"],
});
process.on("exit", () => {
  gateway.kill("SIGKILL");
  rmSync(dataDir, { recursive: true, force: true });
});
const clients = new Agent({ connections: 4000, headersTimeout: 0 });
while (!(await fetch(`http://127.0.0.1:${port}/health/ready`).catch(() => undefined))?.ok) {
  if (gateway.exitCode !== null) throw new Error(`the gateway does not start: status ${gateway.exitCode}`);
  await wait(50);
}
simulator.suites.pushTicket(suite.suiteId);
for (const corpid of [another, ...corps]) simulator.suites.authorise(suite.suiteId, corpid);
for (const corpid of [another, ...corps]) while ((await list(corpid)) !== "ok") await wait(50);
await load(2000);

const rows = [];
let failures = 0;
for (let round = 1; round <= rounds; round += 1) {
  const alone = await load();
  const hanging = hang();
  while (wecom.hanging < corps.length * perCorp * 2) await wait(20);
  const beside = await load();
  const held = wecom.hanging;
  wecom.release();
  await hanging;
  // What they leave behind is not counted.
  await load(1000);
  failures += alone.failed + beside.failed;
  const of = ({ p50, p99 }, name) => ({ [`p50 ${name}`]: p50, [`p99 ${name}`]: p99 });
  rows.push({ ...of(alone, "alone"), ...of(beside, "beside"), "hanging calls": held });
}
const addedAt = (part) => median(rows.map((row) => row[`${part} beside`] - row[`${part} alone`]));
const [added50, added99] = [addedAt("p50"), addedAt("p99")];
console.table(rows);
console.log(
  `added beside ${corps.length} corps whose calls hang: ${added50.toFixed(1)} ms at the median, ` +
    `${added99.toFixed(1)} ms at the 99th percentile (medians of ${rounds} rounds); ${failures} creates failed`,
);
process.exit(Math.max(added50, added99) > maxAddedMs || failures > 0 ? 1 : 0);

function load(forMs = phaseMs) {
  return steadyLoad({ perSecond: createsPerSecond, forMs, send: async () => (await create(another)) === "ok" });
}

/** Ten creates and ten reads of each corp at once; each ends when WeCom answers again. */
function hang() {
  const reads = Array.from({ length: perCorp }, (_, index) => `l${index}: living(livingid: "L${index}") { theme }`);
  return Promise.all(
    corps.flatMap((corpid) => [
      ask(corpid, `{ ${reads.join(" ")} }`),
      ...Array.from({ length: perCorp }, () => create(corpid)),
    ]),
  );
}

function create(corpid) {
  const theme = Math.random().toString(36).slice(2);
  const input = `{ anchorUserid: "zhangsan", theme: "${theme}", livingStart: 4102444800, livingDuration: 3600 }`;
  return ask(corpid, `mutation { createLiving(input: ${input}) { ... on LivingError { message } } }`);
}

function list(corpid) {
  return ask(corpid, `{ livings(anchorUserid: "zhangsan") { edges { cursor } } }`);
}

async function ask(corpid, query) {
  const response = await fetch(`http://127.0.0.1:${port}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-wecom-corpid": corpid },
    body: JSON.stringify({ query }),
    dispatcher: clients,
  });
  const text = await response.text();
  return /"errors"|"message"/.test(text) ? text : "ok";
}

/** The simulator, but what it is asked with a token of these corps waits until `release`: all but `livings`. */
async function hangingFor(corpids) {
  const tokens = new Set();
  let waiting = [];
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, "http://wecom.invalid");
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const isHeld = /living\/(create|get_living_info)$/.test(pathname) && tokens.has(searchParams.get("access_token"));
    if (isHeld) await new Promise((resolve) => waiting.push(resolve));
    const { method, headers } = request;
    const call = send(new URL(request.url, simulator.url), { method, headers }, async (answer) => {
      const parts = [];
      for await (const part of answer) parts.push(part);
      const text = Buffer.concat(parts);
      if (pathname.endsWith("get_corp_token") && corpids.has(JSON.parse(body).auth_corpid))
        tokens.add(JSON.parse(text).access_token);
      response.writeHead(answer.statusCode, { "content-type": "application/json" }).end(text);
    });
    call.on("error", () => response.destroy()).end(body);
  });
  server.keepAliveTimeout = 65_000;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    get hanging() {
      return waiting.length;
    },
    release: () => {
      for (const resume of waiting) resume();
      waiting = [];
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

function median(numbers) {
  return numbers.sort((one, other) => one - other)[Math.floor(numbers.length / 2)];
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  return String(port);
}
