/** The slots of a window, plus one because a window may start within a slot. */
const slots = 12;
/** The time that a message may take. */
const clocksAgreeWithinMs = 1000;

/**
 * Counts calls within a sliding window: wherever WeCom's own window begins, it contains at most the limit. For that,
 * up to a twelfth of the limit stays unused. If time goes back, nothing is lost: the newest slot stays the newest until
 * time has reached it again.
 */
export class SlidingWindow {
  readonly #counts = new Array<number>(slots + 1).fill(0);
  readonly #slotMs: number;
  /** The newest slot's number, counted from 1970. */
  #slot = 0;
  #total = 0;

  constructor(windowMs: number) {
    this.#slotMs = windowMs / slots;
  }

  total(now: number): number {
    this.#moveTo(now);
    return this.#total;
  }

  /** @returns the number of the slot */
  add(calls: number, now: number): number {
    this.#moveTo(now);
    this.#addTo(this.#slot, calls);
    return this.#slot;
  }

  /** A call counted in this slot was not sent. */
  takeBack(slot: number): void {
    if (slot > this.#slot - this.#counts.length) this.#addTo(slot, -1);
  }

  /** How long until another call is within the limit; 0: now. */
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
   * Merges another replica's counts, of which a part may be known here.
   *
   * @param theirNow the other's clock: if it differs from `now`, its slot numbers are shifted
   */
  learn(known: readonly (readonly [slot: number, calls: number])[], now: number, theirNow: number): void {
    this.#moveTo(now);
    const ahead = theirNow - now;
    // Rounded so that no call seems older than it is, because the message took some time.
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
