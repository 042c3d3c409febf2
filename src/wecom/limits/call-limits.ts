/**
 * How often WeCom may be called. Each process counts, and adds what the others tell (`limit-sync.ts`).
 *
 * rate-limiter-flexible was weighed (ISC, 0.2 µs a limit in memory): its windows are fixed, so that twice the limit fits
 * around the edge of two, and sharing them costs a round trip to Redis in every call, or a timer per key.
 */
import { SlidingWindow } from "./sliding-window.js";

/**
 * Calls per window that are let through. The setting's default is a twentieth less than WeCom's documented limits, for what
 * the counts do not see: docs/operations.md names it.
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
 * In the proportions that WeCom documents: 10,000 a minute and 150,000 an hour per corp and API; 20,000 and 600,000 per
 * address, of a provider twice that.
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

/** Where a call was counted. */
export type Counted = readonly [minuteSlot: number, hourSlot: number];

/** What one replica tells another of its windows: of each, counts by slot. */
export type KnownCounts = readonly (readonly (readonly [slot: number, calls: number])[])[];

/** The windows of one corp, or of this address, and one API. */
export class CallCounts {
  /** Of this process, in no message to the other replicas yet. */
  unpublished = 0;
  /** Of this process, and not known to be known to the others: those, and what is on its way to them. */
  unconfirmed = 0;
  readonly #minute = new SlidingWindow(60_000);
  readonly #hour = new SlidingWindow(3_600_000);

  isBelow(calls: number, now: number): boolean {
    return this.#hour.total(now) < calls;
  }

  /** A call of this process. */
  take(now: number): Counted {
    this.unpublished += 1;
    this.unconfirmed += 1;
    return this.add(1, now);
  }

  /**
   * It was not sent. The other replicas, where they know of it already, go on counting it.
   *
   * @returns whether they need not know
   */
  takeBack([minuteSlot, hourSlot]: Counted, isUntold = this.unpublished > 0): boolean {
    this.#minute.takeBack(minuteSlot);
    this.#hour.takeBack(hourSlot);
    if (isUntold) this.unpublished -= 1;
    if (isUntold) this.unconfirmed -= 1;
    return isUntold;
  }

  add(calls: number, now: number): Counted {
    return [this.#minute.add(calls, now), this.#hour.add(calls, now)];
  }

  /**
   * How long until one more is within the limits; 0: now.
   *
   * @param others how many replicas may have made as many calls as they do not know of from here
   */
  waitMs(now: number, [perMinute, perHour]: readonly [number, number], others: number): number {
    const untold = others * this.unconfirmed;
    return Math.max(this.#minute.waitMs(now, perMinute - untold), this.#hour.waitMs(now, perHour - untold));
  }

  /** The limits, less what was counted here. */
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
