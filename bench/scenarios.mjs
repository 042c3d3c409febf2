/**
 * What only this gateway is asked: how close reads come to what WeCom's cap on calls in flight allows, and whether cost or
 * memory grow with what clients send. Each gives the rows of a table, or says why it was skipped.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { contenders } from "./contenders.mjs";
import { median } from "./parts/statistics.mjs";
import { quietly } from "./parts/measure.mjs";
import { usage } from "./parts/machine.mjs";
import { results } from "./parts/servers.mjs";
import { observability } from "./observability.mjs";
import { subscriptions } from "./subscriptions.mjs";
import { uploads } from "./uploads.mjs";

const delayMs = 20;
/** WECOM_MAX_IN_FLIGHT's default. */
const cap = 10;

/**
 * @typedef {object} Stage
 * @property {(use: (server: import("./parts/servers.mjs").Server) => Promise<T>, changes?: object) => Promise<T>} withGateway
 *   on a gateway of its own; `changes` of how it is started and asked
 * @property {(contender: object, use: (server: import("./parts/servers.mjs").Server) => Promise<T>) => Promise<T>} withServer
 * @property {import("./parts/measure.mjs").Bench} bench
 * @property {{ greeting: { port: number }, ask: (order: object) => Promise<{ mostInFlight: number }> }} upstream
 * @property {boolean} isQuick
 */

/** @type {Readonly<Record<string, { title: string, run: (stage: Stage) => Promise<{ head: string[], rows: unknown[][] } | string> }>>} */
export const scenarios = {
  observability: { title: "What metrics, logs, the audit log and traces cost, 16 connections", run: observability },
  keyed: { title: "What an idempotency key costs: createLiving on the embedded store, 8 connections", run: keyed },
  reads: { title: `Reads against theory: WeCom takes ${delayMs} ms, at most ${cap} calls at once`, run: reads },
  paging: { title: "10,000 livings paged through", run: paging },
  documents: { title: "Cost against the number of distinct documents", run: documents },
  tenants: { title: "Cost against the number of corps: createLiving, each request for the next corp", run: tenants },
  subscriptions: { title: "Subscriptions over WebSocket", run: subscriptions },
  upload: { title: "Uploads of 10 MB, 8 at once", run: uploads },
  soak: { title: "Memory under load, 64 connections", run: soak },
};

async function ask(server, query, variables) {
  const { status, text } = await server.post(JSON.stringify({ query, variables }));
  const { data, errors } = JSON.parse(text);
  if (status !== 200 || errors) throw new Error(`HTTP ${status}: ${text.slice(0, 500)}`);
  return data;
}

/** Each request wants a living of its own: those booked alike wait for each other. */
async function keyed({ withGateway, bench, isQuick }) {
  const requests = isQuick ? 5000 : 20_000;
  const { body } = contenders.find(({ name }) => name === "gateway");
  const rows = [];
  for (const [title, isKeyed] of [
    ["without a key", false],
    ["with a key", true],
  ]) {
    await withGateway(async (server) => {
      let batch = 0;
      // A key that was used is answered from the store: each attempt has its own.
      const measure = async () => {
        batch += 1;
        const key = isKeyed ? { "idempotency-key": `${batch}-%N%` } : {};
        const before = usage(server.pid).cpuMs;
        const { p50, p99 } = await bench.run(server, {
          ...{ connections: 8, requests, variants: requests, headers: { ...server.headers, ...key } },
          body: body.replace('"theme":"theme"', `"theme":"${batch} %N%"`),
        });
        return { cpuUs: ((usage(server.pid).cpuMs - before) * 1000) / requests, p50, p99 };
      };
      await measure();
      const slices = [];
      for (let slice = 0; slice < (isQuick ? 3 : 7); slice += 1) slices.push(await quietly(measure));
      const of = (name) => median(slices.map((slice) => slice[name]));
      rows.push([title, `${of("cpuUs").toFixed(0)} µs`, `${of("p50").toFixed(1)} ms`, `${of("p99").toFixed(1)} ms`]);
    });
  }
  return { head: ["", "CPU per create", "median", "p99"], rows };
}

function reads({ withGateway, upstream, isQuick }) {
  // Others each time, for the gateway keeps what it has read.
  let asked = 0;
  const references = () =>
    Array.from({ length: 100 }, () => ({ __typename: "Living", livingid: `living-${(asked += 1)}` }));
  const entities =
    "query ($references: [_Any!]!) { _entities(representations: $references) { ... on Living { theme } } }";
  const page = "query ($anchor: ID!) { livings(anchorUserid: $anchor, first: 100) { edges { node { theme } } } }";
  const calls = Math.ceil(100 / cap);
  const questions = [
    {
      title: "`_entities` with 100 references",
      theory: calls * delayMs,
      query: entities,
      next: () => ({ references: references() }),
    },
    {
      title: "a page of 100 livings",
      theory: (1 + calls) * delayMs,
      query: page,
      next: () => ({ anchor: `anchor${(asked += 1)}` }),
    },
  ];
  return withGateway(async (server) => {
    const rows = [];
    for (const { title, theory, query, next } of questions) {
      const times = [];
      await ask(server, query, next());
      await upstream.ask({ delayMs });
      for (let round = 0; round < (isQuick ? 5 : 25); round++) {
        const took = async () => {
          const variables = next();
          const startedAt = performance.now();
          await ask(server, query, variables);
          return performance.now() - startedAt;
        };
        times.push(await quietly(took));
      }
      const { mostInFlight } = await upstream.ask({ delayMs: 0 });
      const ratio = (median(times) / theory).toFixed(2);
      rows.push([title, `${median(times).toFixed(0)} ms`, `${theory} ms`, `${ratio} ×`, mostInFlight]);
    }
    return { head: ["", "median", "theory", "ratio", "most calls at once"], rows };
  });
}

function paging({ withGateway }) {
  const query = `query ($after: String) {
    livings(anchorUserid: "zhangsan", first: 100, after: $after) { edges { node { theme } } pageInfo { endCursor hasNextPage } }
  }`;
  return withGateway(async (server) => {
    const rows = [];
    let seen = 0;
    let after;
    do {
      const { edges, pageInfo } = (await ask(server, query, { after })).livings;
      seen += edges.length;
      after = pageInfo.hasNextPage ? pageInfo.endCursor : undefined;
      if ([1000, 2500, 5000, 7500, 10_000].includes(seen)) rows.push([seen, memory(server)]);
    } while (after !== undefined);
    return { head: ["livings", "memory"], rows };
  });
}

async function documents({ withGateway, bench, isQuick }) {
  // A question that WeCom is not asked about, so that only the document costs.
  const reference = '{ __typename: "WecomUser", userid: "XXXX" }';
  const query = `query Q%N% { _entities(representations: [${reference}]) { ... on WecomUser { userid } } }`;
  const body = JSON.stringify({ query });
  const rows = [];
  for (const variants of isQuick ? [1, 100, 10_000] : [1, 10, 100, 1000, 10_000, 100_000]) {
    await withGateway(async (server) => {
      const order = { connections: 64, body, variants };
      await bench.slice(server, { ...order, requests: Math.max(variants, 20_000) });
      const { cpuUs, memoryMb } = await bench.slice(server, { ...order, requests: 20_000 });
      rows.push([variants.toLocaleString("en"), `${cpuUs.toFixed(0)} µs`, `${memoryMb.toFixed(0)} MB`]);
    });
  }
  return { head: ["documents", "CPU per request", "memory"], rows };
}

/** A provider's app that so many corps have authorised: what WeCom would have told it lies in its store. */
async function seedCorps(dataDir, suiteId, count) {
  const { openEmbeddedStore } = await import("../dist/stores/embedded.js");
  const store = openEmbeddedStore(dataDir);
  const at = Math.floor(Date.now() / 1000);
  await store.set(`suite:${suiteId}:ticket`, JSON.stringify({ ticket: "TICKET", at }));
  const authorisation = JSON.stringify({ permanentCode: "CODE", isCustomised: false, at });
  const corps = Array.from({ length: count }, (_, index) => `suite:${suiteId}:corp:corp-${index}`);
  await Promise.all(corps.map((key) => store.set(key, authorisation)));
  await store.close();
}

async function tenants({ withGateway, bench, isQuick }) {
  const suiteId = "wwsuite";
  const keys = { WECOM_CALLBACK_TOKEN: "TOKEN", WECOM_CALLBACK_AES_KEY: "A".repeat(43) };
  const rows = [];
  for (const corps of isQuick ? [1, 100, 1000] : [1, 10, 100, 1000, 10_000]) {
    const dataDir = mkdtempSync(join(results, "tenants-"));
    await seedCorps(dataDir, suiteId, corps);
    const env = {
      ...{ AUTH_MODE: "none", DATA_DIR: dataDir, ...keys },
      ...{ WECOM_ACCESS_TOKEN: "", WECOM_SUITE_ID: suiteId, WECOM_SUITE_SECRET: "SECRET" },
    };
    const ofCorp = (corp) => ({ headers: { "x-wecom-corpid": `corp-${corp}` } });
    const measure = async (server) => {
      const order = { connections: 64, variants: corps, ...ofCorp("%N%") };
      await bench.slice(server, { ...order, requests: Math.max(2 * corps, 20_000) });
      const { cpuUs, memoryMb } = await bench.slice(server, { ...order, requests: 20_000 });
      rows.push([corps.toLocaleString("en"), `${cpuUs.toFixed(0)} µs`, `${memoryMb.toFixed(0)} MB`]);
    };
    await withGateway(measure, { env, ...ofCorp(0) });
    rmSync(dataDir, { recursive: true });
  }
  return { head: ["corps", "CPU per request", "memory"], rows };
}

function soak({ withGateway, bench, isQuick }) {
  if (isQuick) return "takes ten minutes";
  return withGateway(async (server) => {
    const rows = [];
    for (let minute = 1; minute <= 10; minute++) {
      await bench.run(server, { connections: 64, seconds: 60 });
      if ([1, 2, 5, 10].includes(minute)) rows.push([`${minute} min`, memory(server)]);
    }
    return { head: ["after", "memory"], rows };
  });
}

const memory = (server) => `${usage(server.pid).memoryMb.toFixed(0)} MB`;
