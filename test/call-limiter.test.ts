/**
 * What the limiter promises whatever happens: random interleavings of calls, waits, answers, clocks and replicas in virtual
 * time. `PROPERTY_CASES=100000` runs the long form.
 */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { Store } from "../src/stores/store.js";
import { CallLimiter, type CallEnd } from "../src/wecom/limits/call-limiter.js";
import type { CallLimits } from "../src/wecom/limits/call-limits.js";
import { StoreLimitSync } from "../src/wecom/limits/limit-sync.js";
import type { TimeLimit } from "../src/wecom/deadline.js";
import { VirtualTime } from "./support/virtual-time.js";

const numRuns = Number(process.env["PROPERTY_CASES"] ?? 25);
const longTimeout = 30_000 + numRuns * 200;

const start = 1_900_000_000_000;
const create = "living/create";
const read = "living/get_living_info";
const minuteMs = 60_000;
const hourMs = 3_600_000;
const silent = { debug: ignore, info: ignore, warn: ignore, error: ignore } as never;
function ignore(): void {}

/** Of a client that may leave. */
class Client implements TimeLimit {
  readonly remainingMs = 8000;
  readonly isNearEnd = false;
  #listeners = new Set<(reason: string) => void>();
  onCancel(listener: (reason: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
  leave(): void {
    for (const listener of [...this.#listeners]) listener("the client left");
  }
}

/** A store whose messages take a while. */
const storeWith = (time: VirtualTime, delayMs: () => number) => {
  const listeners = new Set<(message: string) => void>();
  const records = new Map<string, { value: string | undefined; until: number }>();
  return {
    publish: (_channel: string, message: string) => {
      for (const listener of listeners) time.after(delayMs(), () => listeners.has(listener) && listener(message));
      return Promise.resolve();
    },
    listen: (_channel: string, channel: Parameters<Store["listen"]>[1]) => {
      const listener = (message: string): void => {
        channel.onMessage(message);
      };
      listeners.add(listener);
      channel.onHearing?.();
      return Promise.resolve({ isHearing: true, stop: () => listeners.delete(listener) });
    },
    scan: async function* () {},
    set: () => Promise.resolve(),
    delete: () => Promise.resolve(true),
    compareAndSet: (...[key, expected, value, expiry]: Parameters<Store["compareAndSet"]>) => {
      const record = records.get(key);
      if ((record && record.until > time.now ? record.value : undefined) !== expected) return Promise.resolve(false);
      records.set(key, {
        value,
        until: time.now + (expiry && "expiresInMs" in expiry ? (expiry.expiresInMs ?? Infinity) : Infinity),
      });
      return Promise.resolve(true);
    },
  } as never as ConstructorParameters<typeof StoreLimitSync>[0]["store"];
};

const maxInFlight = 2;
const connections = 4096;

class Fleet {
  readonly time = new VirtualTime(start);
  readonly replicas: { limiter: CallLimiter; sync: StoreLimitSync; setBackMs: number }[] = [];
  /** When calls were sent, by corp. */
  readonly sent = new Map<string, number[]>();
  readonly #store;

  constructor(
    private readonly limits: CallLimits,
    messageMs: () => number,
    private readonly inFlight = maxInFlight,
  ) {
    this.#store = storeWith(this.time, messageMs);
  }

  async add(setBackMs = 0): Promise<number> {
    const replica = { setBackMs } as (typeof this.replicas)[number];
    const now = () => this.time.now - replica.setBackMs;
    replica.sync = new StoreLimitSync({ store: this.#store, log: silent, clock: this.time, now });
    replica.limiter = new CallLimiter({
      maxInFlight: this.inFlight,
      connections,
      limits: this.limits,
      now,
      sync: replica.sync,
    });
    await replica.sync.connect(replica.limiter);
    return this.replicas.push(replica) - 1;
  }

  /** One call, which is sent a while after it was let through, and ends a while after that. */
  async call({
    replica,
    corp,
    sendMs,
    answerMs,
    end,
    leavesMs,
    caller,
    operation,
    api = create,
  }: Call): Promise<"sent" | "refused"> {
    const { limiter } = this.replicas[replica % this.replicas.length]!;
    const client = new Client();
    if (leavesMs > 0) this.time.after(leavesMs, () => client.leave());
    try {
      const claimant = { corp: `corp${corp}`, caller, operation: operation ?? client };
      const permit = await limiter.acquire(claimant, api, client);
      this.time.after(sendMs, () => {
        if (end !== "not-sent" && end !== "unreachable") {
          const sent = this.sent.get(`corp${corp}`) ?? [];
          this.sent.set(`corp${corp}`, sent);
          sent.push(this.time.now);
        }
        this.time.after(answerMs, () => limiter.release(permit, end));
      });
      return "sent";
    } catch {
      return "refused";
    }
  }

  close(): void {
    for (const { sync } of this.replicas) sync.close();
  }
}

interface Call {
  readonly replica: number;
  readonly corp: number;
  readonly sendMs: number;
  readonly answerMs: number;
  readonly end: CallEnd;
  readonly leavesMs: number;
  readonly caller?: string;
  readonly operation?: object;
  readonly api?: string;
}

const usual: Call = { replica: 0, corp: 0, sendMs: 0, answerMs: 20, end: "answered", leavesMs: 0 };

/** The most that any window holds. */
const most = (times: readonly number[], windowMs: number): number => {
  const sorted = [...times].sort((one, other) => one - other);
  let oldest = 0;
  return sorted.reduce((max, at, index) => {
    while (sorted[oldest]! <= at - windowMs) oldest += 1;
    return Math.max(max, index - oldest + 1);
  }, 0);
};

const ends: CallEnd[] = ["answered", "too-many", "unreachable", "silent", "undecided", "not-sent"];
const calls = fc.record({
  replica: fc.nat(9),
  corp: fc.nat(2),
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
  | { kind: "pass"; ms: number }
  | { kind: "setBack"; replica: number; ms: number };
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant("calls" as const),
        count: fc.integer({ min: 1, max: 12 }),
        call: calls,
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant("pass" as const), ms: fc.constantFrom(1, 30, 300, 4000, 7000, 56_000) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant("setBack" as const),
        replica: fc.nat(9),
        ms: fc.constantFrom(1, 5000, 61_000),
      }),
    },
  ),
  { minLength: 10, maxLength: 60 },
);

describe("However calls, waits, answers and clocks interleave", () => {
  const limits = { perCorpAndMinute: 20, perCorpAndHour: 50, perAddressAndMinute: 45, perAddressAndHour: 110 };

  it.each([1, 3, 10])(
    "%d replicas never send more than the limit and the slack in any minute or hour",
    async (replicas) => {
      // Those who have a permit and have not sent yet; and what the others do while a message is on its way.
      const held = replicas * maxInFlight;
      const allowed = (limit: number) => limit + held + (replicas === 1 ? 0 : limit / 4);
      const run = async (script: Step[], delays: number[]) => {
        let message = 0;
        const fleet = new Fleet(limits, () => delays[(message += 1) % delays.length]!);
        for (let index = 0; index < replicas; index += 1) await fleet.add(delays[index % delays.length]);
        // Each has heard of the others.
        await fleet.time.pass(1100);
        for (const step of script) {
          if (step.kind === "pass") await fleet.time.pass(step.ms);
          else if (step.kind === "setBack") fleet.replicas[step.replica % replicas]!.setBackMs += step.ms;
          else
            for (let index = 0; index < step.count; index += 1)
              void fleet.call({ ...step.call, replica: step.call.replica + index });
        }
        await fleet.time.pass(10_000);
        for (const sent of fleet.sent.values()) {
          expect(most(sent, minuteMs)).toBeLessThanOrEqual(allowed(limits.perCorpAndMinute));
          expect(most(sent, hourMs)).toBeLessThanOrEqual(allowed(limits.perCorpAndHour));
        }
        const all = [...fleet.sent.values()].flat();
        expect(most(all, minuteMs)).toBeLessThanOrEqual(allowed(limits.perAddressAndMinute) + 2 * held);
        expect(most(all, hourMs)).toBeLessThanOrEqual(allowed(limits.perAddressAndHour) + 2 * held);
        // Nothing is held any more: once the windows are over, each replica calls again.
        fleet.close();
        await fleet.time.pass(2 * hourMs);
        for (const index of fleet.replicas.keys()) {
          const outcome = fleet.call({ ...usual, replica: index, corp: 9 });
          await fleet.time.pass(10);
          expect(await outcome).toBe("sent");
        }
      };
      await fc.assert(
        fc.asyncProperty(steps, fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 3, maxLength: 9 }), run),
        // Their messages to each other take most of the time.
        { numRuns: Math.ceil(replicas === 10 && numRuns < 1000 ? numRuns / 5 : numRuns) },
      );
    },
    longTimeout,
  );
});

describe("However WeCom goes away", () => {
  const away: fc.Arbitrary<{ kind: "up" | "unreachable" | "silent" | "limited"; ms: number }[]> = fc.array(
    fc.record({
      kind: fc.constantFrom("up" as const, "unreachable" as const, "silent" as const, "limited" as const),
      ms: fc.constantFrom(100, 900, 3000, 20_000),
    }),
    { minLength: 1, maxLength: 6 },
  );

  it(
    "a second after it is back, or its window is over, calls are sent again, and all of them",
    async () => {
      const run = async (
        phases: { kind: "up" | "unreachable" | "silent" | "limited"; ms: number }[],
        chances: number[],
      ) => {
        const unlimited = {
          perCorpAndMinute: 1e6,
          perCorpAndHour: 1e6,
          perAddressAndMinute: 1e6,
          perAddressAndHour: 1e6,
        };
        // As many places as there can be calls that hang: those who hold them all are no circuit's affair.
        const fleet = new Fleet(unlimited, () => 1, 200);
        await fleet.add();
        let asked = 0;
        let refusedSince = -Infinity;
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
            ...{ ...usual, leavesMs: isOdd ? 5 : 0 },
            answerMs: kind === "silent" && !isRefused ? 8000 : 20,
            end: isLost ? lost : end,
          });
          // WeCom's window begins with the first call that it refuses.
          void outcome.then((sent) => {
            if (sent === "sent" && isRefused && askedAt >= limitedUntil) limitedUntil = askedAt + minuteMs;
          });
          return outcome;
        };
        for (const { kind, ms } of [...phases]) {
          for (let passed = 0; passed < ms; passed += 50) {
            void ask(kind);
            await fleet.time.pass(50);
          }
        }
        // What was sent in the last phase and is refused, was.
        await fleet.time.pass(0);
        const backAt = Math.max(fleet.time.now, limitedUntil + 50);
        while (fleet.time.now < backAt + 1000) {
          void ask("up");
          await fleet.time.pass(50);
        }
        for (let index = 0; index < 100; index += 1) {
          if ((await Promise.race([ask("up"), fleet.time.pass(50).then(() => "late")])) !== "sent")
            refusedSince = fleet.time.now;
          await fleet.time.pass(50);
        }
        fleet.close();
        expect(refusedSince).toBe(-Infinity);
      };
      await fc.assert(fc.asyncProperty(away, fc.array(fc.nat(100), { minLength: 5, maxLength: 30 }), run), { numRuns });
    },
    longTimeout,
  );
});

describe("Under a limit that many share", () => {
  const none = { perCorpAndMinute: 1e6, perCorpAndHour: 1e6, perAddressAndMinute: 1e6, perAddressAndHour: 1e6 };

  const askMany = (fleet: Fleet, count: number, call: Partial<Call>) =>
    Promise.all(Array.from({ length: count }, () => fleet.call({ ...usual, ...call })));

  it("a caller waits for one call of each other caller, however many operations those have", async () => {
    const fleet = new Fleet(none, () => 1);
    await fleet.add();
    void askMany(fleet, 200, { caller: "busy" });
    await fleet.time.pass(1);
    let isDone = false;
    void fleet.call({ ...usual, caller: "other" }).then(() => (isDone = true));
    await fleet.time.pass(40);
    fleet.close();

    expect(isDone).toBe(true);
  });

  it("an operation waits for one call of each other operation of its caller", async () => {
    const fleet = new Fleet(none, () => 1);
    await fleet.add();
    const operation = {};
    void askMany(fleet, 200, { caller: "one", operation });
    await fleet.time.pass(1);
    let isDone = false;
    void fleet.call({ ...usual, caller: "one" }).then(() => (isDone = true));
    await fleet.time.pass(40);
    fleet.close();

    expect(isDone).toBe(true);
  });

  it("a create does not wait for reads", async () => {
    const fleet = new Fleet(none, () => 1);
    await fleet.add();
    void askMany(fleet, 500, { api: read });
    await fleet.time.pass(1);
    const before = fleet.time.now;
    await Promise.all([fleet.call(usual), fleet.time.pass(0)]);
    fleet.close();

    expect(fleet.time.now).toBe(before);
  });

  it("a corp that has called little is let through although others have used most of what the address may", async () => {
    const fleet = new Fleet({ ...none, perAddressAndMinute: 220 }, () => 1);
    await fleet.add();
    for (let round = 0; round < 60; round += 1) {
      for (let corp = 0; corp < 10; corp += 1) void fleet.call({ ...usual, corp });
      await fleet.time.pass(25);
    }
    const used = Array.from({ length: 10 }, (_, corp) => fleet.sent.get(`corp${corp}`)!.length);
    const newcomer = askMany(fleet, 2, { corp: 99 });
    await fleet.time.pass(25);
    fleet.close();

    expect(Math.max(...used) - Math.min(...used)).toBeLessThanOrEqual(1);
    expect(used[0]).toBe(20);
    expect(await newcomer).toEqual(["sent", "sent"]);
  });

  it("a hundred corps whose calls hang leave connections for another, and for another API", async () => {
    const fleet = new Fleet(none, () => 1, 10);
    await fleet.add();
    for (let corp = 0; corp < 100; corp += 1) void askMany(fleet, 20, { corp, answerMs: 8000 });
    await fleet.time.pass(1);
    const held = [...fleet.sent.values()].map(({ length }) => length);
    const others = askMany(fleet, 5, { corp: 999 });
    const reads = Promise.all(Array.from({ length: 40 }, (_, corp) => askMany(fleet, 10, { corp, api: read })));
    await fleet.time.pass(0);
    const before = fleet.time.now;
    expect((await Promise.all([others, reads])).flat(2)).toEqual(Array(405).fill("sent"));
    expect(fleet.time.now).toBe(before);
    expect([held.length, Math.max(...held)]).toEqual([100, 10]);
    fleet.close();
  });

  it("however many calls hang, an API gets no more than half of the connections, and each call has its turn", async () => {
    const fleet = new Fleet(none, () => 1, 100);
    await fleet.add();
    for (let corp = 0; corp < 50; corp += 1) void askMany(fleet, 100, { corp, answerMs: 8000 });
    await fleet.time.pass(1);
    const sent = () => [...fleet.sent.values()].reduce((sum, { length }) => sum + length, 0);
    expect(sent()).toBeLessThanOrEqual(connections / 2);
    expect(await fleet.call({ ...usual, corp: 3, api: read })).toBe("sent");
    await fleet.time.pass(60_000);
    fleet.close();

    expect(sent()).toBe(50 * 100 + 1);
  });

  it("a call that is not sent does not count", async () => {
    const fleet = new Fleet({ ...none, perCorpAndMinute: 10 }, () => 1);
    await fleet.add();
    for (let index = 0; index < 50; index += 1) {
      void fleet.call({ ...usual, end: index % 2 === 0 ? "not-sent" : "unreachable" });
      await fleet.time.pass(25);
      // Five that met nobody open the circuit.
      if (index % 8 === 7) void fleet.call(usual);
      await fleet.time.pass(index % 8 === 7 ? 800 : 0);
    }
    fleet.close();

    expect(fleet.sent.get("corp0")).toHaveLength(6);
  });
});

describe("Replicas", () => {
  const limits = { perCorpAndMinute: 40, perCorpAndHour: 400, perAddressAndMinute: 400, perAddressAndHour: 400 };
  const burst = async (fleet: Fleet, replica: number, count: number) => {
    for (let index = 0; index < count; index += 1) {
      void fleet.call({ ...usual, replica, answerMs: 1 });
      await fleet.time.pass(2);
    }
  };

  it("that begin at the same moment do not each use up the limit", async () => {
    const fleet = new Fleet(limits, () => 50);
    for (let index = 0; index < 10; index += 1) await fleet.add();
    await fleet.time.pass(1100);
    for (let round = 0; round < 40; round += 1) {
      for (let replica = 0; replica < 10; replica += 1) void fleet.call({ ...usual, replica, answerMs: 1 });
      await fleet.time.pass(2);
    }
    fleet.close();

    expect(fleet.sent.get("corp0")!.length).toBeLessThanOrEqual(40 * 1.25);
  });

  it("tell each other soon, so that one can use what the others do not", async () => {
    const fleet = new Fleet(limits, () => 1);
    for (let index = 0; index < 3; index += 1) await fleet.add();
    await fleet.time.pass(1100);
    for (let round = 0; round < 20; round += 1) {
      await burst(fleet, 0, 2);
      await fleet.time.pass(20);
    }
    await burst(fleet, 1, 5);
    fleet.close();

    expect(fleet.sent.get("corp0")!.length).toBeGreaterThanOrEqual(38);
    expect(fleet.sent.get("corp0")!.length).toBeLessThanOrEqual(40);
  });
});

describe("A replica that starts, or has missed messages", () => {
  it("is told what the others have counted", async () => {
    const limits = { perCorpAndMinute: 20, perCorpAndHour: 30, perAddressAndMinute: 100, perAddressAndHour: 100 };
    const fleet = new Fleet(limits, () => 1);
    await fleet.add();
    for (let index = 0; index < 20; index += 1) {
      void fleet.call(usual);
      await fleet.time.pass(25);
    }
    const late = await fleet.add();
    await fleet.time.pass(25);
    const refused = fleet.call({ ...usual, replica: late });
    await fleet.time.pass(70_000);
    for (let index = 0; index < 20; index += 1) {
      void fleet.call({ ...usual, replica: index });
      await fleet.time.pass(25);
    }
    fleet.close();

    expect(await refused).toBe("refused");
    expect(fleet.sent.get("corp0")).toHaveLength(30);
  });
});
