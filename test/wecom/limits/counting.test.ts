/** How often WeCom may be called: the windows that count, the limits of them, and what one caller may cause. */
import { describe, expect, it } from "@jest/globals";
import { WecomOverloadError } from "../../../src/wecom/errors.js";
import { CallCounts, callLimits, SlidingWindow } from "../../../src/wecom/limits/call-limits.js";
import { CallerQuota } from "../../../src/wecom/limits/caller-quota.js";

const minuteMs = 60_000;
const hourMs = 3_600_000;
/** A twelfth of a minute: what a window of a minute counts in. */
const slotMs = 5000;
/** A multiple of an hour. */
const start = 1_900_000_800_000;

describe("A window of a minute", () => {
  it("counts a call until the slot in which it was made is a minute old, and not a moment longer", () => {
    const window = new SlidingWindow(minuteMs);
    window.add(1, start + 1);

    expect(window.total(start + minuteMs + slotMs - 1)).toBe(1);
    expect(window.total(start + minuteMs + slotMs)).toBe(0);
  });

  it("forgets slot by slot", () => {
    const window = new SlidingWindow(minuteMs);
    window.add(1, start);
    window.add(2, start + slotMs);
    window.add(4, start + 3 * slotMs);

    expect([0, 1, 2, 3, 4].map((slot) => window.total(start + minuteMs + slot * slotMs))).toEqual([7, 6, 4, 4, 0]);
  });

  it("is empty after a long pause, and counts again", () => {
    const window = new SlidingWindow(minuteMs);
    for (let slot = 0; slot < 13; slot += 1) window.add(1, start + slot * slotMs);

    expect(window.total(start + 1000 * hourMs)).toBe(0);
    window.add(3, start + 1000 * hourMs);
    expect(window.total(start + 1000 * hourMs)).toBe(3);
  });

  it("forgets nothing when time goes back, and lets none of it live longer", () => {
    const window = new SlidingWindow(minuteMs);
    window.add(2, start);
    window.add(1, start - 30_000);

    expect(window.total(start - 30_000)).toBe(3);
    expect(window.total(start + minuteMs + slotMs - 1)).toBe(3);
    expect(window.total(start + minuteMs + slotMs)).toBe(0);
  });

  it.each([
    { limit: 4, waitMs: 0 },
    // Until the slot ends that the oldest calls are in, a minute later.
    { limit: 3, waitMs: minuteMs - 3 * slotMs + slotMs - 1000 },
    { limit: 2, waitMs: minuteMs - 2 * slotMs + slotMs - 1000 },
    { limit: 1, waitMs: minuteMs + slotMs - 1000 },
    { limit: 0, waitMs: minuteMs },
  ])("with 3 calls in it says how long until one more is within $limit: $waitMs ms", ({ limit, waitMs }) => {
    const window = new SlidingWindow(minuteMs);
    window.add(1, start);
    window.add(1, start + slotMs);
    window.add(1, start + 3 * slotMs);

    expect(window.waitMs(start + 3 * slotMs + 1000, limit)).toBe(waitMs);
    if (waitMs > 0) expect(window.waitMs(start + 3 * slotMs + 1000 + waitMs - 1, limit)).toBeGreaterThan(0);
    if (limit > 0) expect(window.waitMs(start + 3 * slotMs + 1000 + waitMs, limit)).toBe(0);
  });

  it("takes back a call where it was counted, and not once that is forgotten", () => {
    const window = new SlidingWindow(minuteMs);
    const slot = window.add(2, start);
    window.add(5, start + slotMs);
    window.takeBack(slot);

    expect(window.total(start + slotMs)).toBe(6);
    expect(window.total(start + minuteMs + slotMs)).toBe(5);
    window.takeBack(slot);
    expect(window.total(start + minuteMs + slotMs)).toBe(5);
  });

  it("takes back a call of the oldest slot that still counts", () => {
    const window = new SlidingWindow(minuteMs);
    const slot = window.add(2, start);
    window.total(start + minuteMs);
    window.takeBack(slot);

    expect(window.total(start + minuteMs)).toBe(1);
  });
});

describe("A shared window of a minute", () => {
  it("tells what it knows by slot, newest first, and only where there are calls", () => {
    const window = new SlidingWindow(minuteMs);
    window.add(2, start);
    window.add(3, start + 2 * slotMs);

    expect(window.known(start + 3 * slotMs)).toEqual([
      [start / slotMs + 2, 3],
      [start / slotMs, 2],
    ]);
    expect(window.known(start + minuteMs + slotMs)).toEqual([[start / slotMs + 2, 3]]);
  });

  const slot = start / slotMs;
  it.each([
    { theirs: "more", known: [[slot, 5]], total: 5 },
    { theirs: "fewer", known: [[slot, 1]], total: 2 },
    { theirs: "in the oldest slot that counts", known: [[slot - 12, 4]], total: 6 },
    { theirs: "older than a minute", known: [[slot - 13, 4]], total: 2 },
    {
      theirs: "in slots that are still to come",
      known: [
        [slot + 1, 4],
        [slot + 2, 3],
      ],
      total: 7,
    },
  ] as { theirs: string; known: [number, number][]; total: number }[])(
    "that has 2 calls learns of a replica with calls $theirs: $total in all",
    ({ known, total }) => {
      const window = new SlidingWindow(minuteMs);
      window.add(2, start);
      window.learn(known, start, start);

      expect(window.total(start)).toBe(total);
    },
  );

  it.each([
    { aheadMs: 0, endsAfterMs: minuteMs + slotMs },
    { aheadMs: slotMs, endsAfterMs: minuteMs },
    { aheadMs: slotMs - 1, endsAfterMs: minuteMs + slotMs },
    // A message takes a while: so little does not make a call of this slot one of the next.
    { aheadMs: -999, endsAfterMs: minuteMs + slotMs },
    { aheadMs: -2 * slotMs, endsAfterMs: minuteMs + slotMs },
  ])(
    "of a replica whose clock is $aheadMs ms ahead forgets a call $endsAfterMs ms later",
    ({ aheadMs, endsAfterMs }) => {
      const window = new SlidingWindow(minuteMs);
      window.learn([[slot, 1]], start, start + aheadMs);

      expect(window.total(start + endsAfterMs - 1)).toBe(1);
      expect(window.total(start + endsAfterMs)).toBe(0);
    },
  );

  it("of a replica whose clock is a second behind takes its slot for one that is five seconds newer", () => {
    const window = new SlidingWindow(minuteMs);
    window.learn([[slot - 2, 1]], start, start - 1000);

    expect(window.known(start)).toEqual([[slot - 1, 1]]);
  });
});

describe("The limits of WeCom's frequency", () => {
  it.each([
    { app: "self-built app", isProvider: false, limits: [950, 14_250, 1900, 57_000] },
    { app: "provider", isProvider: true, limits: [950, 14_250, 3800, 114_000] },
  ])("of a $app keep the proportions of WeCom's page", ({ isProvider, limits }) => {
    const { perCorpAndMinute, perCorpAndHour, perAddressAndMinute, perAddressAndHour } = callLimits(950, isProvider);

    expect([perCorpAndMinute, perCorpAndHour, perAddressAndMinute, perAddressAndHour]).toEqual(limits);
  });

  it("are off without a setting", () => {
    expect(new Set(Object.values(callLimits(undefined, false)))).toEqual(new Set([Infinity]));
  });
});

describe("The calls of a corp to an API", () => {
  it("count in the minute and in the hour", () => {
    const counts = new CallCounts();
    for (let call = 0; call < 3; call += 1) counts.take(start);

    expect(counts.waitMs(start, [4, 4], 0)).toBe(0);
    expect(counts.waitMs(start, [3, 4], 0)).toBe(minuteMs + slotMs);
    expect(counts.waitMs(start, [4, 3], 0)).toBe(hourMs + hourMs / 12);
    expect(counts.isBelow([4, 4], start)).toBe(true);
    expect(counts.isBelow([3, 4], start)).toBe(false);
    expect(counts.leftOf([10, 20], start)).toEqual([7, 17]);
    expect(counts.leftOf([10, 20], start + minuteMs + slotMs)).toEqual([10, 17]);
    expect(counts.isBelow([1, 4], start + minuteMs + slotMs)).toBe(true);
    expect(counts.isBelow([1, 3], start + minuteMs + slotMs)).toBe(false);
  });

  it("that the others may not know of count once for each of them", () => {
    const counts = new CallCounts();
    counts.add(2, start);
    counts.take(start);
    expect([counts.unpublished, counts.unconfirmed]).toEqual([1, 1]);

    expect(counts.waitMs(start, [6, 100], 2)).toBe(0);
    expect(counts.waitMs(start, [5, 100], 2)).toBeGreaterThan(0);
    expect(counts.waitMs(start, [100, 6], 2)).toBe(0);
    expect(counts.waitMs(start, [100, 5], 2)).toBeGreaterThan(0);
  });

  it("are taken back from all counts while they are unpublished", () => {
    const counts = new CallCounts();
    counts.take(start);
    const counted = counts.take(start);

    expect(counts.takeBack(counted)).toBe(true);
    expect([counts.unpublished, counts.unconfirmed]).toEqual([1, 1]);
    expect(counts.leftOf([10, 10], start)).toEqual([9, 9]);
  });

  it("are taken back only here once they are published", () => {
    const counts = new CallCounts();
    const counted = counts.take(start);
    counts.unpublished = 0;

    expect(counts.takeBack(counted)).toBe(false);
    expect([counts.unpublished, counts.unconfirmed]).toEqual([0, 1]);
    expect(counts.leftOf([10, 10], start)).toEqual([10, 10]);
  });

  it("are learnt for the minute and for the hour", () => {
    const counts = new CallCounts();
    const others = new CallCounts();
    others.add(4, start - 2 * minuteMs);
    others.add(3, start);
    counts.learn(others.known(start), start, start);

    expect(counts.leftOf([10, 10], start)).toEqual([7, 3]);
    counts.learn([], start, start);
    expect(counts.leftOf([10, 10], start)).toEqual([7, 3]);
  });
});

describe("What one caller may cause in a minute", () => {
  const refusalOf = (count: () => void): { retryAfterSeconds: number; api: string } | undefined => {
    try {
      count();
      return undefined;
    } catch (error) {
      expect(error).toBeInstanceOf(WecomOverloadError);
      const { retryAfterSeconds, api } = error as WecomOverloadError;
      return { retryAfterSeconds, api };
    }
  };

  it("is a number of calls, then a refusal that says when the minute is over", () => {
    let now = start;
    const quota = new CallerQuota(2, () => now);
    const count = quota.counterFor("one")!;
    count("living/create");
    now += 10_500;
    count("living/create");

    expect(refusalOf(() => count("living/create"))).toEqual({ retryAfterSeconds: 50, api: "living/create" });
    now = start + minuteMs - 1;
    expect(refusalOf(() => count("living/cancel"))).toEqual({ retryAfterSeconds: 1, api: "living/cancel" });
    now = start + minuteMs;
    expect([refusalOf(() => count("a")), refusalOf(() => count("a"))]).toEqual([undefined, undefined]);
    expect(refusalOf(() => count("a"))).toEqual({ retryAfterSeconds: 60, api: "a" });
  });

  it("ends a minute later at the latest, also when the clock is set back", () => {
    let now = start;
    const count = new CallerQuota(1, () => now).counterFor("one")!;
    count("a");
    now -= 60 * minuteMs;

    expect(refusalOf(() => count("a"))).toBeUndefined();
    expect(refusalOf(() => count("a"))).toEqual({ retryAfterSeconds: 60, api: "a" });
  });

  it("is counted for each caller, and not for anonymous ones", () => {
    const quota = new CallerQuota(1, () => start);
    quota.counterFor("one")!("a");

    expect(refusalOf(() => quota.counterFor("one")!("a"))).toBeDefined();
    expect(refusalOf(() => quota.counterFor("other")!("a"))).toBeUndefined();
    expect(quota.counterFor(undefined)).toBeUndefined();
  });

  it("of several callers is counted to the first who may still cause one", () => {
    const quota = new CallerQuota(1, () => start);
    const ofBoth = quota.counterForAll(["one", "other"]);
    ofBoth("a");
    expect(refusalOf(() => quota.counterFor("one")!("a"))).toBeDefined();
    ofBoth("a");

    expect(refusalOf(() => quota.counterFor("other")!("a"))).toBeDefined();
    expect(refusalOf(() => ofBoth("a"))).toEqual({ retryAfterSeconds: 60, api: "a" });
    // Nobody knows to whom it would be counted.
    expect(refusalOf(() => quota.counterForAll(["one", undefined])("a"))).toBeUndefined();
  });
});
