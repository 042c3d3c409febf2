/** Whose a living is, for how long that is kept, and what of an anchor's livings counts as the one that was booked. */
import { describe, expect, it } from "@jest/globals";
import { createLogger } from "../../../src/observability/logger.js";
import { type NewRecord, StoreError } from "../../../src/stores/store.js";
import type { CallOptions } from "../../../src/wecom/call.js";
import { BookingSearch } from "../../../src/wecom/create-once/booking-search.js";
import { Journal } from "../../../src/wecom/create-once/journal.js";
import { KeyedCreates, type KeyedCreatesOptions } from "../../../src/wecom/create-once/keyed-create.js";
import { Ownership } from "../../../src/wecom/create-once/ownership.js";
import type { StoreWatch } from "../../../src/wecom/create-once/store-watch.js";
import { Deadline } from "../../../src/wecom/deadline.js";
import { WecomApiError, WecomTransportError } from "../../../src/wecom/errors.js";
import type { LivingDataSource } from "../../../src/wecom/living.datasource.js";
import type { CreateLivingRequest, LivingInfo } from "../../../src/wecom/living.wire.js";
import { MemoryStore } from "../../support/memory-store.js";
import { VirtualTime } from "../../support/virtual-time.js";

const start = 1_900_000_000_000;
const startSeconds = start / 1000;
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** Notes how many new records came together, and which livings were to be owned. */
class NotingStore extends MemoryStore {
  readonly written: number[] = [];
  readonly owned: string[] = [];

  override setNew(all: readonly NewRecord[]): Promise<boolean[]> {
    this.written.push(all.length);
    return super.setNew(all);
  }

  override async compareAndSet(...given: Parameters<MemoryStore["compareAndSet"]>): Promise<boolean> {
    const isWritten = await super.compareAndSet(...given);
    if (isWritten && given[0].startsWith("claim:")) this.owned.push(given[0]);
    return isWritten;
  }
}

function ownershipOver() {
  const time = new VirtualTime(start);
  const store = new NotingStore(() => time.now);
  const another = () => new Ownership(store, time, { earliestMs: () => time.now, latestMs: () => time.now + 20 });
  return { time, store, ownership: another(), another };
}

const living = (livingid = "living-1", livingStart = startSeconds + 3600) => ({ corp: "corp", livingid, livingStart });

describe("A living that a create has made its own", () => {
  it("is that create's, and no other's", async () => {
    const { ownership, another } = ownershipOver();

    expect(await ownership.own(living(), "one")).toBe(true);
    for (const replica of [ownership, another()]) {
      expect(await replica.own(living(), "one")).toBe(true);
      expect(await replica.own(living(), "two")).toBe(false);
      expect(await replica.ownersOf("corp", ["living-1", "living-2"])).toEqual(new Map([["living-1", "one"]]));
      expect(await replica.ownersOf("other-corp", ["living-1"])).toEqual(new Map());
    }
  });

  it.each([
    { startsIn: "an hour", livingStart: startSeconds + 3600, keptMs: hourMs + dayMs },
    { startsIn: "a time that is over", livingStart: startSeconds - 7200, keptMs: dayMs },
    { startsIn: "ten years", livingStart: startSeconds + 3650 * 86_400, keptMs: 400 * dayMs },
  ])(
    "and starts in $startsIn, is kept until 24 hours after that, for 400 days at most",
    async ({ livingStart, keptMs }) => {
      const { ownership, another, time } = ownershipOver();
      await ownership.own(living("living-1", livingStart), "one");

      time.now = start + keptMs - 1;
      expect(await another().ownersOf("corp", ["living-1"])).toEqual(new Map([["living-1", "one"]]));
      time.now = start + keptMs;
      expect(await another().ownersOf("corp", ["living-1"])).toEqual(new Map());
    },
  );

  it("is asked for once in each process", async () => {
    const { ownership, store } = ownershipOver();
    await ownership.own(living(), "one");
    const { asked } = store;
    for (let turn = 0; turn < 5; turn += 1) await ownership.ownersOf("corp", ["living-1"]);

    expect(store.asked).toBe(asked);
  });

  it("is not known where the store is away", async () => {
    const { ownership, another, store } = ownershipOver();
    await ownership.own(living(), "one");
    store.isAway = true;

    await expect(another().own(living(), "two")).rejects.toThrow(StoreError);
    await expect(another().ownersOf("corp", ["living-1"])).rejects.toThrow(StoreError);
  });
});

describe("The living of a create without a key", () => {
  it("is taken in this process at once, and in the others 50 ms later", async () => {
    const { ownership, another, time } = ownershipOver();
    ownership.ownLater(living());

    expect(await ownership.own(living(), "one")).toBe(false);
    await time.pass(49);
    expect(await another().ownersOf("corp", ["living-1"])).toEqual(new Map());
    await time.pass(1);
    expect([...(await another().ownersOf("corp", ["living-1"])).keys()]).toEqual(["living-1"]);
    expect(await another().own(living(), "one")).toBe(false);
  });

  it("is kept until 24 hours after its start", async () => {
    const { ownership, another, time } = ownershipOver();
    ownership.ownLater(living());
    await ownership.writeUnwritten();

    time.now = start + hourMs + dayMs - 1;
    expect((await another().ownersOf("corp", ["living-1"])).size).toBe(1);
    time.now += 1;
    expect((await another().ownersOf("corp", ["living-1"])).size).toBe(0);
  });

  it("is written together with what came within those 50 ms, a hundred at a time", async () => {
    const { ownership, store, time } = ownershipOver();
    for (let count = 0; count < 250; count += 1) ownership.ownLater(living(`living-${count}`));
    await time.pass(50);
    await ownership.writeUnwritten();

    expect(store.written).toEqual([100, 100, 50]);
    ownership.ownLater(living("one-more"));
    await time.pass(50);
    expect(store.written).toEqual([100, 100, 50, 1]);
  });

  it("is written half a second later where the store was away, and until then is known here", async () => {
    const { ownership, another, store, time } = ownershipOver();
    store.isAway = true;
    ownership.ownLater(living());
    await time.pass(50);
    store.isAway = false;
    expect(await ownership.own(living(), "one")).toBe(false);
    await time.pass(499);
    expect((await another().ownersOf("corp", ["living-1"])).size).toBe(0);
    await time.pass(1);

    expect((await another().ownersOf("corp", ["living-1"])).size).toBe(1);
  });

  it("is written at once where another may have found it, and later where the store is away", async () => {
    const { ownership, another, store, time } = ownershipOver();
    const deadline = new Deadline(1000, time);

    expect(await ownership.ownUnkeyed(living(), deadline)).toBe(true);
    expect((await another().ownersOf("corp", ["living-1"])).size).toBe(1);
    await another().own(living("living-2"), "one");
    expect(await ownership.ownUnkeyed(living("living-2"), deadline)).toBe(false);
    store.isAway = true;
    expect(await ownership.ownUnkeyed(living("living-3"), deadline)).toBe(true);
    store.isAway = false;
    await time.pass(50);
    expect((await another().ownersOf("corp", ["living-3"])).size).toBe(1);
  });
});

describe("A booking of which a living is still to come", () => {
  it("is reserved until then, and the later of two times counts", async () => {
    const { ownership, another } = ownershipOver();
    expect(await ownership.reservedUntilMs("booking")).toBe(-Infinity);
    await ownership.reserveUntil("booking", start + 5000);
    await ownership.reserveUntil("booking", start + 3000);

    expect(await another().reservedUntilMs("booking")).toBe(start + 5000);
    await another().reserveUntil("booking", start + 7000);
    expect(await ownership.reservedUntilMs("booking")).toBe(start + 7000);
    expect(await ownership.reservedUntilMs("another")).toBe(-Infinity);
  });

  it("is not reserved for a time that is over, and forgotten a second after it", async () => {
    const { ownership, time } = ownershipOver();
    // By the latest that it can be for the store.
    await ownership.reserveUntil("over", start + 20);
    expect(await ownership.reservedUntilMs("over")).toBe(-Infinity);
    await ownership.reserveUntil("booking", start + 5000);
    time.now = start + 5979;
    expect(await ownership.reservedUntilMs("booking")).toBe(start + 5000);
    time.now = start + 5980;

    expect(await ownership.reservedUntilMs("booking")).toBe(-Infinity);
  });
});

const request: CreateLivingRequest = {
  anchor_userid: "zhangsan",
  theme: "theme",
  living_start: startSeconds,
  living_duration: 3600,
  type: 1,
  description: "description",
};
const booked: LivingInfo = {
  ...{ anchor_userid: "zhangsan", theme: "theme", description: "description", type: 1, status: 0 },
  ...{ reserve_start: startSeconds, reserve_living_duration: 3600 },
};

/** A search among livings of one anchor, in pages of two. */
function searchAmong(livings: Record<string, LivingInfo | Error>) {
  const ids = () => Object.keys(livings);
  const time = { now: start };
  const read: string[] = [];
  const source = {
    getUserAllLivingid: ({ cursor }: { cursor?: string }) => {
      const from = Number(cursor ?? 0);
      const next = from + 2 < ids().length ? { next_cursor: String(from + 2) } : {};
      return Promise.resolve({ livingid_list: ids().slice(from, from + 2), ...next });
    },
    getLivingInfo: (livingid: string) => {
      read.push(livingid);
      const info = livings[livingid]!;
      return info instanceof Error ? Promise.reject(info) : Promise.resolve(info);
    },
  } as unknown as LivingDataSource;
  const search = new BookingSearch(source, () => time.now);
  const find = async (more: Partial<CreateLivingRequest> = {}, { taken = [] as string[], isAfresh = false } = {}) => {
    read.length = 0;
    const deadline = new Deadline(60_000);
    const call: CallOptions = { corp: "corp", deadline, log: createLogger("silent") };
    const takenOf = () => Promise.resolve(new Set(taken));
    return search.find({ ...request, ...more }, call, takenOf, isAfresh).finally(() => deadline.close());
  };
  return { find, read, time, search };
}

describe("The living of a create whose answer was lost", () => {
  it.each<[what: string, info: LivingInfo, isFound: boolean]>([
    ["the same in every respect", booked, true],
    ["another theme", { ...booked, theme: "other" }, false],
    ["a theme with spaces around it", { ...booked, theme: " theme " }, true],
    ["no theme", { ...booked, theme: undefined! }, false],
    ["the anchor in other case", { ...booked, anchor_userid: "ZhangSan" }, true],
    ["another anchor", { ...booked, anchor_userid: "lisi" }, false],
    ["no anchor", { ...booked, anchor_userid: undefined! }, false],
    ["a start one second later", { ...booked, reserve_start: startSeconds + 1 }, false],
    ["a duration one second longer", { ...booked, reserve_living_duration: 3601 }, false],
    [
      "started later than booked, and for longer",
      { ...booked, living_start: startSeconds + 60, living_duration: 4000 },
      true,
    ],
    [
      "only what took place",
      {
        ...booked,
        reserve_start: undefined!,
        reserve_living_duration: undefined!,
        living_start: startSeconds,
        living_duration: 3600,
      },
      true,
    ],
    ["another type", { ...booked, type: 2 }, false],
    ["type 0, as WeCom has been seen to tell", { ...booked, type: 0 }, true],
    ["no type", { ...booked, type: undefined! }, true],
    ["another description", { ...booked, description: "other" }, false],
    ["no description told", { ...booked, description: undefined! }, true],
    ["an empty description", { ...booked, description: "" }, false],
    ["cancelled", { ...booked, status: 4 }, true],
  ])("is not mistaken: %s", async (_, info, isFound) => {
    expect(await searchAmong({ it: info }).find()).toEqual(isFound ? ["it"] : []);
  });

  it.each<[what: string, info: Partial<LivingInfo>, isFound: boolean]>([
    ["its description", { description: "description" }, true],
    ["its activity's description", { description: "of the activity" }, true],
    ["none of them", { description: "" }, true],
    ["another", { description: "other" }, false],
  ])("of an event is found where WeCom tells %s", async (_, info, isFound) => {
    const { find } = searchAmong({ it: { ...booked, type: 4, ...info } });

    expect(await find({ type: 4, activity_detail: { description: "of the activity", image_list: [] } })).toEqual(
      isFound ? ["it"] : [],
    );
  });

  it("is the likest first: before one that tells less, and that before one that was cancelled", async () => {
    const { find } = searchAmong({
      cancelled: { ...booked, status: 4 },
      "tells no description": { ...booked, description: undefined! },
      exact: booked,
      "tells type 0": { ...booked, type: 0 },
    });

    expect(await find()).toEqual(["exact", "tells no description", "tells type 0", "cancelled"]);
  });

  it("is looked for on all pages, but not among those that are taken", async () => {
    const { find, read } = searchAmong({
      a: { ...booked, theme: "other" },
      b: booked,
      c: booked,
      d: booked,
      e: booked,
    });

    expect(await find({}, { taken: ["b", "d"] })).toEqual(["c", "e"]);
    expect(read).toEqual(["a", "c", "e"]);
  });

  it("is read again when it matched, and not for ten minutes when it did not", async () => {
    const { find, read, time } = searchAmong({ match: booked, other: { ...booked, theme: "other" } });
    await find();
    time.now = start + 600_000 - 1;
    await find();
    expect(read).toEqual(["match"]);
    time.now = start + 600_000;
    await find();

    expect(read).toEqual(["match", "other"]);
  });

  it("is read again when all are to be, or it was modified", async () => {
    const livings: Record<string, LivingInfo> = {
      a: { ...booked, theme: "other" },
      b: { ...booked, theme: "other" },
    };
    const { find, read, search } = searchAmong(livings);
    await find();
    livings["a"] = livings["b"] = booked;
    expect([await find(), read]).toEqual([[], []]);
    search.forget("corp", "a");
    search.forget("other-corp", "b");
    expect([await find(), [...read]]).toEqual([["a"], ["a"]]);

    expect(await find({}, { isAfresh: true })).toEqual(["a", "b"]);
  });
});

describe("The living of a lost create among livings that cannot be read", () => {
  const hidden = new WecomApiError({
    api: "living/get_living_info",
    errcode: 60111,
    errmsg: "",
    mayHaveTakenEffect: false,
  });
  const busy = new WecomApiError({ api: "living/get_living_info", errcode: -1, errmsg: "", mayHaveTakenEffect: false });
  const lost = new WecomTransportError("lost", {
    ...{ api: "living/get_living_info", delivery: "unknown" as const },
    mayHaveTakenEffect: false,
  });

  it.each([busy, lost])("is not said to be missing where one could not be looked at: $message", async (error) => {
    await expect(searchAmong({ unseen: error, other: { ...booked, theme: "other" } }).find()).rejects.toBe(error);
    await expect(searchAmong({ unseen: error, "tells type 0": { ...booked, type: 0 } }).find()).rejects.toBe(error);

    expect(await searchAmong({ unseen: error, exact: booked, "tells type 0": { ...booked, type: 0 } }).find()).toEqual([
      "exact",
    ]);
  });

  it("is not one that WeCom does not show to the app", async () => {
    expect(await searchAmong({ hidden, exact: booked }).find()).toEqual(["exact"]);
    expect(await searchAmong({ hidden }).find()).toEqual([]);
  });

  it("fails with what is no fault of WeCom's", async () => {
    const bug = new TypeError("a bug");

    await expect(searchAmong({ it: bug }).find()).rejects.toBe(bug);
  });
});

function keyedCreatesOver(store: NotingStore, time: VirtualTime, send: KeyedCreatesOptions["send"]) {
  const watch = {
    ...{ earliestMs: () => time.now, latestMs: () => time.now },
    isHeld: false,
    confirm: async () => {},
  };
  const journal = new Journal(store, watch, dayMs);
  const creates = new KeyedCreates({
    ...{ journal, send, clock: time, settleMs: 2000, keyLifetimeMs: dayMs, self: "1" },
    watch: watch as unknown as StoreWatch,
    ownership: new Ownership(store, time, watch),
    lock: { exclusive: () => Promise.resolve({ release: () => undefined }) },
    metrics: { countCreate: () => undefined },
    onSettled: () => undefined,
  } as unknown as KeyedCreatesOptions);
  const request = { anchor_userid: "zhangsan", theme: "theme", living_start: startSeconds + 3600, living_duration: 60 };
  const call = { corp: "corp", deadline: new Deadline(1000, time), log: createLogger("silent") };
  return { creates, journal, request, call };
}

describe("A process that stood still with WeCom's answer", () => {
  it("owns no living for a create that another process has ended meanwhile, with an equal create's", async () => {
    const time = new VirtualTime(start);
    const store = new NotingStore(() => time.now);
    const { creates, request, call } = keyedCreatesOver(store, time, async (_request, { permit }) => {
      await permit!.obtain();
      time.now += 60_000;
      const sent = JSON.parse((await store.get("create:id"))!) as object;
      await store.set("create:id", JSON.stringify({ ...sent, state: "done", outcome: { livingid: "living-2" } }));
      return { livingid: "living-1" };
    });

    expect(await creates.create({ id: "id", digests: ["digest"], request }, call)).toEqual({ livingid: "living-2" });
    expect(store.owned).toEqual([]);
  });
});

describe("The reminder of a create", () => {
  const notToBeSent = () => Promise.reject(new Error("nothing is to be sent"));

  it("is removed when there is no record", async () => {
    const time = new VirtualTime(start);
    const store = new NotingStore(() => time.now);
    const { creates, journal, call } = keyedCreatesOver(store, time, notToBeSent);
    await journal.remindOf("id", start - 1);
    await creates.resume("id", call);
    expect(await journal.due(Number.MAX_SAFE_INTEGER)).toEqual([]);
  });

  it("is there again when a request has written the record while it was removed", async () => {
    const time = new VirtualTime(start);
    const store = new NotingStore(() => time.now);
    const { creates, journal, request, call } = keyedCreatesOver(store, time, notToBeSent);
    await journal.remindOf("id", start - 1);
    const dequeue = store.dequeue.bind(store);
    store.dequeue = async (...given) => {
      store.dequeue = dequeue;
      const key = { digest: "digest", endsAtMs: start + dayMs };
      const sent = { ...key, state: "sent", corp: "corp", request, answerByMs: start + 1000, attempt: "2" } as const;
      await journal.replace({ id: "id", text: undefined }, sent);
      await dequeue(...given);
    };

    await creates.resume("id", call);
    expect(await journal.due(Number.MAX_SAFE_INTEGER)).toEqual(["id"]);
  });
});
