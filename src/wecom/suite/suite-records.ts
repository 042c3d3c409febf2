/**
 * Records that a suite must not lose: permanent codes, the ticket, unfinished auth_codes. The store owns them. This
 * process keeps a copy of each record that it read or wrote: it serves the copy while the store does not answer, and
 * restores it if the store lost it, by a restart without its data or a failover to a stale replica.
 */
import { BoundedMap } from "../../lib/bounded-map.js";
import { randomUUID } from "node:crypto";
import { type Expiry, parseStored, withShortTimeout, type Store } from "../../stores/store.js";

/** Orders versions of a record: the greater number is valid, then the greater rank, then the greater revision. */
export interface Versioned {
  readonly number: number;
  /** Default 0. A higher one is for what only one process could know: no change without that knowledge replaces it. */
  readonly rank?: number | undefined;
  /** Counts changes. */
  readonly revision: number;
  /** By the store's clock; absent: no expiry. Set by `update`. */
  readonly expiresAtMs?: number;
}

interface Copy {
  readonly text: string;
  readonly record: Versioned;
  readonly notedAtMs: number;
}

/** Merges two records that may have been written independently. */
export type Merge = (newer: Versioned, older: Versioned) => Versioned;

/** Records noted within this time are checked again, because a failover can lose the latest writes only. */
const recentMs = 10_000;
const markerLifeMs = 24 * 3_600_000;
const maxAtOnce = 50;

export class SuiteRecords {
  readonly #store: ReturnType<typeof withShortTimeout>;
  readonly #copies: BoundedMap<string, Copy>;
  /**
   * The key of a record with the time until which the store has all copies. An older value shows that the store went
   * back to an earlier state.
   */
  readonly #marker: string;
  #markedAtMs = 0;
  readonly #merges = new Map<string, Merge>();
  /** How much the store's clock was ahead of this process's when it was last read: `storeNow` is polled. */
  #storeAheadMs = 0;

  constructor(
    private readonly store: Store,
    prefix: string,
    private readonly now: () => number,
    /** The oldest copy is evicted first. */
    maxCopies = 20_000,
  ) {
    this.#store = withShortTimeout(store);
    this.#copies = new BoundedMap(maxCopies);
    this.#marker = `${prefix}marker:${randomUUID()}`;
  }

  /** Drops a copy that need not be restored. */
  forget(key: string): void {
    this.#copies.delete(key);
  }

  /** For keys with this prefix, both records are merged instead of keeping the newer one. */
  mergeBy(prefix: string, merge: Merge): void {
    this.#merges.set(prefix, merge);
  }

  /** @throws {StoreError} when the store does not answer and there is no copy */
  async get<T extends Versioned>(key: string): Promise<T | undefined> {
    try {
      return parsed(await this.#reconcile(key, await this.#store.get(key))) as T | undefined;
    } catch (error) {
      const copy = this.#copyOf(key);
      if (!copy) throw error;
      return copy.record as T;
    }
  }

  /**
   * Updates the record atomically.
   *
   * @param change returns the new record, or undefined for no change; may be called several times
   * @returns what was written, durably
   * @throws {StoreError}
   */
  async update<T extends Versioned>(
    key: string,
    change: (found: T | undefined) => T | undefined,
    expiry: Expiry = {},
  ): Promise<T | undefined> {
    for (;;) {
      const found = await this.#reconcile(key, await this.store.get(key));
      const next = change(parsed(found) as T | undefined);
      if (!next) return undefined;
      const { expiresInMs } = expiry;
      const expiresAtMs = expiresInMs === undefined ? undefined : (await this.storeNow()) + expiresInMs;
      const text = JSON.stringify({ ...next, expiresAtMs });
      if (!(await this.store.compareAndSet(key, found, text, expiry))) continue;
      this.#note(key, text);
      return next;
    }
  }

  /**
   * Restores records that the store has lost. Call it about once a second.
   *
   * @returns false if the store had lost records: other replicas may be about to restore newer ones
   * @throws {StoreError}
   */
  async putBackWhatIsLost(): Promise<boolean> {
    const found = await this.store.get(this.#marker);
    const nowMs = this.now();
    const wholeUntilMs = found === undefined ? -Infinity : Number(found);
    const suspects = [...this.#copies].filter(([, { notedAtMs }]) => notedAtMs > wholeUntilMs - recentMs);
    const areSuspected = suspects.length > 0;
    const putBack = async ([key]: [string, Copy]) => this.#reconcile(key, await this.store.get(key));
    while (suspects.length > 0) await Promise.all(suspects.splice(0, maxAtOnce).map(putBack));
    const isWhole = wholeUntilMs >= this.#markedAtMs;
    if (areSuspected || !isWhole || nowMs - wholeUntilMs >= markerLifeMs / 2) {
      await this.store.set(this.#marker, String(nowMs), { expiresInMs: markerLifeMs });
      this.#markedAtMs = nowMs;
    }
    return isWhole;
  }

  /**
   * Writes the valid version until the store has it: another replica may restore an older one at the same time.
   *
   * @returns what the store has then
   */
  async #reconcile(key: string, firstFound: string | undefined): Promise<string | undefined> {
    for (let found = firstFound; ; found = await this.store.get(key)) {
      const copy = this.#copyOf(key);
      const text = copy ? this.#validOf(key, found, copy) : found;
      if (text === undefined) return undefined;
      if (text !== found && !(await this.store.compareAndSet(key, found, text, await this.#expiryOf(text)))) continue;
      // Noted as new also after restoring it, because a failover may lose that write too.
      if (text !== found || text !== copy?.text) this.#note(key, text);
      return text;
    }
  }

  async #expiryOf(text: string): Promise<Expiry> {
    const { expiresAtMs } = parse(text);
    // At least a millisecond: by the store's clock it may have expired just now.
    return expiresAtMs === undefined ? {} : { expiresInMs: Math.max(1, expiresAtMs - (await this.storeNow())) };
  }

  #validOf(key: string, found: string | undefined, { text, record }: Copy): string {
    if (found === undefined) return text;
    const other = parse(found);
    const [newer, older, newerText] = isOlder(other, record) ? [record, other, text] : [other, record, found];
    const [, merge] = [...this.#merges].find(([prefix]) => key.startsWith(prefix)) ?? [];
    const merged = newer.number === older.number ? newer : (merge?.(newer, older) ?? newer);
    return merged === newer ? newerText : JSON.stringify(merged);
  }

  #copyOf(key: string): Copy | undefined {
    const copy = this.#copies.get(key);
    if (!copy || this.now() + this.#storeAheadMs < (copy.record.expiresAtMs ?? Infinity)) return copy;
    this.#copies.delete(key);
    return undefined;
  }

  /** The store's clock. @throws {StoreError} */
  async storeNow(): Promise<number> {
    const nowMs = await this.store.now();
    this.#storeAheadMs = nowMs - this.now();
    return nowMs;
  }

  #note(key: string, text: string): void {
    this.#copies.set(key, { text, record: parse(text), notedAtMs: this.now() });
  }
}

/** A record without a version number was written by an older version of the gateway, and counts as the oldest. */
function parse(text: string): Versioned {
  return { number: 0, revision: 0, ...(parseStored(text) as Partial<Versioned>) };
}

function parsed(text: string | undefined): Versioned | undefined {
  return text === undefined ? undefined : parse(text);
}

function isOlder(found: Versioned, than: Versioned): boolean {
  const ranks = (found.rank ?? 0) - (than.rank ?? 0);
  return (found.number - than.number || ranks || found.revision - than.revision) < 0;
}
