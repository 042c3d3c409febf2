/** The simulator's time: the injected clock plus whatever a test has skipped. */
export class SimulatorClock {
  readonly #now: () => number;
  #skippedMs = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  nowMs(): number {
    return this.#now() + this.#skippedMs;
  }

  nowSeconds(): number {
    return Math.floor(this.nowMs() / 1000);
  }

  /** Lets tokens, codes and reservations age at once, without waiting. */
  advance(ms: number): void {
    this.#skippedMs += ms;
  }

  reset(): void {
    this.#skippedMs = 0;
  }
}
