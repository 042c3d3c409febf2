// For how long one turn of the event loop keeps everybody else waiting, in a gateway process under its largest requests, and
// under all those that are made to block it. Not in each process that the suite starts: a turn of a new one takes 40 to 120 ms
// if fifty clients come at once, because nothing is compiled yet.
import { expect, it } from "@jest/globals";
import { getIntrospectionQuery, print } from "graphql";
import { fileURLToPath } from "node:url";
import { DEMO_CORP, startSimulator } from "../../src/simulator/index.js";
import {
  CreateLivingDocument,
  LivingsDocument,
  ReadLivingDocument,
  LivingViewersDocument,
} from "../../packages/client/src/index.js";
import { hostileRequests } from "../support/hostile-corpus.js";
import { documentedInput } from "../support/inputs.js";
import { Running } from "../support/running.js";

const reporter = fileURLToPath(new URL("../support/report-loop-delay.mjs", import.meta.url));
const maxTurnMs = 50;
const json = { "content-type": "application/json" };

/** A gateway that says how long its turns are, in front of a WeCom with 200 livings. */
async function start() {
  const [{ secret, agentid }] = DEMO_CORP.apps;
  const simulator = await startSimulator();
  const gateway = new Running(["node", "--import", reporter, "dist/main.js"], {
    ...{ WECOM_BASE_URL: simulator.url, WECOM_CORP_ID: DEMO_CORP.corpid, WECOM_CORP_SECRET: secret },
    ...{ AUTH_MODE: "none", LOG_LEVEL: "error", LIMIT_CALLS_PER_MINUTE: "1000000" },
  });
  const url = await gateway.printed(/(http:\S+\/graphql)\n/);
  const booking = { type: 1, startSeconds: 4_102_444_800, durationSeconds: 3600, theme: "theme" };
  const livingids = Array.from(
    { length: 200 },
    () =>
      simulator.livings.reserve({ corpid: DEMO_CORP.corpid, agentid }, {
        ...booking,
        anchorUserid: "zhangsan",
      } as never).livingid,
  );
  const send = async (body: BodyInit, headers: Readonly<Record<string, string>> = json) => {
    const response = await fetch(url, { method: "POST", headers, body });
    return await response.text();
  };
  const longestTurn = async (): Promise<number> => {
    gateway.output = gateway.output.replaceAll(/loop-delay .*\n/g, "");
    gateway.signal("SIGUSR2");
    const report = await gateway.printed(/loop-delay (.*)\n/);
    // The clock counts other processes' work as well, the processor time that of the collector's own threads.
    const { byClock, byProcessor } = JSON.parse(report) as Record<"byClock" | "byProcessor", { max: number }>;
    return Math.min(byClock.max, byProcessor.max);
  };
  /** The longest turn of a round, without what makes a round slower now and then: a neighbour that empties the caches. */
  const longestTurnOf = async (round: () => Promise<unknown>): Promise<number> => {
    // What is loaded or compiled at first is not what a request costs.
    await round();
    let shortestMs = Infinity;
    for (let rounds = 0; rounds < 8 && shortestMs >= maxTurnMs; rounds += 1) {
      await longestTurn();
      await round();
      shortestMs = Math.min(shortestMs, await longestTurn());
    }
    return shortestMs;
  };
  return {
    ...{ url, livingids, send, longestTurnOf, simulator },
    [Symbol.asyncDispose]: async () => {
      await gateway[Symbol.asyncDispose]();
      await simulator[Symbol.asyncDispose]();
    },
  };
}

it("No request, however large, and no hundred reads or creates at once, keep the event loop for more than 50 ms", async () => {
  await using gateway = await start();
  const { livingids, longestTurnOf } = gateway;
  const send = (query: string, variables: object = {}) => gateway.send(JSON.stringify({ query, variables }));
  const references = (ids: readonly string[]) => ({
    refs: ids.map((livingid) => ({ __typename: "Living", livingid })),
  });
  const entities =
    "query ($refs: [_Any!]!) { _entities(representations: $refs) { ... on Living { theme status anchor { userid } } } }";
  const many = (count: number, run: () => Promise<string>) => Promise.all(Array.from({ length: count }, run));
  const round = async () => {
    await many(100, () => send(print(ReadLivingDocument), { livingid: livingids[0] }));
    await many(100, () => send(print(CreateLivingDocument), { input: documentedInput }));
    await many(5, () => send(print(LivingsDocument), { anchorUserid: "zhangsan", first: 100 }));
    await many(5, () => send(entities, references(livingids.slice(0, 100))));
    await many(20, () => send(`{ ${'living(livingid: "L") { '.repeat(200)}`));
    await many(20, () => send(entities, { refs: "x".repeat(90_000) }));
  };

  expect(await longestTurnOf(round)).toBeLessThan(maxTurnMs);
}, 120_000);

it("No request that is made to block a server does, nor the longest answers", async () => {
  await using gateway = await start();
  const { livingids, longestTurnOf, send, url } = gateway;
  const viewers = Array.from({ length: 10_000 }, (_, index) => ({ userid: `u${index}`, watch_time: 1 }));
  gateway.simulator.faults.inject({
    ...{ kind: "http", api: "living/get_watch_stat", status: 200, times: 0 },
    body: JSON.stringify({ errcode: 0, errmsg: "ok", ending: 1, stat_info: { users: viewers } }),
  });
  const round = async () => {
    for (const { body, headers } of hostileRequests) await send(body, headers).catch(() => undefined);
    await send(JSON.stringify({ query: `${getIntrospectionQuery()} # ${Math.random()}` }));
    for (const path of ["/metrics", "/graphiql"]) await (await fetch(new URL(path, url))).text();
    const answer = await send(
      JSON.stringify({ query: print(LivingViewersDocument), variables: { livingid: livingids[0] } }),
    );
    expect(answer).toContain('"userid":"u0"');
  };

  expect(await longestTurnOf(round)).toBeLessThan(maxTurnMs);
}, 120_000);
