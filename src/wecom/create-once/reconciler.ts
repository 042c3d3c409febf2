/** Finishes the creates that no request waits for any more: those of processes that died, and those whose answer was lost. */
import type { Logger } from "../../observability/logger.js";
import type { Span } from "../../observability/tracing.js";
import { reasonOf } from "../../stores/store.js";
import type { Clock } from "../clock.js";
import { Deadline } from "../deadline.js";
import type { Journal } from "./journal.js";
import type { KeyedCreates } from "./keyed-create.js";
import type { StoreTime } from "./store-watch.js";

const pauseMs = 500;
/** Searches cost calls, of which a corp has few at once. */
const atOnce = 8;

export interface ReconcilerOptions {
  readonly journal: Journal;
  readonly creates: KeyedCreates;
  readonly log: Logger;
  /** A span of what is done for a create, where that was recorded. */
  readonly trace?: ((id: string) => Span | undefined) | undefined;
  readonly clock: Clock;
  readonly time: StoreTime;
  readonly random: () => number;
  /** How long one step with one record may take. */
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

  /** Begins nothing any more, and waits for what runs. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#stopTimer?.();
    await Promise.all(this.#running.values());
  }

  #schedule(): void {
    if (this.#isStopped) return;
    const { random, clock } = this.options;
    // Replicas must not all look at the same moment.
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
      log.info({ create: id, reason: reasonOf(error) }, "a create could not be finished just now");
    } finally {
      deadline.close();
      span?.end();
      this.#running.delete(id);
    }
  }
}
