import { WecomOverloadError } from "../errors.js";

const windowMs = 60_000;

/**
 * Calls to WeCom per caller and minute: calls, not requests, so that one request with many aliases counts for what it
 * causes. Counted per replica, in windows of a minute.
 */
export class CallerQuota {
  readonly #counts = new Map<string, number>();
  #windowEndsAt = -Infinity;

  constructor(
    private readonly maxPerMinute: number,
    private readonly now: () => number,
  ) {}

  /** The counter of one caller; undefined for callers who cannot be told apart. */
  counterFor(identity: string | undefined): ((api: string) => void) | undefined {
    if (identity === undefined) return undefined;
    return (api) => {
      const retryAfterSeconds = this.#take(identity);
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
        retryAfterSeconds = identity === undefined ? 0 : this.#take(identity);
        if (retryAfterSeconds === 0) return;
      }
      const message = "The callers who subscribe have caused too many calls to WeCom within a minute";
      throw new WecomOverloadError(message, { api, retryAfterSeconds });
    };
  }

  /**
   * Counts a call.
   *
   * @returns how many seconds to wait if it exceeds the quota; 0 if it does not
   */
  #take(identity: string): number {
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
