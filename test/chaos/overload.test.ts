/**
 * Ten times as many requests as WeCom can take: as much as it can take gets done, and the others are told so at once.
 *
 * CHAOS_SECONDS (of overload), CHAOS_TIMES (its factor). The short form counts; the long one measures as well.
 */
import { describe, expect, it } from "@jest/globals";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pool } from "undici";
import { DEMO_CORP, type Simulator, startSimulator } from "../../src/simulator/index.js";
import { Replica } from "../support/replica.js";
import { isLong, parameter, percentile, printTable, say } from "./parts/form.js";
import { goodput, isOk, isRefusal, load, tally, timesOf, unrestMs } from "./parts/load.js";
import { createBody, listBody } from "./parts/traffic.js";

const seconds = parameter("SECONDS", { short: 3, long: 60 });
const times = parameter("TIMES", { short: 10, long: 10 });

/**
 * WeCom's concurrency limit and its time for an answer: together its capacity. In the short form ten times that is what two
 * busy cores can still do: it is WeCom that shall be too slow, not the machine.
 */
const atOnce = 10;
const latencyMs = isLong ? 100 : 300;
const token = "fixed-token";

const subjects = {
  creates: { api: "living/create", body: createBody },
  reads: { api: "living/get_user_all_livingid", body: listBody },
} as const;

/** What the simulator can do for callers that know its number, after a second of warming up: calls per second. */
async function capacityOf(simulator: Simulator): Promise<number> {
  const pool = new Pool(simulator.url, { connections: atOnce });
  const countsFrom = performance.now() + 1000;
  const endsAt = countsFrom + 3000;
  let calls = 0;
  const work = async (): Promise<void> => {
    while (performance.now() < endsAt) {
      const { body } = await pool.request({
        method: "POST",
        path: `/cgi-bin/living/get_user_all_livingid?access_token=${token}`,
        body: '{"userid":"zhangsan"}',
      });
      await body.text();
      if (performance.now() >= countsFrom && performance.now() < endsAt) calls += 1;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  await pool.close();
  return calls / 3;
}

async function run(name: keyof typeof subjects) {
  const { api, body } = subjects[name];
  const dataDir = await mkdtemp(join(tmpdir(), "overload-"));
  await using simulator = await startSimulator({
    corps: [{ corpid: DEMO_CORP.corpid, apps: DEMO_CORP.apps.map((app) => ({ ...app, visibleUserids: "all" })) }],
    fixedTokens: [token],
    latencyMs,
    maxConcurrentPerApi: atOnce,
    record: 200_000,
  });
  const capacity = isLong ? await capacityOf(simulator) : (atOnce * 1000) / latencyMs;
  simulator.forgetRequests();
  await using replica = await Replica.start({
    ...{ WECOM_CORP_ID: DEMO_CORP.corpid, WECOM_CORP_SECRET: DEMO_CORP.apps[0].secret, DATA_DIR: dataDir },
    ...{ WECOM_BASE_URL: simulator.url, WECOM_MAX_IN_FLIGHT: String(atOnce) },
  });
  const phases = await load({
    url: replica.url,
    bodies: [body],
    phases: [
      { name: "before", perSecond: capacity / 2, seconds: isLong ? 10 : 1 },
      { name: "overload", perSecond: capacity * times, seconds },
      { name: "after", perSecond: capacity / 2, seconds: isLong ? 10 : 1 },
    ],
  });
  const [before, overload, after] = phases as [(typeof phases)[0], (typeof phases)[0], (typeof phases)[0]];
  const exitCode = await replica.terminate();
  await rm(dataDir, { recursive: true });
  const good = goodput(phases, overload);
  say(`${name}: ${phases.map((phase) => `${phase.name} ${JSON.stringify(tally(phase.results))}`).join(", ")}`);
  const all = phases.flatMap(({ results }) => results);
  return {
    of: name,
    capacity: Math.round(capacity),
    asked: all.length,
    unlike: all.filter((result) => !isOk(result) && !isRefusal(result)).length,
    "too many at once": simulator.requestsTo(api).filter(({ errcode }) => errcode === 45033).length,
    good: all.filter(isOk).length,
    carriedOut: simulator.requestsTo(api).filter(({ errcode }) => errcode === 0).length,
    "goodput %": Math.round((1000 * good) / capacity) / 10,
    "answers p50 ms": percentile(timesOf(overload.results, isOk), 0.5),
    "answers p99 ms": percentile(timesOf(overload.results, isOk), 0.99),
    "refusals p99 ms": percentile(timesOf(overload.results, isRefusal), 0.99),
    "normal after ms": unrestMs(after, before),
    "load late p99 ms": overload.lateMs,
    exitCode: String(exitCode),
  };
}

describe(`${times} times as many requests as WeCom takes, for ${seconds} s`, () => {
  it.each(["creates", "reads"] as const)(
    "are all answered, either well or that it is too much, and WeCom is never asked for more than it takes: %s",
    async (name) => {
      const report = await run(name);

      printTable("Overload", [report]);
      expect(report.asked).toBeGreaterThan(1000);
      expect(report.unlike).toBe(0);
      expect(report["too many at once"]).toBe(0);
      expect(report.good).toBeGreaterThan(0);
      expect(report.carriedOut).toBe(report.good);
      expect(report.exitCode).toBe("0");
      if (!isLong) return;
      expect(report["goodput %"]).toBeGreaterThanOrEqual(95);
      expect(report["answers p99 ms"]).toBeLessThanOrEqual(1000);
      expect(report["refusals p99 ms"]).toBeLessThanOrEqual(100);
      expect(report["normal after ms"]).toBeLessThanOrEqual(2000);
    },
    (seconds + 60) * 1000,
  );
});
