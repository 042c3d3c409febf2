/**
 * Which living belongs to which create: each to one. A record per living says whose it is, and is written once: by the
 * create that was told of it or, where the answer was lost, by the one that found it. What the store does not say is not
 * known, and what is not known is not free.
 */
import { BoundedMap } from "../../lib/bounded-map.js";
import { type NewRecord, StoreError } from "../../stores/store.js";
import type { CreateStore } from "./closable-store.js";
import type { Clock } from "../clock.js";
import type { Deadline } from "../deadline.js";
import { digestOf } from "./journal.js";
import type { StoreTime } from "./store-watch.js";

/** A living can be taken for that of a later create alike until well after its start; but not for ever. */
const keptAfterStartMs = 24 * 3_600_000;
const longestMs = 400 * 24 * 3_600_000;
const maxRemembered = 10_000;
/** While the store is away: 50,000 livings have about 15 MB. */
const maxUnwritten = 50_000;
/** A store that is slow takes so many in time, and not all that have waited for it. */
const maxAtOnce = 100;

export interface OwnableLiving {
  readonly corp: string;
  readonly livingid: string;
  /** Unix seconds. */
  readonly livingStart: number;
}

/** Writes that nobody waits for are cheap together: those of every 5 ms cost a fifth of a create's CPU more. */
const writeDelayMs = 50;
/**
 * How long an unkeyed create that was answered, in whatever replica, may not be visible to the others: it is announced
 * when it has no answer after `announceAfterMs`, and its living is written `writeDelayMs` after the answer.
 */
export const announceAfterMs = 200;
export const invisibleMs = announceAfterMs + writeDelayMs + 150;

/** Of all creates without a key whose answer was not lost: none of them asks for its living again. */
const unkeyed = "unkeyed";

export class Ownership {
  /** What the store has confirmed: it does not change. */
  readonly #owners = new BoundedMap<string, string>(maxRemembered);
  /** Livings of creates without a key that are not written yet, by key. */
  readonly #unwritten = new BoundedMap<string, OwnableLiving>(maxUnwritten);
  /** Of these, those that are being written. */
  readonly #beingWritten = new Set<string>();
  #isWriteDue = false;

  constructor(
    private readonly store: CreateStore,
    private readonly clock: Clock,
    private readonly time: StoreTime,
  ) {}

  /**
   * @param create whose it is to be
   * @returns whether it is; false when it is another's
   * @throws {StoreError}
   */
  async own(living: OwnableLiving, create: string): Promise<boolean> {
    const key = keyOf(living);
    const known = await this.#ownerOf(key);
    if (known !== undefined) return known === create;
    const isWritten = await this.store.compareAndSet(key, undefined, create, { expiresInMs: this.#lifetimeMs(living) });
    if (isWritten) this.#owners.set(key, create);
    return isWritten || (await this.#ownerOf(key)) === create;
  }

  /**
   * The living of a create without a key, where others may have found it before it was answered: now.
   *
   * @returns false when it is another's
   */
  async ownUnkeyed(living: OwnableLiving, deadline: Deadline): Promise<boolean> {
    try {
      return await deadline.race(this.own(living, unkeyed), (reason) => new StoreError(reason));
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.ownLater(living);
      return true;
    }
  }

  /** The living of a create without a key: in this process at once, in the store in a moment. */
  ownLater(living: OwnableLiving): void {
    this.#unwritten.set(keyOf(living), living);
    this.#writeIn(writeDelayMs);
  }

  /** All but those that are being written. */
  async writeUnwritten(): Promise<void> {
    const record = ([key, living]: [string, OwnableLiving]): NewRecord => ({
      key,
      value: unkeyed,
      expiresInMs: this.#lifetimeMs(living),
    });
    for (let some = this.#beginSome(); some.length > 0; some = this.#beginSome()) {
      try {
        await this.store.setNew(some.map(record));
        for (const [key] of some) this.#unwritten.delete(key);
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        this.#writeIn(10 * writeDelayMs);
        return;
      } finally {
        for (const [key] of some) this.#beingWritten.delete(key);
      }
    }
  }

  #beginSome(): [string, OwnableLiving][] {
    const some: [string, OwnableLiving][] = [];
    for (const each of this.#unwritten) {
      if (some.length === maxAtOnce) break;
      if (!this.#beingWritten.has(each[0])) some.push(each);
    }
    for (const [key] of some) this.#beingWritten.add(key);
    return some;
  }

  #writeIn(ms: number): void {
    if (this.#isWriteDue) return;
    this.#isWriteDue = true;
    this.clock.after(ms, () => {
      // What comes while the others are being written does not wait for them.
      this.#isWriteDue = false;
      void this.writeUnwritten();
    });
  }

  /**
   * Whose these are, by livingid, of those that are anybody's.
   *
   * @throws {StoreError}
   */
  async ownersOf(corp: string, livingids: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const owners = new Map<string, string>();
    const look = async (livingid: string): Promise<void> => {
      const owner = await this.#ownerOf(keyOf({ corp, livingid }));
      if (owner !== undefined) owners.set(livingid, owner);
    };
    await Promise.all(livingids.map(look));
    return owners;
  }

  /**
   * A lost create takes a living which may be that of another lost create alike. Then its own, which may appear until
   * `untilMs` of the store's time, is the other's, which must not be sent again before.
   *
   * @throws {StoreError}
   */
  async reserveUntil(booking: string, untilMs: number): Promise<void> {
    const forMs = untilMs - this.time.latestMs();
    if (forMs <= 0 || (await this.reservedUntilMs(booking)) >= untilMs) return;
    await this.store.set(reservationKeyOf(booking), String(untilMs), { expiresInMs: forMs + 1000 });
  }

  /** @throws {StoreError} */
  async reservedUntilMs(booking: string): Promise<number> {
    return Number((await this.store.get(reservationKeyOf(booking))) ?? -Infinity);
  }

  async #ownerOf(key: string): Promise<string | undefined> {
    if (this.#isUnwritten(key)) return unkeyed;
    let owner = this.#owners.get(key);
    if (owner !== undefined) return owner;
    owner = await this.store.get(key);
    if (owner !== undefined) this.#owners.set(key, owner);
    return this.#isUnwritten(key) ? unkeyed : owner;
  }

  #isUnwritten(key: string): boolean {
    return this.#unwritten.get(key) !== undefined;
  }

  #lifetimeMs({ livingStart }: OwnableLiving): number {
    return Math.min(Math.max(livingStart * 1000 - this.time.earliestMs(), 0) + keptAfterStartMs, longestMs);
  }
}

function keyOf({ corp, livingid }: Pick<OwnableLiving, "corp" | "livingid">): string {
  return `claim:${corp}:${livingid}`;
}

function reservationKeyOf(booking: string): string {
  return `expected:${digestOf(booking)}`;
}
