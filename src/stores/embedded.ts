/**
 * The store of one machine: an LMDB file that several processes may use at once. A write is on disk when its promise
 * resolves, and a killed process leaves every record either as it was or as it was to become. In one file, for records,
 * sets, queues and messages share the gate before each write, and the sweep.
 */
import { hash, randomInt } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { type Database, open, type RootDatabase } from "lmdb";
import { lendQuiet, openQuietly, type Quiet } from "./quiet-opening.js";
import { type Expiry, reasonOf, type Store, StoreError } from "./store.js";

export interface EmbeddedStoreOptions {
  readonly now?: () => number;
  /** LMDB cannot wake a reader, so listeners look for messages of other processes this often. */
  readonly pollMs?: number;
  /** How often what is over is removed. Default: once a minute. */
  readonly sweepMs?: number;
}

/** A message is kept for so long: all who listen have heard it then. */
const messagesKeptMs = 60_000;
const dayMs = 24 * 3_600_000;

/** The last time in Unix milliseconds that six bytes hold. */
const latest = 2 ** 48 - 1;

/** Of a time in Unix milliseconds. */
const dayOf = (time: number): number => Math.floor(time / dayMs);

/** @throws {StoreError} when the folder cannot be used */
export function openEmbeddedStore(dataDir: string, options: EmbeddedStoreOptions = {}): Store {
  const path = join(dataDir, "store");
  try {
    // What is in it may be secret, and LMDB leaves the mode of its files to the umask.
    makeFolder(path);
    const { opened, id } = openQuietly(path, () => open({ path, noSubdir: false, overlappingSync: false, maxDbs: 4 }));
    return new EmbeddedStore(opened, path, id, { now: Date.now, pollMs: 50, sweepMs: 60_000, ...options });
  } catch (error) {
    throw new StoreError(`the embedded store in ${path} cannot be opened: ${reasonOf(error)}`, error);
  }
}

/** Not `recursive`: where a file system refuses folders with ENOENT, as /proc does, Node tries for ever. */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Another process may have been faster.
    if (!existsSync(path)) throw error;
  }
}

interface Message {
  readonly channel: string;
  readonly message: string;
  readonly at: number;
}

class EmbeddedStore implements Store, Quiet {
  /** A disk may be slow, but nothing here hangs: it is worth waiting for. */
  readonly patienceMs = 10_000;
  readonly #records: Database<string, string>;
  readonly #messages: Database<Message, number>;
  /** What is in a queue is under way, and therefore little: it is looked through whole. */
  readonly #queues: Database<number, [queue: string, member: string]>;
  /**
   * As many members in one record as were put in together, with the time of their end. By the day of it, so that what is
   * over can be removed without a look at the rest: whatever is looked at counts as this process's memory from then on.
   * For the same reason the keys are short.
   */
  readonly #sets: Database<[endsAt: number, ...members: string[]], Buffer>;
  readonly #listeners = new Map<string, Set<(message: string) => void>>();
  readonly #sweeper: NodeJS.Timeout;
  #poller: NodeJS.Timeout | undefined;
  #lastMessage = 0;
  readonly #lending: ReturnType<typeof lendQuiet>;
  /** While another process opens the file. */
  #quiet: { readonly isOver: Promise<void>; readonly end: () => void } | undefined;
  #writing = 0;
  #onStill: (() => void) | undefined;

  constructor(
    private readonly root: RootDatabase,
    path: string,
    id: string,
    private readonly options: Required<EmbeddedStoreOptions>,
  ) {
    this.#records = root.openDB({ name: "records", encoding: "string", useVersions: true });
    this.#messages = root.openDB({ name: "messages", keyEncoding: "uint32" });
    this.#queues = root.openDB({ name: "queues" });
    this.#sets = root.openDB({ name: "sets", encoding: "json", keyEncoding: "binary" });
    this.#lending = lendQuiet(path, id, this);
    this.#sweeper = setInterval(() => void this.#sweep().catch(() => undefined), options.sweepMs).unref();
  }

  async stop(): Promise<void> {
    let end = (): void => undefined;
    const isOver = new Promise<void>((resolve) => (end = resolve));
    this.#quiet = { isOver, end };
    if (this.#writing > 0) await new Promise<void>((resolve) => (this.#onStill = resolve));
  }

  resume(): void {
    this.#quiet?.end();
    this.#quiet = undefined;
  }

  get(key: string): Promise<string | undefined> {
    return attempt(() => this.#read(key)?.value);
  }

  async set(key: string, value: string, expiry?: Expiry): Promise<void> {
    await this.#write(() => this.#records.put(key, this.#seal(value, expiry), newVersion()));
  }

  async delete(key: string): Promise<boolean> {
    for (;;) {
      const found = await attempt(() => this.#read(key));
      if (!found) return false;
      if (await this.#write(() => this.#records.remove(key, found.version))) return true;
    }
  }

  async compareAndSet(
    key: string,
    expected: string | undefined,
    value: string | undefined,
    expiry?: Expiry,
  ): Promise<boolean> {
    return await this.#write(async () => {
      const entry = this.#entry(key);
      const found = entry && this.#unseal(entry.value);
      if (found !== expected) return false;
      if (value !== undefined) {
        // The version tells whether it is still the record that was compared; null: there was none.
        return await this.#records.put(
          key,
          this.#seal(value, expiry),
          newVersion(),
          (entry?.version ?? null) as number,
        );
      }
      return entry === undefined || (await this.#records.remove(key, entry.version));
    });
  }

  async *scan(prefix: string): AsyncGenerator<readonly [string, string]> {
    let seen = 0;
    for (const { key, value } of this.#records.getRange({ start: prefix, snapshot: false })) {
      if (!key.startsWith(prefix)) return;
      const found = this.#unseal(value);
      if (found !== undefined) yield [key, found];
      if (++seen % 500 === 0) await nextTurn();
    }
  }

  async include(set: string, members: readonly string[], expiresInMs: number): Promise<void> {
    const now = this.options.now();
    const endsAt = Math.ceil(now + expiresInMs);
    await this.#write(() => this.#sets.put(setKey(dayOf(endsAt), set, now, randomInt(2 ** 32)), [endsAt, ...members]));
  }

  async included(set: string, members: readonly string[]): Promise<string[]> {
    const left = new Set(members);
    const found: string[] = [];
    let seen = 0;
    await attempt(async () => {
      this.root.resetReadTxn();
      const now = this.options.now();
      for (const day of this.#daysFrom(dayOf(now))) {
        const ofSet = { start: setKey(day, set, 0, 0), end: setKey(day, set, latest, 0) };
        for (const { value } of this.#sets.getRange({ ...ofSet, snapshot: false })) {
          const [endsAt, ...held] = value;
          if (endsAt > now) for (const member of held) if (left.delete(member)) found.push(member);
          if (left.size === 0) return;
          if (++seen % 100 === 0) await nextTurn();
        }
      }
    });
    return found;
  }

  /** On which members of any set end. */
  *#daysFrom(first: number): Generator<number> {
    for (let from = first; ; from += 1) {
      const [key] = this.#sets.getKeys({ start: dayKey(from), limit: 1, snapshot: false });
      if (!key) return;
      yield (from = key.readUInt16BE());
    }
  }

  async enqueue(queue: string, member: string, dueAt: number): Promise<void> {
    await this.#write(() => this.#queues.put([queue, member], dueAt));
  }

  due(queue: string, now: number, limit: number): Promise<string[]> {
    return attempt(() => {
      this.root.resetReadTxn();
      const members = this.#queues.getRange({ start: [queue, ""], end: [queue, "\uffff"] });
      return [...members.filter(({ value }) => value <= now)]
        .sort((one, other) => one.value - other.value)
        .slice(0, limit)
        .map(({ key: [, member] }) => member);
    });
  }

  async dequeue(queue: string, member: string): Promise<void> {
    await this.#write(() => this.#queues.remove([queue, member]));
  }

  async publish(channel: string, message: string): Promise<void> {
    await this.#write(() =>
      this.root.transaction(() => {
        const number = this.#newestMessage() + 1;
        void this.#messages.put(number, { channel, message, at: this.options.now() });
      }),
    );
    if (this.#poller) this.#poll();
  }

  subscribe(channel: string, listener: (message: string) => void): Promise<() => void> {
    return attempt(() => {
      if (!this.#poller) {
        this.#lastMessage = this.#newestMessage();
        this.#poller = setInterval(() => {
          this.#poll();
        }, this.options.pollMs).unref();
      }
      const listeners = this.#listeners.get(channel) ?? new Set();
      this.#listeners.set(channel, listeners.add(listener));
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) this.#listeners.delete(channel);
      };
    });
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeper);
    clearInterval(this.#poller);
    this.#lending.beforeClose();
    await attempt(() => this.root.close());
    this.#lending.afterClose();
  }

  async #write<T>(work: () => T | Promise<T>): Promise<T> {
    while (this.#quiet) await this.#quiet.isOver;
    this.#writing += 1;
    try {
      return await attempt(work);
    } finally {
      this.#writing -= 1;
      if (this.#writing === 0) this.#onStill?.();
    }
  }

  /** What other processes wrote is seen only by a read transaction that is younger. */
  #entry(key: string): { value: string; version: number } | undefined {
    this.root.resetReadTxn();
    const entry = this.#records.getEntry(key);
    return entry && { value: entry.value, version: entry.version ?? 0 };
  }

  #read(key: string): { value: string; version: number } | undefined {
    const entry = this.#entry(key);
    const value = entry && this.#unseal(entry.value);
    return entry && value !== undefined ? { value, version: entry.version } : undefined;
  }

  #seal(value: string, expiry: Expiry | undefined): string {
    const endsAt = expiry?.expiresInMs === undefined ? "" : String(Math.ceil(this.options.now() + expiry.expiresInMs));
    return `${endsAt}:${value}`;
  }

  #unseal(record: string): string | undefined {
    const colonAt = record.indexOf(":");
    if (colonAt > 0 && this.options.now() >= Number(record.slice(0, colonAt))) return undefined;
    return record.slice(colonAt + 1);
  }

  #newestMessage(): number {
    for (const number of this.#messages.getKeys({ reverse: true, limit: 1 })) return number;
    return 0;
  }

  #poll(): void {
    this.root.resetReadTxn();
    for (const { key, value } of this.#messages.getRange({ start: this.#lastMessage + 1 })) {
      this.#lastMessage = key;
      for (const listener of this.#listeners.get(value.channel) ?? []) listener(value.message);
    }
  }

  async #sweep(): Promise<void> {
    // Processes that were killed hold their place in LMDB's table of readers, and with it old pages of the file.
    this.root.readerCheck();
    let seen = 0;
    let removing: Promise<unknown>[] = [];
    for (const { key, value, version } of this.#records.getRange({ versions: true, snapshot: false })) {
      if (this.#unseal(value) === undefined) removing.push(this.#write(() => this.#records.remove(key, version ?? 0)));
      if (++seen % 500 > 0) continue;
      await Promise.all(removing);
      removing = [];
      await nextTurn();
    }
    for (const key of this.#sets.getKeys({ end: dayKey(dayOf(this.options.now())), snapshot: false })) {
      removing.push(this.#write(() => this.#sets.remove(key)));
      if (++seen % 500 > 0) continue;
      await Promise.all(removing);
      removing = [];
      await nextTurn();
    }
    // The newest stays, so that the numbers go on from it.
    const newest = this.#newestMessage();
    for (const { key, value } of this.#messages.getRange({ end: newest })) {
      if (value.at > this.options.now() - messagesKeptMs) break;
      removing.push(this.#write(() => this.#messages.remove(key)));
    }
    await Promise.all(removing);
  }
}

function dayKey(day: number): Buffer {
  const key = Buffer.alloc(2);
  key.writeUInt16BE(day);
  return key;
}

/** 28 bytes: half of a digest is enough to tell sets apart, and what comes later stands behind, where pages are full. */
function setKey(day: number, set: string, time: number, id: number): Buffer {
  const key = Buffer.alloc(28);
  key.writeUInt16BE(day);
  hash("sha256", set, "buffer").copy(key, 2, 0, 16);
  key.writeUIntBE(time, 18, 6);
  key.writeUInt32BE(id, 24);
  return key;
}

/** Never the same twice for one key, so that a record which was replaced and put back is not taken for untouched. */
function newVersion(): number {
  return randomInt(1, 2 ** 48 - 1);
}

async function attempt<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new StoreError(`the embedded store failed: ${reasonOf(error)}`, error);
  }
}
