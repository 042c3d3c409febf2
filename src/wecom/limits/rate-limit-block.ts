/**
 * 45009: WeCom answers no more calls of this corp to this API until its window is over, a minute or, where that was not
 * it, an hour. Until then nothing is sent but one call a minute, which finds out.
 *
 * @see https://developer.work.weixin.qq.com/document/path/90454 "block length"
 */

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
  #closed: BlockState | undefined;
  #sinceCall = 0;
  #isTrying = false;

  get state(): BlockState | undefined {
    return this.#closed;
  }

  /** For how long nothing may be sent; 0: it may. While one call tries, others are told to come back. */
  waitMs(now: number): number {
    if (!this.#closed) return 0;
    const { since, until, tryAt } = this.#closed;
    // A clock that was set back must not keep it closed; those of replicas differ a little.
    if (now < tryAt && now > since - minuteMs) return until - now;
    return this.#isTrying ? 1000 : 0;
  }

  /** A call goes: the one that tries, when it is closed. */
  callStarted(): void {
    if (this.#closed) this.#isTrying = true;
  }

  /**
   * @param call its number
   * @param newest the number of the call that began last
   * @returns the new state; undefined when this refusal is of a call from before the closing, and so no news
   */
  refused(call: number, newest: number, now: number): BlockState | undefined {
    if (this.#closed && call <= this.#sinceCall) return undefined;
    this.#sinceCall = newest;
    this.#isTrying = false;
    return (this.#closed = afterRefusal(this.#closed, now));
  }

  /** WeCom answered something else. @returns whether that is news */
  answered(call: number): boolean {
    if (!this.#closed || call <= this.#sinceCall) return false;
    this.lift();
    return true;
  }

  /** The call that tried got no answer: another may. */
  undecided(call: number): void {
    if (call > this.#sinceCall) this.#isTrying = false;
  }

  /** What another replica found out. */
  learn(closed: BlockState, newest: number): void {
    if (this.#closed && this.#closed.tryAt >= closed.tryAt) return;
    this.#closed = closed;
    this.#sinceCall = newest;
    this.#isTrying = false;
  }

  lift(): void {
    this.#closed = undefined;
    this.#isTrying = false;
  }
}

function afterRefusal(before: BlockState | undefined, now: number): BlockState {
  if (!before) return { since: now, until: now + minuteMs, tryAt: now + minuteMs };
  // The window began no later than the first refusal, so that is where the hour counts from.
  const hourEnd = before.since + hourMs;
  const until = hourEnd > now ? hourEnd : now + minuteMs;
  return { since: before.since, until, tryAt: Math.min(now + minuteMs, until) };
}
