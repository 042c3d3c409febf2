/** Slots of a window, and one for the part of a slot by which any window overlaps them. */
const slots = 12;
/** Whatever a message takes in between. */
const clocksAgreeWithinMs = 1000;

/**
 * Calls within a window that slides: however WeCom places its own window, no more than the limit fall into it. For that up
 * to a twelfth of the limit is left unused. When time goes back, nothing is forgotten: the newest slot stays the newest one
 * until time has reached it again.
 */
export class SlidingWindow {
  readonly #counts = new Array<number>(slots + 1).fill(0);
  readonly #slotMs: number;
  /** The newest slot's number since 1970. */
  #slot = 0;
  #total = 0;

  constructor(windowMs: number) {
    this.#slotMs = windowMs / slots;
  }

  total(now: number): number {
    this.#moveTo(now);
    return this.#total;
  }

  /** @returns the number of the slot in which they are counted */
  add(calls: number, now: number): number {
    this.#moveTo(now);
    this.#addTo(this.#slot, calls);
    return this.#slot;
  }

  /** A call that was counted in this slot has not been sent. */
  takeBack(slot: number): void {
    if (slot > this.#slot - this.#counts.length) this.#addTo(slot, -1);
  }

  /** How long until one more is within the limit; 0: now. */
  waitMs(now: number, limit: number): number {
    let total = this.total(now);
    if (total < limit) return 0;
    for (let age = slots; age >= 0; age -= 1) {
      total -= this.#countOf(this.#slot - age);
      if (total < limit) return (this.#slot - age + slots + 1) * this.#slotMs - now;
    }
    return slots * this.#slotMs;
  }

  /** Counts by slot, for another replica. */
  known(now: number): [slot: number, calls: number][] {
    this.#moveTo(now);
    const ages = this.#counts.map((_, age) => this.#slot - age);
    return ages.map((slot) => [slot, this.#countOf(slot)] as [number, number]).filter(([, calls]) => calls > 0);
  }

  /**
   * What another replica knows of its slots: part of it may be known here.
   *
   * @param theirNow the other's clock: where it differs from `now`, its slots are others here
   */
  learn(known: readonly (readonly [slot: number, calls: number])[], now: number, theirNow: number): void {
    this.#moveTo(now);
    const ahead = theirNow - now;
    // Rounded so that no call seems older than it is; the message has taken a while.
    const shift = ahead < 0 && ahead > -clocksAgreeWithinMs ? 0 : Math.floor(ahead / this.#slotMs);
    const callsOf = new Map<number, number>();
    for (const [slot, calls] of known) {
      const own = Math.min(slot - shift, this.#slot);
      callsOf.set(own, (callsOf.get(own) ?? 0) + calls);
    }
    for (const [slot, calls] of callsOf)
      if (slot > this.#slot - this.#counts.length) this.#addTo(slot, Math.max(0, calls - this.#countOf(slot)));
  }

  #countOf(slot: number): number {
    return this.#counts[slot % this.#counts.length] ?? 0;
  }

  #addTo(slot: number, calls: number): void {
    this.#counts[slot % this.#counts.length] = this.#countOf(slot) + calls;
    this.#total += calls;
  }

  #moveTo(now: number): void {
    const slot = Math.floor(now / this.#slotMs);
    const passed = Math.min(slot - this.#slot, this.#counts.length);
    if (passed <= 0) return;
    if (this.#total > 0) for (let age = 0; age < passed; age += 1) this.#addTo(slot - age, -this.#countOf(slot - age));
    this.#slot = slot;
  }
}
