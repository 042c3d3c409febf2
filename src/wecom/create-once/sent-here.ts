/**
 * The keyed creates that this process has sent, with their answers, independent of the store: it may have lost
 * confirmed writes, or be unreachable when an answer arrives.
 */
import type { Clock } from "../clock.js";
import type { CreateOutcome, OpenEntry } from "./journal.js";

export type HowEnded = "created" | "found" | "sent-again" | "refused";

export interface Answer {
  readonly outcome: CreateOutcome;
  readonly how: HowEnded;
  /** Whether the store has confirmed the outcome. */
  readonly isWritten: boolean;
}

export interface Sent {
  readonly entry: OpenEntry;
  /** The create may take effect until this time, by this process's clock. */
  readonly unsettledUntilMs: number;
  readonly answer?: Answer;
}

export class SentHere {
  /** In the order of sending. */
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

  /** Ids of creates whose answers are not stored yet. */
  *unwritten(): Iterable<string> {
    for (const [id, { answer }] of this.#sent) if (answer?.isWritten === false) yield id;
  }
}
