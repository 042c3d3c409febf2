/** What ends an operation's waiting: its deadline, or that the client has left. */
import { type Clock, systemClock } from "./clock.js";

/** How long an operation may wait. */
export interface TimeLimit {
  readonly remainingMs: number;
  /** Whether it is too late to begin: a call sent in the last tenth of the time is unlikely to be answered. */
  readonly isNearEnd: boolean;
  /** Calls back once, immediately if the end has come already. @returns cancels the callback */
  onCancel(listener: (reason: string) => void): () => void;
}

/** A signal that fires at most once and calls its listeners. */
export class Cancellation {
  /** Created with the first listener: most operations never have one. */
  #listeners: Set<(reason: string) => void> | undefined;
  #reason: string | undefined;

  get isCancelled(): boolean {
    return this.#reason !== undefined;
  }

  cancel(reason: string): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    const listeners = this.#listeners;
    this.#listeners = undefined;
    if (listeners) for (const listener of [...listeners]) listener(reason);
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
}

/**
 * The deadline of an operation. One timer, started by the first wait, serves everything that the operation waits for: a
 * permit, a token, WeCom's answer.
 */
export class Deadline extends Cancellation implements TimeLimit {
  readonly #endsAtMs: number;
  #stopTimer: (() => void) | undefined;
  #parts: Deadline[] | undefined;

  /** @param timeoutMs from now */
  constructor(
    private readonly timeoutMs: number,
    private readonly clock: Clock = systemClock,
  ) {
    super();
    this.#endsAtMs = clock.monotonicMs() + timeoutMs;
  }

  get remainingMs(): number {
    return this.isCancelled ? 0 : Math.max(0, this.#endsAtMs - this.clock.monotonicMs());
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

  /** A deadline after this part of the remaining time. It is closed together with this one. */
  part(share: number): Deadline {
    const part = new Deadline(this.remainingMs * share, this.clock);
    (this.#parts ??= []).push(part);
    return part;
  }

  /** Resolves as `promise`, or rejects with the error from `onEnd` if the end comes first. */
  race<T>(promise: Promise<T>, errorAtEnd: (reason: string) => Error): Promise<T> {
    return new Promise((resolve, reject) => {
      const stopWaiting = this.onCancel((reason) => {
        reject(errorAtEnd(reason));
      });
      promise.then(resolve, reject).finally(stopWaiting);
    });
  }

  /** Waits for `ms`. @returns whether there is time left; false immediately if less than `ms` is left */
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

  /**
   * Repeats `attempt` until it returns a value.
   *
   * @param pauseMs the pause after so many attempts, counted from 0
   * @returns undefined when there is no time left for another attempt
   */
  async repeat<T>(
    attempt: () => Promise<T | undefined>,
    pauseMs: (attempts: number) => number,
  ): Promise<T | undefined> {
    for (let attempts = 0; ; attempts += 1) {
      const value = await attempt();
      if (value !== undefined || !(await this.pause(pauseMs(attempts)))) return value;
    }
  }

  override cancel(reason: string): void {
    this.#stopTimer?.();
    super.cancel(reason);
  }

  /**
   * Ends what still waits when the operation is over. After a stall of the process, a deadline may pass before its parts,
   * whose timers come later: a create that waits for its answer must not wait for ever, with its lock and its permit.
   */
  close(): void {
    this.cancel("the operation is over");
    for (const part of this.#parts ?? []) part.close();
  }
}

/** A deadline that also ends when the client leaves, for work that only this client needs. */
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
