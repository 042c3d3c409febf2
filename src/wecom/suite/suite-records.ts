/**
 * What a suite must not lose: permanent codes, the ticket, the auth_codes that are under way. They belong to the store. A
 * copy of what this process wrote or read stays in its memory: it is served while the store does not answer, and put back
 * when the store has lost it, after a restart without its data or a failover to a server that lags behind.
 */
import { BoundedMap } from "../../lib/bounded-map.js";
import { randomUUID } from "node:crypto";
import { type Expiry, withShortTimeout, type Store } from "../../stores/store.js";

/** Every record says how new it is: of two with one key, the one with the greater number, then revision, is valid. */
export interface Versioned {
  readonly number: number;
  readonly revision: number;
  /** By the store's clock; absent: never. Set by `update`. */
  readonly expiresAtMs?: number;
}

interface Copy {
  readonly text: string;
  readonly record: Versioned;
  readonly notedAtMs: number;
}

/** What is valid of two records that may have been written without knowledge of each other. */
export type Merge = (newer: Versioned, older: Versioned) => Versioned;

/** What was noted within this time is looked for again: a failover can lose it without losing anything older. */
const recentMs = 10_000;
const markerLifeMs = 24 * 3_600_000;
const maxAtOnce = 50;

export class SuiteRecords {
  readonly #store: ReturnType<typeof withShortTimeout>;
  readonly #copies: BoundedMap<string, Copy>;
  /** Holds the time until which the store has all that was noted: one that went back to an earlier state says so. */
  readonly #marker: string;
  #markedAtMs = 0;
  readonly #merges = new Map<string, Merge>();
  /** By how much the store's clock was ahead of this process's when it was last asked. */
  #storeAheadMs = 0;

  constructor(
    private readonly store: Store,
    prefix: string,
    private readonly now: () => number,
    /** The record noted longest ago makes room. */
    maxCopies = 20_000,
  ) {
    this.#store = withShortTimeout(store);
    this.#copies = new BoundedMap(maxCopies);
    this.#marker = `${prefix}marker:${randomUUID()}`;
  }

  /** Its copy need not be put back: it makes room for those that must. */
  forget(key: string): void {
    this.#copies.delete(key);
  }

  /** Of records whose key begins so, not the newer one alone counts. */
  mergeBy(prefix: string, merge: Merge): void {
    this.#merges.set(prefix, merge);
  }

  /** @throws {StoreError} when the store does not answer and this process has no copy */
  async get<T extends Versioned>(key: string): Promise<T | undefined> {
    try {
      const found = await this.#store.get(key);
      const copy = this.#copyOf(key);
      if (copy && found !== copy.text) return (await this.#reconcile(key, found, copy)) as T | undefined;
      if (found === undefined) return undefined;
      if (!copy) this.#note(key, found);
      return parse(found) as T;
    } catch (error) {
      const copy = this.#copyOf(key);
      if (!copy) throw error;
      return copy.record as T;
    }
  }

  /**
   * Writes what `change` makes of the record. @param change may be called again; gives undefined to change nothing
   *
   * @returns what was written, durably
   * @throws {StoreError}
   */
  async update<T extends Versioned>(
    key: string,
    change: (found: T | undefined) => T | undefined,
    { expiresInMs }: Expiry = {},
  ): Promise<T | undefined> {
    for (;;) {
      const copy = this.#copyOf(key);
      if (copy) await this.#putBack(key, copy);
      const found = await this.store.get(key);
      const next = change(found === undefined ? undefined : (parse(found) as T));
      if (!next) return undefined;
      const { expiresAtMs: _, ...lasting } = next;
      const expiry = expiresInMs === undefined ? {} : { expiresAtMs: (await this.storeNow()) + expiresInMs };
      const text = JSON.stringify({ ...lasting, ...expiry });
      if (!(await this.store.compareAndSet(key, found, text, expiresInMs === undefined ? {} : { expiresInMs })))
        continue;
      this.#note(key, text);
      return next;
    }
  }

  /**
   * To be called every second or so.
   *
   * @returns whether nothing was missing: otherwise other replicas may be about to put back what is newer
   * @throws {StoreError}
   */
  async putBackWhatIsLost(): Promise<boolean> {
    const found = await this.store.get(this.#marker);
    const nowMs = this.now();
    const wholeUntilMs = found === undefined ? -Infinity : Number(found);
    const suspects = [...this.#copies].filter(([, { notedAtMs }]) => notedAtMs > wholeUntilMs - recentMs);
    const areSuspected = suspects.length > 0;
    while (suspects.length > 0) {
      await Promise.all(suspects.splice(0, maxAtOnce).map(([key, copy]) => this.#putBack(key, copy)));
    }
    const isWhole = wholeUntilMs >= this.#markedAtMs;
    if (areSuspected || !isWhole || nowMs - wholeUntilMs >= markerLifeMs / 2) {
      await this.store.set(this.#marker, String(nowMs), { expiresInMs: markerLifeMs });
      this.#markedAtMs = nowMs;
    }
    return isWhole;
  }

  async #putBack(key: string, copy: Copy): Promise<void> {
    await this.#reconcile(key, await this.store.get(key), copy);
  }

  /** Writes what is valid of both, until that is found: another replica may put back what is older at the same time. */
  async #reconcile(key: string, firstFound: string | undefined, copy: Copy): Promise<Versioned | undefined> {
    for (let found = firstFound; ; found = await this.store.get(key)) {
      const text = this.#validOf(key, found, copy);
      if (text !== found) {
        const expiry = await this.#expiryOf(text);
        if (!expiry) {
          this.#copies.delete(key);
          return found === undefined ? undefined : parse(found);
        }
        if (!(await this.store.compareAndSet(key, found, text, expiry))) continue;
      }
      // Noted anew also when it was put back: a failover may lose that, too.
      if (text !== found || text !== copy.text) this.#note(key, text);
      return parse(text);
    }
  }

  /** @returns undefined when its time is over */
  async #expiryOf(text: string): Promise<Expiry | undefined> {
    const { expiresAtMs } = parse(text);
    if (expiresAtMs === undefined) return {};
    const expiresInMs = expiresAtMs - (await this.storeNow());
    return expiresInMs > 0 ? { expiresInMs } : undefined;
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
    return copy && this.now() + this.#storeAheadMs < (copy.record.expiresAtMs ?? Infinity) ? copy : undefined;
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

/** A record of a version without numbers is older than any other. */
function parse(text: string): Versioned {
  return { number: 0, revision: 0, ...(JSON.parse(text) as Partial<Versioned>) };
}

function isOlder(found: Versioned, than: Versioned): boolean {
  return found.number === than.number ? found.revision < than.revision : found.number < than.number;
}
