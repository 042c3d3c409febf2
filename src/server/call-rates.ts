const windowMs = 60_000;

/**
 * Calls to WeCom per caller and minute: calls, not requests, so that one request with many aliases counts for what it
 * causes. Counted per replica, in windows of a minute.
 */
export class CallRates {
  readonly #counts = new Map<string, number>();
  #windowEndsAt = -Infinity;

  constructor(
    private readonly maxPerMinute: number,
    private readonly now: () => number,
  ) {}

  /** Counts one call, and tells how many seconds to wait when it is one too many; 0 lets it pass. */
  take(identity: string): number {
    const now = this.now();
    if (now >= this.#windowEndsAt) {
      this.#counts.clear();
      this.#windowEndsAt = now + windowMs;
    }
    const count = (this.#counts.get(identity) ?? 0) + 1;
    if (count > this.maxPerMinute) return Math.ceil((this.#windowEndsAt - now) / 1000);
    this.#counts.set(identity, count);
    return 0;
  }
}
