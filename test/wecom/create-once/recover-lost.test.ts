/** Which living is a create's whose answer was lost, where other creates have claimed livings of the same booking. */
import { afterAll, describe, expect, it } from "@jest/globals";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { openEmbeddedStore } from "../../../src/stores/embedded.js";
import { type Store, StoreError } from "../../../src/stores/store.js";
import { BookingSearch } from "../../../src/wecom/create-once/booking-search.js";
import { Ownership } from "../../../src/wecom/create-once/ownership.js";
import { LostCreateRecovery } from "../../../src/wecom/create-once/recover-lost.js";
import { BookingLock } from "../../../src/wecom/create-once/booking-lock.js";
import { ClosableStore, type CreateStore } from "../../../src/wecom/create-once/closable-store.js";
import { systemClock } from "../../../src/wecom/clock.js";
import { Deadline } from "../../../src/wecom/deadline.js";
import { WecomTransportError } from "../../../src/wecom/errors.js";
import type { LivingDataSource } from "../../../src/wecom/living.datasource.js";
import { corpid } from "../../support/gateway.js";

const request = { anchor_userid: "zhangsan", theme: "theme", living_start: 4_000_000_000, living_duration: 3600 };
const call = { corp: corpid, deadline: new Deadline(600_000), log: pino({ level: "silent" }) };
afterAll(() => {
  call.deadline.close();
});

const away = {} as Store;
const isAway = () => Promise.reject(new StoreError("away"));
const claimable = (livingid: string) => ({
  corp: corpid,
  livingid,
  livingStart: request.living_start,
});
const whole = (store: Store): CreateStore => new ClosableStore(store);
const isOwned = async (claims: Ownership, livingid: string) =>
  (await claims.ownersOf(corpid, [livingid])).has(livingid);
const page = { livingid_list: ["first", "second"], next_cursor: undefined };
const booked = {
  anchor_userid: "zhangsan",
  theme: "theme",
  reserve_start: request.living_start,
  reserve_living_duration: 3600,
  type: 0,
  description: "",
  status: 0,
};
const unavailable = new WecomTransportError("gone", { api: "x", delivery: "unknown", mayHaveTakenEffect: false });

async function temporaryStore() {
  const folder = await mkdtemp(join(tmpdir(), "claims-"));
  const store = openEmbeddedStore(folder);
  return {
    store,
    [Symbol.asyncDispose]: async () => {
      await store.close();
      await rm(folder, { recursive: true });
    },
  };
}

function lostLivings(store: CreateStore, livings: Partial<LivingDataSource>) {
  const source = {
    getUserAllLivingid: () => Promise.resolve(page),
    getLivingInfo: () => Promise.resolve(booked),
    ...livings,
  };
  const time = { earliestMs: Date.now, latestMs: Date.now };
  // Written when the test says so.
  const claims = new Ownership(store, { ...systemClock, after: () => () => undefined }, time);
  const search = new BookingSearch(source as unknown as LivingDataSource, Date.now);
  const lock = new BookingLock({ store, clock: systemClock, time, self: "test", isShared: true });
  const lost = new LostCreateRecovery(search, claims, lock);
  const find = async (owner: string) =>
    (await lost.find({ owner, request, settlesAtMs: Date.now() }, false, call)).livingid;
  return { claims, find };
}

describe("A living that a create had claimed before its process died", () => {
  it.each<[what: string, livings: Partial<LivingDataSource>]>([
    ["when another was booked alike", {}],
    ["when it was cancelled since", { getLivingInfo: () => Promise.resolve({ ...booked, status: 4 }) }],
    ["when no living can be looked at", { getLivingInfo: () => Promise.reject(unavailable) }],
    [
      "when not all livings are known",
      {
        getUserAllLivingid: ({ cursor }) =>
          cursor === undefined ? Promise.resolve({ ...page, next_cursor: "1" }) : Promise.reject(unavailable),
      },
    ],
  ])("is that create's, %s", async (_, livings) => {
    await using place = await temporaryStore();
    const { find, claims } = lostLivings(place.store, livings);
    await claims.own(claimable("second"), "create");

    expect(await find("create")).toBe("second");
    expect(await isOwned(claims, "first")).toBe(false);
  });

  it.each([1, 2, 5])("is not looked for without end where the pages lead back after %d", async (length) => {
    await using place = await temporaryStore();
    let pages = 0;
    const { find } = lostLivings(place.store, {
      getUserAllLivingid: () =>
        Promise.resolve({ livingid_list: ["first"], next_cursor: `cursor${(pages += 1) % length}` }),
    });

    await expect(find("create")).rejects.toThrow("lead back");
    expect(pages).toBe(length + 1);
  });

  it("is not made up for by another, when it may be among those that are not known", async () => {
    await using place = await temporaryStore();
    const { find, claims } = lostLivings(place.store, {
      getUserAllLivingid: ({ cursor }) =>
        cursor === undefined
          ? Promise.resolve({ livingid_list: ["first"], next_cursor: "1" })
          : Promise.reject(unavailable),
    });
    await claims.own(claimable("second"), "create");

    await expect(find("create")).rejects.toBe(unavailable);
  });

  it.each<[where: string, write: (claims: Ownership) => Promise<void>]>([
    ["in another process", (claims) => claims.writeUnwritten()],
    ["in this one, and is not written yet", () => Promise.resolve()],
  ])("is not taken for a lost one's, when it belongs to a create without a key %s", async (where, write) => {
    await using place = await temporaryStore();
    const here = lostLivings(place.store, {});
    const there = where.includes("another") ? lostLivings(place.store, {}) : here;
    there.claims.ownLater(claimable("first"));
    await write(there.claims);

    expect(await isOwned(here.claims, "first")).toBe(true);
    expect(await here.find("create")).toBe("second");
    expect(await here.find("another")).toBeUndefined();
    await there.claims.writeUnwritten();
  });

  it("is not taken for a lost one's, when another process notes it while that is looked for", async () => {
    await using place = await temporaryStore();
    const there = lostLivings(place.store, {});
    let reads = 0;
    const here = lostLivings(place.store, {
      getLivingInfo: async () => {
        if ((reads += 1) === 2) {
          there.claims.ownLater(claimable("first"));
          await there.claims.writeUnwritten();
        }
        return booked;
      },
    });
    expect(await here.find("create")).toBe("second");
  });
});

describe("What a create had claimed before its process died, where the store fails", () => {
  it("is not looked for where the store is away: what is not known is not free", async () => {
    await using place = await temporaryStore();
    const { find } = lostLivings({ ...whole(place.store), get: isAway }, {});
    await expect(find("create")).rejects.toThrow(StoreError);
  });

  it("is known after the store was away to all that come back to it, though it takes few at a time", async () => {
    await using place = await temporaryStore();
    const store = whole(place.store);
    const here = lostLivings(
      { ...store, setNew: (records) => (records.length > 100 ? isAway() : store.setNew(records)) },
      {},
    );
    const livingids = Array.from({ length: 250 }, (_, index) => `living-${index}`);
    for (const livingid of livingids) here.claims.ownLater(claimable(livingid));
    await here.claims.writeUnwritten();

    expect([...(await lostLivings(place.store, {}).claims.ownersOf(corpid, livingids)).keys()]).toEqual(livingids);
  });

  it("is known though a part of the store does not answer, and more wait for that than are written at once", async () => {
    await using place = await temporaryStore();
    const store = whole(place.store);
    let isWhole = false;
    const isThere = ({ key }: { readonly key: string }) => isWhole || !key.includes("elsewhere");
    const setNew: CreateStore["setNew"] = async (records) => {
      if (!records.some(isThere)) return await isAway();
      await store.setNew(records.filter(isThere));
      return records.map(isThere);
    };
    const { claims } = lostLivings({ ...store, setNew }, {});
    const named = (name: string) => Array.from({ length: 150 }, (_, index) => `${name}-${index}`);
    const [elsewhere, others] = [named("elsewhere"), named("other")];
    for (const livingid of [...elsewhere, ...others]) claims.ownLater(claimable(livingid));
    const known = async (livingids: readonly string[]) =>
      (await lostLivings(place.store, {}).claims.ownersOf(corpid, livingids)).size;

    await claims.writeUnwritten();
    await claims.writeUnwritten();
    expect([await known(elsewhere), await known(others)]).toEqual([0, 150]);
    isWhole = true;
    await claims.writeUnwritten();
    expect(await known(elsewhere)).toBe(150);
  });

  it("is written once, where the store fails half way", async () => {
    await using place = await temporaryStore();
    const store = whole(place.store);
    const written: string[] = [];
    let calls = 0;
    const setNew: CreateStore["setNew"] = async (records) => {
      if ((calls += 1) === 2) return await isAway();
      written.push(...records.map(({ key }) => key));
      return await store.setNew(records);
    };
    const { claims } = lostLivings({ ...store, setNew }, {});
    for (let index = 0; index < 150; index += 1) claims.ownLater(claimable(`living-${index}`));
    await claims.writeUnwritten();
    expect(written).toHaveLength(100);
    await claims.writeUnwritten();
    expect(new Set(written).size).toBe(150);
    expect(written).toHaveLength(150);
  });

  it("takes a bounded part of the memory while the store is away", async () => {
    const { claims } = lostLivings({ ...whole(away), get: () => Promise.resolve(undefined), setNew: isAway }, {});
    for (let index = 0; index <= 50_000; index += 1) claims.ownLater(claimable(`living-${index}`));
    expect(await isOwned(claims, "living-0")).toBe(false);
    expect(await isOwned(claims, "living-1")).toBe(true);
    expect(await isOwned(claims, "living-50000")).toBe(true);
  });
});
