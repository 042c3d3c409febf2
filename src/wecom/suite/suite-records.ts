/**
 * What a suite must not lose: permanent codes, the ticket, the auth_codes that are under way. They belong to the store. A
 * copy of what this process wrote or read stays in its memory: it is served while the store does not answer, and put back
 * when the store has lost it, after a restart without its data or a failover to a server that lags behind.
 */
import { BoundedMap } from "../../lib/bounded-map.js";
import { randomUUID } from "node:crypto";
import { type Expiry, impatient, type Store } from "../../stores/store.js";

/** Every record says how new it is: of two with one key, the one with the greater number, then revision, is valid. */
export interface Versioned {
  readonly number: number;
  readonly revision: number;
  /** By the store's clock; absent: never. Set by `update`. */
  readonly expiresAtMs?: number;
}

interface Copy {
  readonly text: string;
  readonly version: Versioned;
  readonly notedAtMs: number;
}

/** The record noted longest ago makes room. */
const maxCopies = 20_000;
/** What was noted within this time is looked for again: a failover can lose it without losing anything older. */
const recentMs = 10_000;
const markerLifeMs = 24 * 3_600_000;
const maxAtOnce = 50;

export class SuiteRecords {
  readonly #store: ReturnType<typeof impatient>;
  readonly #copies = new BoundedMap<string, Copy>(maxCopies);
  /** In the store for as long as that has lost nothing. */
  readonly #marker: string;
  #markedAtMs = -Infinity;
  /** By how much the store's clock was ahead of this process's when it was last asked. */
  #storeAheadMs = 0;

  constructor(
    private readonly store: Store,
    prefix: string,
    private readonly now: () => number,
  ) {
    this.#store = impatient(store);
    this.#marker = `${prefix}marker:${randomUUID()}`;
  }

  /** @throws {StoreError} when the store does not answer and this process has no copy */
  async get<T extends Versioned>(key: string): Promise<T | undefined> {
    try {
      const found = await this.#store.get(key);
      const copy = this.#copyOf(key);
      if (!copy || !isOlder(found, copy.version)) {
        if (found !== undefined && found !== copy?.text) this.#note(key, found);
        return found === undefined ? undefined : (parse(found) as T);
      }
      await this.#putBack(key, copy);
    } catch (error) {
      if (!this.#copyOf(key)) throw error;
    }
    const copy = this.#copyOf(key);
    return copy && (parse(copy.text) as T);
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

  /** To be called every second or so. @throws {StoreError} */
  async putBackWhatIsLost(): Promise<void> {
    const isWhole = (await this.store.get(this.#marker)) !== undefined;
    const nowMs = this.now();
    const suspects = [...this.#copies].filter(([, copy]) => !isWhole || nowMs - copy.notedAtMs < recentMs);
    while (suspects.length > 0) {
      await Promise.all(suspects.splice(0, maxAtOnce).map(([key, copy]) => this.#putBack(key, copy)));
    }
    if (isWhole && nowMs - this.#markedAtMs < markerLifeMs / 2) return;
    await this.store.set(this.#marker, "1", { expiresInMs: markerLifeMs });
    this.#markedAtMs = nowMs;
  }

  async #putBack(key: string, { text, version }: Copy): Promise<void> {
    const { expiresAtMs } = version;
    const expiry = expiresAtMs === undefined ? {} : { expiresInMs: expiresAtMs - (await this.storeNow()) };
    if (expiry.expiresInMs !== undefined && expiry.expiresInMs <= 0) return;
    const found = await this.store.get(key);
    if (isOlder(found, version)) await this.store.compareAndSet(key, found, text, expiry);
  }

  #copyOf(key: string): Copy | undefined {
    const copy = this.#copies.get(key);
    return copy && this.now() + this.#storeAheadMs < (copy.version.expiresAtMs ?? Infinity) ? copy : undefined;
  }

  /** The store's clock. @throws {StoreError} */
  async storeNow(): Promise<number> {
    const nowMs = await this.store.now();
    this.#storeAheadMs = nowMs - this.now();
    return nowMs;
  }

  #note(key: string, text: string): void {
    this.#copies.set(key, { text, version: parse(text), notedAtMs: this.now() });
  }
}

/** A record of a version without numbers is older than any other. */
function parse(text: string): Versioned {
  return { number: 0, revision: 0, ...(JSON.parse(text) as Partial<Versioned>) };
}

/** @param found undefined: lost, which is older than anything */
function isOlder(found: string | undefined, { number, revision }: Versioned): boolean {
  if (found === undefined) return true;
  const version = parse(found);
  return version.number === number ? version.revision < revision : version.number < number;
}
