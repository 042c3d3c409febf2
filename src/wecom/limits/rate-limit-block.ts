/**
 * 45009: WeCom answers no more calls of this corp to this API until its window is over, a minute or, where that was not
 * it, an hour. Until then nothing is sent but one call a minute, which finds out.
 *
 * @see https://developer.work.weixin.qq.com/document/path/90454 "block length"
 */
import { type Attempt, CircuitBreaker } from "./circuit-breaker.js";

const minuteMs = 60_000;
const hourMs = 3_600_000;

/** As replicas tell each other, in Unix milliseconds. */
export interface BlockState {
  /** The first refusal of the series. */
  readonly since: number;
  /** When WeCom's window ends, as far as is known. */
  readonly until: number;
  /** When one call may try. */
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

  /** For how long nothing may be sent; 0: it may. While one call tries, others are told to come back. */
  waitMs(now: number): number {
    const waitMs = this.#breaker.waitMs(now);
    if (waitMs === 0 || !this.#state) return 0;
    return now < this.#state.tryAt ? this.#state.until - now : 1000;
  }

  /** It is "down" when WeCom refuses it. */
  start(now: number): Attempt {
    return this.#breaker.start(now);
  }

  /** What another replica found out. */
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
  // The window began no later than the first refusal, so that is where the hour counts from.
  const hourEnd = before.since + hourMs;
  const until = hourEnd > now ? hourEnd : now + minuteMs;
  return { since: before.since, until, tryAt: Math.min(now + minuteMs, until) };
}
