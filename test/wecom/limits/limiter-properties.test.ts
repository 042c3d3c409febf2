/**
 * What the limiter promises whatever happens: random interleavings of calls, waits, answers, clocks and replicas in virtual
 * time. `npm run test:properties` runs 100,000 cases of each.
 */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { CallEnd } from "../../../src/wecom/limits/call-limiter.js";
import { type Attempt, CircuitBreaker, trialMs, type Verdict } from "../../../src/wecom/limits/circuit-breaker.js";
import { type Call, Fleet, usual } from "../../support/limiter-fleet.js";

const numRuns = Number(process.env["PROPERTY_CASES"] ?? 100);
const longTimeout = 60_000 + numRuns * 20;

const create = "living/create";
const read = "living/get_living_info";
const minuteMs = 60_000;
const hourMs = 3_600_000;

// A refusal is an error: most of its cost would be its stack.
const { stackTraceLimit } = Error;
beforeAll(() => {
  Error.stackTraceLimit = 0;
});
afterAll(() => {
  Error.stackTraceLimit = stackTraceLimit;
});

/** `expect` is too slow to be asked at each step. */
const insist = (isTrue: boolean, what: string) => {
  if (!isTrue) throw new Error(what);
};

const ends: CallEnd[] = ["answered", "too-many", "unreachable", "silent", "undecided", "not-sent"];

describe("However calls, waits, answers and clocks interleave", () => {
  const few = { perCorpAndMinute: 8, perCorpAndHour: 12, perAddressAndMinute: 18, perAddressAndHour: 27 };
  const more = { perCorpAndMinute: 20, perCorpAndHour: 25, perAddressAndMinute: 45, perAddressAndHour: 60 };
  const calls = fc.record({
    replica: fc.nat(9),
    // Three that call often, of a thousand.
    corp: fc.oneof({ weight: 4, arbitrary: fc.nat(2) }, { weight: 1, arbitrary: fc.nat(999) }),
    api: fc.constantFrom(create, create, read),
    sendMs: fc.constantFrom(0, 0, 5, 200),
    answerMs: fc.constantFrom(20, 20, 100, 3000),
    end: fc.oneof(
      { weight: 5, arbitrary: fc.constant("answered" as const) },
      { weight: 1, arbitrary: fc.constantFrom(...ends) },
    ),
    leavesMs: fc.constantFrom(0, 0, 0, 10),
  });
  type Step =
    | { kind: "calls"; count: number; call: Call }
    | { kind: "each"; corps: number; call: Call }
    | { kind: "pass"; ms: number }
    | { kind: "setBack"; replica: number; ms: number };
  const stepOf = (weight: number, kind: Step["kind"], rest: Record<string, fc.Arbitrary<unknown>>) => ({
    weight,
    arbitrary: fc.record({ kind: fc.constant(kind), ...rest }) as unknown as fc.Arbitrary<Step>,
  });
  const step = (longestMs: number) =>
    fc.oneof(
      stepOf(24, "calls", { count: fc.integer({ min: 1, max: 12 }), call: calls }),
      stepOf(2, "each", { corps: fc.constantFrom(10, 10, 30, 100, 1000), call: calls }),
      stepOf(16, "pass", { ms: fc.constantFrom(1, 30, 300, 4000, 7000) }),
      stepOf(1, "pass", { ms: fc.constantFrom(56_000, longestMs) }),
      stepOf(4, "setBack", { replica: fc.nat(9), ms: fc.constantFrom(1, 5000, 61_000) }),
    );

  it.each([1, 3, 10])(
    "%d replicas never send more than the limit and the slack in any minute or hour, per corp, API and address",
    async (replicas) => {
      const limits = replicas === 10 ? more : few;
      // The calls that are let through and not sent yet; and what the others do while a message is on its way.
      const unheard = (limit: number) => (replicas === 1 ? 0 : limit / 4 + (replicas - 1) * 2);
      const allowed = (limit: number, held: number) => limit + held + unheard(limit);
      const run = async (script: Step[], delays: number[]) => {
        let message = 0;
        const fleet = new Fleet({ limits, messageMs: () => delays[(message += 1) % delays.length]! });
        if (replicas === 1) fleet.addAlone();
        else for (let index = 0; index < replicas; index += 1) await fleet.add(delays[index % delays.length]);
        // Each has heard of the others.
        await fleet.time.pass(50);
        for (const step of script) {
          if (step.kind === "pass") await fleet.time.pass(step.ms);
          else if (step.kind === "setBack") fleet.replicas[step.replica % replicas]!.setBackMs += step.ms;
          else if (step.kind === "calls") {
            for (let index = 0; index < step.count; index += 1)
              void fleet.call({ ...step.call, replica: step.call.replica + index });
          } else
            for (let corp = 0; corp < step.corps; corp += 1)
              void fleet.call({ ...step.call, corp, replica: step.call.replica + corp });
        }
        fleet.leave();
        await fleet.time.pass(200);
        const tooMany = [...fleet.sent].filter(([key, sent]) => {
          const [perMinute, perHour] = key.includes(" ")
            ? [limits.perCorpAndMinute, limits.perCorpAndHour]
            : [limits.perAddressAndMinute, limits.perAddressAndHour];
          const { mostHeld } = sent;
          return (
            sent.mostIn(minuteMs) > allowed(perMinute, mostHeld) || sent.mostIn(hourMs) > allowed(perHour, mostHeld)
          );
        });
        expect(tooMany).toEqual([]);
        // Nothing is held any more: once the windows are over, each replica calls again.
        fleet.close();
        await fleet.time.pass(2 * hourMs);
        for (let turn = 0; turn < 3 * replicas; turn += 1) {
          let isSent = false;
          void fleet.call({ ...usual, replica: turn, corp: turn % 3 }).then((outcome) => (isSent = outcome === "sent"));
          await fleet.time.pass(30);
          insist(isSent, "a replica sends no more");
        }
      };
      // What replicas say to each other each second takes most of the time.
      const longestMs = replicas === 1 ? 1_700_000 : 56_000;
      const steps = fc.array(step(longestMs), { minLength: 3, maxLength: replicas === 10 ? 10 : 25 });
      const delays = fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 3, maxLength: 9 });
      await fc.assert(fc.asyncProperty(steps, delays, run), { numRuns });
    },
    longTimeout,
  );
});

describe("However callers and their operations queue", () => {
  const arrivals = fc.array(
    fc.record({
      caller: fc.nat(4),
      operation: fc.nat(2),
      count: fc.integer({ min: 1, max: 8 }),
      answerMs: fc.constantFrom(1, 20, 300),
      passMs: fc.constantFrom(0, 0, 1, 10, 200),
    }),
    { minLength: 2, maxLength: 12 },
  );

  /** How often others start while one waits. */
  class Turns {
    readonly #waiting = new Map<unknown, { count: number; startsOfOthers: Map<unknown, number> }>();

    wait(key: unknown): void {
      const waiting = this.#waiting.get(key);
      if (waiting) waiting.count += 1;
      else this.#waiting.set(key, { count: 1, startsOfOthers: new Map() });
    }

    start(key: unknown): void {
      const own = this.#waiting.get(key)!;
      own.count -= 1;
      own.startsOfOthers.clear();
      if (own.count === 0) this.#waiting.delete(key);
      for (const [other, { startsOfOthers }] of this.#waiting) {
        if (other === key) continue;
        const starts = (startsOfOthers.get(key) ?? 0) + 1;
        insist(starts === 1, `${String(key)} started twice while ${String(other)} waited`);
        startsOfOthers.set(key, starts);
      }
    }
  }

  it(
    "each caller waits for one call of each other at most, and each operation for one of each other of its caller",
    async () => {
      await fc.assert(
        fc.asyncProperty(arrivals, fc.integer({ min: 1, max: 4 }), async (script, maxInFlight) => {
          const fleet = new Fleet({ maxInFlight, patienceMs: 1e6 });
          await fleet.add();
          const callers = new Turns();
          const operations = Array.from({ length: 5 }, () => ({ turns: new Turns(), all: [{}, {}, {}] }));
          const outcomes: Promise<string>[] = [];
          for (const { caller, operation, count, answerMs, passMs } of script) {
            for (let index = 0; index < count; index += 1) {
              const { turns, all } = operations[caller]!;
              callers.wait(caller);
              turns.wait(operation);
              const claim = { caller: `caller${caller}`, operation: all[operation]! };
              const outcome = fleet.call({ ...usual, ...claim, answerMs });
              outcomes.push(outcome);
              void outcome.then(() => {
                callers.start(caller);
                turns.start(operation);
              });
            }
            await fleet.time.pass(passMs);
          }
          fleet.close();
          await fleet.time.pass(200 * 300);
          expect(new Set(await Promise.all(outcomes))).toEqual(new Set(["sent"]));
        }),
        { numRuns },
      );
    },
    longTimeout,
  );
});

describe("However corps share what the address may", () => {
  const bursts = fc.array(fc.record({ corp: fc.nat(9), count: fc.integer({ min: 1, max: 15 }) }), {
    minLength: 3,
    maxLength: 15,
  });

  it(
    "each leaves as much free as it has used, and no more",
    async () => {
      await fc.assert(
        fc.asyncProperty(bursts, fc.integer({ min: 10, max: 120 }), async (script, perAddressAndMinute) => {
          const limits = { perCorpAndMinute: 1e6, perCorpAndHour: 1e6, perAddressAndHour: 1e6, perAddressAndMinute };
          const fleet = new Fleet({ limits, maxInFlight: 1000 });
          await fleet.add();
          const used = (corp: number) => fleet.sentOf(create, corp).times.length;
          for (const { corp, count } of script) {
            for (let index = 0; index < count; index += 1) await fleet.call({ ...usual, corp });
            for (let other = 0; other < 10; other += 1) {
              const isFree = used(other) + fleet.sentOf(create).times.length < perAddressAndMinute;
              const outcome = await fleet.call({ ...usual, corp: other });
              insist((outcome === "sent") === isFree, `corp ${other}, which has used ${used(other)}: ${outcome}`);
            }
          }
          fleet.close();
          expect(fleet.sentOf(create).times.length).toBeLessThanOrEqual(perAddressAndMinute);
        }),
        { numRuns },
      );
    },
    longTimeout,
  );
});

describe("However many calls hang", () => {
  // A sixteenth of what a gateway has, and as many corps.
  const [fewConnections, corps, apis] = [256, 12, 10];
  const hanging = fc.array(
    fc.record({
      corp: fc.nat(corps - 1),
      api: fc.nat(apis - 1),
      count: fc.integer({ min: 1, max: 8 }),
      ofAllCorps: fc.boolean(),
    }),
    { minLength: 1, maxLength: 15 },
  );
  const apiOf = (index: number) => (index === 0 ? create : `api/${index}`);

  it(
    "another corp is let in at once, and everybody in the end",
    async () => {
      await fc.assert(
        fc.asyncProperty(hanging, fc.integer({ min: 1, max: 10 }), async (script, maxInFlight) => {
          const fleet = new Fleet({ connections: fewConnections, maxInFlight });
          await fleet.add();
          const outcomes: Promise<string>[] = [];
          const hang = (corp: number, api: string, count: number) => {
            for (let index = 0; index < count; index += 1)
              outcomes.push(fleet.call({ ...usual, corp, api, answerMs: 8000 }));
          };
          for (const { corp, api, count, ofAllCorps } of script) {
            if (!ofAllCorps) hang(corp, apiOf(api), count);
            else for (let each = 0; each < corps; each += 1) hang(each, apiOf(api), count);
          }
          await fleet.time.pass(0);
          for (let api = 0; api < apis; api += 1)
            insist(fleet.sentOf(apiOf(api)).times.length <= fewConnections / 2, "an API holds more than half");
          let isSent = false;
          void fleet.call({ ...usual, corp: corps }).then(() => (isSent = true));
          await fleet.time.pass(0);
          expect(isSent).toBe(true);
          fleet.close();
          await fleet.time.pass(8000 * 300);
          expect(new Set(await Promise.all(outcomes))).toEqual(new Set(["sent"]));
        }),
        { numRuns },
      );
    },
    longTimeout,
  );

  it(
    "creates do not wait for reads",
    async () => {
      const reads = fc.array(fc.record({ corp: fc.nat(40), count: fc.integer({ min: 1, max: 30 }) }), {
        maxLength: 30,
      });
      await fc.assert(
        fc.asyncProperty(reads, fc.nat(41), async (script, corp) => {
          const fleet = new Fleet({ connections: fewConnections, maxInFlight: 10 });
          await fleet.add();
          for (const { corp, count } of script)
            for (let index = 0; index < count; index += 1)
              void fleet.call({ ...usual, corp, api: read, answerMs: 8000 });
          await fleet.time.pass(0);
          let sent = 0;
          for (let index = 0; index < 3; index += 1) void fleet.call({ ...usual, corp }).then(() => (sent += 1));
          await fleet.time.pass(0);
          fleet.close();
          expect(sent).toBe(3);
        }),
        { numRuns },
      );
    },
    longTimeout,
  );
});

const verdicts: Verdict[] = ["up", "down", "unknown"];
const circuitEvents = fc.array(
  fc.record({
    kind: fc.constantFrom("start" as const, "settle" as const, "settle" as const, "pass" as const),
    attempt: fc.nat(9),
    verdict: fc.constantFrom(...verdicts),
    ms: fc.constantFrom(1, 100, trialMs - 1, trialMs, 10_000),
  }),
  { minLength: 5, maxLength: 60 },
);

type Phase = { kind: "up" | "unreachable" | "silent" | "limited"; ms: number };
const away: fc.Arbitrary<Phase[]> = fc.array(
  fc.record({
    kind: fc.constantFrom("up" as const, "unreachable" as const, "silent" as const, "limited" as const),
    ms: fc.constantFrom(100, 900, 3000, 9000),
  }),
  { minLength: 1, maxLength: 4 },
);

describe("However WeCom goes away", () => {
  it(
    "a circuit lets a trial through in time, and what is said of an attempt counts once, and only while it matters",
    () => {
      fc.assert(
        fc.property(circuitEvents, fc.integer({ min: 1, max: 3 }), (script, failuresToOpen) => {
          let now = 1_900_000_000_000;
          const trialAt = (_now: number, startedAt: number) => startedAt + trialMs;
          const circuit = new CircuitBreaker({ failuresToOpen, trialAt });
          const attempts: Attempt[] = [];
          for (const { kind, attempt, verdict, ms } of script) {
            if (kind === "pass") now += ms;
            else if (kind === "settle") {
              const told = attempts[attempt];
              told?.settle(verdict, now);
              // Again, and differently: nothing happens.
              const state = `${circuit.isOpen} ${circuit.waitMs(now)}`;
              told?.settle(verdict === "up" ? "down" : "up", now);
              insist(`${circuit.isOpen} ${circuit.waitMs(now)}` === state, "an attempt was settled twice");
            } else if (circuit.waitMs(now) === 0) {
              attempts.unshift(circuit.start(now));
              // Nobody else, until it is settled or its time is over.
              if (circuit.isOpen) insist(circuit.waitMs(now) === trialMs, "two try at once");
            }
            insist(circuit.waitMs(now) <= trialMs, "it stays open for longer");
          }
          now += trialMs;
          expect(circuit.waitMs(now)).toBe(0);
          circuit.start(now).settle("up", now);
          expect(circuit.isOpen).toBe(false);
        }),
        { numRuns },
      );
    },
    longTimeout,
  );

  it(
    "a second after it is back, or its window is over, calls are sent again, and all of them",
    async () => {
      const run = async (phases: Phase[], chances: number[], replicas: number, windowMs: number) => {
        // As many places as there can be calls that hang: those who hold them all are no circuit's affair.
        const fleet = new Fleet({ maxInFlight: 200 });
        for (let index = 0; index < replicas; index += 1) await fleet.add();
        await fleet.time.pass(10);
        let asked = 0;
        let limitedUntil = -Infinity;
        const ask = (kind: string) => {
          const chance = chances[(asked += 1) % chances.length]!;
          // Some clients leave, some answers are lost, some calls are not sent after all.
          const isOdd = chance % 4 === 0;
          const askedAt = fleet.time.now;
          const isLimited = askedAt < limitedUntil;
          const isRefused = kind === "limited" || isLimited;
          const isLost = isOdd && kind !== "up" && !isRefused;
          const lost: CallEnd = chance % 8 === 0 ? "undecided" : "not-sent";
          const end: CallEnd = isRefused ? "too-often" : kind === "up" ? "answered" : (kind as CallEnd);
          const outcome = fleet.call({
            ...{ ...usual, replica: chance, leavesMs: isOdd ? 5 : 0 },
            answerMs: kind === "silent" && !isRefused ? 8000 : 20,
            end: isLost ? lost : end,
          });
          // WeCom's window begins with the first call that it refuses.
          void outcome.then((sent) => {
            if (sent === "sent" && isRefused && askedAt >= limitedUntil) limitedUntil = askedAt + windowMs;
          });
          return outcome;
        };
        const askFor = async (kind: string, ms: number, everyMs: number) => {
          const until = fleet.time.now + ms;
          while (fleet.time.now < until) {
            void ask(kind);
            await fleet.time.pass(everyMs);
          }
        };
        for (const { kind, ms } of phases) await askFor(kind, ms, 100);
        // What was sent in the last phase and is refused, was.
        await fleet.time.pass(0);
        while (fleet.time.now < limitedUntil) {
          void ask("up");
          await fleet.time.pass(Math.min(20_000, limitedUntil + 50 - fleet.time.now));
        }
        await askFor("up", 1000, 50);
        // Of a longer window it is not known when it ends: one call a minute finds out.
        if (windowMs > minuteMs && limitedUntil > 0) await askFor("up", minuteMs, 1000);
        for (let index = 0; index < 20; index += 1) {
          const outcome = ask("up");
          await fleet.time.pass(100);
          insist((await Promise.race([outcome, Promise.resolve("late")])) === "sent", "a call was not sent");
        }
        fleet.close();
      };
      await fc.assert(
        fc.asyncProperty(
          away,
          fc.array(fc.nat(100), { minLength: 5, maxLength: 30 }),
          fc.constantFrom(1, 1, 3),
          fc.constantFrom(minuteMs, minuteMs, 2.5 * minuteMs),
          run,
        ),
        { numRuns },
      );
    },
    longTimeout,
  );
});
