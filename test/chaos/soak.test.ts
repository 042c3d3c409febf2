/**
 * A gateway at work for an hour: nothing that it holds may grow. Once a minute it is asked what it holds; within `npm test`
 * it is only seen that this can be asked.
 *
 * CHAOS_SOAK_MINUTES: how long; 10 for a short look. The first sixth warms up. CHAOS_SOAK_RATE: requests per second.
 */
import { describe, expect, it } from "@jest/globals";
import { setTimeout as pause } from "node:timers/promises";
import { DEMO_CORP, startSimulator } from "../../src/simulator/index.js";
import { Replica } from "../support/replica.js";
import { isLong, parameter, percentile, printTable, say } from "./parts/form.js";
import { load, tally } from "./parts/load.js";
import { embeddedStore } from "./parts/stores.js";
import { createBody, listBody, readBody } from "./parts/traffic.js";
import { trend, type Vitals, vitalsOf } from "./parts/vitals.js";

const minutes = parameter("SOAK_MINUTES", { short: 0.1, long: 60 });
const perSecond = parameter("SOAK_RATE", { short: 50, long: 50 });
const intervalCount = isLong ? 60 : 6;
const intervalMs = (minutes * 60_000) / intervalCount;
const samplesPerInterval = 10;
/** Intervals in ten minutes, the promise's unit. */
const perTenMinutes = 600_000 / intervalMs;

async function run() {
  await using store = await embeddedStore();
  await using simulator = await startSimulator({
    corps: [{ corpid: DEMO_CORP.corpid, apps: DEMO_CORP.apps.map((app) => ({ ...app, visibleUserids: "all" })) }],
    latencyMs: 20,
    tokenLength: 64,
    record: false,
    maxLivings: 1_000_000,
  });
  const { livingid } = simulator.livings.reserve(
    { corpid: DEMO_CORP.corpid, agentid: DEMO_CORP.apps[0].agentid },
    {
      ...{ anchorUserid: "zhangsan", theme: "theme", description: "", type: 0 },
      ...{ startSeconds: 4_102_444_800, durationSeconds: 60, remindSeconds: 0, imageMediaids: [] },
    },
  );
  // What is held for a call that fails must be let go as well.
  for (const kind of ["drop", "truncated-json", "hang"] as const) {
    simulator.faults.inject({ kind, effect: "applied", times: 0, probability: 0.003 });
  }
  await using replica = await Replica.start({
    ...{ WECOM_CORP_ID: DEMO_CORP.corpid, WECOM_CORP_SECRET: DEMO_CORP.apps[0].secret, ...store.env },
    ...{ WECOM_BASE_URL: simulator.url, WECOM_TIMEOUT_MS: "2000", WECOM_SETTLE_MS: "5000" },
  });
  const loading = load({
    url: replica.url,
    bodies: [createBody, listBody, readBody(livingid)],
    phases: [{ name: "all", perSecond, seconds: minutes * 60 }],
  });
  let isOver = false as boolean;
  void loading.then(() => (isOver = true));

  const intervals: Vitals[] = [];
  let reportedAt = Date.now();
  while (!isOver && intervals.length < intervalCount) {
    const samples: Vitals[] = [];
    for (let sample = 0; sample < samplesPerInterval; sample += 1) {
      await pause(intervalMs / samplesPerInterval);
      samples.push(await vitalsOf(replica));
    }
    // The least of them: what is there between two collections of garbage is not held.
    const least = (name: keyof Vitals) => Math.min(...samples.map((vitals) => vitals[name]));
    intervals.push({
      ...{ rssMb: least("rssMb"), ownMb: least("ownMb"), heapMb: least("heapMb") },
      ...{ handles: least("handles"), files: least("files") },
    });
    if (Date.now() - reportedAt > 60_000) {
      reportedAt = Date.now();
      say(JSON.stringify(intervals.at(-1)));
    }
  }
  const [phase] = await loading;
  const exitCode = await replica.terminate();
  return { intervals, told: tally(phase!.results), exitCode };
}

describe(`A gateway at work for ${minutes} minutes`, () => {
  it(
    "holds no more at the end than at the beginning",
    async () => {
      const { intervals, told, exitCode } = await run();

      const settled = intervals.slice(intervals.length / 6);
      const grows = (name: keyof Vitals) => trend(settled.map((vitals) => vitals[name])) * perTenMinutes;
      const most = (name: keyof Vitals) => percentile(settled.map((vitals) => vitals[name]), 1); // prettier-ignore
      const names = ["rssMb", "ownMb", "heapMb", "handles", "files"] as const;
      printTable(
        `What the gateway holds (${JSON.stringify(told)})`,
        names.map((name) => ({
          what: name,
          first: settled[0]![name].toFixed(1),
          last: settled.at(-1)![name].toFixed(1),
          most: most(name).toFixed(1),
          "more per 10 minutes": grows(name).toFixed(2),
        })),
      );
      expect(exitCode).toBe(0);
      expect(told["ok"]).toBeGreaterThan(perSecond);
      expect(settled.flatMap((vitals) => Object.values(vitals)).filter((value) => !(value > 0))).toEqual([]);
      if (!isLong) return;
      expect(grows("ownMb")).toBeLessThanOrEqual(1);
      expect(most("rssMb")).toBeLessThanOrEqual(300);
      // Connections come and go with the load: what is flat may wave.
      expect(Math.abs(grows("handles"))).toBeLessThanOrEqual(2);
      expect(Math.abs(grows("files"))).toBeLessThanOrEqual(2);
    },
    (minutes + 2) * 60_000,
  );
});
