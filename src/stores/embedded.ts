/**
 * The store of a single process: an LMDB file. A write is on disk when its promise resolves. If the process is killed,
 * each record has either its old or its new value.
 */
import { randomInt } from "node:crypto";
import { join } from "node:path";
import { setImmediate as nextTick } from "node:timers/promises";
import type { Database } from "lmdb";
import { Commits } from "./commits.js";
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
  /** Unix milliseconds; never goes back. */
  readonly now?: () => number;
  /** How often expired records are removed. Default: once a minute. */
  readonly sweepMs?: number;
  readonly onUnreadable?: OnUnreadable;
}

/** @throws {StoreError} when the folder cannot be used; its cause is a `FolderInUseError` if another process uses it */
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

/** Records per page of a scan, and per transaction: both are synchronous and block the event loop. */
const recordsPerStep = 500;

interface StoredRecord {
  readonly key: string;
  readonly value: string;
  readonly version?: number;
}

class EmbeddedStore implements Store {
  /** Long, because a disk may be slow but does not hang. */
  readonly shortTimeoutMs = 10_000;
  readonly #records: Database<string, string>;
  /** Queues hold only unfinished work, so they are small enough to be scanned. */
  readonly #queues: Database<number, [queue: string, member: string]>;
  readonly #commits: Commits;
  readonly #sweeper: NodeJS.Timeout;
  #isClosed = false;

  constructor(
    private readonly folder: OwnedFolder,
    private readonly options: Required<EmbeddedStoreOptions>,
  ) {
    const { root } = folder;
    this.#commits = new Commits(folder);
    this.#records = root.openDB({ name: "records", encoding: "string", useVersions: true });
    this.#queues = root.openDB({ name: "queues" });
    this.#sweeper = setInterval(() => void this.#sweep().catch(() => undefined), options.sweepMs).unref();
  }

  get(key: string): Promise<string | undefined> {
    return this.#attempt(() => this.#read(key)?.value);
  }

  async set(key: string, value: string, expiry?: Expiry): Promise<void> {
    await this.#attempt(() => this.#committed(() => this.#records.put(key, this.#seal(value, expiry), newVersion())));
  }

  async delete(key: string): Promise<boolean> {
    for (;;) {
      const found = await this.#attempt(() => this.#read(key));
      if (!found) return false;
      if (await this.#attempt(() => this.#committed(() => this.#records.remove(key, found.version)))) return true;
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
        // The version shows whether the record is still the one that was compared; null: there was no record.
        const version = (entry?.version ?? null) as number;
        const sealed = (text: string): string =>
          "isSame" in expiry ? `${endOf(entry?.value)}:${text}` : this.#seal(text, expiry);
        const isWritten = await this.#committed(() =>
          value === undefined
            ? this.#records.remove(key, version)
            : this.#records.put(key, sealed(value), newVersion(), version),
        );
        // Otherwise another write replaced the record, maybe with the same value: compare again.
        if (isWritten) return true;
      }
    });
  }

  async setNew(records: readonly NewRecord[]): Promise<boolean[]> {
    const version = newVersion();
    const write = ({ key, value, expiresInMs }: NewRecord): void => {
      if (this.#read(key) === undefined) this.#records.putSync(key, this.#seal(value, { expiresInMs }), version);
    };
    for (let from = 0; from < records.length; from += recordsPerStep) {
      const some = records.slice(from, from + recordsPerStep);
      await this.#attempt(() =>
        this.#committed(() =>
          this.#records.transaction(() => {
            some.forEach(write);
          }),
        ),
      );
    }
    return records.map(() => true);
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

  async enqueue(queue: string, member: string, dueAtMs: number): Promise<void> {
    await this.#attempt(() => this.#committed(() => this.#queues.put([queue, member], dueAtMs)));
  }

  due(queue: string, nowMs: number, limit: number): Promise<string[]> {
    return this.#attempt(() => {
      const members = this.#queues.getRange({ start: [queue, ""], end: [queue, "\uffff"] });
      return [...members.filter(({ value }) => value <= nowMs)]
        .sort((one, other) => one.value - other.value)
        .slice(0, limit)
        .map(({ key: [, member] }) => member);
    });
  }

  async dequeue(queue: string, member: string): Promise<void> {
    await this.#attempt(() => this.#committed(() => this.#queues.remove([queue, member])));
  }

  async publish(channel: string, message: string): Promise<void> {
    // Asynchronously, as with any other store.
    await nextTick();
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
   * Reading LMDB while it closes, which includes waiting for the last writes, makes one of its timers throw, and the
   * process ends. So nothing starts after `close`, and what has started does not read again.
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

  #committed<T>(write: () => Promise<T>): Promise<T> {
    return this.#commits.run(() => {
      this.#requireOpen();
      return write();
    });
  }

  #entry(key: string) {
    this.#requireOpen();
    return this.#records.getEntry(key);
  }

  /** Reads each page synchronously, so that no cursor is open when the store closes. */
  async *#pages(prefix: string): AsyncGenerator<readonly StoredRecord[]> {
    let last: string | undefined;
    for (;;) {
      const range = {
        start: last ?? prefix,
        exclusiveStart: last !== undefined,
        limit: recordsPerStep,
        versions: true,
      };
      const page = await this.#attempt(() => [...this.#records.getRange(range)]);
      yield page;
      if (page.length < recordsPerStep) return;
      last = page.at(-1)?.key;
      await nextTick();
    }
  }

  #read(key: string): { value: string; version: number } | undefined {
    const entry = this.#entry(key);
    const value = entry && this.#unseal(entry.value);
    return entry && value !== undefined ? { value, version: entry.version ?? 0 } : undefined;
  }

  #seal(value: string, expiry: Expiry | undefined): string {
    const endsAtMs =
      expiry?.expiresInMs === undefined ? "" : String(Math.ceil(this.options.now() + expiry.expiresInMs));
    return `${endsAtMs}:${value}`;
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
      await this.#attempt(() => this.#committed(() => Promise.all(over.map(remove))));
    }
  }
}

/** The expiry of a stored record: Unix milliseconds, or "" for none. */
function endOf(record = ":"): string {
  return record.slice(0, record.indexOf(":"));
}

/** Follows the machine's clock forwards; where that is set back, continues by elapsed time. */
function steadyClock(): () => number {
  let reading = Date.now();
  let readAtMs = performance.now();
  return () => {
    const elapsedMs = performance.now() - readAtMs;
    readAtMs += elapsedMs;
    reading = Math.max(Date.now(), reading + elapsedMs);
    return Math.floor(reading);
  };
}

/** Random, so that a record that was replaced and restored does not pass for an unchanged one. */
function newVersion(): number {
  return randomInt(1, 2 ** 48 - 1);
}
