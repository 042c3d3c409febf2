/**
 * State that outlives a request, and that every replica sees: tokens, permanent codes, leases, journals. Two
 * implementations keep one contract (`test/stores/stores.test.ts`): embedded on disk, and Redis.
 */
import { randomUUID } from "node:crypto";
import { isNativeError } from "node:util/types";

export interface Expiry {
  /** The record is gone this long from now. Without it the record stays until it is deleted. */
  readonly expiresInMs?: number;
}

export interface NewRecord extends Required<Expiry> {
  readonly key: string;
  readonly value: string;
}

/** The record that takes another's place is gone when that one would have been. */
export interface SameExpiry {
  readonly isSame: true;
}

/**
 * Every method rejects with a `StoreError` when the store does not answer. Whether a write that failed so took effect is
 * not known. A write that succeeded is durable as far as the store is: on disk, or as Redis is set up.
 */
export interface Store {
  /** How long to wait for an answer for whoever can do without it, in milliseconds. What takes longer is as good as gone. */
  readonly patienceMs: number;

  get(key: string): Promise<string | undefined>;

  set(key: string, value: string, expiry?: Expiry): Promise<void>;

  /** @returns whether there was one: of several that delete the same record at once, one is told `true` */
  delete(key: string): Promise<boolean>;

  /**
   * Writes `value` where `expected` stands; `undefined` means no record, on both sides.
   *
   * @returns false, and nothing is changed, when something else stands there
   */
  compareAndSet(
    key: string,
    expected: string | undefined,
    value: string | undefined,
    expiry?: Expiry | SameExpiry,
  ): Promise<boolean>;

  /** Writes those under whose keys there is no record. When it rejects, some of them may be written. */
  setNew(records: readonly NewRecord[]): Promise<void>;

  /** The records whose key begins so, in no particular order. Walks all keys in Redis: not for the path of a request. */
  scan(prefix: string): AsyncIterable<readonly [key: string, value: string]>;

  /**
   * Puts `member` into `queue`, to be due at a Unix time in milliseconds; one that is in it already is moved. Members are
   * never encrypted: they must be digests, or random.
   */
  enqueue(queue: string, member: string, dueAt: number): Promise<void>;

  /** Those of `queue` that are due at `now`, the earliest first, at most `limit`. They stay until they are taken out. */
  due(queue: string, now: number, limit: number): Promise<string[]>;

  dequeue(queue: string, member: string): Promise<void>;

  /** Tells all who listen now, in all replicas, this one included. Nobody hears what was said before they listened. */
  publish(channel: string, message: string): Promise<void>;

  /**
   * Listens until it is stopped, whatever happens to the store: what cannot be heard now is tried again.
   *
   * @returns when the channel is heard, or when that failed at first
   */
  listen(channel: string, listener: ChannelListener): Promise<Listening>;

  /** As `listen`, but rejects when the channel cannot be heard now. */
  subscribe(channel: string, listener: (message: string) => void): Promise<() => void>;

  /**
   * The store's clock in Unix milliseconds: the same for all replicas, which makes times of theirs comparable. Redis: the
   * server's, which may step back when another server takes over. Embedded: never steps back while the process runs.
   */
  now(): Promise<number>;

  close(): Promise<void>;
}

export interface ChannelListener {
  onMessage(message: string): void;
  /** Messages are heard from now on, at first and after each gap. What was published before may have been missed. */
  onHearing?(): void;
  /** Messages may be missed from now on, until `onHearing`. */
  onGap?(): void;
}

export interface Listening {
  /** False: messages may be missed. */
  readonly isHearing: boolean;
  stop(): void;
}

/** The store did not do what was asked. What it holds is not told, only what went wrong. */
export class StoreError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "StoreError";
  }
}

/** A process that stalls does not see the answer that lies there: the time is counted in turns of its event loop. */
const turnsOfPatience = 10;

/** What `answer` gives, or a rejection with the error that `tooLate` makes, when it takes longer than that. */
export async function within<T>(ms: number, answer: Promise<T>, tooLate: () => StoreError): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const giveUp = new Promise<never>((_resolve, reject) => {
    const wait = (turns: number): void => {
      timer = setTimeout(() => {
        if (turns > 1) wait(turns - 1);
        else reject(tooLate());
      }, ms / turnsOfPatience);
    };
    wait(turnsOfPatience);
  });
  return await Promise.race([answer, giveUp]).finally(() => {
    clearTimeout(timer);
  });
}

/** The same store for somebody who can do without it: what it does not answer in time fails, though it may take effect. */
export function impatient(store: Store): Pick<Store, "get" | "set" | "delete" | "compareAndSet"> {
  const { patienceMs } = store;
  const inTime = <T>(answer: Promise<T>): Promise<T> =>
    within(patienceMs, answer, () => new StoreError(`the store did not answer within ${patienceMs} ms`));
  return {
    get: (key) => inTime(store.get(key)),
    set: (key, value, expiry) => inTime(store.set(key, value, expiry)),
    delete: (key) => inTime(store.delete(key)),
    compareAndSet: (key, expected, value, expiry) => inTime(store.compareAndSet(key, expected, value, expiry)),
  };
}

/** Called with each message that a listener could not make sense of: of another release, say, or sealed with another key. */
export type OnUnreadable = (channel: string, error: unknown) => void;

/** What a listener throws must not end the process, nor keep other listeners from hearing. */
export function deliver(channel: string, message: string, listener: ChannelListener, onUnreadable: OnUnreadable): void {
  try {
    listener.onMessage(message);
  } catch (error) {
    onUnreadable(channel, error);
  }
}

/** @throws {StoreError} when the channel cannot be heard now */
export async function subscribeTo(
  store: Pick<Store, "listen">,
  channel: string,
  onMessage: (message: string) => void,
): Promise<() => void> {
  const listening = await store.listen(channel, { onMessage });
  if (!listening.isHearing) {
    listening.stop();
    throw new StoreError(`the channel ${channel} cannot be heard`);
  }
  return () => {
    listening.stop();
  };
}

/** The words of whatever was thrown. */
export function reasonOf(error: unknown): string {
  return isNativeError(error) ? error.message : String(error);
}

export interface Lease {
  /** Gives the lease up, unless it is somebody else's by now. */
  release(): Promise<void>;
}

/**
 * The right to be the one that does something. It is prolonged for as long as it is held, and ends `ttlMs` after its
 * holder has died. It makes double work rare, not impossible: whoever stalls for longer than that is not alone any more.
 *
 * @returns undefined when somebody else holds it
 */
export async function acquireLease(
  store: Pick<Store, "compareAndSet">,
  key: string,
  ttlMs: number,
): Promise<Lease | undefined> {
  const owner = randomUUID();
  const expiry = { expiresInMs: ttlMs };
  if (!(await store.compareAndSet(key, undefined, owner, expiry))) return undefined;
  const prolonging = setInterval(() => {
    store.compareAndSet(key, owner, owner, expiry).catch(() => undefined);
  }, ttlMs / 3).unref();
  return {
    release: async () => {
      clearInterval(prolonging);
      await store.compareAndSet(key, owner, undefined);
    },
  };
}
