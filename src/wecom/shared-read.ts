/**
 * A read that several operations wait for, each as long as its own time and client allow. It is given up when none of them
 * waits any more. It is made in the name of the first, with the time that this one has.
 */
import { setImmediate } from "node:timers/promises";
import { type CallOptions, timeLimitFor } from "./call.js";
import { Cancellation, Deadline } from "./deadline.js";
import { WecomTransportError } from "./errors.js";

/** How much more time than the read has an operation may have that joins it. */
const lessTimeMs = 1000;
const releasedPerTurn = 32;

export class SharedRead<T> {
  readonly #deadline: Deadline;
  readonly #allGone = new Cancellation();
  readonly #result: Promise<T>;
  #isRefused = false as boolean;
  readonly #waiting = new Set<() => void>();

  constructor(
    private readonly api: string,
    { count, ...first }: CallOptions,
    read: (call: CallOptions) => Promise<T>,
  ) {
    const deadline = (this.#deadline = new Deadline(first.deadline.remainingMs));
    this.#result = read({
      ...first,
      ...{ deadline, clientGone: this.#allGone, operation: first.operation ?? first.deadline },
      count: (api) => {
        // It is the first caller's own affair to have made too many: nobody joins that. It is known at once.
        this.#isRefused = true;
        count?.(api);
        this.#isRefused = false;
      },
    }).finally(() => {
      deadline.close();
    });
    void this.#result.catch(() => undefined).then(() => this.#releaseAll());
  }

  mayBeJoinedBy({ deadline }: CallOptions): boolean {
    const { remainingMs } = this.#deadline;
    return !this.#isRefused && !this.#allGone.isCancelled && remainingMs + lessTimeMs >= deadline.remainingMs;
  }

  /** @throws what the read throws, or {WecomTransportError} when this operation's time is over before it */
  wait(call: CallOptions): Promise<T> {
    return new Promise((resolve, reject) => {
      const release = (): void => {
        stopWaiting();
        this.#result.then(resolve, reject);
      };
      this.#waiting.add(release);
      const stopWaiting = timeLimitFor({ effect: "read" }, call).onCancel((reason) => {
        // The client may leave, and then the deadline come.
        if (!this.#waiting.delete(release)) return;
        if (this.#waiting.size === 0) this.#allGone.cancel("nobody waits for the answer any more");
        reject(this.#tooLate(reason));
      });
    });
  }

  /** Not all in one turn of the event loop: each of them has an answer to write. */
  async #releaseAll(): Promise<void> {
    let released = 0;
    for (const release of this.#waiting) {
      this.#waiting.delete(release);
      release();
      if ((released += 1) % releasedPerTurn === 0) await setImmediate();
    }
  }

  #tooLate(reason: string): WecomTransportError {
    return new WecomTransportError(`no usable answer to ${this.api}: ${reason}`, {
      api: this.api,
      delivery: "unknown",
      mayHaveTakenEffect: false,
    });
  }
}
