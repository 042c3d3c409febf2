/**
 * How often WeCom may be called. Each process counts, and adds the counts of other replicas (`limit-sync.ts`).
 *
 * rate-limiter-flexible was considered (ISC, 0.2 µs a limit in memory): its windows are fixed, so twice the limit fits
 * around a boundary, and sharing them costs a round trip to Redis per call, or a timer per key.
 */
import { SlidingWindow } from "./sliding-window.js";

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
