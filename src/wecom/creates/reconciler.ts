/** Finishes the creates that no request waits for any more: those of processes that died, and those whose answer was lost. */
import type { Logger } from "../../observability/logger.js";
import { reasonOf } from "../../stores/store.js";
import { Deadline } from "../deadline.js";
import type { Journal } from "./journal.js";
import type { KeyedCreates } from "./keyed-creates.js";

const pauseMs = 500;
/** Searches cost calls, of which a corp has few at once. */
const atOnce = 8;

export interface ReconcilerOptions {
  readonly journal: Journal;
  readonly creates: KeyedCreates;
  readonly log: Logger;
  readonly now: () => number;
  readonly random: () => number;
  /** How long one step with one record may take. */
  readonly timeoutMs: number;
}

export class Reconciler {
  readonly #running = new Map<string, Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(private readonly options: ReconcilerOptions) {}

  start(): void {
    this.#isStopped = false;
    this.#schedule();
  }

  /** Begins nothing any more, and waits for what runs. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await Promise.all(this.#running.values());
  }

  #schedule(): void {
    if (this.#isStopped) return;
    const { random } = this.options;
    // Replicas must not all look at the same moment.
    this.#timer = setTimeout(
      () => void this.#sweep().finally(() => this.#schedule()),
      pauseMs * (0.5 + random()),
    ).unref();
  }

  async #sweep(): Promise<void> {
    const { journal, log, now } = this.options;
    try {
      for (const id of await journal.due(now())) {
        while (this.#running.size >= atOnce) await Promise.race(this.#running.values());
        if (this.#isStopped) return;
        if (!this.#running.has(id)) this.#running.set(id, this.#resume(id));
      }
    } catch (error) {
      log.debug({ reason: reasonOf(error) }, "cannot see which creates are unfinished");
    }
  }

  async #resume(id: string): Promise<void> {
    const { creates, log, timeoutMs } = this.options;
    const deadline = new Deadline(timeoutMs);
    try {
      await creates.resume(id, { deadline, log });
    } catch (error) {
      log.info({ create: id, reason: reasonOf(error) }, "a create could not be finished just now");
    } finally {
      deadline.close();
      this.#running.delete(id);
    }
  }
}
