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

/** A living as it can be claimed. */
export interface Claimable {
  readonly corp: string;
  readonly livingid: string;
  /** Unix seconds. */
  readonly livingStart: number;
}

/** Writes that nobody waits for are cheap together: those of every 5 ms cost a fifth of a create's CPU more. */
const noteDelayMs = 50;

/** While the store is away, what this process has claimed holds in it alone. */
export class Claims {
  readonly #remembered = new Map<string, string>();
  /** Kept, for a new one would have to walk over all that was deleted before the oldest. */
  #oldest = this.#remembered.keys();
  #noted: [living: Claimable, create: string][] = [];

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
    // At once: a search in this process must not take it while the store is asked.
    this.#remember(key, create);
    return await this.#store(living, create);
  }

  /** Takes a living for a create that does not ask whether it may: in this process at once, in the store in a moment. */
  note(living: Claimable, create: string): void {
    const key = keyOf(living);
    if (this.#remembered.has(key)) return;
    this.#remember(key, create);
    this.#noted.push([living, create]);
    if (this.#noted.length === 1) setTimeout(() => void this.writeNotes(), noteDelayMs);
  }

  async writeNotes(): Promise<void> {
    const noted = this.#noted;
    this.#noted = [];
    await Promise.all(noted.map(([living, create]) => this.#store(living, create)));
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
    const key = keyOf(living);
    return this.#remembered.has(key) || (await withoutStore(() => this.store.get(key))) !== undefined;
  }

  /** The create whose it is: what is claimed stays so. */
  async holderOf(living: Pick<Claimable, "corp" | "livingid">): Promise<string | undefined> {
    const key = keyOf(living);
    let holder = this.#remembered.get(key);
    if (holder === undefined) {
      holder = await withoutStore(() => this.store.get(key));
      if (holder !== undefined) this.#remember(key, holder);
    }
    return holder;
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

function expectedKeyOf(booking: string): string {
  return `expected:${digestOf(booking)}`;
}
