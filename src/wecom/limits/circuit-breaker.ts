/**
 * Whether it is worth a call at all. Opens after failures in a row, then answers at once. When its pause is over, one call
 * is let through as a trial: it closes the circuit, or opens it for another pause.
 *
 * cockatiel's breaker was weighed (MIT, 0.2 µs a call): while its one call tries, it lets all others wait for the end of
 * it, which at a WeCom that hangs is the deadline, and it takes a call whose client left for a good one.
 */

/** A trial without an outcome for so long does not keep another from being made: it is noticed within a second that WeCom is back. */
export const trialMs = 750;

export interface CircuitBreakerOptions {
  /** In a row. */
  readonly failuresToOpen: number;
  /** When a trial may be made, after a failure now. @param startedAt when what failed was begun */
  readonly trialAt: (now: number, startedAt: number) => number;
}

/** What the end of a call says: WeCom is there, it is not, or nothing. */
export type Verdict = "up" | "down" | "unknown";

/** A call that was let through. It says once how it ended; later words, and those from before a change, count nothing. */
export interface Attempt {
  settle(verdict: Verdict, now: number): void;
}

interface Closed {
  readonly phase: "closed";
  failures: number;
}

interface Open {
  readonly phase: "open";
  readonly trialAt: number;
  trial: { readonly attempt: Attempt; readonly at: number } | undefined;
}

export class CircuitBreaker {
  /** Replaced whenever it changes: attempts know by that which of them are out of date. */
  #state: Closed | Open = { phase: "closed", failures: 0 };

  constructor(private readonly options: CircuitBreakerOptions) {}

  get isOpen(): boolean {
    return this.#state.phase === "open";
  }

  /** For how long a call would be in vain; 0: it may go. */
  waitMs(now: number): number {
    if (this.#state.phase === "closed") return 0;
    const { trialAt, trial } = this.#state;
    return Math.max(0, trialAt - now, trial ? trial.at + trialMs - now : 0);
  }

  /** A call goes, after `waitMs` has said that it may: a trial, when the circuit is open. */
  start(startedAt: number): Attempt {
    const state = this.#state;
    let isSettled = false;
    const attempt: Attempt = {
      settle: (verdict, now) => {
        if (isSettled || this.#state !== state) return;
        isSettled = true;
        if (verdict === "up") this.close();
        else if (state.phase === "closed") this.#fail(state, startedAt, verdict, now);
        // Of several trials, the newest says that WeCom is still away.
        else if (state.trial?.attempt === attempt) this.#endTrial(state, startedAt, verdict, now);
      },
    };
    if (state.phase === "open") state.trial = { attempt, at: startedAt };
    return attempt;
  }

  open(trialAt: number): void {
    this.#state = { phase: "open", trialAt, trial: undefined };
  }

  close(): void {
    if (this.#state.phase === "open") this.#state = { phase: "closed", failures: 0 };
    else this.#state.failures = 0;
  }

  #fail(state: Closed, startedAt: number, verdict: Verdict, now: number): void {
    // What hung for long says how WeCom was, not how it is: a trial may be made at once.
    if (verdict === "down" && (state.failures += 1) >= this.options.failuresToOpen)
      this.open(this.options.trialAt(now, startedAt));
  }

  #endTrial(state: Open, startedAt: number, verdict: Verdict, now: number): void {
    if (verdict === "down") this.open(this.options.trialAt(now, startedAt));
    // Another may try at once.
    else state.trial = undefined;
  }
}
