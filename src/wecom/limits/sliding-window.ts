/** Slots of a window, and one for the part of a slot by which any window overlaps them. */
const slots = 12;

/**
 * Calls within a window that slides: however WeCom places its own window, no more than `limit` fall into it. For that up
 * to a twelfth of the limit is left unused.
 */
export class SlidingWindow {
  readonly #counts = new Array<number>(slots + 1).fill(0);
  readonly #slotMs: number;
  /** The newest slot's number since 1970. */
  #slot = 0;
  #total = 0;

  constructor(
    private readonly limit: number,
    windowMs: number,
  ) {
    this.#slotMs = windowMs / slots;
  }

  get total(): number {
    return this.#total;
  }

  add(calls: number, now: number): void {
    this.#moveTo(now);
    const index = this.#slot % this.#counts.length;
    this.#counts[index] = (this.#counts[index] ?? 0) + calls;
    this.#total += calls;
  }

  /** How long until one more is within the limit; 0: now. */
  waitMs(now: number): number {
    this.#moveTo(now);
    if (this.#total < this.limit) return 0;
    let total = this.#total;
    for (let age = slots; age >= 0; age -= 1) {
      total -= this.#counts[(this.#slot - age) % this.#counts.length] ?? 0;
      if (total < this.limit) return (this.#slot - age + slots + 1) * this.#slotMs - now;
    }
    return slots * this.#slotMs;
  }

  #moveTo(now: number): void {
    const slot = Math.floor(now / this.#slotMs);
    if (slot === this.#slot) return;
    // A clock that was set back: what was counted then would stay for ever.
    const stale = slot < this.#slot ? this.#counts.length : Math.min(slot - this.#slot, this.#counts.length);
    for (let step = 0; step < stale; step += 1) {
      const index = (slot - step) % this.#counts.length;
      this.#total -= this.#counts[index] ?? 0;
      this.#counts[index] = 0;
    }
    this.#slot = slot;
  }
}
