/** Images of 10 MB through the gateway, beside a bare pipe; and what is left of a thousand of which a third break off. */
import { readdirSync, readlinkSync } from "node:fs";
import { Agent, request } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { usage } from "./parts/machine.mjs";
import { startHelper } from "./parts/servers.mjs";
import { bearer } from "./parts/signed-in.mjs";
import { median } from "./parts/statistics.mjs";

const image = Buffer.alloc(10 * 1024 * 1024, 7);
image.write("\x89PNG\r\n\x1a\n", "latin1");
const atOnce = 8;
const manyAtOnce = 50;
const brokenShare = 0.3;
/** One may have ten uploads under way. */
const callers = Array.from({ length: 20 }, (_, at) => bearer(`bench-${at}`));

const boundary = "----------bench";
const query = "mutation ($image: Upload!) { uploadLivingImage(image: $image, purpose: COVER) { __typename } }";
const part = (disposition, content) =>
  `--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n${content}\r\n`;
const form = Buffer.concat([
  Buffer.from(part('name="operations"', JSON.stringify({ query, variables: { image: null } }))),
  Buffer.from(part('name="map"', '{"0":["variables.image"]}')),
  Buffer.from(part('name="0"; filename="cover.png"', "").slice(0, -2)),
  image,
  Buffer.from(`\r\n--${boundary}--\r\n`),
]);
const asBody = { path: "/media?purpose=COVER", body: image, headers: { "content-type": "image/png" } };
const asForm = {
  ...{ path: "/graphql", body: form },
  headers: { "content-type": `multipart/form-data; boundary=${boundary}`, "apollo-require-preflight": "true" },
};

export async function uploads({ withGateway, withServer, isQuick }) {
  const sink = await startHelper("upload-sink.mjs");
  const upstream = `http://127.0.0.1:${sink.greeting.port}`;
  const env = { WECOM_BASE_URL: upstream, UPSTREAM: upstream, WECOM_MAX_IN_FLIGHT: "100", WECOM_TIMEOUT_MS: "60000" };
  const pipe = { name: "pipe", command: [process.execPath, new URL("contenders/pipe.mjs", import.meta.url).pathname] };
  const count = isQuick ? 40 : 200;
  const measure = (form) => (server) => throughput(server, form, count);
  const found = { pipe: [], body: [], form: [] };
  try {
    for (let round = 0; round < (isQuick ? 2 : 5); round++) {
      found.pipe.push(await withServer({ ...pipe, env, body: "", path: "/" }, measure(asBody)));
      found.body.push(await withGateway(measure(asBody), { env }));
      found.form.push(await withGateway(measure(asForm), { env }));
    }
    const left = [];
    for (const [title, form] of [
      ["`POST /media`", asBody],
      ["`uploadLivingImage`", asForm],
    ]) {
      left.push([title, await withGateway((server) => soak(server, form, isQuick ? 200 : 1000), { env })]);
    }
    return { head: ["10 MB each", "throughput", "of the pipe"], rows: rows(found, left) };
  } finally {
    sink.stop();
  }
}

function rows(found, left) {
  const base = median(found.pipe);
  const row = (title, values) => [
    title,
    `${median(values).toFixed(0)} MB/s`,
    `${(median(values) / base).toFixed(2)} ×`,
  ];
  return [
    row("`node:http` → undici, piped", found.pipe),
    row("`POST /media`", found.body),
    row("`uploadLivingImage`", found.form),
    ...left.map(([title, { count, grownMb, open }]) => [
      `${title}, ${count} of them, ${manyAtOnce} at once, 30 % break off`,
      `memory grows by ${grownMb.toFixed(0)} MB`,
      `${open} files left`,
    ]),
  ];
}

async function throughput(server, form, count) {
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce });
  await inParallel(atOnce, atOnce, () => send(server, form, agent));
  const startedAt = performance.now();
  await inParallel(count, atOnce, () => send(server, form, agent));
  const seconds = (performance.now() - startedAt) / 1000;
  agent.destroy();
  return (count * image.length) / 1e6 / seconds;
}

async function soak(server, form, count) {
  const agent = new Agent({ keepAlive: true, maxSockets: manyAtOnce });
  await inParallel(4, 4, () => send(server, form, agent));
  const before = usage(server.pid).memoryMb;
  let most = before;
  const watch = setInterval(() => (most = Math.max(most, usage(server.pid).memoryMb)), 50);
  let number = 0;
  await inParallel(count, manyAtOnce, () => {
    number += 1;
    const as = { ...form, headers: { ...form.headers, ...callers[number % callers.length] } };
    return number % 10 < 10 * brokenShare ? breakOff(server, as) : send(server, as, agent);
  });
  clearInterval(watch);
  agent.destroy();
  await pause(500);
  const open = readdirSync(`/proc/${server.pid}/fd`).filter((fd) => {
    try {
      return readlinkSync(`/proc/${server.pid}/fd/${fd}`).includes("upload-");
    } catch {
      return false;
    }
  }).length;
  return { count, grownMb: most - before, open };
}

async function inParallel(count, width, run) {
  let left = count;
  const worker = async () => {
    while ((left -= 1) >= 0) await run();
  };
  await Promise.all(Array.from({ length: width }, worker));
}

function optionsOf(server, { path, body, headers }, agent) {
  const length = { "content-length": body.length };
  return {
    host: "127.0.0.1",
    port: server.port,
    method: "POST",
    path,
    agent,
    headers: { ...server.headers, ...headers, ...length },
  };
}

function send(server, form, agent) {
  return new Promise((resolve, reject) => {
    const outgoing = request(optionsOf(server, form, agent), (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (part) => (text += part));
      answer.on("end", () => {
        if (answer.statusCode === 200 && /MEDIA|mediaid|Success/.test(text)) resolve();
        else reject(new Error(`an upload was answered ${answer.statusCode} ${text.slice(0, 300)}`));
      });
    });
    outgoing.on("error", reject);
    outgoing.end(form.body);
  });
}

/** Half of it, and then nothing. */
function breakOff(server, form) {
  return new Promise((resolve) => {
    const outgoing = request(optionsOf(server, form, false));
    outgoing.on("error", resolve).on("close", resolve);
    outgoing.write(form.body.subarray(0, form.body.length / 2), () => outgoing.destroy());
  });
}
