// What every store promises, asked of each; and what only one of them can do.
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { open } from "lmdb";
import { createLogger } from "../../src/observability/logger.js";
import { Secret } from "../../src/observability/secret.js";
import { openEmbeddedStore } from "../../src/stores/embedded.js";
import { encrypted, KeyRing } from "../../src/stores/encrypted.js";
import { openStore } from "../../src/stores/open-store.js";
import { checkKeys } from "../../src/stores/re-encryption.js";
import { openRedisStore } from "../../src/stores/redis.js";
import { type Store, StoreError } from "../../src/stores/store.js";
import { acquireLease } from "../../src/wecom/lease.js";
import { describeWithRedis, TestNetwork, TestRedis } from "../support/redis.js";
import { until } from "../support/until.js";

const log = createLogger("silent");
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "stores-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** The embedded store's clock, in milliseconds. */
let clock = 1_700_000_000_000;
const embedded = (name: string) => openEmbeddedStore(join(folder, name), { now: () => clock });
const advance = (ms: number) => Promise.resolve((clock += ms));
const soon = { expiresInMs: 400 };

/**
 * @param open two views of one store, as two replicas have them
 * @param pass lets time go by for the store
 */
function keepsTheContract(
  open: () => Promise<readonly [Store, Store]>,
  close: () => Promise<void>,
  pass: (ms: number) => Promise<unknown>,
): void {
  let store: Store;
  let replica: Store;
  beforeAll(async () => {
    [store, replica] = await open();
  });
  afterAll(close);

  it("gives back what was set, to every replica, and nothing for what was not", async () => {
    await store.set("greeting", "你好 👋 : \n");
    expect(await replica.get("greeting")).toBe("你好 👋 : \n");
    await store.set("greeting", "");
    expect(await replica.get("greeting")).toBe("");
    expect(await store.get("nothing")).toBeUndefined();
  });

  it("forgets a record when its time is over, and not before", async () => {
    await store.set("short", "lived", soon);
    await store.set("long", "lived", { expiresInMs: 60_000 });
    expect(await replica.get("short")).toBe("lived");
    await pass(500);
    expect(await replica.get("short")).toBeUndefined();
    expect(await replica.get("long")).toBe("lived");
  });

  it("drops an earlier expiry when a record is set again", async () => {
    await store.set("extended", "1", soon);
    await store.set("extended", "2");
    await pass(500);
    expect(await store.get("extended")).toBe("2");
  });

  it("tells one of several who delete a record that it was there", async () => {
    await store.set("state", "single use");
    const outcomes = await Promise.all([store, replica, store, replica].map((each) => each.delete("state")));
    expect(outcomes.filter(Boolean)).toHaveLength(1);
    expect(await store.get("state")).toBeUndefined();
  });

  it("compareAndSet writes only over the expected record", async () => {
    expect(await store.compareAndSet("cas", "1", "2")).toBe(false);
    expect(await store.compareAndSet("cas", undefined, "1")).toBe(true);
    expect(await replica.compareAndSet("cas", undefined, "2")).toBe(false);
    expect(await replica.compareAndSet("cas", "", "2")).toBe(false);
    expect(await replica.get("cas")).toBe("1");
    // An empty record is one.
    expect(await replica.compareAndSet("cas-empty", "", "2")).toBe(false);
    expect(await replica.compareAndSet("cas-empty", undefined, "")).toBe(true);
    expect(await replica.compareAndSet("cas-empty", undefined, "2")).toBe(false);
    expect(await store.compareAndSet("cas-empty", "", "2")).toBe(true);
    expect(await replica.compareAndSet("cas", "1", "2")).toBe(true);
    expect(await store.compareAndSet("cas", "1", undefined)).toBe(false);
    expect(await store.get("cas")).toBe("2");
    expect(await store.compareAndSet("cas", "2", undefined)).toBe(true);
    expect(await replica.get("cas")).toBeUndefined();
    expect(await replica.compareAndSet("cas", undefined, undefined)).toBe(true);
  });

  it("lets a record that ran out be set as one that never was", async () => {
    await store.compareAndSet("cas-short", undefined, "1", soon);
    await pass(500);
    expect(await replica.compareAndSet("cas-short", "1", "2")).toBe(false);
    expect(await replica.compareAndSet("cas-short", undefined, "3")).toBe(true);
    expect(await store.get("cas-short")).toBe("3");
  });

  it("lets one of many win a comparison", async () => {
    const contenders = Array.from({ length: 20 }, (_, index) => (index % 2 ? store : replica));
    const won = await Promise.all(contenders.map((each, index) => each.compareAndSet("race", undefined, `${index}`)));
    expect(won.filter(Boolean)).toHaveLength(1);
    expect(await store.get("race")).toBe(`${won.indexOf(true)}`);
  });

  it("lets one of many win a comparison with a record that is there", async () => {
    await store.set("race-on", "start");
    const contenders = Array.from({ length: 20 }, (_, index) => (index % 2 ? store : replica));
    const won = await Promise.all(contenders.map((each, index) => each.compareAndSet("race-on", "start", `${index}`)));
    expect(won.filter(Boolean)).toHaveLength(1);
    expect(await store.get("race-on")).toBe(`${won.indexOf(true)}`);
  });

  it("writes of several new records those that are not there, as if each were written alone", async () => {
    await store.set("new-2", "mine");
    await replica.set("new-3", "over", soon);
    await pass(500);
    const numbers = Array.from({ length: 1200 }, (_, index) => index);
    const records = numbers.map((index) => ({ key: `new-${index}`, value: `v${index}`, expiresInMs: 60_000 }));
    expect(new Set(await replica.setNew(records))).toEqual(new Set([true]));

    expect(await Promise.all(numbers.map((index) => store.get(`new-${index}`)))).toEqual(
      numbers.map((index) => (index === 2 ? "mine" : `v${index}`)),
    );
    expect(await store.compareAndSet("new-1199", "v1199", "changed")).toBe(true);
    await store.setNew([{ key: "new-short", value: "", ...soon }]);
    expect(await replica.get("new-short")).toBe("");
    await pass(500);
    expect(await replica.get("new-short")).toBeUndefined();
  });

  it("lets concurrent compareAndSets succeed that write the value which is stored already", async () => {
    await store.set("same", "1");
    const writers = Array.from({ length: 20 }, (_, index) => (index % 2 ? store : replica));
    const won = await Promise.all(writers.map((each) => each.compareAndSet("same", "1", "1", { expiresInMs: 60_000 })));
    expect(won).toEqual(writers.map(() => true));
  });

  it("goes on when a listener throws, and tells the others", async () => {
    const heard: string[] = [];
    const broken = await store.listen("broken", {
      onMessage: () => {
        throw new SyntaxError("Unexpected token");
      },
    });
    const whole = await store.listen("broken", { onMessage: (message) => heard.push(message) });
    await replica.publish("broken", "1");
    await until(() => heard.length === 1);
    broken.stop();
    whole.stop();
  });

  it("leases to one at a time, and to the next after the release", async () => {
    const lease = await acquireLease(store, "lease", 60_000);
    expect(await acquireLease(replica, "lease", 60_000)).toBeUndefined();
    await lease!.release();
    const next = await acquireLease(replica, "lease", 60_000);
    expect(next).toBeDefined();
    await next!.release();
    expect(await store.get("lease")).toBeUndefined();
  });

  it("leases to the next when the holder has died, and lets it not be disturbed by one that was thought dead", async () => {
    await store.set("lease", "of a dead process", soon);
    expect(await acquireLease(replica, "lease", 60_000)).toBeUndefined();
    await pass(500);
    const lost = await acquireLease(replica, "lease", 60_000);
    await store.set("lease", "of somebody else");
    await lost!.release();
    expect(await store.get("lease")).toBe("of somebody else");
    await store.delete("lease");
  });

  it("lists the records whose key begins with a prefix", async () => {
    const expected = Array.from({ length: 1200 }, (_, index) => [`corp:[a*]:${index}`, `${index}`] as const);
    await Promise.all(expected.map(([key, value]) => store.set(key, value)));
    await store.set("corp:[a", "too short");
    await store.set("corp:[b*]:1", "another");
    await store.set("corp:aa:1", "matches only as a pattern");
    await store.set("corp:[a*]:gone", "too old", { expiresInMs: 1 });
    await pass(20);
    const found = new Map<string, string>();
    for await (const [key, value] of replica.scan("corp:[a*]:")) found.set(key, value);
    expect(found).toEqual(new Map(expected));
  });

  it("keeps a record's end when it is replaced so", async () => {
    await store.set("ends", "1", { expiresInMs: 500 });
    expect(await replica.compareAndSet("ends", "1", "2", { isSame: true })).toBe(true);
    await store.set("stays", "1");
    expect(await store.compareAndSet("stays", "1", "2", { isSame: true })).toBe(true);
    expect([await store.get("ends"), await store.get("stays")]).toEqual(["2", "2"]);
    await pass(700);
    expect([await store.get("ends"), await store.get("stays")]).toEqual([undefined, "2"]);
  });

  it("keeps what is in a queue until it is taken out, and tells every replica what is due, the earliest first", async () => {
    await store.enqueue("queue", "late", 3000);
    await store.enqueue("queue", "second", 2000);
    await replica.enqueue("queue", "first", 1000);
    await store.enqueue("queue:other", "not of this one", 1);
    expect(await replica.due("queue", 2000, 10)).toEqual(["first", "second"]);
    expect(await store.due("queue", 2000, 1)).toEqual(["first"]);
    await replica.enqueue("queue", "first", 9000);
    expect(await store.due("queue", 2000, 10)).toEqual(["second"]);
    await store.dequeue("queue", "second");
    await store.dequeue("queue", "never in it");
    expect(await replica.due("queue", 2000, 10)).toEqual([]);
    expect(await replica.due("queue", 9000, 10)).toEqual(["late", "first"]);
    expect(await replica.due("empty", 9000, 10)).toEqual([]);
  });

  it("tells all listeners of a channel in every replica, in order, until they stop", async () => {
    const heard: string[] = [];
    const stop = await store.subscribe("news", (message) => heard.push(`a ${message}`));
    await replica.subscribe("news", (message) => heard.push(`b ${message}`));
    await replica.subscribe("other", (message) => heard.push(`c ${message}`));
    await store.publish("news", "1");
    await replica.publish("news", "2");
    await until(() => heard.length >= 4);
    expect(heard.filter((each) => each.startsWith("a"))).toEqual(["a 1", "a 2"]);
    expect(heard.filter((each) => each.startsWith("b"))).toEqual(["b 1", "b 2"]);
    stop();
    await replica.publish("news", "3");
    await until(() => heard.includes("b 3"));
    expect(heard).not.toContain("a 3");
  });

  it("has one clock for all replicas, which does not step back", async () => {
    const before = await store.now();
    await pass(20);
    const [later, there] = [await store.now(), await replica.now()];
    expect(later).toBeGreaterThanOrEqual(before + 15);
    expect(there).toBeGreaterThanOrEqual(later);
    // Less than a wrong unit or another machine's clock would make of it.
    expect(there).toBeLessThan(later + 10_000);
  });
}

describe("the embedded store", () => {
  const stores: Store[] = [];
  keepsTheContract(
    () => {
      stores.push(embedded("a.b"));
      return Promise.resolve([stores[0]!, stores[0]!] as const);
    },
    async () => {
      for (const store of stores) await store.close();
    },
    advance,
  );

  it("is readable by its owner alone", async () => {
    expect((await stat(join(folder, "a.b", "store"))).mode & 0o777).toBe(0o700);
  });

  it("removes what is over, and nothing else", async () => {
    const dataDir = join(folder, "swept");
    let now = clock;
    const opened = () => openEmbeddedStore(dataDir, { now: () => now, sweepMs: 5 });
    const dayMs = 86_400_000;
    const store = opened();
    await store.set("kept", "for ever");
    await store.set("over", "tomorrow", { expiresInMs: dayMs });
    await store.close();
    now += 2 * dayMs;
    const left = async () => {
      const swept = opened();
      await wait(50);
      await swept.close();
      const root = open({ path: join(dataDir, "store"), noSubdir: false, maxDbs: 4 });
      const records = [...root.openDB({ name: "records", encoding: "string", useVersions: true }).getKeys()];
      await root.close();
      return records;
    };
    // A machine that is busy may not come to it in so short a time.
    let found = await left();
    while (found.length > 1) found = await left();
    expect(found).toEqual(["kept"]);
  });

  it("has a clock that goes on when the machine's is set back", async () => {
    const store = openEmbeddedStore(join(folder, "clock"));
    const before = await store.now();
    const machine = jest.spyOn(Date, "now").mockReturnValue(before - 3_600_000);
    await wait(20);
    const later = await store.now();
    machine.mockRestore();
    expect(later).toBeGreaterThanOrEqual(before + 15);
    expect(later).toBeLessThan(before + 10_000);
    await store.close();
  });

  it("refuses reads while it closes, and no read at that moment ends the process", async () => {
    const store = openEmbeddedStore(join(folder, "closing"));
    for (let index = 0; index < 1200; index += 1) void store.set(`key:${index}`, "value");
    await store.set("key", "value");
    const walk = store.scan("key:")[Symbol.asyncIterator]();
    for (let seen = 0; seen < 500; seen += 1) await walk.next();
    const writing = store.set("last", "written");
    const closing = store.close();
    const late = [
      store.get("key"),
      store.compareAndSet("key", "value", "other"),
      store.due("queue", 1, 1),
      walk.next(),
    ];

    for (const each of late) await expect(each).rejects.toThrow(StoreError);
    await Promise.all([writing, closing]);
    // LMDB's own timer would throw now.
    await wait(50);
  });

  it("says which folder cannot be used", async () => {
    const file = join(folder, "file");
    await writeFile(file, "");
    expect(() => openEmbeddedStore(file)).toThrow(StoreError);
    expect(() => openEmbeddedStore(file)).toThrow(/file.store cannot be opened: ENOTDIR/);
  });
});

describe("A lease", () => {
  it("is prolonged for as long as it is held, and not after that", async () => {
    const prolonged: string[] = [];
    const store: Pick<Store, "compareAndSet"> = {
      compareAndSet: (_key, expected, value) => {
        if (expected !== undefined && expected === value) prolonged.push(value);
        return Promise.resolve(true);
      },
    };
    const lease = await acquireLease(store, "lease", 15);
    await until(() => prolonged.length >= 3);
    await lease!.release();
    const atRelease = prolonged.length;
    await wait(30);
    expect(prolonged).toHaveLength(atRelease);
    expect(new Set(prolonged).size).toBe(1);
  });
});

describe("the embedded store and a second process", () => {
  const program = new URL("../programs/store-worker.mjs", import.meta.url);
  const settings = (dataDir: string) => ({ dataDir, redisUrl: undefined, encryptionKey: undefined });
  const inUse = /^the embedded store in .* cannot be opened: another process uses .*: for several set REDIS_URL$/;
  const startOwner = async (dataDir: string) => {
    const owner = fork(program, [dataDir, "a", "wait"], { silent: true });
    await once(owner.stdout!, "data");
    return owner;
  };

  it("belongs to the first: the second fails after ten seconds, even if the first is stopped", async () => {
    const dataDir = join(folder, "owned");
    const owner = await startOwner(dataDir);
    owner.kill("SIGSTOP");
    expect(() => openEmbeddedStore(dataDir)).toThrow(inUse);
    const askedAt = performance.now();
    await expect(openStore(settings(dataDir), log)).rejects.toThrow(inUse);
    expect(performance.now() - askedAt).toBeGreaterThan(10_000);
    // Not for as long as the first is stopped.
    expect(performance.now() - askedAt).toBeLessThan(25_000);
    owner.kill("SIGKILL");
    await once(owner, "exit");
  });

  it("is the second's as soon as the first has ended, however it ended", async () => {
    const dataDir = join(folder, "left");
    for (const signal of ["SIGKILL", "SIGTERM"] as const) {
      const owner = await startOwner(dataDir);
      const opening = openStore(settings(dataDir), log);
      await wait(150);
      owner.kill(signal);
      const store = await opening;
      await store.set("key", signal);
      expect(await store.get("key")).toBe(signal);
      await store.close();
    }
  });

  it("is let in by one of several who wait, and by the next when that one is gone", async () => {
    const dataDir = join(folder, "queue");
    const owner = await startOwner(dataDir);
    const heirs = ["a", "b", "c"].map((name) => fork(program, [dataDir, name, "100"]));
    await wait(300);
    owner.kill("SIGKILL");
    await Promise.all(heirs.map((heir) => once(heir, "exit")));
    expect(heirs.map((heir) => heir.exitCode)).toEqual([0, 0, 0]);
    const store = openEmbeddedStore(dataDir);
    expect([await store.get("count:0"), await store.get("count:1")]).toEqual(["150", "150"]);
    await store.close();
  });

  it("is shared by several stores of one process, and free when the last of them is closed", async () => {
    const dataDir = join(folder, "both");
    const [one, other] = [openEmbeddedStore(dataDir), openEmbeddedStore(dataDir)];
    const heard: string[] = [];
    await other.listen("news", { onMessage: (message) => heard.push(message) });
    await one.publish("news", "1");
    await until(() => heard.length === 1);
    await one.set("key", "1");
    expect(await other.get("key")).toBe("1");
    await one.close();
    await other.set("key", "2");
    await other.close();
    const next = await startOwner(dataDir);
    next.kill("SIGKILL");
    await once(next, "exit");
  });

  it("keeps every record whole and every acknowledged one there when a writer is killed", async () => {
    const dataDir = join(folder, "killed");
    for (let round = 0; round < 5; round += 1) {
      const worker = fork(program, [dataDir, `killed-${round}`, "write"], { silent: true });
      let acknowledged = -1;
      let pending = "";
      worker.stdout!.on("data", (chunk: Buffer) => {
        const lines = (pending + chunk.toString()).split("\n");
        pending = lines.pop()!;
        acknowledged = Math.max(acknowledged, ...lines.map(Number));
      });
      await once(worker.stdout!, "data");
      await wait(7 * round);
      worker.kill("SIGKILL");
      await once(worker, "exit");
      const store = openEmbeddedStore(dataDir);
      const found = [];
      for await (const [key, value] of store.scan(`killed-${round}:`)) {
        expect(value).toBe(`${key}${"x".repeat(2000)}`);
        found.push(key);
      }
      expect(acknowledged).toBeGreaterThanOrEqual(0);
      expect(found.length).toBeGreaterThan(acknowledged);
      await store.close();
    }
  });
});

describe("a store with encryption", () => {
  const [former, key] = ["f".repeat(32), "k".repeat(32)];
  const over = (store: Store, keys: string, unreadable: string[] = []) =>
    encrypted(store, new KeyRing(new Secret(keys)), (channel) => unreadable.push(channel));
  let plain: Store;
  let sealed: Store;
  keepsTheContract(
    () => {
      plain = embedded("sealed");
      sealed = over(plain, key);
      return Promise.resolve([sealed, over(plain, `${key}\n${former} plaintext`)] as const);
    },
    () => plain.close(),
    advance,
  );

  it("leaves nothing readable in the store's file or on a channel", async () => {
    await sealed.set("permanent-code", "not-to-be-read-by-anybody");
    expect(await plain.get("permanent-code")).toMatch(/^sealed:/);
    const heard: string[] = [];
    await plain.subscribe("secrets", (message) => heard.push(message));
    await sealed.publish("secrets", "not-to-be-read-by-anybody");
    await until(() => heard.length > 0);
    expect(heard[0]).toMatch(/^sealed:/);
    expect((await readFile(join(folder, "sealed/store/data.mdb"))).includes("not-to-be-read")).toBe(false);
  });

  it("drops messages that are plaintext, encrypted with another key, or copied from another channel, and continues", async () => {
    const heard: string[] = [];
    const unreadable: string[] = [];
    await over(plain, key, unreadable).subscribe("keys", (message) => heard.push(message));
    const captured: string[] = [];
    await plain.subscribe("other", (message) => captured.push(message));
    await sealed.publish("other", "of another channel");
    await until(() => captured.length > 0);
    await over(plain, former).publish("keys", "foreign");
    for (const forged of ["in clear", "", "sealed:", "sealed:AAAA", captured[0]!]) await plain.publish("keys", forged);
    await sealed.publish("keys", "own");
    await until(() => heard.length > 0);
    expect(heard).toEqual(["own"]);
    expect(unreadable).toHaveLength(6);
  });

  it("is dropped without the key, and does not end a process that has none", async () => {
    const heard: string[] = [];
    const without = encrypted(plain, new KeyRing(undefined));
    await without.subscribe("mixed", (message) => heard.push(message));
    await sealed.publish("mixed", JSON.stringify({ sealed: true }));
    await without.publish("mixed", "in clear");
    await until(() => heard.length > 0);
    expect(heard).toEqual(["in clear"]);
    await sealed.set("mixed", "1");
    await expect(without.get("mixed")).rejects.toThrow(/another key/);
  });

  it("refuses plaintext, unless `plaintext` is among its keys", async () => {
    await plain.set("token", "planted");
    await expect(sealed.get("token")).rejects.toThrow(/is not encrypted/);
    await expect(sealed.compareAndSet("token", "planted", "new")).rejects.toThrow(StoreError);
    const listed = async (store: Store) => {
      const found = [];
      for await (const [name] of store.scan("token")) found.push(name);
      return found;
    };
    expect(await listed(sealed)).toEqual([]);
    const migrating = over(plain, `${key} plaintext`);
    expect(await listed(migrating)).toEqual(["token"]);
    expect(await migrating.get("token")).toBe("planted");
    expect(await migrating.compareAndSet("token", "planted", "new")).toBe(true);
    expect(await sealed.get("token")).toBe("new");
  });

  it("reads with all its keys, and writes with the first", async () => {
    await over(plain, former).set("rotated", "1");
    const rotating = over(plain, `${key} ${former}`);
    expect(await rotating.get("rotated")).toBe("1");
    await expect(sealed.get("rotated")).rejects.toThrow(/another key/);
    expect(await rotating.compareAndSet("rotated", "1", "2")).toBe(true);
    expect(await sealed.get("rotated")).toBe("2");
  });

  it("does not open a value with another key, after a change, or under another name", async () => {
    await sealed.set("one", "secret");
    const value = (await plain.get("one"))!;
    await plain.set("two", value);
    await plain.set("three", value.slice(0, -4) + "AAA=");
    await expect(sealed.get("two")).rejects.toThrow(StoreError);
    await expect(sealed.get("three")).rejects.toThrow(StoreError);
    await expect(over(plain, former).get("one")).rejects.toThrow(StoreError);
  });
});

describe("opening the store at start", () => {
  const settings = (name: string, key?: string) => ({
    dataDir: join(folder, name),
    redisUrl: undefined,
    encryptionKey: key === undefined ? undefined : new Secret(key),
  });

  it("refuses an encrypted store without its key, and with another one", async () => {
    await (await openStore(settings("start", "right"), log)).close();
    await expect(openStore(settings("start"), log)).rejects.toThrow(/needs the STORE_ENCRYPTION_KEY/);
    await expect(openStore(settings("start", "wrong"), log)).rejects.toThrow(/another key/);
    await (await openStore(settings("start", "right"), log)).close();
  });

  it("re-encrypts records of other keys, or none, with their expiry, before it accepts one key alone", async () => {
    const dataDir = "anew";
    const before = await openStore(settings(dataDir), log);
    for (let index = 0; index < 120; index += 1) await before.set(`record:${index}`, `${index}`);
    await before.set("short", "lived", { expiresInMs: 60_000 });
    await before.close();
    await expect(openStore(settings(dataDir, "first"), log)).rejects.toThrow(/121 records are not encrypted/);
    for (const [keys, only] of [
      ["first plaintext", "first"],
      ["second first", "second"],
    ] as const) {
      const lines: string[] = [];
      const logged = createLogger("info", { write: (line) => void lines.push(line) });
      const during = await openStore(settings(dataDir, keys), logged);
      await until(() => lines.some((line) => line.includes("records were re-encrypted")));
      await during.close();
      const after = await openStore(settings(dataDir, only), log);
      expect([await after.get("record:119"), await after.get("short")]).toEqual(["119", "lived"]);
      await after.close();
    }
    const plain = embedded(dataDir);
    expect(await plain.get("short")).toMatch(/^sealed:/);
    await plain.close();
  });

  it("refuses to do without the key while records are still encrypted, and says how to get rid of it", async () => {
    const before = await openStore(settings("in clear", "first"), log);
    await before.set("record", "value");
    await before.close();
    const plain = embedded("in clear");
    // What a process does that is stopped before it has decrypted the records.
    await checkKeys(plain, new KeyRing(new Secret("plaintext first")));
    await plain.close();
    await expect(openStore(settings("in clear"), log)).rejects.toThrow(/1 records are still encrypted, such as record/);

    const lines: string[] = [];
    const logged = createLogger("info", { write: (line) => void lines.push(line) });
    const during = await openStore(settings("in clear", "plaintext first"), logged);
    await until(() => lines.some((line) => line.includes("records were re-encrypted")));
    await during.close();
    for (let start = 0; start < 2; start += 1) {
      const after = await openStore(settings("in clear"), log);
      expect(await after.get("record")).toBe("value");
      await after.close();
    }
  });

  it("refuses a Redis that cannot be reached, and does not repeat the password of its URL", async () => {
    const opening = openStore({ ...settings("x"), redisUrl: new Secret("redis://:hunter2@127.0.0.1:1") }, log);
    await expect(opening).rejects.toThrow(/^Redis at 127.0.0.1:1 cannot be used: .*ECONNREFUSED/);
  });
});

describeWithRedis("the store in Redis", () => {
  let redis: TestRedis;
  const stores: Store[] = [];
  keepsTheContract(
    async () => {
      redis = await TestRedis.start();
      stores.push(
        await openRedisStore(redis.url, { log, timeoutMs: 5000 }),
        await openRedisStore(redis.url, { log, timeoutMs: 5000 }),
      );
      return [stores[0]!, stores[1]!] as const;
    },
    async () => {
      for (const store of stores) await store.close();
      await redis.stop();
    },
    wait,
  );

  it("fails within its time when Redis hangs, then at once, and works again when Redis does", async () => {
    const store = await openRedisStore(redis.url, { log, timeoutMs: 500, restMs: 100 });
    await store.set("before", "1");
    await redis.pause();
    await expect(store.get("before")).rejects.toThrow("Redis did not answer within 500 ms");
    const atOnce = await Promise.allSettled(Array.from({ length: 100 }, () => store.set("during", "1")));
    expect(new Set(atOnce.map((each) => String((each as PromiseRejectedResult).reason)))).toEqual(
      new Set(["StoreError: Redis did not answer a moment ago"]),
    );
    // However long it hangs: nobody is made to find out whether it still does.
    await wait(150);
    await expect(store.get("before")).rejects.toThrow("Redis did not answer a moment ago");
    redis.resume();
    while ((await store.get("before").catch(() => "away")) === "away") await wait(5);
    expect(await store.get("before")).toBe("1");
    expect(await store.get("during")).toBeUndefined();
    await store.close();
  });

  it("says of several new records which are written, where a part of Redis refuses", async () => {
    const user = ["user", "on", ">password", "~wecom-living:here-*", "&*", "+@all"];
    await using divided = await TestRedis.start(["--user", ...user]);
    const store = await openRedisStore(divided.url.replace("//", "//user:password@"), { log });
    const record = (key: string) => ({ key, value: "1", expiresInMs: 60_000 });

    expect(await store.setNew(["here-1", "there", "here-2"].map(record))).toEqual([true, false, true]);
    expect(await store.get("here-2")).toBe("1");
    await expect(store.setNew(["there", "elsewhere"].map(record))).rejects.toThrow(StoreError);
    await store.close();
  });

  it("fails at once when Redis is gone, and listens again by itself when it is back", async () => {
    const store = await openRedisStore(redis.url, { log });
    const heard: string[] = [];
    await store.subscribe("news", (message) => heard.push(message));
    await redis.stop();
    await expect(store.get("before")).rejects.toThrow(StoreError);
    await redis.restart();
    await untilHeard(store, heard);
    await store.close();
  });
});

describeWithRedis("Listening over a network that fails", () => {
  let redis: TestRedis;
  beforeAll(async () => void (redis = await TestRedis.start()));
  afterAll(() => redis.stop());

  it("learns of a gap within three seconds when a connection only looks healthy, and when messages arrive again", async () => {
    await using network = await TestNetwork.to(redis.port);
    const store = await openRedisStore(network.url, { log });
    const told: string[] = [];
    const listening = await store.listen("news", {
      onMessage: (message) => told.push(message),
      onGap: () => told.push("gap"),
      onHearing: () => told.push("hearing"),
    });
    await store.publish("news", "1");
    await until(() => told.length === 2);
    network.vanish();
    const vanishedAt = performance.now();
    await until(() => told.length === 3);
    // Three seconds, and what a busy machine adds. TCP itself would notice after a quarter of an hour.
    expect(performance.now() - vanishedAt).toBeLessThan(15_000);
    expect(listening.isHearing).toBe(false);
    await expect(store.get("anything")).rejects.toThrow(StoreError);

    network.heal();
    await until(() => told.length === 4);
    expect(listening.isHearing).toBe(true);
    while (
      !(await store.publish("news", "2").then(
        () => true,
        () => false,
      ))
    )
      await wait(20);
    await until(() => told.length === 5);
    expect(told).toEqual(["hearing", "1", "gap", "hearing", "2"]);
    await store.close();
  });

  it("subscribes later to what failed at first, and leaves no connection behind", async () => {
    await using network = await TestNetwork.to(redis.port);
    const store = await openRedisStore(network.url, { log, restMs: 100 });
    network.vanish();
    const told: string[] = [];
    const listening = await store.listen("news", { onMessage: () => undefined, onHearing: () => told.push("hearing") });
    expect(listening.isHearing).toBe(false);
    await expect(store.subscribe("news", () => undefined)).rejects.toThrow(StoreError);
    await wait(2500);
    network.heal();
    await until(() => told.length === 1);
    await wait(200);
    expect(network.connections).toBe(2);
    listening.stop();
    await store.close();
    await until(() => network.connections === 0);
  });

  it("subscribes later to what was refused because Redis had not answered a moment ago", async () => {
    const store = await openRedisStore(redis.url, { log, timeoutMs: 500, restMs: 100 });
    const hearing: string[] = [];
    await redis.pause();
    for (const channel of ["one", "other"])
      await store.listen(channel, { onMessage: () => undefined, onHearing: () => hearing.push(channel) });
    expect(hearing).toEqual([]);
    redis.resume();

    await until(() => new Set(hearing).size === 2);
    await store.close();
  });

  it("tells each listener of a channel of one gap for each cut, however many there are", async () => {
    await using network = await TestNetwork.to(redis.port);
    const store = await openRedisStore(network.url, { log, restMs: 20 });
    const told: string[] = [];
    for (const name of ["a", "b"]) {
      const on = (what: string) => () => void told.push(`${name} ${what}`);
      await store.listen("news", { onMessage: on("message"), onGap: on("gap"), onHearing: on("hearing") });
    }
    for (let cuts = 1; cuts <= 3; cuts += 1) {
      network.cut();
      await until(() => told.length === 2 + 4 * cuts);
    }
    expect(told.filter((each) => each === "a gap")).toHaveLength(3);
    expect(told.slice(-2).sort()).toEqual(["a hearing", "b hearing"]);
    await store.close();
  });
});

async function untilHeard(store: Store, heard: readonly string[]): Promise<void> {
  while (heard.length === 0) {
    await store.publish("news", "again").catch(() => undefined);
    await wait(20);
  }
}
