/**
 * Which processes are alive, as far as the store tells. A record of the journal belongs to a process; when that has died,
 * another finishes its work. One heartbeat serves all records of a process.
 */
import { randomUUID } from "node:crypto";
import type { Store } from "../../stores/store.js";

/** A process that has not been heard of for so long counts as dead. */
const deadAfterMs = 2_000;
const beatMs = 500;

export class Liveness {
  /** The name of this process; a restarted one has another. */
  readonly self = randomUUID();
  #heardUntil = -Infinity;
  #heart: NodeJS.Timeout | undefined;

  constructor(private readonly store: Store) {}

  /**
   * Whether the others are sure to take this process for alive. A process that was stopped, or has lost the store, is not:
   * its records may be somebody else's by now.
   */
  get isKnown(): boolean {
    return performance.now() < this.#heardUntil;
  }

  /** @throws {StoreError} */
  async start(): Promise<void> {
    await this.#beat();
    this.#heart = setInterval(() => void this.#beat().catch(() => undefined), beatMs).unref();
  }

  /** @throws {StoreError} */
  async isAlive(process: string): Promise<boolean> {
    return process === this.self || (await this.store.get(keyOf(process))) !== undefined;
  }

  /** What is left undone is open to others at once. */
  async stop(): Promise<void> {
    clearInterval(this.#heart);
    this.#heardUntil = -Infinity;
    await this.store.delete(keyOf(this.self)).catch(() => undefined);
  }

  async #beat(): Promise<void> {
    // From before it is sent: the store counts from some moment after that.
    const beganAt = performance.now();
    await this.store.set(keyOf(this.self), "", { expiresInMs: deadAfterMs });
    this.#heardUntil = beganAt + deadAfterMs;
  }
}

function keyOf(process: string): string {
  return `alive:${process}`;
}
