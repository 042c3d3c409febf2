/** What a call is refused for and what its end says of WeCom, in one replica; and what replicas tell each other of it. */
import { describe, expect, it } from "@jest/globals";
import type { TimeLimit } from "../../../src/wecom/deadline.js";
import { WecomOverloadError, WecomTransportError } from "../../../src/wecom/errors.js";
import {
  type CallEnd,
  CallLimiter,
  type CallLimiterOptions,
  type CallPermit,
} from "../../../src/wecom/limits/call-limiter.js";
import { StoreLimitSync } from "../../../src/wecom/limits/limit-sync.js";
import { Fleet } from "../../support/limiter-fleet.js";
import { MemoryStore } from "../../support/memory-store.js";
import { VirtualTime } from "../../support/virtual-time.js";

const start = 1_900_000_800_000;
const minuteMs = 60_000;
const api = "living/create";
const patient: TimeLimit = { remainingMs: 1e6, isNearEnd: false, onCancel: () => () => undefined };
const none = { perCorpAndMinute: 1e6, perCorpAndHour: 1e6, perAddressAndMinute: 1e6, perAddressAndHour: 1e6 };

function limiterOf(options: Partial<CallLimiterOptions> = {}) {
  const time = new VirtualTime(start);
  const refusals: string[] = [];
  const limiter = new CallLimiter({
    ...{ maxInFlight: 10, connections: 4096, limits: none, now: () => time.now },
    metrics: { countRefusal: (refused, reason) => refusals.push(`${refused} ${reason}`) },
    ...options,
  });
  const acquire = (corp = "corp", of = api, timeLimit = patient) =>
    limiter.acquire({ corp, caller: undefined, operation: {} }, of, timeLimit);
  const call = async (end: CallEnd, corp?: string, of?: string) => limiter.release(await acquire(corp, of), end);
  const stateOf = (of = api) => [...limiter.states()].find((state) => state.api === of)!;
  const refusalOf = async (corp?: string, of?: string) => {
    const outcome: unknown = await acquire(corp, of).catch((error: unknown) => error);
    if (outcome instanceof WecomOverloadError || outcome instanceof WecomTransportError) {
      const { retryAfterSeconds } = outcome;
      const reason = refusals.pop()!.split(" ")[1];
      return { reason, retryAfterSeconds, isOverload: outcome instanceof WecomOverloadError };
    }
    limiter.release(outcome as CallPermit, "not-sent");
    return undefined;
  };
  return { time, limiter, acquire, call, stateOf, refusalOf, refusals };
}

describe("How a call ended", () => {
  const [open, closed] = [true, false];
  it.each<[end: CallEnd, times: number, sameApi: boolean, otherApi: boolean]>([
    ["answered", 10, open, open],
    ["too-many", 10, open, open],
    ["undecided", 10, open, open],
    ["not-sent", 10, open, open],
    ["silent", 4, open, open],
    ["silent", 5, closed, open],
    ["unreachable", 4, open, open],
    ["unreachable", 5, closed, closed],
    ["too-often", 1, closed, open],
  ])("%s, %d times: the API takes calls %s, another one %s", async (end, times, sameApi, otherApi) => {
    const { call, refusalOf } = limiterOf();
    for (let time = 0; time < times; time += 1) await call(end);

    expect([(await refusalOf()) === undefined, (await refusalOf("corp", "living/cancel")) === undefined]).toEqual([
      sameApi,
      otherApi,
    ]);
    // Another corp's breaker and frequency are its own; the address is everybody's.
    expect((await refusalOf("other")) === undefined).toBe(!(end === "unreachable" && times === 5));
  });

  it("is told to who waits: not reached for less than a second, for it is a failure of the transport", async () => {
    const { call, refusalOf, stateOf } = limiterOf();
    for (let time = 0; time < 5; time += 1) await call("unreachable");

    expect(stateOf()).toEqual({ api, waiting: 0, isClosed: false, isUnreachable: true });
    expect(await refusalOf()).toEqual({ reason: "unreachable", retryAfterSeconds: 1, isOverload: false });
  });

  it("too often, is told for the minute that it takes", async () => {
    const { call, refusalOf, stateOf, time } = limiterOf();
    await call("too-often");

    expect(stateOf()).toEqual({ api, waiting: 0, isClosed: true, isUnreachable: false });
    expect(await refusalOf()).toEqual({ reason: "closed", retryAfterSeconds: 60, isOverload: true });
    time.now += 59_001;
    expect(await refusalOf()).toMatchObject({ retryAfterSeconds: 1 });
    time.now += 999;
    await call("answered");
    expect(stateOf().isClosed).toBe(false);
  });

  it("is no more than a memory for operators when nobody has called for some time", async () => {
    const { call, stateOf, time } = limiterOf();
    for (let count = 0; count < 5; count += 1) await call("silent");
    time.now += 239_000;
    expect(stateOf().isUnreachable).toBe(true);
    time.now += 2000;
    expect(stateOf().isUnreachable).toBe(false);

    await call("too-often");
    time.now += 59_999;
    expect(stateOf().isClosed).toBe(true);
    time.now += 1;
    expect(stateOf().isClosed).toBe(false);
  });

  it("is not waited for by calls of another corp: places are each corp's own", async () => {
    const { acquire, limiter, stateOf } = limiterOf({ maxInFlight: 1 });
    const permit = await acquire();
    const waiting = acquire();
    expect(stateOf().waiting).toBe(1);
    limiter.release(await acquire("other"), "answered");
    limiter.release(permit, "answered");

    limiter.release(await waiting, "answered");
    expect(stateOf().waiting).toBe(0);
  });

  it("lets who waited be sent only if WeCom still takes calls", async () => {
    const { acquire, limiter, refusals } = limiterOf({ maxInFlight: 1 });
    const permit = await acquire();
    const waiting = acquire().catch((error: unknown) => error);
    limiter.release(permit, "too-often");

    expect(await waiting).toBeInstanceOf(WecomOverloadError);
    expect(refusals).toEqual([`${api} closed`]);
  });

  it("gives the place of who has no time left to the next", async () => {
    const { acquire } = limiterOf({ maxInFlight: 1 });

    await expect(acquire("corp", api, { ...patient, isNearEnd: true })).rejects.toMatchObject({ delivery: "none" });
    await acquire();
  });
});

describe("More calls than WeCom allows", () => {
  it.each([
    { limits: { perCorpAndMinute: 3 }, seconds: 65 },
    { limits: { perCorpAndHour: 3 }, seconds: 3900 },
    // Of what the address may, a corp leaves as much free as it has used.
    { limits: { perAddressAndMinute: 6 }, seconds: 65 },
    { limits: { perAddressAndHour: 6 }, seconds: 3900 },
  ])("under $limits are refused with the time until one more is allowed", async ({ limits, seconds }) => {
    const { call, refusalOf, time } = limiterOf({ limits: { ...none, ...limits } });
    for (let count = 0; count < 3; count += 1) await call("answered");
    const refused = { reason: "frequency", retryAfterSeconds: seconds, isOverload: true };

    expect(await refusalOf()).toEqual(refused);
    expect(await refusalOf("other")).toBeUndefined();
    expect(await refusalOf("corp", "living/cancel")).toBeUndefined();
    time.now += seconds * 1000 - 1;
    expect(await refusalOf()).toMatchObject({ retryAfterSeconds: 1 });
    time.now += 1;
    expect(await refusalOf()).toBeUndefined();
  });

  it.each(["perAddressAndMinute", "perAddressAndHour"])(
    "under %s are counted for all corps together",
    async (limit) => {
      const { call, refusalOf } = limiterOf({ limits: { ...none, [limit]: 3 } });
      for (const corp of ["a", "b", "c"]) await call("answered", corp);

      expect(await refusalOf("d")).toMatchObject({ reason: "frequency" });
      expect(await refusalOf("d", "living/cancel")).toBeUndefined();
    },
  );

  it.each(["not-sent", "unreachable"] as const)("are not those that ended %s", async (end) => {
    const { call, refusalOf } = limiterOf({ limits: { ...none, perCorpAndMinute: 1 } });
    await call(end);
    expect(await refusalOf()).toBeUndefined();
    await call("silent");

    expect(await refusalOf()).toMatchObject({ reason: "frequency" });
  });
});

/** Replicas on one store, and what they logged. */
function sharedStore() {
  const time = new VirtualTime(start);
  const store = new MemoryStore(() => time.now);
  const logs: [level: string, message: string][] = [];
  const log = Object.fromEntries(
    ["debug", "info", "warn", "error"].map((level) => [level, (_: unknown, text: string) => logs.push([level, text])]),
  );
  const replica = async (options: Partial<CallLimiterOptions> = {}) => {
    const sync = new StoreLimitSync({ store, log: log as never, clock: time, now: () => time.now });
    const made = limiterOf({ now: () => time.now, sync, ...options });
    await sync.connect(made.limiter);
    return { ...made, sync };
  };
  return { time, store, logs, replica };
}

const key = `corp\n${api}`;

describe("What a replica finds out of 45009", () => {
  it("is known to the others at once, and lies in the store until a minute after its end", async () => {
    const { replica, store, logs } = sharedStore();
    const [one, other] = [await replica(), await replica()];
    await one.call("too-often");

    expect(await other.refusalOf()).toEqual({ reason: "closed", retryAfterSeconds: 60, isOverload: true });
    expect(await other.refusalOf("other-corp")).toBeUndefined();
    const { value, expiresInMs } = store.records.get(`gate-closed:${key}`)!;
    expect(JSON.parse(value)).toEqual({ since: start, until: start + minuteMs, tryAt: start + minuteMs });
    expect(expiresInMs).toBe(2 * minuteMs);
    expect(logs).toEqual([["warn", expect.stringContaining("45009")]]);
  });

  it("is known to one that starts later", async () => {
    const { replica } = sharedStore();
    await (await replica()).call("too-often");

    expect(await (await replica()).refusalOf()).toMatchObject({ reason: "closed" });
  });

  it("is tried by one of them when its time is over; its answer opens it for all", async () => {
    const { replica, store, time, logs } = sharedStore();
    const [one, other] = [await replica(), await replica()];
    await one.call("too-often");
    time.now += minuteMs;
    const trial = await one.acquire();

    expect(await other.refusalOf()).toEqual({ reason: "closed", retryAfterSeconds: 1, isOverload: true });
    expect(store.records.get(`gate-try:${key}:${start + minuteMs}`)).toMatchObject({ expiresInMs: 750 });
    one.limiter.release(trial, "answered");
    expect(await other.refusalOf()).toBeUndefined();
    expect(store.records.has(`gate-closed:${key}`)).toBe(false);
    expect(logs.map(([level]) => level)).toEqual(["warn", "info"]);
  });

  it("is tried by each where the store does not say who may", async () => {
    const { replica, store, time } = sharedStore();
    const [one, other] = [await replica(), await replica()];
    await one.call("too-often");
    time.now += minuteMs;
    store.isAway = true;

    await one.call("answered");
    await other.call("answered");
    expect([one.stateOf().isClosed, other.stateOf().isClosed]).toEqual([false, false]);
  });

  it("is not overtaken by news of what was opened before", async () => {
    const { replica } = sharedStore();
    const { limiter, stateOf } = await replica();
    const block = { since: start, until: start + 2 * minuteMs, tryAt: start + 2 * minuteMs };
    limiter.learnBlocked(key, block);
    limiter.learnUnblocked(key, { ...block, tryAt: start + minuteMs });
    expect(stateOf().isClosed).toBe(true);
    limiter.learnUnblocked(key, block);

    expect(stateOf().isClosed).toBe(false);
  });

  it("is not known to one that starts while the store is away, which it says", async () => {
    const { replica, store, logs } = sharedStore();
    store.isAway = true;
    await replica();

    expect(logs.map(([level]) => level)).toEqual(["warn"]);
  });
});

describe("Replicas", () => {
  it("that were not heard for five seconds are there no more", async () => {
    const fleet = new Fleet();
    for (let count = 0; count < 3; count += 1) await fleet.add();
    await fleet.time.pass(1100);
    const others = () => fleet.replicas[0]!.sync!.others;
    expect(others()).toBe(2);
    fleet.replicas[2]!.sync!.close();
    await fleet.time.pass(4990);
    expect(others()).toBe(2);
    await fleet.time.pass(1100);

    expect(others()).toBe(1);
    fleet.close();
  });

  it("count each other's calls within 10 ms where they are many", async () => {
    const { replica, time } = sharedStore();
    // So that one call is worth telling.
    const limits = { ...none, perCorpAndMinute: 100, perCorpAndHour: 100 };
    const [one, other] = [await replica({ limits }), await replica({ limits })];
    await time.pass(1000);
    const known = () => [...other.limiter.knownCounts()].find(([known]) => known === key)?.[1][0]?.[0]?.[1];
    await one.call("answered");
    await time.pass(9);
    expect(known()).toBeUndefined();
    // One is a hundredth of the limit, for each of two replicas.
    await time.pass(1);

    expect(known()).toBe(1);
  });

  it("count each other's calls a second later where they are few", async () => {
    const { replica, time } = sharedStore();
    const limits = { ...none, perCorpAndMinute: 800, perCorpAndHour: 100 };
    const [one, other] = [await replica({ limits }), await replica({ limits })];
    await time.pass(1000);
    const known = () => [...other.limiter.knownCounts()].find(([known]) => known === key)?.[1][0]?.[0]?.[1];
    for (let count = 0; count < 4; count += 1) await one.call("answered");
    await time.pass(999);
    expect(known()).toBeUndefined();
    await time.pass(1);

    expect(known()).toBe(4);
  });

  const few = { ...none, perCorpAndMinute: 100, perCorpAndHour: 1000 };
  const knownTo = ({ limiter }: { limiter: CallLimiter }) =>
    [...limiter.knownCounts()].find(([known]) => known === key)?.[1][0]?.reduce((sum, [, calls]) => sum + calls, 0);

  it("tell each other what they counted while the store was away, once it is back", async () => {
    const { replica, store, time } = sharedStore();
    const [one, other] = [await replica({ limits: few }), await replica({ limits: few })];
    await time.pass(1000);
    store.isAway = true;
    for (let count = 0; count < 3; count += 1) {
      for (let call = 0; call < 5; call += 1) await one.call("answered");
      await other.call("answered");
      await time.pass(2500);
    }
    expect([knownTo(one), knownTo(other)]).toEqual([15, 3]);
    store.isAway = false;
    await time.pass(1000);

    expect([knownTo(one), knownTo(other)]).toEqual([18, 18]);
    // Nothing is reserved any more for calls that the others may not know.
    await time.pass(10_000);
    for (let call = 0; call < 82; call += 1) {
      await other.call("answered");
      await time.pass(25);
    }
    expect(await other.refusalOf()).toMatchObject({ reason: "frequency" });
  });

  it("ask for the others' counts until the store takes the question", async () => {
    const { replica, store, time } = sharedStore();
    const one = await replica({ limits: few });
    for (let call = 0; call < 5; call += 1) await one.call("answered");
    store.isAway = true;
    const late = await replica({ limits: few });
    await time.pass(3000);
    expect(knownTo(late)).toBeUndefined();
    store.isAway = false;
    await time.pass(1000);

    expect(knownTo(late)).toBe(5);
  });
});
