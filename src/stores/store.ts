/**
 * State that outlives a request and that all replicas share: tokens, permanent codes, leases, journals. Two
 * implementations fulfil one contract (`test/stores/stores.test.ts`): embedded on disk, and Redis.
 */
import { isNativeError } from "node:util/types";

export interface Expiry {
  /** The record expires after this time. Without it, the record stays until it is deleted. */
  readonly expiresInMs?: number;
}

export interface NewRecord extends Required<Expiry> {
  readonly key: string;
  readonly value: string;
}

/** Keeps the expiry of the record that is replaced. */
export interface SameExpiry {
  readonly isSame: true;
}

/**
 * Every method rejects with a `StoreError` when the store does not answer; then a write may or may not have taken
 * effect. A write that succeeds is as durable as the store: on disk, or as Redis is configured.
 */
export interface Store {
  /** How long, in milliseconds, callers wait that can continue without an answer. */
  readonly shortTimeoutMs: number;

  get(key: string): Promise<string | undefined>;

  set(key: string, value: string, expiry?: Expiry): Promise<void>;

  /** @returns whether a record existed: if several callers delete it at once, one of them gets `true` */
  delete(key: string): Promise<boolean>;

  /**
   * Writes `value` if the record's value is `expected`; `undefined` means no record, for both.
   *
   * @returns false, without a change, if the record has another value
   */
  compareAndSet(
    key: string,
    expected: string | undefined,
    value: string | undefined,
    expiry?: Expiry | SameExpiry,
  ): Promise<boolean>;

  /**
   * Writes only records whose keys do not exist yet. If a part of the store fails, the other records are written.
   *
   * @returns for each record whether one is certainly stored now; rejects instead if none is
   */
  setNew(records: readonly NewRecord[]): Promise<boolean[]>;

  /**
   * The records whose keys have this prefix, in no order. In Redis it walks all keys, so requests must not wait for it.
   */
  scan(prefix: string): AsyncIterable<readonly [key: string, value: string]>;

  /**
   * Adds `member` to `queue`, due at `dueAtMs`; a member that is already in it is moved. Members are never encrypted:
   * they must be digests, or random.
   */
  enqueue(queue: string, member: string, dueAtMs: number): Promise<void>;

  /** Members of `queue` that are due at `nowMs`, the earliest first. They stay in the queue until `dequeue`. */
  due(queue: string, nowMs: number, limit: number): Promise<string[]>;

  dequeue(queue: string, member: string): Promise<void>;

  /**
   * Sends a message to all current listeners in all replicas, this one included. Listeners that come later do not get
   * it.
   */
  publish(channel: string, message: string): Promise<void>;

  /**
   * Listens until `stop` is called, whatever happens to the store: a failed subscription is repeated.
   *
   * @returns after the first attempt, successful or not
   */
  listen(channel: string, listener: ChannelListener): Promise<Listening>;

  /** As `listen`, but rejects if the first attempt fails. */
  subscribe(channel: string, listener: (message: string) => void): Promise<() => void>;

  /**
   * The store's clock in Unix milliseconds, which all replicas share, so that their times can be compared. Redis: the
   * server's, which may step back at a failover. Embedded: never steps back while the process runs.
   */
  now(): Promise<number>;

  close(): Promise<void>;
}

export interface ChannelListener {
  onMessage(message: string): void;
  /** Messages are received from now on, at first and after each gap. Earlier ones may have been missed. */
  onHearing?(): void;
  /** Messages may be missed from now on, until `onHearing`. */
  onGap?(): void;
}

export interface Listening {
  /** False: messages may be missed. */
  readonly isHearing: boolean;
  stop(): void;
}

/** The store failed. The message says why, and never contains stored values. */
export class StoreError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "StoreError";
  }
}

/**
 * Waits in several short timers: after a stall of the process, an answer that has already arrived is read before the
 * last of them fires.
 */
const timersPerWait = 10;

/** Returns `answer`, or rejects with the error from `tooLate` if it takes longer. */
export async function answeredWithin<T>(ms: number, answer: Promise<T>, tooLate: () => StoreError): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const giveUp = new Promise<never>((_resolve, reject) => {
    const wait = (timers: number): void => {
      timer = setTimeout(() => {
        if (timers > 1) wait(timers - 1);
        else reject(tooLate());
      }, ms / timersPerWait);
    };
    wait(timersPerWait);
  });
  return await Promise.race([answer, giveUp]).finally(() => {
    clearTimeout(timer);
  });
}

/**
 * A store for callers that can continue without it: late answers count as failures, although writes may take effect.
 */
export function withShortTimeout(store: Store): Pick<Store, "get" | "set" | "delete" | "compareAndSet"> {
  const { shortTimeoutMs } = store;
  const inTime = <T>(answer: Promise<T>): Promise<T> =>
    answeredWithin(
      shortTimeoutMs,
      answer,
      () => new StoreError(`the store did not answer within ${shortTimeoutMs} ms`),
    );
  return {
    get: (key) => inTime(store.get(key)),
    set: (key, value, expiry) => inTime(store.set(key, value, expiry)),
    delete: (key) => inTime(store.delete(key)),
    compareAndSet: (key, expected, value, expiry) => inTime(store.compareAndSet(key, expected, value, expiry)),
  };
}

/**
 * Called for each message that a listener could not read: for example from another release, or encrypted with another
 * key.
 */
export type OnUnreadable = (channel: string, error: unknown) => void;

/** An error of one listener must not end the process, or stop other listeners. */
export function deliver(channel: string, message: string, listener: ChannelListener, onUnreadable: OnUnreadable): void {
  try {
    listener.onMessage(message);
  } catch (error) {
    onUnreadable(channel, error);
  }
}

/** @throws {StoreError} when the channel cannot be subscribed now */
export async function subscribeTo(
  store: Pick<Store, "listen">,
  channel: string,
  onMessage: (message: string) => void,
): Promise<() => void> {
  const listening = await store.listen(channel, { onMessage });
  if (!listening.isHearing) {
    listening.stop();
    throw new StoreError(`the channel ${channel} cannot be subscribed`);
  }
  return () => {
    listening.stop();
  };
}

/**
 * Parses a record or a message, which is JSON. `JSON.parse` quotes a part of the text in its error, which may be a
 * token.
 *
 * @throws {StoreError}
 */
export function parseStored(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new StoreError("a record or message in the store is not JSON");
  }
}

/** The message of any thrown value. */
export function reasonOf(error: unknown): string {
  return isNativeError(error) ? error.message : String(error);
}
