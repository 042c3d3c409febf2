/**
 * The calls of one corp to one API that may be under way at once. WeCom answers 45033 above a number that it does not
 * document (seen at about ten): that lowers the number here, and time raises it again. Whoever finds no place waits for
 * a turn, but only where it is likely to come in time; else it is told at once, not at the end.
 */
import type { TimeLimit } from "../deadline.js";
import { WecomOverloadError } from "../errors.js";
import type { Bulkhead, BulkheadUser } from "./bulkhead.js";
import { FairQueue } from "./fair-queue.js";

/** In all lines of one corp and API; a page of 100 livings from each of twenty clients. */
const maxWaiting = 2000;
/** A new operation is not let in when its turn would come later than this, or this part of what is left of its time … */
const maxWaitMs = 500;
const maxWaitPart = 1 / 16;
/** … unless the queue is so young: many at once are no overload yet. Ten times too many in it are a second's work. */
const burstMs = 100;
/** How long the queue's pace is counted before it is believed; until then it is estimated from what a call takes. */
const paceMs = 500;
/** What a call takes before one has been measured: too little rather than too much, which would refuse for nothing. */
const initialCallMsEstimate = 5;
/** A lowered cap rises by one after each such time. */
const raiseAfterMs = 1000;

interface Pace {
  readonly since: number;
  turns: number;
  readonly before?: { readonly ms: number; readonly turns: number };
}

export class Semaphore implements BulkheadUser {
  readonly #queue = new FairQueue<() => void>();
  #inFlight = 0;
  #cap: number;
  #timesLowered = 0;
  #typicalCallMs = initialCallMsEstimate;
  #slowerSince = 0;
  #raiseAt = 0;
  #crowdedSince = 0;
  /** Turns that the queue has made since then, and in the time before that. */
  #pace: Pace = { since: 0, turns: 0 };

  constructor(
    readonly corp: string,
    readonly api: string,
    private readonly maxInFlight: number,
    private readonly bulkhead: Bulkhead,
  ) {
    this.#cap = maxInFlight;
  }

  get isIdle(): boolean {
    return this.#inFlight === 0 && this.#queue.length === 0 && this.#cap === this.maxInFlight;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  /** Calls that began with the same number were under way together. */
  get timesLowered(): number {
    return this.#timesLowered;
  }

  /** @returns whether there was a free place: it is taken now. A trial of WeCom needs none: those who hang may hold them all */
  tryAcquire(isTrial = false): boolean {
    if ((this.#inFlight >= this.#cap && !isTrial) || !this.bulkhead.tryAcquire(this)) return false;
    this.#inFlight += 1;
    return true;
  }

  /**
   * Waits for a turn; its place is taken when the promise resolves.
   *
   * @param path who waits: the caller, then the operation
   * @throws {WecomOverloadError} at once, when the turn would come too late
   */
  acquire(
    path: readonly unknown[],
    timeLimit: TimeLimit,
    now: number,
    errorAtEnd: (reason: string) => Error,
  ): Promise<void> {
    if (this.#queue.length === 0) {
      this.#crowdedSince = now;
      this.#pace = { since: now, turns: 0 };
    }
    this.#refuseIfTooLate(path, timeLimit, now);
    return new Promise((resolve, reject) => {
      const take = (): void => {
        stopWaiting();
        resolve();
      };
      this.#queue.add(path, take);
      const stopWaiting = timeLimit.onCancel((reason) => {
        if (this.#queue.remove(path, take)) reject(errorAtEnd(reason));
      });
    });
  }

  release(): void {
    this.#inFlight -= 1;
    this.bulkhead.release(this);
    this.startNext();
  }

  startNext(): void {
    while (this.#queue.length > 0 && this.tryAcquire()) {
      this.#pace.turns += 1;
      this.#queue.take()?.();
    }
  }

  /** WeCom took a call: how long it took says how fast a queue will move. */
  answered(startedAt: number, now: number): void {
    const callMs = Math.max(now - startedAt, 0);
    // Down fast, up slowly, and once for all calls that were under way together: a moment in which this process was slow
    // makes all of them long.
    if (callMs < this.#typicalCallMs) this.#typicalCallMs += (callMs - this.#typicalCallMs) / 4;
    else if (startedAt >= this.#slowerSince) {
      this.#typicalCallMs += (callMs - this.#typicalCallMs) / 32;
      this.#slowerSince = now;
    }
    if (this.#cap < this.maxInFlight && now >= this.#raiseAt) {
      this.#cap += 1;
      this.#raiseAt = now + raiseAfterMs;
    }
  }

  /**
   * WeCom found them too many. Halves once for all that were under way together.
   *
   * @param timesLowered when the refused call began
   */
  tooMany(timesLowered: number, now: number): void {
    this.#raiseAt = now + raiseAfterMs;
    if (timesLowered !== this.#timesLowered) return;
    this.#timesLowered += 1;
    this.#cap = Math.max(1, Math.floor(Math.min(this.#cap, this.#inFlight) / 2));
  }

  #refuseIfTooLate(path: readonly unknown[], timeLimit: TimeLimit, now: number): void {
    const { length } = this.#queue;
    const turnMs = this.#turnMs(now);
    const turns = this.#queue.turnsUntil(path);
    const waitMs = turns * turnMs;
    const { remainingMs } = timeLimit;
    const isOneTooMany =
      turns > this.#cap && waitMs > Math.max(maxWaitMs, remainingMs * maxWaitPart) && !this.#queue.has(path);
    const isCrowded = isOneTooMany && now - this.#crowdedSince > burstMs;
    if (!isCrowded && length < maxWaiting && waitMs + this.#typicalCallMs <= remainingMs) return;
    throw new WecomOverloadError(`${length} calls wait for ${this.api} already`, {
      api: this.api,
      retryAfterSeconds: Math.max(1, Math.ceil((length * turnMs) / 1000)),
    });
  }

  /** How long the queue takes for one turn. */
  #turnMs(now: number): number {
    const { since, turns, before } = this.#pace;
    const elapsedMs = Math.max(now - since, 0);
    if (elapsedMs >= paceMs) this.#pace = { since: now, turns: 0, before: { ms: elapsedMs, turns } };
    else if (!before) return this.#typicalCallMs / this.#cap;
    return (elapsedMs + (before?.ms ?? 0)) / (turns + (before?.turns ?? 0) + 1);
  }
}
