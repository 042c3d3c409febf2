/**
 * The store of one process: an LMDB file. A write is on disk when its promise resolves, and a killed process leaves every
 * record either as it was or as it was to become.
 */
import { randomInt } from "node:crypto";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Database } from "lmdb";
import { type OwnedFolder, openOwnedFolder } from "./owned-folder.js";
import {
  type ChannelListener,
  deliver,
  type Expiry,
  type Listening,
  type NewRecord,
  type OnUnreadable,
  reasonOf,
  type SameExpiry,
  type Store,
  StoreError,
  subscribeTo,
} from "./store.js";

export interface EmbeddedStoreOptions {
  /** Unix milliseconds; never steps back. */
  readonly now?: () => number;
  /** How often what is over is removed. Default: once a minute. */
  readonly sweepMs?: number;
  readonly onUnreadable?: OnUnreadable;
}

/** @throws {StoreError} when the folder cannot be used; its cause is a `FolderInUseError` when another process does */
export function openEmbeddedStore(dataDir: string, options: EmbeddedStoreOptions = {}): Store {
  const path = join(dataDir, "store");
  try {
    return new EmbeddedStore(openOwnedFolder(path), {
      now: steadyClock(),
      sweepMs: 60_000,
      onUnreadable: () => undefined,
      ...options,
    });
  } catch (error) {
    throw new StoreError(`the embedded store in ${path} cannot be opened: ${reasonOf(error)}`, error);
  }
}

const pageSize = 500;

interface StoredRecord {
  readonly key: string;
  readonly value: string;
  readonly version?: number;
}

const maxPerTransaction = 500;

class EmbeddedStore implements Store {
  /** A disk may be slow, but nothing here hangs: it is worth waiting for. */
  readonly patienceMs = 10_000;
  readonly #records: Database<string, string>;
  /** What is in a queue is under way, and therefore little: it is looked through whole. */
  readonly #queues: Database<number, [queue: string, member: string]>;
  readonly #sweeper: NodeJS.Timeout;
  #isClosed = false;

  constructor(
    private readonly folder: OwnedFolder,
    private readonly options: Required<EmbeddedStoreOptions>,
  ) {
    const { root } = folder;
    this.#records = root.openDB({ name: "records", encoding: "string", useVersions: true });
    this.#queues = root.openDB({ name: "queues" });
    this.#sweeper = setInterval(() => void this.#sweep().catch(() => undefined), options.sweepMs).unref();
  }

  get(key: string): Promise<string | undefined> {
    return this.#attempt(() => this.#read(key)?.value);
  }

  async set(key: string, value: string, expiry?: Expiry): Promise<void> {
    await this.#attempt(() => this.#records.put(key, this.#seal(value, expiry), newVersion()));
  }

  async delete(key: string): Promise<boolean> {
    for (;;) {
      const found = await this.#attempt(() => this.#read(key));
      if (!found) return false;
      if (await this.#attempt(() => this.#records.remove(key, found.version))) return true;
    }
  }

  async compareAndSet(
    key: string,
    expected: string | undefined,
    value: string | undefined,
    expiry: Expiry | SameExpiry = {},
  ): Promise<boolean> {
    return await this.#attempt(async () => {
      for (;;) {
        const entry = this.#entry(key);
        if ((entry && this.#unseal(entry.value)) !== expected) return false;
        if (value === undefined && entry === undefined) return true;
        // The version tells whether it is still the record that was compared; null: there was none.
        const version = (entry?.version ?? null) as number;
        const sealed = (text: string): string =>
          "isSame" in expiry ? `${endOf(entry?.value)}:${text}` : this.#seal(text, expiry);
        const isWritten =
          value === undefined
            ? await this.#records.remove(key, version)
            : await this.#records.put(key, sealed(value), newVersion(), version);
        // Else another record stands there, maybe with the same value.
        if (isWritten) return true;
      }
    });
  }

  async setNew(records: readonly NewRecord[]): Promise<void> {
    const version = newVersion();
    const write = ({ key, value, expiresInMs }: NewRecord): void => {
      if (this.#read(key) === undefined) this.#records.putSync(key, this.#seal(value, { expiresInMs }), version);
    };
    for (let from = 0; from < records.length; from += maxPerTransaction) {
      // The event loop waits for a transaction's callback.
      const some = records.slice(from, from + maxPerTransaction);
      await this.#attempt(() =>
        this.#records.transaction(() => {
          some.forEach(write);
        }),
      );
    }
  }

  async *scan(prefix: string): AsyncGenerator<readonly [string, string]> {
    for await (const page of this.#pages(prefix)) {
      for (const { key, value } of page) {
        if (!key.startsWith(prefix)) return;
        const found = this.#unseal(value);
        if (found !== undefined) yield [key, found];
      }
    }
  }

  async enqueue(queue: string, member: string, dueAt: number): Promise<void> {
    await this.#attempt(() => this.#queues.put([queue, member], dueAt));
  }

  due(queue: string, now: number, limit: number): Promise<string[]> {
    return this.#attempt(() => {
      const members = this.#queues.getRange({ start: [queue, ""], end: [queue, "\uffff"] });
      return [...members.filter(({ value }) => value <= now)]
        .sort((one, other) => one.value - other.value)
        .slice(0, limit)
        .map(({ key: [, member] }) => member);
    });
  }

  async dequeue(queue: string, member: string): Promise<void> {
    await this.#attempt(() => this.#queues.remove([queue, member]));
  }

  async publish(channel: string, message: string): Promise<void> {
    // Not within the caller's turn, as with any other store.
    await nextTurn();
    for (const listener of [...(this.folder.listeners.get(channel) ?? [])]) {
      deliver(channel, message, listener, this.options.onUnreadable);
    }
  }

  listen(channel: string, listener: ChannelListener): Promise<Listening> {
    const { listeners } = this.folder;
    const each = { ...listener };
    const ofChannel = listeners.get(channel) ?? new Set();
    listeners.set(channel, ofChannel.add(each));
    listener.onHearing?.();
    const stop = (): void => {
      ofChannel.delete(each);
      if (ofChannel.size === 0) listeners.delete(channel);
    };
    return Promise.resolve({ isHearing: true, stop });
  }

  subscribe(channel: string, listener: (message: string) => void): Promise<() => void> {
    return subscribeTo(this, channel, listener);
  }

  now(): Promise<number> {
    return Promise.resolve(this.options.now());
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeper);
    await this.#attempt(() => {
      this.#isClosed = true;
      return this.folder.close();
    });
  }

  /**
   * LMDB must not be read while it closes, that is while the last writes are awaited: a timer of its own throws then, and
   * ends the process. So nothing is begun after `close`, and nothing that was begun reads again.
   *
   * @throws {StoreError}
   */
  #requireOpen(): void {
    if (this.#isClosed) throw new Error("it is closed");
  }

  async #attempt<T>(work: () => T | Promise<T>): Promise<T> {
    try {
      this.#requireOpen();
      return await work();
    } catch (error) {
      throw new StoreError(`the embedded store failed: ${reasonOf(error)}`, error);
    }
  }

  #entry(key: string) {
    this.#requireOpen();
    return this.#records.getEntry(key);
  }

  /** Each is read in one turn: no cursor is open when the store may be closed. */
  async *#pages(prefix: string): AsyncGenerator<readonly StoredRecord[]> {
    let last: string | undefined;
    for (;;) {
      const range = { start: last ?? prefix, exclusiveStart: last !== undefined, limit: pageSize, versions: true };
      const page = await this.#attempt(() => [...this.#records.getRange(range)]);
      yield page;
      if (page.length < pageSize) return;
      last = page.at(-1)?.key;
      await nextTurn();
    }
  }

  #read(key: string): { value: string; version: number } | undefined {
    const entry = this.#entry(key);
    const value = entry && this.#unseal(entry.value);
    return entry && value !== undefined ? { value, version: entry.version ?? 0 } : undefined;
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

  async #sweep(): Promise<void> {
    for await (const page of this.#pages("")) {
      const over = page.filter(({ value }) => this.#unseal(value) === undefined);
      const remove = ({ key, version }: StoredRecord) => this.#records.remove(key, version ?? 0);
      await this.#attempt(() => Promise.all(over.map(remove)));
    }
  }
}

/** Of a record as it lies in the file: in Unix milliseconds, or empty. */
function endOf(record = ":"): string {
  return record.slice(0, record.indexOf(":"));
}

/** Follows the machine's clock forwards, and goes on by itself where that one is set back. */
function steadyClock(): () => number {
  let reading = Date.now();
  let readAt = performance.now();
  return () => {
    const elapsedMs = performance.now() - readAt;
    readAt += elapsedMs;
    reading = Math.max(Date.now(), reading + elapsedMs);
    return Math.floor(reading);
  };
}

/** Never the same twice for one key, so that a record which was replaced and put back is not taken for untouched. */
function newVersion(): number {
  return randomInt(1, 2 ** 48 - 1);
}
