/** A store in memory that replicas may share: its records expire on the test's clock, and it can be away. */
import {
  type ChannelListener,
  type Expiry,
  type Listening,
  type NewRecord,
  type SameExpiry,
  type Store,
  StoreError,
} from "../../src/stores/store.js";

interface StoredRecord {
  readonly value: string;
  readonly expiresInMs: number;
  readonly expiresAtMs: number;
}

export class MemoryStore implements Store {
  readonly shortTimeoutMs = 1000;
  readonly records = new Map<string, StoredRecord>();
  readonly #queues = new Map<string, Map<string, number>>();
  readonly #listeners = new Map<string, Set<ChannelListener>>();
  isAway = false;
  /** How many commands it got. */
  asked = 0;

  constructor(private readonly nowMs: () => number) {}

  get(key: string): Promise<string | undefined> {
    return this.#ask(() => this.#read(key));
  }

  set(key: string, value: string, expiry: Expiry = {}): Promise<void> {
    return this.#ask(() => {
      this.#write(key, value, expiry);
    });
  }

  delete(key: string): Promise<boolean> {
    return this.#ask(() => this.#read(key) !== undefined && this.records.delete(key));
  }

  compareAndSet(
    key: string,
    expected: string | undefined,
    value: string | undefined,
    expiry: Expiry | SameExpiry = {},
  ): Promise<boolean> {
    return this.#ask(() => {
      if (this.#read(key) !== expected) return false;
      if (value === undefined) this.records.delete(key);
      else if ("isSame" in expiry) this.records.set(key, { ...this.records.get(key)!, value });
      else this.#write(key, value, expiry);
      return true;
    });
  }

  setNew(all: readonly NewRecord[]): Promise<boolean[]> {
    return this.#ask(() => {
      for (const { key, value, ...expiry } of all) if (this.#read(key) === undefined) this.#write(key, value, expiry);
      return all.map(() => true);
    });
  }

  async *scan(prefix: string): AsyncGenerator<readonly [key: string, value: string]> {
    const keys = await this.#ask(() => [...this.records.keys()].filter((key) => key.startsWith(prefix)));
    for (const key of keys) {
      const value = this.#read(key);
      if (value !== undefined) yield [key, value];
    }
  }

  enqueue(queue: string, member: string, dueAtMs: number): Promise<void> {
    return this.#ask(() => void entryOf(this.#queues, queue, () => new Map<string, number>()).set(member, dueAtMs));
  }

  due(queue: string, nowMs: number, limit: number): Promise<string[]> {
    const members = [...(this.#queues.get(queue) ?? [])].filter(([, dueAtMs]) => dueAtMs <= nowMs);
    return this.#ask(() =>
      members
        .sort(([, one], [, other]) => one - other)
        .slice(0, limit)
        .map(([member]) => member),
    );
  }

  dequeue(queue: string, member: string): Promise<void> {
    return this.#ask(() => void this.#queues.get(queue)?.delete(member));
  }

  publish(channel: string, message: string): Promise<void> {
    return this.#ask(() => {
      for (const listener of this.#listeners.get(channel) ?? []) listener.onMessage(message);
    });
  }

  listen(channel: string, listener: ChannelListener): Promise<Listening> {
    const listeners = entryOf(this.#listeners, channel, () => new Set<ChannelListener>()).add(listener);
    listener.onHearing?.();
    return Promise.resolve({ isHearing: true, stop: () => void listeners.delete(listener) });
  }

  async subscribe(channel: string, onMessage: (message: string) => void): Promise<() => void> {
    const listening = await this.listen(channel, { onMessage });
    return () => {
      listening.stop();
    };
  }

  now(): Promise<number> {
    return this.#ask(() => this.nowMs());
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #ask<T>(answer: () => T): Promise<T> {
    this.asked += 1;
    return this.isAway ? Promise.reject(new StoreError("away")) : Promise.resolve(answer());
  }

  #read(key: string): string | undefined {
    const record = this.records.get(key);
    return record && this.nowMs() < record.expiresAtMs ? record.value : undefined;
  }

  #write(key: string, value: string, { expiresInMs = Infinity }: Expiry): void {
    this.records.set(key, { value, expiresInMs, expiresAtMs: this.nowMs() + expiresInMs });
  }
}

function entryOf<V>(map: Map<string, V>, key: string, create: () => V): V {
  let entry = map.get(key);
  if (!entry) map.set(key, (entry = create()));
  return entry;
}
