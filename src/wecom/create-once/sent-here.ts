/**
 * What this process has sent under idempotency keys, and what it was answered, whatever the store says: it may have lost
 * what it had confirmed, or not be there when an answer is to be written down.
 */
import type { Clock } from "../clock.js";
import type { CreateOutcome, OpenEntry } from "./journal.js";

export type HowEnded = "created" | "found" | "sent-again" | "refused";

export interface Answer {
  readonly outcome: CreateOutcome;
  readonly how: HowEnded;
  /** The store has confirmed it. */
  readonly isWritten: boolean;
}

export interface Sent {
  readonly entry: OpenEntry;
  /** Until then, by this process's clock, it may take effect. */
  readonly unsettledUntilMs: number;
  readonly answer?: Answer;
}

export class SentHere {
  /** In the order of their sending. */
  readonly #sent = new Map<string, Sent>();

  constructor(private readonly clock: Clock) {}

  get(id: string): Sent | undefined {
    return this.#sent.get(id);
  }

  isUnsettled(id: string): boolean {
    return this.clock.monotonicMs() < (this.#sent.get(id)?.unsettledUntilMs ?? 0);
  }

  set(id: string, sent: Sent): void {
    this.#sent.delete(id);
    this.#sent.set(id, sent);
    for (const [oldest, { unsettledUntilMs, answer }] of this.#sent) {
      if (unsettledUntilMs > this.clock.monotonicMs() || answer?.isWritten === false) return;
      this.#sent.delete(oldest);
    }
  }

  delete(id: string): void {
    this.#sent.delete(id);
  }

  /** Ids of those whose answers are not written down. */
  *unwritten(): Iterable<string> {
    for (const [id, { answer }] of this.#sent) if (answer?.isWritten === false) yield id;
  }
}
