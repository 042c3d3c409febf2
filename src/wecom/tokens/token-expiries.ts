/** When the tokens end that this process uses: one that is not renewed in time is seen before requests fail. */
export class TokenExpiries {
  readonly #endsAtMs = new Map<string, number>();

  constructor(private readonly now: () => number) {}

  readonly note = (key: string, endsAtMs: number): void => {
    this.#endsAtMs.set(key, endsAtMs);
  };

  /** Unix seconds; NaN where there is none. A corp for which nobody asks lets its token end: that is none. */
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
