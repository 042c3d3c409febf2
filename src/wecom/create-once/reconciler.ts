/** Finishes keyed creates that no request waits for: after the process died, or after the answer was lost. */
import type { Logger } from "../../observability/logger.js";
import type { Span } from "../../observability/tracing.js";
import { reasonOf } from "../../stores/store.js";
import type { Clock } from "../clock.js";
import { Deadline } from "../deadline.js";
import type { Journal } from "./journal.js";
import type { KeyedCreates } from "./keyed-create.js";
import type { StoreTime } from "./store-watch.js";

const pauseMs = 500;
/** Limits concurrent searches, because each needs calls, of which a corp may have few at once. */
const atOnce = 8;

export interface ReconcilerOptions {
  readonly journal: Journal;
  readonly creates: KeyedCreates;
  readonly log: Logger;
  /** The span of later work on a create whose operation was traced. */
  readonly trace?: ((id: string) => Span | undefined) | undefined;
  readonly clock: Clock;
  readonly time: StoreTime;
  readonly random: () => number;
  /** The time limit of one step. */
  readonly timeoutMs: number;
}

export class Reconciler {
  readonly #running = new Map<string, Promise<void>>();
  #stopTimer: (() => void) | undefined;
  #isStopped = false;

  constructor(private readonly options: ReconcilerOptions) {}

  start(): void {
    this.#isStopped = false;
    this.#schedule();
  }

  /** Starts no further step, and waits for running ones. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#stopTimer?.();
    await Promise.all(this.#running.values());
  }

  #schedule(): void {
    if (this.#isStopped) return;
    const { random, clock } = this.options;
    // Randomised, so that replicas do not all poll at once.
    this.#stopTimer = clock.after(
      pauseMs * (0.5 + random()),
      () =>
        void this.#sweep().finally(() => {
          this.#schedule();
        }),
    );
  }

  async #sweep(): Promise<void> {
    const { journal, creates, log, time } = this.options;
    try {
      const due = await journal.due(time.earliestMs());
      for (const id of new Set([...creates.unwritten(), ...due])) {
        while (this.#running.size >= atOnce) await Promise.race(this.#running.values());
        if (this.#isStopped) return;
        if (!this.#running.has(id)) this.#running.set(id, this.#resume(id));
      }
    } catch (error) {
      log.debug({ reason: reasonOf(error) }, "cannot see which creates are unfinished");
    }
  }

  async #resume(id: string): Promise<void> {
    const { creates, clock, log, timeoutMs, trace } = this.options;
    const deadline = new Deadline(timeoutMs, clock);
    const span = trace?.(id);
    try {
      await creates.resume(id, { deadline, log, span });
    } catch (error) {
      log.info({ create: id, reason: reasonOf(error) }, "a create could not be finished yet");
    } finally {
      deadline.close();
      span?.end();
      this.#running.delete(id);
    }
  }
}
