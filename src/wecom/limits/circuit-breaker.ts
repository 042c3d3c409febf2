/**
 * Whether it is worth a call at all. Opens when calls in a row met nobody, then answers at once; after a pause one call
 * tries, and closes it again or makes the pause longer.
 *
 * cockatiel's breaker was weighed (MIT, 0.2 µs a call): while its one call tries, it lets all others wait for the end of
 * it, which at a WeCom that hangs is the deadline, and it takes a call whose client left for a good one.
 */

const failuresInRow = 5;
const firstPauseMs = 1000;
const longestPauseMs = 10_000;

export class CircuitBreaker {
  #failures = 0;
  #open: { readonly sinceCall: number; readonly at: number; readonly pauseMs: number } | undefined;
  #isTrying = false;

  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /** For how long a call would be in vain; 0: it may go. */
  waitMs(now: number): number {
    if (!this.#open) return 0;
    const { at, pauseMs } = this.#open;
    const elapsedMs = now - at;
    // A clock that was set back must not keep it open.
    if (elapsedMs >= 0 && elapsedMs < pauseMs) return pauseMs - elapsedMs;
    return this.#isTrying ? 1000 : 0;
  }

  /** A call goes: the one that tries, when it is open. Every call that went reports its end. */
  callStarted(): void {
    if (this.#open) this.#isTrying = true;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#open = undefined;
    this.#isTrying = false;
  }

  /**
   * @param call its number
   * @param newest the number of the call that began last: those up to it say nothing of what comes after the pause
   */
  failed(call: number, newest: number, now: number): void {
    if (this.#open) {
      if (call <= this.#open.sinceCall) return;
      this.#isTrying = false;
      this.#open = { sinceCall: newest, at: now, pauseMs: Math.min(this.#open.pauseMs * 2, longestPauseMs) };
    } else if ((this.#failures += 1) >= failuresInRow) {
      this.#open = { sinceCall: newest, at: now, pauseMs: firstPauseMs };
    }
  }

  /** It says nothing either way: the next one may try. */
  undecided(call: number): void {
    if (this.#open && call > this.#open.sinceCall) this.#isTrying = false;
  }
}
