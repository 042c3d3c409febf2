/**
 * One event to many subscribers, and what an idle one costs: this gateway beside its peers, with the same load. Each row is a
 * fresh process. The time is from the moment at which the event is posted to the one at which a subscriber's socket has it.
 */
import { createHash, createCipheriv, randomBytes } from "node:crypto";
import { request } from "node:http";
import { setTimeout } from "node:timers/promises";
import { usage } from "./parts/machine.mjs";
import { startHelper } from "./parts/servers.mjs";
import { median } from "./parts/statistics.mjs";

const corpid = "corp";
const token = "token";
const aesKey = "a".repeat(43);
const plain = "subscription { livingStatusChanged { livingid status } }";
const reading = "subscription { livingStatusChanged { livingid living { status } } }";

export const gateway = {
  title: "**This gateway**, all guards on",
  changes: {
    env: {
      ...{ WECOM_CORP_ID: corpid, WECOM_CALLBACK_TOKEN: token, WECOM_CALLBACK_AES_KEY: aesKey },
      ...{ LIMIT_CONNECTIONS: "20000", LIMIT_CONNECTIONS_PER_CALLER: "20000" },
    },
  },
  tell: async (server, event) => {
    const sealed = callback(event);
    // As WeCom does: what was not handled in time is answered 503, and sent again.
    for (let attempt = 1; (await post(server, ...sealed, "text/xml")) !== 200; attempt += 1) {
      if (attempt === 3) throw new Error("the callback was not taken");
    }
  },
};

const here = (path) => new URL(path, import.meta.url).pathname;
const peer = (name, title) => ({
  title,
  contender: {
    ...{ name, path: "/ready", body: "{}" },
    command: [process.execPath, here(`contenders/subscriptions/${name}.mjs`)],
  },
  tell: (server, event) => post(server, "/event", JSON.stringify(event), "application/json"),
});
const peers = [
  peer("mercurius", "Mercurius 16 with JIT, its own WebSockets"),
  peer("apollo", "Apollo's documented set-up: graphql-ws, PubSub"),
  peer("yoga", "GraphQL Yoga 5 on graphql-ws, its documented set-up"),
];

/** WeCom's callback: sealed and signed as its documentation has it. @see https://developer.work.weixin.qq.com/document/path/90968 */
function callback({ livingid, status }) {
  const fields = { ToUserName: corpid, FromUserName: "zhangsan", CreateTime: Math.floor(Date.now() / 1000) };
  const more = { MsgType: "event", Event: "living_status_change", LivingId: livingid, Status: status, AgentID: 1 };
  const xml = Object.entries({ ...fields, ...more }).map(([name, value]) => `<${name}>${value}</${name}>`);
  const text = Buffer.from(`<xml>${xml.join("")}</xml>`);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  const message = Buffer.concat([randomBytes(16), length, text, Buffer.from(corpid)]);
  const padding = 32 - (message.length % 32);
  const key = Buffer.from(`${aesKey}=`, "base64");
  const cipher = createCipheriv("aes-256-cbc", key, key.subarray(0, 16)).setAutoPadding(false);
  const sealed = Buffer.concat([
    cipher.update(Buffer.concat([message, Buffer.alloc(padding, padding)])),
    cipher.final(),
  ]);
  const encrypt = sealed.toString("base64");
  const [timestamp, nonce] = [String(fields.CreateTime), randomBytes(8).toString("hex")];
  const signature = createHash("sha1").update([token, timestamp, nonce, encrypt].sort().join("")).digest("hex");
  const body = `<xml><ToUserName>${corpid}</ToUserName><AgentID>1</AgentID><Encrypt>${encrypt}</Encrypt></xml>`;
  return [`/wecom/callback?msg_signature=${signature}&timestamp=${timestamp}&nonce=${nonce}`, body];
}

function post({ port }, path, body, contentType) {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": contentType, "content-length": Buffer.byteLength(body) };
    const outgoing = request({ host: "127.0.0.1", port, path, method: "POST", agent: false, headers }, (answer) => {
      answer.resume();
      answer.on("end", () => resolve(answer.statusCode));
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

/** @param {import("./scenarios.mjs").Stage} stage */
export async function subscriptions({ withGateway, withServer, upstream, isQuick }) {
  const [many, idle, readers, events] = isQuick ? [1000, 1000, 100, 3] : [5000, 10_000, 1000, 9];
  const rows = [];
  for (const { title, changes, contender, tell } of [gateway, ...peers]) {
    const use = changes ? (run) => withGateway(run, changes) : (run) => withServer(contender, run);
    const told = await use((server) => fanOut(server, tell, many, events));
    const reads = await use(async (server) => {
      const subscribers = await startHelper("subscribers.mjs");
      await subscribers.ask({ open: readers, query: reading, port: server.port, headers: server.headers });
      await setTimeout(1000);
      await upstream.ask({});
      await tell(server, { livingid: "living-of-readers", status: 1 });
      await setTimeout(3000);
      const { requests } = await upstream.ask({});
      subscribers.stop();
      return requests;
    });
    const kilobytes = await use((server) => idleMemory(server, idle));
    const row = [`${told.p50.toFixed(0)} ms`, `${told.p99.toFixed(0)} ms`, `${told.cpuUs.toFixed(1)} µs`];
    rows.push([title, ...row, reads.toLocaleString("en"), `${kilobytes.toFixed(1)} kB`]);
  }
  const count = (value) => value.toLocaleString("en");
  const head = [`one event to ${count(many)}`, "p50", "p99", "CPU each"];
  return { head: [...head, `reads of WeCom for ${count(readers)} who ask`, `${count(idle)} idle, each`], rows };
}

async function fanOut(server, tell, many, events) {
  const subscribers = await startHelper("subscribers.mjs");
  await subscribers.ask({ open: many, query: plain, port: server.port, headers: server.headers });
  await setTimeout(2000);
  const samples = { p50: [], p99: [], cpuUs: [] };
  for (let index = 0; index <= events; index += 1) {
    const before = usage(server.pid).cpuMs;
    const at = performance.timeOrigin + performance.now();
    await tell(server, { livingid: `living-${index}`, status: 1 });
    await setTimeout(1500);
    const { times } = await subscribers.ask({ times: true });
    const took = times.map((heardAt) => heardAt - at).sort((one, other) => one - other);
    if (took.some(Number.isNaN)) throw new Error(`${took.filter(Number.isNaN).length} of ${many} were not told`);
    // The first is slower: code is compiled.
    if (index === 0) continue;
    samples.p50.push(took[Math.floor(many / 2)]);
    samples.p99.push(took[Math.floor(many * 0.99)]);
    samples.cpuUs.push(((usage(server.pid).cpuMs - before) * 1000) / many);
  }
  subscribers.stop();
  const mean = samples.cpuUs.reduce((sum, value) => sum + value, 0) / events;
  return { p50: median(samples.p50), p99: median(samples.p99), cpuUs: mean };
}

async function idleMemory(server, idle) {
  const subscribers = await startHelper("subscribers.mjs");
  const open = async (count) => {
    await subscribers.ask({ open: count, query: plain, port: server.port, headers: server.headers });
    await setTimeout(5000);
    return usage(server.pid).memoryMb;
  };
  // What is loaded by the first hundred is not theirs.
  const before = await open(100);
  const after = await open(idle);
  subscribers.stop();
  return ((after - before) * 1024) / idle;
}
