/**
 * A new version goes out, ten times: two replicas behind a load balancer are stopped and started one after the other, while
 * requests come at half of what one of them can do. None may fail.
 *
 * CHAOS_RESTARTS: of each replica. CHAOS_RESTART_RATE: requests per second.
 */
import { expect, it } from "@jest/globals";
import { setTimeout as pause } from "node:timers/promises";
import { DEMO_CORP, startSimulator } from "../../src/simulator/index.js";
import { describeWithRedis } from "../support/redis.js";
import { Replica } from "../support/replica.js";
import { Balancer } from "./parts/balancer.js";
import { isLong, parameter, percentile, printTable } from "./parts/form.js";
import { redisStore, type StorePlace } from "./parts/stores.js";
import { createBody, listBody, readBody } from "./parts/traffic.js";

const restarts = parameter("RESTARTS", { short: 1, long: 10 });

/** Ten calls at once of 100 ms each: 100 a second for each API, and a third of the requests for each. */
const maxInFlight = 10;
const latencyMs = 100;
const perSecond = parameter("RESTART_RATE", { short: 20, long: (3 * (maxInFlight * 1000)) / latencyMs / 2 });

async function run(store: StorePlace) {
  await using simulator = await startSimulator({
    corps: [{ corpid: DEMO_CORP.corpid, apps: DEMO_CORP.apps.map((app) => ({ ...app, visibleUserids: "all" })) }],
    latencyMs,
    tokenLength: 64,
  });
  const { livingid } = simulator.livings.reserve(
    { corpid: DEMO_CORP.corpid, agentid: DEMO_CORP.apps[0].agentid },
    {
      ...{ anchorUserid: "zhangsan", theme: "theme", description: "", type: 0 },
      ...{ startSeconds: 4_102_444_800, durationSeconds: 60, remindSeconds: 0, imageMediaids: [] },
    },
  );
  const env = {
    ...{ WECOM_CORP_ID: DEMO_CORP.corpid, WECOM_CORP_SECRET: DEMO_CORP.apps[0].secret, ...store.env },
    ...{ WECOM_BASE_URL: simulator.url, WECOM_MAX_IN_FLIGHT: String(maxInFlight) },
    // Requests that a busy machine keeps waiting for seconds are refused when they would come too late.
    ...(isLong ? {} : { WECOM_TIMEOUT_MS: "30000" }),
  };
  await using balancer = new Balancer();
  const replicas = [await Replica.start(env), await Replica.start(env)];
  for (const replica of replicas) await balancer.add(replica);

  const bodies = [createBody, listBody, readBody(livingid)];
  const failed: string[] = [];
  const times: number[] = [];
  const asked: Promise<void>[] = [];
  const ask = async (number: number): Promise<void> => {
    const startedAt = performance.now();
    const text = await balancer.ask(bodies[number % bodies.length]!.replaceAll("%N%", String(number)));
    times.push(performance.now() - startedAt);
    if (!text.startsWith('{"data"') || /"errors"|Error"|":null/.test(text)) failed.push(text);
  };
  let isRolling = true as boolean;
  const loading = (async () => {
    const startedAt = performance.now();
    while (isRolling) {
      while (asked.length < ((performance.now() - startedAt) / 1000) * perSecond) asked.push(ask(asked.length));
      await pause(5);
    }
  })();

  const exitCodes: (number | null)[] = [];
  for (let round = 0; round < restarts; round += 1) {
    for (const index of replicas.keys()) {
      const old = replicas[index]!;
      await pause(300);
      exitCodes.push(await old.terminate());
      await balancer.remove(old);
      replicas[index] = await Replica.start(env);
      await balancer.add(replicas[index]);
    }
  }
  isRolling = false;
  await loading;
  await Promise.all(asked);
  for (const replica of replicas) await replica.terminate();
  printTable("Rolling restarts", [
    {
      restarts: exitCodes.length,
      "per second": perSecond,
      requests: asked.length,
      failed: failed.length,
      "p50 ms": Math.round(percentile(times, 0.5)),
      "p99 ms": Math.round(percentile(times, 0.99)),
      "max ms": Math.round(percentile(times, 1)),
    },
  ]);
  return { failed, exitCodes, requests: asked.length };
}

async function expectNoneToFail(place: Promise<StorePlace>): Promise<void> {
  await using store = await place;
  const { failed, exitCodes, requests } = await run(store);
  expect(failed.slice(0, 5)).toEqual([]);
  expect(exitCodes).toEqual(Array.from({ length: 2 * restarts }, () => 0));
  expect(requests).toBeGreaterThan(30);
}

describeWithRedis(`Two replicas on one Redis, restarted ${restarts} times in turn`, () => {
  it("fail no request", () => expectNoneToFail(redisStore()), 600_000);
});
