/**
 * The end of an operation's patience. One timer serves everything that an operation waits for: its place in a queue, a
 * token, the answer of WeCom.
 */
export class Deadline {
  readonly #endsAt: number;
  readonly #timer: NodeJS.Timeout;
  readonly #listeners = new Set<(reason: string) => void>();
  #endReason: string | undefined;

  /** @param timeoutMs from now on */
  constructor(private readonly timeoutMs: number) {
    this.#endsAt = performance.now() + timeoutMs;
    this.#timer = setTimeout(() => {
      this.end("deadline passed");
    }, timeoutMs);
    this.#timer.unref();
  }

  get remainingMs(): number {
    return this.#endReason === undefined ? Math.max(0, this.#endsAt - performance.now()) : 0;
  }

  /** Whether it is too late to begin: what is sent in the last tenth of the time has hardly a chance to be answered. */
  get isNearEnd(): boolean {
    return this.remainingMs < this.timeoutMs / 10;
  }

  /** Ends all waiting now: the time is over, or nobody waits for the result any more. */
  end(reason: string): void {
    if (this.#endReason !== undefined) return;
    this.#endReason = reason;
    clearTimeout(this.#timer);
    for (const listener of [...this.#listeners]) listener(reason);
    this.#listeners.clear();
  }

  /** Calls back once, at once if the end has come already; the returned function takes the request back. */
  onEnd(listener: (reason: string) => void): () => void {
    if (this.#endReason !== undefined) {
      listener(this.#endReason);
      return () => undefined;
    }
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What `promise` gives, or a rejection with the error that `onEnd` makes when the end comes first. */
  race<T>(promise: Promise<T>, errorAtEnd: (reason: string) => Error): Promise<T> {
    return new Promise((resolve, reject) => {
      const stopWaiting = this.onEnd((reason) => {
        reject(errorAtEnd(reason));
      });
      promise.then(resolve, reject).finally(stopWaiting);
    });
  }

  /** @returns after `ms`, whether there is time left; at once, when there is not that much */
  pause(ms: number): Promise<boolean> {
    if (this.remainingMs <= ms) return Promise.resolve(false);
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        stopWaiting();
        resolve(true);
      }, ms);
      const stopWaiting = this.onEnd(() => {
        clearTimeout(timer);
        resolve(false);
      });
    });
  }

  /** Releases the timer of an operation that is over. */
  close(): void {
    clearTimeout(this.#timer);
    this.#listeners.clear();
  }
}
