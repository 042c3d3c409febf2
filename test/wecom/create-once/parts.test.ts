// What creates rest on: the watch over the store, the lock of a booking, the journal, the reconciler. Their clock is a variable.
import { beforeEach, describe, expect, it } from "@jest/globals";
import { createLogger } from "../../../src/observability/logger.js";
import { lookPauseMs, reconcilePauseMs, waitPauseMs } from "../../../src/wecom/create-once/backoff.js";
import { BookingLock, bookingOf } from "../../../src/wecom/create-once/booking-lock.js";
import { Journal, type OpenCreate } from "../../../src/wecom/create-once/journal.js";
import type { KeyedCreates } from "../../../src/wecom/create-once/keyed-create.js";
import { Reconciler } from "../../../src/wecom/create-once/reconciler.js";
import { SentHere } from "../../../src/wecom/create-once/sent-here.js";
import { StoreWatch } from "../../../src/wecom/create-once/store-watch.js";
import { Deadline } from "../../../src/wecom/deadline.js";
import { MemoryStore } from "../../support/memory-store.js";
import { VirtualTime } from "../../support/virtual-time.js";

const start = 1_900_000_000_000;
const log = createLogger("silent");
let time: VirtualTime;
let store: MemoryStore;
beforeEach(() => {
  time = new VirtualTime(start);
  store = new MemoryStore(() => time.now);
});
const exactly = { earliestMs: () => time.now, latestMs: () => time.now };

/** What becomes of a promise within a time: "waits", or how it ended. */
async function within<T>(ms: number, promise: Promise<T>): Promise<T | string> {
  let outcome: T | string = "waits";
  promise.then(
    (value) => (outcome = value),
    (error: unknown) => (outcome = (error as Error).message),
  );
  await time.pass(ms);
  return outcome;
}

describe("The watch over the store", () => {
  const holdMs = 60_000;
  let epochs = 0;
  const watchOver = (isShared: boolean) =>
    new StoreWatch({ store, clock: time, log, random: () => (epochs += 0.001), holdMs, isShared });
  const started = async (isShared = true) => {
    const watch = watchOver(isShared);
    await watch.start();
    return watch;
  };
  const confirmed = (watch: StoreWatch) => watch.confirm().then(() => "confirmed");
  const tick = () => (JSON.parse(store.records.get("creates-watch")!.value) as { tick: number }).tick;

  it("knows the store's time between two bounds, as far apart as the answer took", async () => {
    store.now = async () => {
      await new Promise<void>((resolve) => time.after(30, resolve));
      return 5_000_000;
    };
    const watch = watchOver(false);
    const asked = watch.askTime();
    await time.pass(30);
    await asked;
    expect([watch.earliestMs(), watch.latestMs()]).toEqual([5_000_000, 5_000_030]);
    time.now += 100;

    expect([watch.earliestMs(), watch.latestMs()]).toEqual([5_000_100, 5_000_130]);
  });

  it("lets a new process confirm no write until all others have looked at a store that may have been emptied", async () => {
    const first = await started();
    expect(await within(1999, confirmed(first))).toBe("waits");
    const second = await started();
    expect(await within(1, confirmed(second))).toBe("confirmed");
    const third = await started();
    expect(await within(0, confirmed(third))).toBe("confirmed");
    for (const watch of [first, second, third]) watch.stop();
  });

  it("makes nobody wait where the store is one process's", async () => {
    const watch = await started(false);

    expect(await within(0, confirmed(watch))).toBe("confirmed");
    watch.stop();
  });

  it.each([
    ["was emptied", () => store.records.clear()],
    [
      "is one that was a tick behind",
      () => {
        const { value, ...rest } = store.records.get("creates-watch")!;
        const watch = JSON.parse(value) as { tick: number };
        store.records.set("creates-watch", { ...rest, value: JSON.stringify({ ...watch, tick: watch.tick - 1 }) });
      },
    ],
  ])(
    "holds unknown keys for as long as a create may take effect, in each process, when the store %s",
    async (_, lose) => {
      const [one, other] = [await started(), await started()];
      await time.pass(5000);
      expect([one.isHeld, other.isHeld]).toEqual([false, false]);
      lose();
      await one.confirm();
      expect([one.isHeld, one.heldUntilMs]).toEqual([true, time.now + holdMs]);
      await other.confirm();
      expect(other.heldUntilMs).toBe(one.heldUntilMs);

      await time.pass(holdMs - 1);
      expect([one.isHeld, other.isHeld]).toEqual([true, true]);
      await time.pass(1);
      expect([one.isHeld, other.isHeld]).toEqual([false, false]);
      for (const watch of [one, other]) watch.stop();
    },
  );

  it("writes twice a second at most that the store goes on, however many processes do", async () => {
    const watches = [await started()];
    for (let others = 0; others < 2; others += 1) {
      await time.pass(150);
      watches.push(await started());
    }
    const before = tick();
    await time.pass(10_000);

    expect(tick() - before).toBeGreaterThanOrEqual(15);
    expect(tick() - before).toBeLessThanOrEqual(25);
    for (const watch of watches) watch.stop();
    const atStop = tick();
    await time.pass(5000);
    expect(tick()).toBe(atStop);
  });
});

describe("The lock of a booking", () => {
  const lockOf = (self: string, isShared = true, clock = time) =>
    new BookingLock({ store, clock, time: exactly, self, isShared });
  const deadline = (ms = 60_000) => new Deadline(ms, time);
  const request = { anchor_userid: "ZhangSan", living_start: 7, theme: " theme ", living_duration: 60 };

  it("is of the corp, the anchor in any spelling, the start and the theme", () => {
    const booking = bookingOf("corp", request);

    expect(bookingOf("corp", { ...request, anchor_userid: "zhangsan", theme: "theme", living_duration: 90 })).toBe(
      booking,
    );
    for (const other of [{ anchor_userid: "lisi" }, { living_start: 8 }, { theme: "other" }])
      expect(bookingOf("corp", { ...request, ...other })).not.toBe(booking);
    expect(bookingOf("other", request)).not.toBe(booking);
  });

  it("is shared by many, and then one's alone; who comes after that one waits for it", async () => {
    const lock = lockOf("a", false);
    const shares = [await lock.shared("b", deadline()), await lock.shared("b", deadline())];
    const entered: string[] = [];
    const alone = lock.exclusive("b", deadline()).then(({ release }) => (entered.push("alone"), release));
    const later = Promise.resolve(lock.shared("b", deadline())).then((release) => (entered.push("later"), release));
    expect(await within(0, Promise.resolve(lock.shared("other", deadline())))).not.toBe("waits");
    shares[0]!();
    await time.pass(0);
    expect(entered).toEqual([]);
    shares[1]!();
    await time.pass(0);
    expect(entered).toEqual(["alone"]);
    (await alone)();
    await time.pass(0);
    expect(entered).toEqual(["alone", "later"]);
    (await later)();
    // The store is asked only where others use it.
    expect(store.asked).toBe(0);
  });

  it("is not waited for after the deadline, nor by those that waited only for who has given up", async () => {
    const lock = lockOf("a", false);
    const release = await lock.shared("b", deadline());
    const alone = lock.exclusive("b", deadline(100));
    const later = Promise.resolve(lock.shared("b", deadline())).then(() => "entered");
    expect(await within(99, alone)).toBe("waits");
    expect(await within(1, alone)).toMatch(/deadline passed/);
    await expect(alone).rejects.toMatchObject({ delivery: "none", mayHaveTakenEffect: false });

    expect(await within(0, later)).toBe("entered");
    release();
  });

  it("is one's alone among all replicas, until it is released", async () => {
    const [one, other] = [lockOf("one"), lockOf("other")];
    const held = await one.exclusive("b", deadline());
    const waiting = other.exclusive("b", deadline());
    // Longer than a lease lasts that nobody prolongs.
    expect(await within(10_000, waiting)).toBe("waits");
    expect(held.isHeld()).toBe(true);
    held.release();

    expect(await within(25, waiting)).toHaveProperty("release");
  });

  it("is another replica's two seconds after the one that has it has died, and the dead one knows", async () => {
    const stopped = new VirtualTime(start);
    const held = await lockOf("one", true, stopped).exclusive("b", new Deadline(60_000, stopped));
    const waiting = lockOf("other").exclusive("b", deadline());
    expect(await within(1975, waiting)).toBe("waits");
    expect(await within(50, waiting)).toHaveProperty("release");
    stopped.now += 1999;
    expect(held.isHeld()).toBe(true);
    stopped.now += 1;
    expect(held.isHeld()).toBe(false);
  });

  it("knows of another replica's create without a key, until that is over or withdrawn", async () => {
    const [one, other] = [lockOf("one"), lockOf("other")];
    one.announce("b", "one 1", 1000);
    const withdraw = one.announce("b", "one 2", 5000);
    await time.pass(0);
    expect([await one.isAnnounced("b"), await other.isAnnounced("b"), await other.isAnnounced("c")]).toEqual([
      ...[false, true, false],
    ]);
    withdraw();
    await time.pass(1000);
    expect(await other.isAnnounced("b")).toBe(true);
    await time.pass(1);
    expect(await other.isAnnounced("b")).toBe(false);
  });
});

describe("The journal", () => {
  const lifetimeMs = 86_400_000;
  const journal = () => new Journal(store, exactly, lifetimeMs);
  const request = { anchor_userid: "a", theme: "t", living_start: 1, living_duration: 2 };
  const create = { digest: "d", endsAtMs: start + lifetimeMs, corp: "corp", request };
  const sent: OpenCreate = { ...create, state: "sent", answerByMs: start + 8000, attempt: "1" };
  const fresh = { id: "id", text: undefined };
  const expiry = () => store.records.get("create:id")?.expiresInMs;
  const dueFrom = async () => {
    for (let ms = 0; ms <= 10_000; ms += 1000) if ((await journal().due(start + ms)).length > 0) return ms;
    return undefined;
  };

  it("keeps what has ended until its key ends, and what is open for as long again", async () => {
    const written = await journal().replace(fresh, sent);
    expect(expiry()).toBe(2 * lifetimeMs);
    time.now += 1000;
    const ended = { digest: "d", endsAtMs: create.endsAtMs, state: "done", outcome: { livingid: "L" } } as const;
    const done = await journal().replace(written!, ended);
    expect(expiry()).toBe(lifetimeMs - 1000);
    time.now = create.endsAtMs - 10;
    await journal().replace({ ...done!, text: store.records.get("create:id")!.value }, ended);
    expect(expiry()).toBe(1000);
  });

  it("reminds of what was sent when its answer is due, of what is unknown a second later, of nothing that has ended", async () => {
    const written = await journal().replace(fresh, sent);
    expect(await dueFrom()).toBe(8000);
    const unknown = await journal().replace(written!, { ...create, state: "unknown", settlesAtMs: start + 60_000 });
    expect(await dueFrom()).toBe(1000);
    expect(await journal().unfinished()).toEqual({ count: 1, oldestAtMs: start });
    await journal().replace(unknown!, { digest: "d", endsAtMs: create.endsAtMs, state: "given-up" });
    await time.pass(0);
    expect(await dueFrom()).toBeUndefined();
    expect(await journal().unfinished()).toEqual({ count: 0, oldestAtMs: undefined });
  });

  it("changes nothing that another has changed meanwhile", async () => {
    const written = await journal().replace(fresh, sent);
    expect(await journal().replace(fresh, sent)).toBeUndefined();
    expect(await journal().forget({ ...written!, text: "other" })).toBe(false);
    expect(await journal().read("id")).toMatchObject({ record: { state: "sent" } });
    expect(await journal().forget(written!)).toBe(true);
    expect([await journal().read("id"), await dueFrom()]).toEqual([undefined, undefined]);
  });
});

describe("What this process has sent", () => {
  const entry = {} as never;
  const answer = (isWritten: boolean) => ({ outcome: { livingid: "L" }, how: "created" as const, isWritten });

  it("is unsettled until its time, and remembered until then or until its answer is written", () => {
    const sent = new SentHere(time);
    sent.set("first", { entry, unsettledUntilMs: start + 1000 });
    expect([sent.isUnsettled("first"), sent.isUnsettled("unknown")]).toEqual([true, false]);
    time.now += 999;
    expect(sent.isUnsettled("first")).toBe(true);
    time.now += 1;
    expect(sent.isUnsettled("first")).toBe(false);
    sent.set("second", { entry, unsettledUntilMs: start + 1500, answer: answer(false) });
    expect([sent.get("first") === undefined, [...sent.unwritten()]]).toEqual([true, ["second"]]);
    time.now += 10_000;
    sent.set("third", { entry, unsettledUntilMs: start });
    expect(sent.get("second")).toBeDefined();
    sent.set("second", { entry, unsettledUntilMs: start + 1500, answer: answer(true) });
    expect([sent.get("second") === undefined, [...sent.unwritten()]]).toEqual([true, []]);
  });

  it("is forgotten when it is over although another, that began before it, goes on", () => {
    const sent = new SentHere(time);
    sent.set("first", { entry, unsettledUntilMs: start + 1000 });
    sent.set("second", { entry, unsettledUntilMs: start + 500 });
    sent.set("first", { entry, unsettledUntilMs: start + 5000 });
    time.now += 600;
    sent.set("third", { entry, unsettledUntilMs: start + 5000 });

    expect(["first", "second", "third"].map((id) => sent.get(id) !== undefined)).toEqual([true, false, true]);
  });
});

describe("Pauses", () => {
  it("grow: for who looks up to two seconds, for who waits up to 80 ms", () => {
    expect([0, 1, 2, 3, 4, 5, 50].map(lookPauseMs)).toEqual([100, 200, 400, 800, 1600, 2000, 2000]);
    expect([0, 1, 2, 3, 50].map(waitPauseMs)).toEqual([10, 20, 40, 80, 80]);
  });

  it.each([
    [-60_000, 2000],
    [-1500, 1500],
    [0, 1000],
    [4000, 1000],
    [60_000, 15_000],
    [20 * 60_000, 5 * 60_000],
    [24 * 3_600_000, 5 * 60_000],
  ])("of the reconciler, %d ms after a create has settled, are %d ms", (settledForMs, pauseMs) => {
    expect(reconcilePauseMs(settledForMs)).toBe(pauseMs);
  });
});

describe("The reconciler", () => {
  function reconciler(random: number, resume: (id: string, deadline: Deadline) => Promise<void>) {
    const journal = new Journal(store, exactly, 1000);
    const creates = {
      unwritten: () => [],
      resume: (id: string, { deadline }: { deadline: Deadline }) => resume(id, deadline),
    } as unknown as KeyedCreates;
    const made = new Reconciler({
      journal,
      creates,
      log,
      clock: time,
      time: exactly,
      random: () => random,
      timeoutMs: 8000,
    });
    return { journal, made };
  }

  it.each([
    [0, 250],
    [0.5, 500],
    [1, 750],
  ])("looks for what is due at a random pace (%d): after %d ms", async (random, ms) => {
    const resumed: number[] = [];
    const { journal, made } = reconciler(random, (_, { remainingMs }) =>
      Promise.resolve(void resumed.push(remainingMs)),
    );
    await journal.remindOf("id", start);
    await journal.remindOf("later", start + 3_600_000);
    made.start();
    await time.pass(ms - 1);
    expect(resumed).toEqual([]);
    await time.pass(1);
    expect(resumed).toEqual([8000]);
    await time.pass(ms);
    expect(resumed).toHaveLength(2);
    await made.stop();
    const { asked } = store;
    await time.pass(10_000);
    expect([resumed.length, store.asked]).toEqual([2, asked]);
  });

  it("begins with none again that it works at", async () => {
    let begun = 0;
    const { journal, made } = reconciler(0.5, () => ((begun += 1), new Promise(() => undefined)));
    await journal.remindOf("id", start);
    made.start();
    await time.pass(5000);

    expect(begun).toBe(1);
  });

  it("works at eight at once, and ends when these have ended", async () => {
    const running = new Map<string, () => void>();
    const { journal, made } = reconciler(0.5, (id) => new Promise((resolve) => running.set(id, resolve)));
    for (let id = 0; id < 12; id += 1) await journal.remindOf(`id-${id}`, start);
    made.start();
    await time.pass(5000);
    expect(running.size).toBe(8);
    running.get("id-0")!();
    await time.pass(1000);
    expect(running.size).toBe(9);

    const stopped = made.stop().then(() => "stopped");
    expect(await within(1000, stopped)).toBe("waits");
    for (const end of running.values()) end();
    expect(await within(1000, stopped)).toBe("stopped");
    expect(running.size).toBe(9);
  });
});
