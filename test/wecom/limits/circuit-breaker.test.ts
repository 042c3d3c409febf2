/** When it is not worth a call: WeCom does not answer, or said that it takes no more (45009). */
import { describe, expect, it } from "@jest/globals";
import { CircuitBreaker, RateLimitBlock, trialMs, type Verdict } from "../../../src/wecom/limits/circuit-breaker.js";

const pauseMs = 2000;
const minuteMs = 60_000;
const hourMs = 3_600_000;
const circuit = (failuresToOpen = 3) =>
  new CircuitBreaker({ failuresToOpen, trialAt: (_now, startedAt) => startedAt + pauseMs });
const settle = (breaker: CircuitBreaker, verdict: Verdict, at = 0) => {
  breaker.start(at).settle(verdict, at);
};

describe("A circuit", () => {
  it("opens at the last of its failures in a row, until the pause is over", () => {
    const breaker = circuit();
    settle(breaker, "down");
    settle(breaker, "down");
    expect([breaker.isOpen, breaker.waitMs(0)]).toEqual([false, 0]);
    settle(breaker, "down");

    expect(breaker.isOpen).toBe(true);
    expect([0, 500, pauseMs - 1, pauseMs, pauseMs + 1].map((now) => breaker.waitMs(now))).toEqual([
      2000, 1500, 1, 0, 0,
    ]);
  });

  it.each(["up", "unknown"] as const)("counts failures in a row: «%s» between them", (between) => {
    const breaker = circuit();
    for (const verdict of ["down", "down", between, "down", "down"] as const) settle(breaker, verdict);

    expect(breaker.isOpen).toBe(between === "unknown");
  });

  it("is not opened by calls of which nothing is known", () => {
    const breaker = circuit(1);
    for (let call = 0; call < 10; call += 1) settle(breaker, "unknown");

    expect(breaker.isOpen).toBe(false);
  });

  it("counts the pause from when the call began that failed", () => {
    const breaker = circuit(1);
    breaker.start(100).settle("down", 1100);

    expect(breaker.waitMs(1100)).toBe(pauseMs - 1000);
  });

  it("lets one trial through, and another when that one has no outcome for 750 ms", () => {
    const breaker = circuit(1);
    settle(breaker, "down");
    breaker.start(pauseMs);

    expect(trialMs).toBe(750);
    expect([0, 1, 749, 750].map((ms) => breaker.waitMs(pauseMs + ms))).toEqual([750, 749, 1, 0]);
  });

  it("closes when the trial is answered, and counts from zero", () => {
    const breaker = circuit(2);
    settle(breaker, "down");
    settle(breaker, "down");
    settle(breaker, "up", pauseMs);
    expect([breaker.isOpen, breaker.waitMs(pauseMs)]).toEqual([false, 0]);
    settle(breaker, "down", pauseMs);

    expect(breaker.isOpen).toBe(false);
  });

  it("stays open for another pause when the trial fails", () => {
    const breaker = circuit(1);
    settle(breaker, "down");
    settle(breaker, "down", pauseMs);

    expect([breaker.isOpen, breaker.waitMs(pauseMs)]).toEqual([true, pauseMs]);
  });

  it("lets another try at once when nothing is known of the trial", () => {
    const breaker = circuit(1);
    settle(breaker, "down");
    settle(breaker, "unknown", pauseMs);

    expect([breaker.isOpen, breaker.waitMs(pauseMs)]).toEqual([true, 0]);
  });

  it("believes the newest of several trials that WeCom is away, and any that it is back", () => {
    const breaker = circuit(1);
    settle(breaker, "down");
    const first = breaker.start(pauseMs);
    const second = breaker.start(pauseMs + trialMs);
    first.settle("unknown", pauseMs + trialMs);
    expect(breaker.waitMs(pauseMs + trialMs)).toBe(trialMs);
    const third = breaker.start(pauseMs + 2 * trialMs);
    second.settle("down", pauseMs + 2 * trialMs);
    expect(breaker.waitMs(pauseMs + 2 * trialMs)).toBe(trialMs);
    third.settle("up", pauseMs + 2 * trialMs);

    expect(breaker.isOpen).toBe(false);
  });

  it("counts each call once, and none that began before its last change", () => {
    const breaker = circuit(2);
    const twice = breaker.start(0);
    const old = breaker.start(0);
    twice.settle("down", 0);
    twice.settle("down", 0);
    expect(breaker.isOpen).toBe(false);
    settle(breaker, "down");
    expect(breaker.isOpen).toBe(true);
    old.settle("up", 1);

    expect(breaker.isOpen).toBe(true);
  });
});

describe("After 45009", () => {
  const refuse = (block: RateLimitBlock, now: number) => {
    block.start(now).settle("down", now);
  };

  it("nothing is sent for a minute, and errors say how long", () => {
    const block = new RateLimitBlock();
    expect([block.waitMs(0), block.state]).toEqual([0, undefined]);
    refuse(block, 1000);

    expect(block.state).toEqual({ since: 1000, until: 61_000, tryAt: 61_000 });
    expect([1000, 60_999, 61_000].map((now) => block.waitMs(now))).toEqual([minuteMs, 1, 0]);
  });

  it("one call probes then; others meanwhile get an error to retry in a second", () => {
    const block = new RateLimitBlock();
    refuse(block, 0);
    block.start(minuteMs);

    expect(block.waitMs(minuteMs)).toBe(1000);
    expect(block.waitMs(minuteMs + trialMs)).toBe(0);
  });

  it("a second refusal means an hour since the first, in which one call a minute tries", () => {
    const block = new RateLimitBlock();
    refuse(block, 0);
    refuse(block, minuteMs);
    expect(block.state).toEqual({ since: 0, until: hourMs, tryAt: 2 * minuteMs });
    expect(block.waitMs(minuteMs)).toBe(hourMs - minuteMs);
    refuse(block, hourMs - 1000);

    // No later than the hour ends.
    expect(block.state).toEqual({ since: 0, until: hourMs, tryAt: hourMs });
    refuse(block, hourMs);
    expect(block.state).toEqual({ since: 0, until: hourMs + minuteMs, tryAt: hourMs + minuteMs });
  });

  it("an answer ends it, and the next refusal is the first of a series", () => {
    const block = new RateLimitBlock();
    refuse(block, 0);
    block.start(minuteMs).settle("up", minuteMs);
    expect(block.state).toBeUndefined();
    refuse(block, 2 * minuteMs);

    expect(block.state).toEqual({ since: 2 * minuteMs, until: 3 * minuteMs, tryAt: 3 * minuteMs });
  });

  it("what another replica found out counts when it is newer", () => {
    const block = new RateLimitBlock();
    const theirs = { since: 0, until: hourMs, tryAt: 2 * minuteMs };
    block.learn(theirs);
    expect([block.state, block.waitMs(0)]).toEqual([theirs, hourMs]);
    block.learn({ ...theirs, since: 5 });
    block.learn({ ...theirs, tryAt: minuteMs });
    expect(block.state).toEqual(theirs);
    block.learn({ ...theirs, tryAt: 3 * minuteMs });

    expect(block.state).toEqual({ ...theirs, tryAt: 3 * minuteMs });
    block.lift();
    expect([block.state, block.waitMs(0)]).toEqual([undefined, 0]);
  });
});
