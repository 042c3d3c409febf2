/**
 * Which living belongs to which create: each to one at most. A lost create must not be answered with the living of another
 * that was booked alike, whether that had an idempotency key or not.
 */
import { StoreError, type Store } from "../../stores/store.js";
import { digestOf } from "./journal.js";

/** A living can be taken for that of a later create alike until well after its start; but not for ever. */
const keptAfterStartMs = 24 * 3_600_000;
const longestMs = 400 * 24 * 3_600_000;
const maxRemembered = 10_000;

/** Whose livings are looked through together: an anchor's. */
export interface Anchor {
  readonly corp: string;
  readonly anchor: string;
}

/** A living as it can be claimed. */
export interface Claimable extends Anchor {
  readonly livingid: string;
  /** Unix seconds. */
  readonly livingStart: number;
}

/** Writes that nobody waits for are cheap together: those of every 5 ms cost a fifth of a create's CPU more. */
const noteDelayMs = 50;

/** Livings of one anchor that belong to creates without a key, as they are written together. */
interface Noted {
  readonly livingids: Set<string>;
  lifetimeMs: number;
}

/** Stands for all creates without a key whose answer was not lost: none of them asks for its living again. */
const unkeyed = "unkeyed";

/** While the store is away, what this process has claimed holds in it alone. */
export class Claims {
  readonly #remembered = new Map<string, string>();
  /** Kept, for a new one would have to walk over all that was deleted before the oldest. */
  #oldest = this.#remembered.keys();
  /** By the set that they are written to. */
  #noted = new Map<string, Noted>();
  readonly #writing = new Map<ReadonlyMap<string, Noted>, Promise<void>>();

  constructor(
    private readonly store: Store,
    private readonly now: () => number,
  ) {}

  /**
   * @param create whose it is to be
   * @returns whether it is; false when it is another's
   */
  async take(living: Claimable, create: string): Promise<boolean> {
    const key = keyOf(living);
    const holder = this.#remembered.get(key);
    if (holder !== undefined) return holder === create;
    if (this.#notedHere(living).has(living.livingid)) return false;
    // At once: a search in this process must not take it while the store is asked.
    this.#remember(key, create);
    return await this.#store(living, create);
  }

  /** Takes the living of a create without a key: in this process at once, in the store in a moment. */
  note(living: Claimable): void {
    if (this.#noted.size === 0) setTimeout(() => void this.writeNotes(), noteDelayMs);
    const set = setOf(living);
    const lifetimeMs = this.#lifetimeMs(living);
    const noted = this.#noted.get(set);
    if (!noted) this.#noted.set(set, { livingids: new Set([living.livingid]), lifetimeMs });
    else {
      noted.livingids.add(living.livingid);
      noted.lifetimeMs = Math.max(noted.lifetimeMs, lifetimeMs);
    }
  }

  /** Also those that are being written already. */
  async writeNotes(): Promise<void> {
    const noted = this.#noted;
    if (noted.size > 0) {
      this.#noted = new Map();
      const written = Promise.all([...noted].map(([set, each]) => this.#writeNoted(set, each)));
      this.#writing.set(
        noted,
        written.then(() => void this.#writing.delete(noted)),
      );
    }
    await Promise.all(this.#writing.values());
  }

  /**
   * A lost create takes a living which may be that of another lost create alike. Then its own, which may appear until
   * `until`, is the other's: that must not be sent again before.
   */
  async expect(booking: string, until: number): Promise<void> {
    const forMs = until - this.now();
    if (forMs <= 0 || (await this.expectedUntil(booking)) >= until) return;
    await withoutStore(() => this.store.set(expectedKeyOf(booking), String(until), { expiresInMs: forMs }));
  }

  /** Until when a living booked so may appear, in Unix milliseconds. */
  async expectedUntil(booking: string): Promise<number> {
    return Number((await withoutStore(() => this.store.get(expectedKeyOf(booking)))) ?? -Infinity);
  }

  async isTaken(living: Claimable): Promise<boolean> {
    return (await this.holdersOf(living, [living.livingid])).size > 0;
  }

  /** The creates whose livings these are, by livingid, of those that are anybody's: what is claimed stays so. */
  async holdersOf(anchor: Anchor, livingids: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const known = await this.#notedOf(anchor, livingids);
    const holders = await Promise.all(
      livingids.map(async (livingid): Promise<[string, string | undefined]> => {
        return [livingid, known.has(livingid) ? unkeyed : await this.#holderOf({ corp: anchor.corp, livingid })];
      }),
    );
    return new Map(holders.filter((holder): holder is [string, string] => holder[1] !== undefined));
  }

  /** Whether it belongs to a create without a key, whose answer was not lost. */
  async isNoted(living: Claimable): Promise<boolean> {
    return (await this.#notedOf(living, [living.livingid])).has(living.livingid);
  }

  async #notedOf(anchor: Anchor, livingids: readonly string[]): Promise<ReadonlySet<string>> {
    // Before the store is asked: what is written meanwhile is not here any more.
    const here = this.#notedHere(anchor);
    const stored = await withoutStore(() => this.store.included(digestedSetOf(setOf(anchor)), livingids));
    return new Set([...here, ...(stored ?? []), ...this.#notedHere(anchor)]);
  }

  async #holderOf(living: Pick<Claimable, "corp" | "livingid">): Promise<string | undefined> {
    const key = keyOf(living);
    let holder = this.#remembered.get(key);
    if (holder === undefined) {
      holder = await withoutStore(() => this.store.get(key));
      if (holder !== undefined) this.#remember(key, holder);
    }
    return holder;
  }

  /** What this process has noted of an anchor's livings, and the store may not hold yet. */
  #notedHere(anchor: Anchor): ReadonlySet<string> {
    const set = setOf(anchor);
    return new Set([this.#noted, ...this.#writing.keys()].flatMap((noted) => [...(noted.get(set)?.livingids ?? [])]));
  }

  async #writeNoted(set: string, { livingids, lifetimeMs }: Noted): Promise<void> {
    const isWritten = await withoutStore(async () => {
      await this.store.include(digestedSetOf(set), [...livingids], lifetimeMs);
      return true;
    });
    if (isWritten) return;
    const corp = set.slice(0, set.indexOf("\n"));
    for (const livingid of livingids) this.#remember(keyOf({ corp, livingid }), unkeyed);
  }

  async #store(living: Claimable, create: string): Promise<boolean> {
    const key = keyOf(living);
    const expiry = { expiresInMs: this.#lifetimeMs(living) };
    const stored = await withoutStore(async () =>
      (await this.store.compareAndSet(key, undefined, create, expiry)) ? create : await this.store.get(key),
    );
    if (stored === undefined || stored === create) return true;
    this.#remember(key, stored);
    return false;
  }

  #remember(key: string, create: string): void {
    if (this.#remembered.size >= maxRemembered) {
      let oldest = this.#oldest.next();
      if (oldest.done) oldest = (this.#oldest = this.#remembered.keys()).next();
      if (!oldest.done) this.#remembered.delete(oldest.value);
    }
    this.#remembered.set(key, create);
  }

  #lifetimeMs({ livingStart }: Claimable): number {
    return Math.min(Math.max(livingStart * 1000 - this.now(), 0) + keptAfterStartMs, longestMs);
  }
}

async function withoutStore<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof StoreError) return undefined;
    throw error;
  }
}

function keyOf({ corp, livingid }: Pick<Claimable, "corp" | "livingid">): string {
  return `claim:${corp}:${livingid}`;
}

function setOf({ corp, anchor }: Anchor): string {
  return `${corp}\n${anchor}`;
}

function digestedSetOf(set: string): string {
  return `claims:${digestOf(set)}`;
}

function expectedKeyOf(booking: string): string {
  return `expected:${digestOf(booking)}`;
}
