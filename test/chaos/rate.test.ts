/**
 * What happens at WeCom's frequency limit (45009): the gateway stays away for the rest of the window, and is back as soon
 * as it is over. The short form moves the clocks of one gateway and of WeCom by hand; the long one lets two replicas on one
 * Redis live through it.
 *
 * CHAOS_RATE_MINUTES: how long requests come.
 */
import { describe, expect, it } from "@jest/globals";
import { setTimeout as pause } from "node:timers/promises";
import { DEMO_CORP, type RecordedRequest, type Simulator, startSimulator } from "../../src/simulator/index.js";
import { livingidsQuery } from "../support/documents.js";
import { startGateway } from "../support/gateway.js";
import { TestRedis } from "../support/redis.js";
import { Fleet } from "./parts/fleet.js";
import { isLong, parameter, printTable } from "./parts/form.js";

const minutes = parameter("RATE_MINUTES", { short: 5, long: 5 });

/** Far below what comes, so that WeCom closes every time that it opens. */
const perCorpPerMinute = 40;
const stepMs = 250;
const api = "living/get_user_all_livingid";
const minuteMs = 60_000;

/** Calls that were under way when the first refusal came are no probes. */
const underWayMs = 100;

interface Stage {
  readonly simulator: Simulator;
  /** One read: "ok", or the code of its error. */
  ask(step: number): Promise<string>;
  /** Lets so much time pass. */
  pass(ms: number): Promise<void>;
}

/** Every minute in which WeCom refused, beginning with the refusal. */
function closedMinutes(calls: readonly RecordedRequest[]) {
  const closed: { from: number; probes: number; backAfterMs: number | undefined }[] = [];
  for (const { at, errcode } of calls) {
    const last = closed.at(-1);
    if (errcode === 45009 && (last === undefined || at >= last.from + minuteMs)) {
      closed.push({ from: at, probes: 0, backAfterMs: undefined });
    } else if (last !== undefined && at < last.from + minuteMs) {
      if (at > last.from + underWayMs) last.probes += 1;
    } else if (last !== undefined && errcode === 0) {
      last.backAfterMs ??= at - last.from - minuteMs;
    }
  }
  return closed;
}

async function live(stage: Stage): Promise<void> {
  const told: Record<string, number> = {};
  const asked: Promise<void>[] = [];
  const steps = (minutes * minuteMs) / stepMs;
  for (let step = 0; step < steps; step += 1) {
    asked.push(
      stage.ask(step).then((outcome) => {
        told[outcome] = (told[outcome] ?? 0) + 1;
      }),
    );
    await stage.pass(stepMs);
  }
  await Promise.all(asked);

  const closed = closedMinutes(stage.simulator.requestsTo(api));
  printTable(
    `WeCom's frequency limit: ${JSON.stringify(told)}`,
    closed.map(({ probes, backAfterMs }) => ({ probes, "back after ms": String(backAfterMs) })),
  );
  expect(Object.keys(told).sort()).toEqual(["LIVING_RATE_LIMIT", "ok"]);
  expect(closed.length).toBeGreaterThanOrEqual(minutes - 2);
  // The last one may not have been over yet.
  for (const { probes, backAfterMs } of closed.slice(0, -1)) {
    expect(probes).toBeLessThanOrEqual(1);
    expect(backAfterMs).toBeLessThanOrEqual(1000);
  }
}

async function expectWithMovedClocks(): Promise<void> {
  let nowMs = 1_900_000_000_000;
  const now = () => nowMs;
  await using gateway = await startGateway({ now, simulator: { now, rateLimits: { perCorpPerMinute } } });
  let asked: Promise<string>;
  await live({
    simulator: gateway.simulator,
    ask: (step) =>
      (asked = gateway
        .run(livingidsQuery, { anchorUserid: `a${step}` })
        .then(({ errors: [error] }) => (error ? (error.extensions["code"] as string) : "ok"))),
    // No time passes while a call is under way: on a slow machine it would be minutes of theirs.
    pass: async (ms) => {
      await asked;
      nowMs += ms;
    },
  });
}

async function expectInRealTime(): Promise<void> {
  await using redis = await TestRedis.start();
  await using simulator = await startSimulator({
    corps: [{ corpid: DEMO_CORP.corpid, apps: DEMO_CORP.apps.map((app) => ({ ...app, visibleUserids: "all" })) }],
    rateLimits: { perCorpPerMinute },
  });
  await using fleet = await Fleet.start(2, {
    ...{ WECOM_CORP_ID: DEMO_CORP.corpid, WECOM_CORP_SECRET: DEMO_CORP.apps[0].secret },
    ...{ WECOM_BASE_URL: simulator.url, REDIS_URL: redis.url },
  });
  await live({ simulator, ask: (step) => fleet.read(step), pass: (ms) => pause(ms) });
}

describe(isLong ? "Two replicas above WeCom's frequency limit" : "A gateway above WeCom's frequency limit", () => {
  it(
    "try at most once a minute whether it is over, and are back within a second",
    () => (isLong ? expectInRealTime() : expectWithMovedClocks()),
    (minutes + 1) * minuteMs,
  );
});
