/**
 * The block after 45009: WeCom rejects this corp's calls to this API until its window ends, after a minute or, if that
 * was not it, an hour. Until then one call a minute is sent as a probe, and no other.
 *
 * @see https://developer.work.weixin.qq.com/document/path/90454 "block length"
 */
import { type Attempt, CircuitBreaker } from "./circuit-breaker.js";

const minuteMs = 60_000;
const hourMs = 3_600_000;

/** The state as replicas share it, in Unix milliseconds. */
export interface BlockState {
  /** The first refusal of the series. */
  readonly since: number;
  /** The estimated end of WeCom's window. */
  readonly until: number;
  /** When the next probe may be sent. */
  readonly tryAt: number;
}

export class RateLimitBlock {
  #state: BlockState | undefined;
  readonly #breaker = new CircuitBreaker({
    failuresToOpen: 1,
    trialAt: (now) => (this.#state = afterRefusal(this.state, now)).tryAt,
  });

  get state(): BlockState | undefined {
    return this.#breaker.isOpen ? this.#state : undefined;
  }

  /** How long calls are rejected; 0: admitted. During a probe, the others are rejected. */
  waitMs(now: number): number {
    const waitMs = this.#breaker.waitMs(now);
    if (waitMs === 0 || !this.#state) return 0;
    return now < this.#state.tryAt ? this.#state.until - now : 1000;
  }

  /** The verdict is "down" if WeCom rejects the call. */
  start(now: number): Attempt {
    return this.#breaker.start(now);
  }

  /** A block that another replica found. */
  learn(state: BlockState): void {
    if (this.state && this.state.tryAt >= state.tryAt) return;
    this.#state = state;
    this.#breaker.open(state.tryAt);
  }

  lift(): void {
    this.#breaker.close();
  }
}

function afterRefusal(before: BlockState | undefined, now: number): BlockState {
  if (!before) return { since: now, until: now + minuteMs, tryAt: now + minuteMs };
  // The hour counts from the first refusal, because the window began no later.
  const hourEnd = before.since + hourMs;
  const until = hourEnd > now ? hourEnd : now + minuteMs;
  return { since: before.since, until, tryAt: Math.min(now + minuteMs, until) };
}
