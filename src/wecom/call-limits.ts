/**
 * How often WeCom may be called. Each process counts, and adds what the others tell (`shared-gates.ts`).
 *
 * rate-limiter-flexible was weighed (ISC, 0.2 µs a limit in memory): its windows are fixed, so that twice the limit fits
 * around the edge of two, and sharing them costs a round trip to Redis in every call, or a timer per key.
 */
import { SlidingCount } from "./sliding-count.js";

/**
 * Calls per window that are let through: a twentieth less than WeCom's documented ones, for replicas learn of each
 * other's calls a second late.
 *
 * @see https://developer.work.weixin.qq.com/document/path/90454
 */
export interface CallLimits {
  readonly perCorpAndMinute: number;
  readonly perCorpAndHour: number;
  readonly perAddressAndMinute: number;
  readonly perAddressAndHour: number;
}

const appLimits: CallLimits = {
  perCorpAndMinute: 9_500,
  perCorpAndHour: 142_500,
  perAddressAndMinute: 19_000,
  perAddressAndHour: 570_000,
};

/** A provider's address may call twice as often. */
export function documentedLimits(isProvider: boolean): CallLimits {
  if (!isProvider) return appLimits;
  return { ...appLimits, perAddressAndMinute: 38_000, perAddressAndHour: 1_140_000 };
}

/** The windows of one corp, or of this address, and one API. */
export class CallCounts {
  /** Not told to the other replicas yet. */
  untold = 0;
  readonly #minute: SlidingCount;
  readonly #hour: SlidingCount;

  constructor(perMinute: number, perHour: number) {
    this.#minute = new SlidingCount(perMinute, 60_000);
    this.#hour = new SlidingCount(perHour, 3_600_000);
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
