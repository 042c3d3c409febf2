import { WecomOverloadError } from "../errors.js";

const windowMs = 60_000;

/** Counts events per key in windows of a minute. */
export class MinuteQuota {
  readonly #counts = new Map<string, number>();
  #windowEndsAtMs = -Infinity;

  constructor(
    private readonly maxPerMinute: number,
    private readonly nowMs: () => number,
  ) {}

  /** Counts an event. @returns how many seconds to wait if it exceeds the quota; 0 if it does not */
  take(key = ""): number {
    const leftMs = this.#windowEndsAtMs - this.nowMs();
    // More than a minute is left only after the clock was set back.
    if (leftMs <= 0 || leftMs > windowMs) {
      this.#counts.clear();
      this.#windowEndsAtMs = this.nowMs() + windowMs;
    }
    const count = (this.#counts.get(key) ?? 0) + 1;
    if (count > this.maxPerMinute) return Math.ceil((this.#windowEndsAtMs - this.nowMs()) / 1000);
    this.#counts.set(key, count);
    return 0;
  }
}

/**
 * Calls to WeCom per caller and minute: calls, not requests, so that one request with many aliases counts for what it
 * causes. Counted per replica.
 */
export class CallerQuota {
  readonly #quota: MinuteQuota;

  constructor(maxPerMinute: number, nowMs: () => number) {
    this.#quota = new MinuteQuota(maxPerMinute, nowMs);
  }

  /** The counter of one caller; undefined for anonymous callers. */
  counterFor(identity: string | undefined): ((api: string) => void) | undefined {
    if (identity === undefined) return undefined;
    return (api) => {
      const retryAfterSeconds = this.#quota.take(identity);
      if (retryAfterSeconds === 0) return;
      const message = "You have caused too many calls to WeCom within a minute";
      throw new WecomOverloadError(message, { api, retryAfterSeconds });
    };
  }

  /** For calls on behalf of several callers: each counts against the first one whose quota allows it. */
  counterForAll(identities: Iterable<string | undefined>): (api: string) => void {
    return (api) => {
      let retryAfterSeconds = 0;
      for (const identity of identities) {
        retryAfterSeconds = identity === undefined ? 0 : this.#quota.take(identity);
        if (retryAfterSeconds === 0) return;
      }
      const message = "The callers who subscribe have caused too many calls to WeCom within a minute";
      throw new WecomOverloadError(message, { api, retryAfterSeconds });
    };
  }
}
