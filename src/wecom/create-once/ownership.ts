/**
 * Which create owns which living, one to one. A record per living names its owner. It is written once: by the create
 * that got the livingid in its answer, or by the search that found it after a lost answer. A living without a record is
 * not free to take while the store is unreachable.
 */
import { BoundedMap } from "../../lib/bounded-map.js";
import { type NewRecord, StoreError } from "../../stores/store.js";
import type { CreateStore } from "./closable-store.js";
import type { Clock } from "../clock.js";
import type { Deadline } from "../deadline.js";
import { digestOf } from "./journal.js";
import type { StoreTime } from "./store-watch.js";

/** A living may match a later create's search until well after its start, but not forever. */
const keptAfterStartMs = 24 * 3_600_000;
const longestMs = 400 * 24 * 3_600_000;
const maxRemembered = 10_000;
/** Bounds memory while the store is unreachable: 50,000 livings take about 15 MB. */
const maxUnwritten = 50_000;
/** Small batches, because a slow store can complete these in time, but not everything that has accumulated. */
const maxAtOnce = 100;

export interface OwnableLiving {
  readonly corp: string;
  readonly livingid: string;
  /** Unix seconds. */
  readonly livingStart: number;
}

/** Batches writes that no request waits for: at every 5 ms they would cost a create a fifth more CPU. */
const writeDelayMs = 50;
/**
 * How long after its answer an unkeyed create may be invisible to other replicas: it is announced if it has no answer
 * after `announceAfterMs`, and its living's owner is written `writeDelayMs` after the answer.
 */
export const announceAfterMs = 200;
export const invisibleMs = announceAfterMs + writeDelayMs + 150;

/** The owner of all livings of unkeyed creates whose answers arrived: none of them is searched for again. */
const unkeyed = "unkeyed";

export class Ownership {
  /** Owners that the store has confirmed and that do not change. */
  readonly #owners = new BoundedMap<string, string>(maxRemembered);
  /** Livings of unkeyed creates whose owner is not written yet, by key. */
  readonly #unwritten = new BoundedMap<string, OwnableLiving>(maxUnwritten);
  /** The part of these whose write is running. */
  readonly #beingWritten = new Set<string>();
  #isWriteDue = false;

  constructor(
    private readonly store: CreateStore,
    private readonly clock: Clock,
    private readonly time: StoreTime,
  ) {}

  /**
   * @param create the id of the owner
   *
   * @returns whether this create owns the living
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
   * Gives back a living of a create that has ended with another one.
   *
   * @throws {StoreError}
   */
  async disown(living: Pick<OwnableLiving, "corp" | "livingid">, create: string): Promise<void> {
    const key = keyOf(living);
    this.#owners.delete(key);
    await this.store.compareAndSet(key, create, undefined);
  }

  /**
   * For an unkeyed create that was announced: writes its owner immediately, because a search may have found its living
   * before the answer.
   *
   * @returns false if another create owns the living
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

  /** For an unkeyed create: in this process immediately, in the store with the next batch. */
  ownLater(living: OwnableLiving): void {
    this.#unwritten.set(keyOf(living), living);
    this.#writeIn(writeDelayMs);
  }

  /** Writes all owners that are not being written already. */
  async writeUnwritten(): Promise<void> {
    const record = ([key, living]: [string, OwnableLiving]): NewRecord => ({
      key,
      value: unkeyed,
      expiresInMs: this.#lifetimeMs(living),
    });
    let hasFailed = false;
    // Where some fail, each once.
    for (let left = this.#unwritten.size; left > 0 || !hasFailed;) {
      const some = this.#beginSome();
      if (some.length === 0) break;
      left -= some.length;
      let areWritten: readonly boolean[] = [];
      try {
        areWritten = await this.store.setNew(some.map(record));
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        left = 0;
      } finally {
        for (const [key] of some) this.#beingWritten.delete(key);
      }
      for (const [index, [key, living]] of some.entries()) {
        this.#unwritten.delete(key);
        if (areWritten[index]) continue;
        // Behind all others: the part of the store that it belongs to may be away for long.
        this.#unwritten.set(key, living);
        hasFailed = true;
      }
    }
    if (hasFailed) this.#writeIn(10 * writeDelayMs);
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
      // New entries do not wait for running writes.
      this.#isWriteDue = false;
      void this.writeUnwritten();
    });
  }

  /**
   * The owners of these livings, by livingid; livings without an owner are absent.
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
   * A lost create may take a living that belongs to another lost create with an equal booking. Then that one takes this
   * one's living, which may appear until `untilMs` (the store's time), so it must not be sent again before.
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
    // That of a keyed create may be given back.
    if (owner === unkeyed) this.#owners.set(key, owner);
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
