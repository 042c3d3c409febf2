/**
 * A read that several operations share, each with its own deadline and client. It is cancelled when none of them waits
 * any more. The read is counted for the first operation, and gets its time.
 */
import { setImmediate } from "node:timers/promises";
import { type CallOptions, timeLimitFor } from "./call.js";
import { Cancellation, Deadline } from "./deadline.js";
import { WecomTransportError } from "./errors.js";

/** An operation joins a read only if its own deadline is at most this much later. */
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
        // An exceeded quota is the first caller's own, so nobody joins that. It is known immediately.
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

  /** @throws errors of the read, or {WecomTransportError} when this operation's deadline passes first */
  wait(call: CallOptions): Promise<T> {
    return new Promise((resolve, reject) => {
      const release = (): void => {
        stopWaiting();
        this.#result.then(resolve, reject);
      };
      this.#waiting.add(release);
      const stopWaiting = timeLimitFor({ effect: "read" }, call).onCancel((reason) => {
        // The client may leave first and the deadline pass later.
        if (!this.#waiting.delete(release)) return;
        if (this.#waiting.size === 0) this.#allGone.cancel("nobody waits for the answer any more");
        reject(this.#tooLate(reason));
      });
    });
  }

  /** Resumes in several event-loop ticks, because each waiting operation has an answer to write. */
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
