/** The simulator's clock: the injected clock plus the time that tests have skipped. */
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

  /** Ages tokens, codes and reservations immediately. */
  advance(ms: number): void {
    this.#skippedMs += ms;
  }

  reset(): void {
    this.#skippedMs = 0;
  }
}
