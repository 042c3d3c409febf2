/** The expiries of the tokens that this process uses, so that a failed renewal is noticed before requests fail. */
export class TokenExpiries {
  readonly #endsAtMs = new Map<string, number>();

  constructor(private readonly now: () => number) {}

  readonly note = (key: string, endsAtMs: number): void => {
    this.#endsAtMs.set(key, endsAtMs);
  };

  /** Unix seconds; NaN if there is none. Expired tokens do not count: a corp without requests lets its token expire. */
  earliestSeconds(): number {
    const now = this.now();
    let earliest = Infinity;
    for (const [key, endsAtMs] of this.#endsAtMs) {
      if (endsAtMs <= now) this.#endsAtMs.delete(key);
      else earliest = Math.min(earliest, endsAtMs);
    }
    return earliest === Infinity ? NaN : earliest / 1000;
  }
}
