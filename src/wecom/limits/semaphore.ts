/**
 * An adaptive semaphore: the concurrent calls of one corp to one API. WeCom answers 45033 above an undocumented number
 * (seen at about ten), which lowers the cap here; time raises it again. Without a free permit a call waits in a fair
 * queue, but only if it will probably be sent in time; otherwise it is rejected immediately.
 */
import type { TimeLimit } from "../deadline.js";
import { WecomOverloadError } from "../errors.js";
import type { Bulkhead, BulkheadUser } from "./bulkhead.js";
import { FairQueue } from "./fair-queue.js";

/** The queue's length per corp and API: a page of 100 livings from each of twenty clients. */
const maxWaiting = 2000;
/**
 * A new operation is rejected when its estimated wait exceeds this, or this part of its remaining time … At ten times
 * WeCom's pace, half of the answers take 0.6 s then; with a second it would be 1.1 s.
 */
const maxWaitMs = 500;
const maxWaitPart = 1 / 16;
/**
 * … unless the queue is younger than this: a short burst is not an overload. Ten times too many calls in it are a
 * second's work.
 */
const burstMs = 100;
/**
 * The estimated duration of a call before one was measured: low, because a high one would reject calls for no reason.
 */
const initialCallMsEstimate = 5;
/** A lowered cap rises by one after each such time. */
const raiseAfterMs = 1000;

export class Semaphore implements BulkheadUser {
  readonly #queue = new FairQueue<() => void>();
  #inFlight = 0;
  #cap: number;
  #timesLowered = 0;
  #typicalCallMs = initialCallMsEstimate;
  #slowerSince = 0;
  #raiseAt = 0;
  #crowdedSince = 0;

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

  /** Calls with the same number were in flight at the same time. */
  get timesLowered(): number {
    return this.#timesLowered;
  }

  /**
   * @returns whether a permit was free, which is then taken. A trial needs none, because hanging calls may hold all of
   * them
   */
  tryAcquire(isTrial = false): boolean {
    if ((this.#inFlight >= this.#cap && !isTrial) || !this.bulkhead.tryAcquire(this)) return false;
    this.#inFlight += 1;
    return true;
  }

  /**
   * Waits for a permit, which is taken when the promise resolves.
   *
   * @param path the caller, then the operation
   * @throws {WecomOverloadError} immediately, when the estimated wait is too long
   */
  acquire(
    path: readonly unknown[],
    timeLimit: TimeLimit,
    now: number,
    errorAtEnd: (reason: string) => Error,
  ): Promise<void> {
    if (this.#queue.length === 0) this.#crowdedSince = now;
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
    while (this.#queue.length > 0 && this.tryAcquire()) this.#queue.take()?.();
  }

  /** WeCom answered a call: its duration predicts the queue's pace. */
  answered(startedAt: number, now: number): void {
    const callMs = Math.max(now - startedAt, 0);
    // Decreases immediately and increases slowly, once for all calls that were in flight together, because a short
    // stall of this process makes all of them long.
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
   * WeCom answered 45033. Halves the cap once for all calls that were in flight together.
   *
   * @param timesLowered the number when the refused call started
   */
  tooMany(timesLowered: number, now: number): void {
    this.#raiseAt = now + raiseAfterMs;
    if (timesLowered !== this.#timesLowered) return;
    this.#timesLowered += 1;
    this.#cap = Math.max(1, Math.floor(Math.min(this.#cap, this.#inFlight) / 2));
  }

  #refuseIfTooLate(path: readonly unknown[], timeLimit: TimeLimit, now: number): void {
    const { length } = this.#queue;
    const turnMs = this.#typicalCallMs / this.#cap;
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
}
