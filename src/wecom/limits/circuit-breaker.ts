/**
 * A circuit breaker: opens after failures in a row, and then rejects calls immediately. After a pause, one call is
 * admitted as a trial, which closes it or opens it for another pause.
 *
 * cockatiel's breaker was considered (MIT, 0.2 µs a call): during its trial all other calls wait for the result, which
 * takes the whole deadline if WeCom hangs, and it counts a call whose client left as a success.
 *
 * `RateLimitBlock` is one that opens at the first 45009.
 */

/**
 * A trial without an outcome after this time does not delay the next one, so that a recovery of WeCom is noticed within
 * a second.
 */
export const trialMs = 750;

/** Without calls, a circuit stays open whatever WeCom does. */
const latelyMs = 240_000;

export interface CircuitBreakerOptions {
  /** Failures in a row. */
  readonly failuresToOpen: number;
  /**
   * When the next trial may be made, after a failure now.
   *
   * @param startedAt when the failed call started
   */
  readonly trialAt: (now: number, startedAt: number) => number;
}

/** What the end of a call says about WeCom: it answers, it does not, or nothing. */
export type Verdict = "up" | "down" | "unknown";

/** An admitted call. Its first outcome counts; later ones, and outcomes from before a change of state, are ignored. */
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
  /** Replaced at each change of state, so that attempts can detect that they are out of date. */
  #state: Closed | Open = { phase: "closed", failures: 0 };

  constructor(private readonly options: CircuitBreakerOptions) {}

  get isOpen(): boolean {
    return this.#state.phase === "open";
  }

  /** For operators: whether it is open because of a call that failed within the last four minutes. */
  hasFailedLately(now: number): boolean {
    return this.#state.phase === "open" && now < this.#state.trialAt + latelyMs;
  }

  /** How long calls are rejected; 0: admitted. */
  waitMs(now: number): number {
    if (this.#state.phase === "closed") return 0;
    const { trialAt, trial } = this.#state;
    return Math.max(0, trialAt - now, trial ? trial.at + trialMs - now : 0);
  }

  /** A call starts, after `waitMs` returned 0; if the circuit is open, it is a trial. */
  start(startedAt: number): Attempt {
    const state = this.#state;
    let isSettled = false;
    const attempt: Attempt = {
      settle: (verdict, now) => {
        if (isSettled || this.#state !== state) return;
        isSettled = true;
        if (verdict === "up") this.close();
        else if (state.phase === "closed") this.#fail(state, startedAt, verdict, now);
        // Of several trials, only the newest keeps the circuit open.
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
    // A call that hung for long shows a past state, so a trial may be made immediately.
    if (verdict === "down" && (state.failures += 1) >= this.options.failuresToOpen)
      this.open(this.options.trialAt(now, startedAt));
  }

  #endTrial(state: Open, startedAt: number, verdict: Verdict, now: number): void {
    if (verdict === "down") this.open(this.options.trialAt(now, startedAt));
    // Another trial may be made immediately.
    else state.trial = undefined;
  }
}

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

/**
 * The block after 45009: WeCom rejects this corp's calls to this API until its window ends, after a minute or, if that
 * was not it, an hour. Until then one call a minute is sent as a probe, and no other.
 *
 * @see https://developer.work.weixin.qq.com/document/path/90454 "block length"
 */
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
