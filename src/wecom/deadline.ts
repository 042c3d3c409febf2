/** What ends the waiting of an operation: its time is over, or nobody waits for its result any more. */
import { type Clock, systemClock } from "./clock.js";

/** For how long something is waited for. */
export interface TimeLimit {
  readonly remainingMs: number;
  /** Whether it is too late to begin: what is sent in the last tenth of the time has hardly a chance to be answered. */
  readonly isNearEnd: boolean;
  /** Calls back once, at once if the end has come already; the returned function takes the request back. */
  onCancel(listener: (reason: string) => void): () => void;
}

/** Comes at most once, and tells those who asked. */
export class Cancellation {
  /** Made when somebody asks: most operations are over before anything has to be waited for twice. */
  #listeners: Set<(reason: string) => void> | undefined;
  #reason: string | undefined;

  get isCancelled(): boolean {
    return this.#reason !== undefined;
  }

  cancel(reason: string): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    const listeners = [...(this.#listeners ?? [])];
    this.#listeners = undefined;
    for (const listener of listeners) listener(reason);
  }

  onCancel(listener: (reason: string) => void): () => void {
    if (this.#reason !== undefined) {
      listener(this.#reason);
      return () => undefined;
    }
    const listeners = (this.#listeners ??= new Set());
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  protected forgetListeners(): void {
    this.#listeners = undefined;
  }
}

/**
 * The end of an operation's timeLimit. One timer serves everything that an operation waits for: its place in a queue, a
 * token, the answer of WeCom. It runs from the first time that something is waited for.
 */
export class Deadline extends Cancellation implements TimeLimit {
  readonly #endsAt: number;
  #stopTimer: (() => void) | undefined;
  #parts: Deadline[] | undefined;

  /** @param timeoutMs from now on */
  constructor(
    private readonly timeoutMs: number,
    private readonly clock: Clock = systemClock,
  ) {
    super();
    this.#endsAt = clock.monotonicMs() + timeoutMs;
  }

  get remainingMs(): number {
    return this.isCancelled ? 0 : Math.max(0, this.#endsAt - this.clock.monotonicMs());
  }

  get isNearEnd(): boolean {
    return this.remainingMs < this.timeoutMs / 10;
  }

  override onCancel(listener: (reason: string) => void): () => void {
    this.#stopTimer ??= this.clock.after(this.remainingMs, () => {
      this.cancel("deadline passed");
    });
    return super.onCancel(listener);
  }

  /** One that comes when so much of the time that is left is over, and is released together with this one. */
  part(share: number): Deadline {
    const part = new Deadline(this.remainingMs * share, this.clock);
    (this.#parts ??= []).push(part);
    return part;
  }

  /** What `promise` gives, or a rejection with the error that `onEnd` makes when the end comes first. */
  race<T>(promise: Promise<T>, errorAtEnd: (reason: string) => Error): Promise<T> {
    return new Promise((resolve, reject) => {
      const stopWaiting = this.onCancel((reason) => {
        reject(errorAtEnd(reason));
      });
      promise.then(resolve, reject).finally(stopWaiting);
    });
  }

  /** @returns after `ms`, whether there is time left; at once, when there is not that much */
  pause(ms: number): Promise<boolean> {
    if (this.remainingMs <= ms) return Promise.resolve(false);
    return new Promise((resolve) => {
      const stopTimer = this.clock.after(ms, () => {
        stopWaiting();
        resolve(true);
      });
      const stopWaiting = this.onCancel(() => {
        stopTimer();
        resolve(false);
      });
    });
  }

  override cancel(reason: string): void {
    this.#stopTimer?.();
    super.cancel(reason);
  }

  /** Releases the timer of an operation that is over. */
  close(): void {
    this.#stopTimer?.();
    this.forgetListeners();
    for (const part of this.#parts ?? []) part.close();
  }
}

/** A deadline that also ends when the client leaves: for what is of no use to anybody else. */
export class ClientTimeLimit implements TimeLimit {
  constructor(
    private readonly deadline: Deadline,
    private readonly clientGone: Cancellation,
  ) {}

  get remainingMs(): number {
    return this.clientGone.isCancelled ? 0 : this.deadline.remainingMs;
  }

  get isNearEnd(): boolean {
    return this.clientGone.isCancelled || this.deadline.isNearEnd;
  }

  onCancel(listener: (reason: string) => void): () => void {
    const stops = [this.deadline.onCancel(listener), this.clientGone.onCancel(listener)];
    return () => {
      for (const stop of stops) stop();
    };
  }
}
