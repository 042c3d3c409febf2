/** The fair queue, the semaphore, and the bulkhead that keeps connections for others. */
import { describe, expect, it } from "@jest/globals";
import { Deadline, type TimeLimit } from "../../../src/wecom/deadline.js";
import { WecomOverloadError } from "../../../src/wecom/errors.js";
import { Bulkhead, type BulkheadUser } from "../../../src/wecom/limits/bulkhead.js";
import { FairQueue } from "../../../src/wecom/limits/fair-queue.js";
import { Semaphore } from "../../../src/wecom/limits/semaphore.js";
import { VirtualTime } from "../../support/virtual-time.js";

describe("The fair queue", () => {
  const queueOf = (...paths: string[]) => {
    const queue = new FairQueue<string>();
    for (const path of paths) queue.add(path.split(" ").slice(0, 2), path);
    return queue;
  };
  const takeAll = (queue: FairQueue<string>) => {
    const taken = [];
    for (let item = queue.take(); item !== undefined; item = queue.take()) taken.push(item);
    return taken;
  };

  it("rotates by caller, and for each caller by operation", () => {
    const queue = queueOf("a 1 x", "a 1 y", "a 2 x", "b 1 x", "b 1 y", "c 1 x", "a 3 x");
    expect(queue).toHaveLength(7);

    expect(takeAll(queue)).toEqual(["a 1 x", "b 1 x", "c 1 x", "a 2 x", "b 1 y", "a 3 x", "a 1 y"]);
    expect(queue).toHaveLength(0);
    expect(queue.take()).toBeUndefined();
    expect(queue).toHaveLength(0);
  });

  it("skips an item that was removed, and a caller without items", () => {
    const queue = queueOf("a 1 x", "a 1 y", "b 1 x");

    expect(queue.remove(["a", "1"], "a 1 x")).toBe(true);
    expect(queue.remove(["a", "1"], "a 1 x")).toBe(false);
    expect(queue.remove(["a", "2"], "a 2 x")).toBe(false);
    expect(queue.remove(["d", "1"], "d 1 x")).toBe(false);
    expect(queue).toHaveLength(2);
    expect(queue.remove(["a", "1"], "a 1 y")).toBe(true);
    expect(queue.turnsUntil(["new", "1"])).toBe(2);
    expect(takeAll(queue)).toEqual(["b 1 x"]);
  });

  it("knows whether an operation of a caller waits", () => {
    const queue = queueOf("a 1 x", "b 2 x");

    expect(
      [
        ["a", "1"],
        ["b", "2"],
        ["a", "2"],
        ["c", "1"],
      ].map((path) => queue.has(path)),
    ).toEqual([true, true, false, false]);
    queue.take();
    expect(queue.has(["a", "1"])).toBe(false);
    expect(new FairQueue<string>().has(["a", "1"])).toBe(false);
    expect(new FairQueue<string>().remove(["a", "1"], "a 1 x")).toBe(false);
  });

  it.each([
    { who: "a new caller: behind one call of each", path: ["d", "1"], turns: 4 },
    { who: "a caller's new operation: behind two of each", path: ["a", "3"], turns: 7 },
    { who: "an operation's next call: no more than all", path: ["a", "1"], turns: 7 },
    { who: "the next call of the only operation", path: ["c", "1"], turns: 6 },
  ])("knows about how many turns it takes: $who", ({ path, turns }) => {
    const queue = queueOf("a 1 x", "a 1 y", "a 2 x", "b 1 x", "b 2 x", "c 1 x");

    expect(queue.turnsUntil(path)).toBe(turns);
  });

  it("predicts one step when it is empty", () => {
    expect(new FairQueue<string>().turnsUntil(["a", "1"])).toBe(1);
  });
});

const open = new Bulkhead(1e9);
const error = (reason: string) => new Error(reason);

const semaphoreOf = (maxInFlight: number) => new Semaphore("corp", "living/create", maxInFlight, open);
const hold = (semaphore: Semaphore, count: number) => {
  for (let call = 0; call < count; call += 1) expect(semaphore.tryAcquire()).toBe(true);
};
const patient: TimeLimit = { remainingMs: 1e6, isNearEnd: false, onCancel: () => () => undefined };
const capOf = (semaphore: Semaphore) => {
  let free = 0;
  while (semaphore.tryAcquire()) free += 1;
  for (let call = 0; call < free; call += 1) semaphore.release();
  return free;
};

describe("The semaphore", () => {
  it("admits up to its cap, and a trial besides", () => {
    const semaphore = semaphoreOf(2);
    expect(semaphore.isIdle).toBe(true);
    hold(semaphore, 2);

    expect([semaphore.tryAcquire(), semaphore.inFlight, semaphore.isIdle]).toEqual([false, 2, false]);
    expect([semaphore.tryAcquire(true), semaphore.inFlight]).toEqual([true, 3]);
    for (let call = 0; call < 3; call += 1) semaphore.release();
    expect(semaphore.isIdle).toBe(true);
  });

  it("admits waiting calls one by one, in the queue's order", async () => {
    const semaphore = semaphoreOf(1);
    hold(semaphore, 1);
    const started: string[] = [];
    for (const caller of ["a", "b"])
      void semaphore.acquire([caller, caller], patient, 0, error).then(() => started.push(caller));
    expect([semaphore.waiting, semaphore.isIdle]).toEqual([2, false]);
    semaphore.release();
    await Promise.resolve();
    expect([started, semaphore.waiting, semaphore.inFlight]).toEqual([["a"], 1, 1]);
    semaphore.release();
    await Promise.resolve();

    expect([started, semaphore.waiting, semaphore.inFlight]).toEqual([["a", "b"], 0, 1]);
  });

  it("rejects a waiting call at its deadline, with the reason", async () => {
    const time = new VirtualTime(0);
    const semaphore = semaphoreOf(1);
    hold(semaphore, 1);
    const waiting = semaphore.acquire(["a", "a"], new Deadline(1000, time), 0, error);
    const outcome = expect(waiting).rejects.toThrow(/deadline|time/i);
    await time.pass(1000);
    await outcome;
    semaphore.release();

    expect([semaphore.waiting, semaphore.inFlight]).toEqual([0, 0]);
  });

  it("halves its cap at 45033, once for all calls that were in flight together", () => {
    const semaphore = semaphoreOf(8);
    hold(semaphore, 8);
    const { timesLowered } = semaphore;
    semaphore.tooMany(timesLowered, 0);
    semaphore.tooMany(timesLowered, 0);
    for (let call = 0; call < 8; call += 1) semaphore.release();

    expect([capOf(semaphore), semaphore.timesLowered, semaphore.isIdle]).toEqual([4, timesLowered + 1, false]);
  });

  it("halves from the number in flight, and never to 0", () => {
    const semaphore = semaphoreOf(8);
    hold(semaphore, 6);
    semaphore.tooMany(0, 0);
    for (let call = 0; call < 6; call += 1) semaphore.release();
    expect(capOf(semaphore)).toBe(3);
    hold(semaphore, 1);
    semaphore.tooMany(1, 0);
    semaphore.release();

    expect(capOf(semaphore)).toBe(1);
  });

  it("raises its cap by one a second, up to the setting", () => {
    const semaphore = semaphoreOf(3);
    hold(semaphore, 3);
    semaphore.tooMany(0, 10_000);
    for (let call = 0; call < 3; call += 1) semaphore.release();
    const caps = [10_999, 11_000, 11_999, 12_000, 13_000].map((now) => {
      semaphore.answered(now, now);
      return capOf(semaphore);
    });

    expect(caps).toEqual([1, 2, 2, 3, 3]);
    expect(semaphore.isIdle).toBe(true);
  });

  it("does not raise its cap while WeCom still refuses calls that were in flight", () => {
    const semaphore = semaphoreOf(3);
    hold(semaphore, 3);
    semaphore.tooMany(0, 0);
    semaphore.tooMany(0, 900);
    semaphore.answered(1000, 1000);
    for (let call = 0; call < 3; call += 1) semaphore.release();

    expect(capOf(semaphore)).toBe(1);
  });
});

describe("The semaphore is waited for", () => {
  /** Of one corp, where each call takes `callMs`, with so many of other callers in the queue since `at`. */
  const crowdedBy = (waiting: number, callMs: number, at = 0) => {
    const semaphore = semaphoreOf(1);
    // Up slowly: by a 32th of the difference each time.
    for (let call = 0; call < 1000; call += 1) semaphore.answered(at + call * callMs, at + (call + 1) * callMs);
    hold(semaphore, 1);
    for (let call = 0; call < waiting; call += 1) void semaphore.acquire([call, call], patient, at, error);
    return semaphore;
  };
  const refusalOf = async (semaphore: Semaphore, path: unknown[], timeLimit: TimeLimit, now: number) => {
    const before = semaphore.waiting;
    const waiting = (async () => semaphore.acquire(path, timeLimit, now, error))();
    await Promise.resolve();
    if (semaphore.waiting > before) return undefined;
    return waiting.then(
      () => undefined,
      (refusal: unknown) => {
        expect(refusal).toBeInstanceOf(WecomOverloadError);
        const { api, retryAfterSeconds } = refusal as WecomOverloadError;
        return { api, retryAfterSeconds };
      },
    );
  };
  const timeLimit = (remainingMs: number) => ({ ...patient, remainingMs });

  it.each([
    { remainingMs: 1099, isRefused: true },
    { remainingMs: 1101, isRefused: false },
  ])("by a call with $remainingMs ms left, of 1,100 that it would take: refused $isRefused", async (row) => {
    // Nine calls before it, itself, and its answer.
    const semaphore = crowdedBy(9, 100);
    const refusal = await refusalOf(semaphore, ["new", 1], timeLimit(row.remainingMs), 0);

    expect(refusal).toEqual(row.isRefused ? { api: "living/create", retryAfterSeconds: 1 } : undefined);
  });

  it("for as many seconds as the queue takes, says a refusal", async () => {
    const semaphore = crowdedBy(25, 100);

    expect(await refusalOf(semaphore, ["new", 1], timeLimit(500), 0)).toEqual({
      api: "living/create",
      retryAfterSeconds: 3,
    });
  });

  it.each([
    { waiting: 9, passedMs: 101, remainingMs: 7000, isRefused: true },
    // Many at once are no overload yet.
    { waiting: 9, passedMs: 100, remainingMs: 7000, isRefused: false },
    // Its turn comes within half a second, or a sixteenth of what is left.
    { waiting: 3, passedMs: 101, remainingMs: 7000, isRefused: false },
    { waiting: 9, passedMs: 101, remainingMs: 17_000, isRefused: false },
  ])(
    "by a new operation behind $waiting, $passedMs ms after the first, with $remainingMs ms left: refused $isRefused",
    async ({ waiting, passedMs, remainingMs, isRefused }) => {
      const semaphore = crowdedBy(waiting, 100);
      const refusal = await refusalOf(semaphore, ["new", 1], timeLimit(remainingMs), passedMs);

      expect(refusal !== undefined).toBe(isRefused);
    },
  );

  it("by an operation that waits already, however long its turn takes", async () => {
    const semaphore = crowdedBy(9, 100);

    expect(await refusalOf(semaphore, [3, 3], timeLimit(7000), 101)).toBeUndefined();
  });

  it("by 2,000 calls and no more", async () => {
    const semaphore = crowdedBy(1999, 0);
    expect(await refusalOf(semaphore, ["new", 1], timeLimit(1e9), 0)).toBeUndefined();

    expect(await refusalOf(semaphore, ["new", 1], timeLimit(1e9), 0)).toEqual({
      api: "living/create",
      retryAfterSeconds: 1,
    });
  });
});

class User implements BulkheadUser {
  inFlight = 0;
  waiting = 0;
  started = 0;
  constructor(
    readonly bulkhead: Bulkhead,
    readonly corp: string,
    readonly api: string,
  ) {}
  take(most = Infinity): number {
    let taken = 0;
    while (taken < most && this.bulkhead.tryAcquire(this)) {
      taken += 1;
      this.inFlight += 1;
    }
    return taken;
  }
  free(): void {
    this.inFlight -= 1;
    this.bulkhead.release(this);
  }
  startNext(): void {
    this.started += 1;
    this.waiting -= 1;
  }
}

const takeOneOfEach = (bulkhead: Bulkhead, corp: string, apis: number) => {
  let taken = 0;
  for (let api = 0; api < apis; api += 1) taken += new User(bulkhead, corp, `${corp} ${api}`).take(1);
  return taken;
};

describe("The bulkhead", () => {
  it("gives an API at most half of all connections", () => {
    const bulkhead = new Bulkhead(64);
    const corps = Array.from({ length: 100 }, (_, corp) => new User(bulkhead, `corp${corp}`, "a"));
    const taken = corps.reduce((sum, user) => sum + user.take(1), 0);

    expect(taken).toBe(32);
    expect(new User(bulkhead, "new", "b").take(1)).toBe(1);
    corps[0]!.free();
    expect(new User(bulkhead, "newer", "a").take(1)).toBe(1);
  });

  it("keeps a quarter free from a corp at one API, and four more for each that it holds", () => {
    const bulkhead = new Bulkhead(640);
    const user = new User(bulkhead, "one", "a");

    // n + n + 4n < 640 - 160, and of none held only n besides.
    expect(user.take()).toBe(80);
  });

  it("keeps an eighth free from a corp at many APIs, of which another corp gets one", () => {
    const bulkhead = new Bulkhead(64);

    expect(takeOneOfEach(bulkhead, "one", 100)).toBe(56);
    expect(takeOneOfEach(bulkhead, "two", 100)).toBe(1);
  });

  it("keeps a sixteenth free from a corp below half of the average, and four for each that it holds", () => {
    const bulkhead = new Bulkhead(64);
    expect(takeOneOfEach(bulkhead, "one", 40)).toBe(40);

    expect(takeOneOfEach(bulkhead, "two", 100)).toBe(4);
  });

  it("keeps one of sixteen free from an API that has many, for a corp that has none", () => {
    const bulkhead = new Bulkhead(64);
    for (let corp = 0; corp < 32; corp += 1) expect(new User(bulkhead, `a${corp}`, "a").take(1)).toBe(1);
    let taken = 0;
    for (let corp = 0; corp < 40; corp += 1) taken += new User(bulkhead, `b${corp}`, "b").take(1);

    // The 31st would leave two, which is no more than its API's thirty by sixteen.
    expect(taken).toBe(31);
  });

  it("frees connections that are released", () => {
    const bulkhead = new Bulkhead(64);
    const user = new User(bulkhead, "one", "a");
    const most = user.take();
    for (let call = 0; call < most; call += 1) user.free();

    expect([most, user.take()]).toEqual([8, 8]);
  });

  it("counts what was released for nobody: neither against others, nor against the corp that had it", () => {
    const bulkhead = new Bulkhead(64);
    const user = new User(bulkhead, "one", "a");
    for (let calls = user.take(); calls > 0; calls -= 1) user.free();

    expect(takeOneOfEach(bulkhead, "two", 100)).toBe(56);
    // The others keep eight free for corps that hold none.
    expect(user.take(1)).toBe(1);
  });

  it("offers a free connection to refused users that still wait", () => {
    const bulkhead = new Bulkhead(2);
    const holder = new User(bulkhead, "one", "a");
    const [waits, gone] = [new User(bulkhead, "two", "a"), new User(bulkhead, "three", "a")];
    holder.take(1);
    expect([waits.take(), gone.take()]).toEqual([0, 0]);
    waits.waiting = 1;
    holder.free();
    expect([waits.started, gone.started]).toEqual([1, 0]);
    holder.take(1);
    holder.free();

    // Once: who is refused again is remembered again.
    expect(waits.started).toBe(1);
  });

  it("offers each released connection to 32 refused users, in rotation", () => {
    const bulkhead = new Bulkhead(2);
    const holder = new User(bulkhead, "one", "a");
    holder.take(1);
    const users = Array.from({ length: 40 }, (_, index) => new User(bulkhead, `corp${index}`, "a"));
    for (const user of users) {
      expect(user.take()).toBe(0);
      user.waiting = 1;
    }
    holder.free();

    expect(users.map(({ started }) => started)).toEqual([...Array(32).fill(1), ...Array(8).fill(0)]);
    holder.take(1);
    for (const user of users) user.waiting = 1;
    holder.free();
    expect(users.map(({ started }) => started)).toEqual(Array(40).fill(1));
  });

  it("offers the last released connection to who waits behind 40 that wait no more", () => {
    const bulkhead = new Bulkhead(2);
    const holder = new User(bulkhead, "one", "a");
    holder.take(1);
    for (let index = 0; index < 40; index += 1) new User(bulkhead, `gone${index}`, "a").take();
    const waits = new User(bulkhead, "two", "a");
    waits.take();
    waits.waiting = 1;
    holder.free();

    expect(waits.started).toBe(1);
  });
});
