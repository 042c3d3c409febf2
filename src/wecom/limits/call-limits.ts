/**
 * How often WeCom may be called. Each process counts, and adds the counts of other replicas (`limit-sync.ts`).
 *
 * rate-limiter-flexible was considered (ISC, 0.2 µs a limit in memory): its windows are fixed, so twice the limit fits
 * around a boundary, and sharing them costs a round trip to Redis per call, or a timer per key.
 */
/**
 * Admitted calls per window. By default a twentieth less than WeCom's documented limits, as a margin for inexact
 * counts: see docs/operations.md.
 *
 * @see https://developer.work.weixin.qq.com/document/path/90454
 */
export interface CallLimits {
  readonly perCorpAndMinute: number;
  readonly perCorpAndHour: number;
  readonly perAddressAndMinute: number;
  readonly perAddressAndHour: number;
}

/**
 * In the proportions of WeCom's documented limits: 10,000 a minute and 150,000 an hour per corp and API; 20,000 and
 * 600,000 per address, for providers twice that.
 */
export function callLimits(perMinute = Infinity, isProvider: boolean): CallLimits {
  const ofAddress = isProvider ? 2 : 1;
  return {
    perCorpAndMinute: perMinute,
    perCorpAndHour: perMinute * 15,
    perAddressAndMinute: perMinute * 2 * ofAddress,
    perAddressAndHour: perMinute * 60 * ofAddress,
  };
}

/** The slots in which a call was counted. */
export type Counted = readonly [minuteSlot: number, hourSlot: number];

/** A replica's counts in a message: per window, by slot. */
export type KnownCounts = readonly (readonly (readonly [slot: number, calls: number])[])[];

/** The windows of one corp and API, or of this address and an API. */
export class CallCounts {
  /** Calls of this process that no message has had yet. */
  unpublished = 0;
  /** Calls of this process that other replicas may not know: unpublished ones, and those of messages on their way. */
  unconfirmed = 0;
  readonly #minute = new SlidingWindow(60_000);
  readonly #hour = new SlidingWindow(3_600_000);

  isBelow([perMinute, perHour]: readonly [number, number], now: number): boolean {
    return this.#minute.total(now) < perMinute && this.#hour.total(now) < perHour;
  }

  /** Counts a call of this process. */
  take(now: number): Counted {
    this.unpublished += 1;
    this.unconfirmed += 1;
    return this.add(1, now);
  }

  /**
   * The call was not sent. Replicas that know it keep counting it.
   *
   * @returns whether no replica knows it
   */
  takeBack([minuteSlot, hourSlot]: Counted, wasUnpublished = this.unpublished > 0): boolean {
    this.#minute.takeBack(minuteSlot);
    this.#hour.takeBack(hourSlot);
    if (wasUnpublished) this.unpublished -= 1;
    if (wasUnpublished) this.unconfirmed -= 1;
    return wasUnpublished;
  }

  add(calls: number, now: number): Counted {
    return [this.#minute.add(calls, now), this.#hour.add(calls, now)];
  }

  /**
   * How long until another call is within the limits; 0: now.
   *
   * @param others how many replicas may have as many unconfirmed calls as this one
   */
  waitMs(now: number, [perMinute, perHour]: readonly [number, number], others: number): number {
    const unknownCalls = others * this.unconfirmed;
    return Math.max(this.#minute.waitMs(now, perMinute - unknownCalls), this.#hour.waitMs(now, perHour - unknownCalls));
  }

  /** The limits minus the calls counted here. */
  leftOf([perMinute, perHour]: readonly [number, number], now: number): readonly [number, number] {
    return [perMinute - this.#minute.total(now), perHour - this.#hour.total(now)];
  }

  known(now: number): KnownCounts {
    return [this.#minute.known(now), this.#hour.known(now)];
  }

  learn([minute = [], hour = []]: KnownCounts, now: number, theirNow: number): void {
    this.#minute.learn(minute, now, theirNow);
    this.#hour.learn(hour, now, theirNow);
  }
}

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
