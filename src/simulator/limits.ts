// Rate and concurrency limits: 45009 and 45033, and the ban for wrong secrets.

import { ApiFailure } from "./api-failure.js";
import type { SimulatorClock } from "./clock.js";
import type { RateLimits } from "./options.js";

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

interface Window {
  calls: number;
  endsAtMs: number;
  isBlocked: boolean;
}

/** A limit, counted per key. A block lasts as long as the window, from the call that exceeded it. */
export class FrequencyLimit {
  readonly #windows = new Map<string, Window>();

  constructor(
    private readonly clock: SimulatorClock,
    private readonly maxCalls: number,
    private readonly windowMs: number,
  ) {}

  isBroken(key: string): boolean {
    const window = this.#windows.get(key);
    return window !== undefined && window.isBlocked && window.endsAtMs > this.clock.nowMs();
  }

  /** Counts a call; false if it exceeds the limit. */
  count(key: string): boolean {
    const nowMs = this.clock.nowMs();
    let window = this.#windows.get(key);
    if (window === undefined || window.endsAtMs <= nowMs) {
      window = { calls: 0, endsAtMs: nowMs + this.windowMs, isBlocked: false };
      this.#windows.set(key, window);
    }
    window.calls += 1;
    if (!window.isBlocked && window.calls > this.maxCalls) {
      window.isBlocked = true;
      window.endsAtMs = nowMs + this.windowMs;
    }
    return !window.isBlocked;
  }

  clear(): void {
    this.#windows.clear();
  }
}

/** @see https://developer.work.weixin.qq.com/document/path/90454 */
export class CallFrequency {
  readonly #perCorp: readonly FrequencyLimit[];
  readonly #perIp: readonly FrequencyLimit[];

  constructor(clock: SimulatorClock, limits: RateLimits) {
    const limit = (maxCalls: number | undefined, windowMs: number): FrequencyLimit[] =>
      maxCalls === undefined ? [] : [new FrequencyLimit(clock, maxCalls, windowMs)];
    this.#perCorp = [...limit(limits.perCorpPerMinute, MINUTE_MS), ...limit(limits.perCorpPerHour, HOUR_MS)];
    this.#perIp = [...limit(limits.perIpPerMinute, MINUTE_MS), ...limit(limits.perIpPerHour, HOUR_MS)];
  }

  /** @throws {ApiFailure} 45009 */
  countCall(api: string, corpid: string, ip: string): void {
    const verdicts = [
      ...this.#perCorp.map((limit) => limit.count(`${corpid} ${api}`)),
      ...this.#perIp.map((limit) => limit.count(`${ip} ${api}`)),
    ];
    if (verdicts.includes(false)) throw new ApiFailure(45009);
  }

  clear(): void {
    for (const limit of [...this.#perCorp, ...this.#perIp]) limit.clear();
  }
}

/** After too many wrong secrets, gettoken rejects an address for an hour. */
export class WrongSecrets {
  readonly #limit: FrequencyLimit;

  constructor(clock: SimulatorClock, maxPerHour: number) {
    this.#limit = new FrequencyLimit(clock, maxPerHour, HOUR_MS);
  }

  /** @throws {ApiFailure} 45009 while the address is banned */
  refuseBanned(ip: string): void {
    if (this.#limit.isBroken(ip)) throw new ApiFailure(45009);
  }

  count(ip: string): void {
    this.#limit.count(ip);
  }

  clear(): void {
    this.#limit.clear();
  }
}

/** Calls in flight per corp and API. */
export class CallsInFlight {
  readonly #counts = new Map<string, number>();

  constructor(private readonly max: number) {}

  /**
   * Every `enter` needs its `leave`, even if it was rejected: a rejected call occupies its slot until it is answered.
   */
  enter(key: string): { isAllowed: boolean } {
    const count = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, count);
    return { isAllowed: count <= this.max };
  }

  leave(key: string): void {
    const count = (this.#counts.get(key) ?? 1) - 1;
    if (count > 0) this.#counts.set(key, count);
    else this.#counts.delete(key);
  }
}
