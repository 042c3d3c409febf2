/**
 * How often WeCom may be called. Each process counts, and adds what the others tell (`limit-sync.ts`).
 *
 * rate-limiter-flexible was weighed (ISC, 0.2 µs a limit in memory): its windows are fixed, so that twice the limit fits
 * around the edge of two, and sharing them costs a round trip to Redis in every call, or a timer per key.
 */
import { SlidingWindow } from "./sliding-window.js";

/**
 * Calls per window that are let through. The setting's default is a twentieth less than WeCom's documented limits, for
 * replicas learn of each other's calls a second late.
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

/** The windows of one corp, or of this address, and one API. */
export class CallCounts {
  /** Not told to the other replicas yet. */
  unpublished = 0;
  readonly #minute: SlidingWindow;
  readonly #hour: SlidingWindow;

  constructor(perMinute: number, perHour: number) {
    this.#minute = new SlidingWindow(perMinute, 60_000);
    this.#hour = new SlidingWindow(perHour, 3_600_000);
  }

  get total(): number {
    return this.#hour.total;
  }

  add(calls: number, now: number): void {
    this.#minute.add(calls, now);
    this.#hour.add(calls, now);
  }

  waitMs(now: number): number {
    return Math.max(this.#minute.waitMs(now), this.#hour.waitMs(now));
  }
}
