import type { SimulatorClock } from "./clock.js";
import type { Person } from "./living.js";
import { randomToken } from "./random.js";

const VALID_MS = 5 * 60_000;

/** What a living_code opens: one living for one WeChat user. */
export interface WatchPass {
  livingid: string;
  openid: string;
}

/** What a ww_share_code tells: who opened whose card. */
export interface LivingShare {
  livingid: string;
  viewer: Person;
  invitor: Person;
}

/** Codes that can be used any number of times within 5 minutes: living_code and ww_share_code. */
export class FiveMinuteCodes<Meaning> {
  readonly #codes = new Map<string, { meaning: Meaning; expiresAtMs: number }>();

  constructor(
    private readonly clock: SimulatorClock,
    private readonly random: () => number,
  ) {}

  issue(meaning: Meaning): string {
    const code = randomToken(this.random, 32);
    this.#forgetExpired();
    this.#codes.set(code, { meaning, expiresAtMs: this.clock.nowMs() + VALID_MS });
    return code;
  }

  /** Undefined when the code is unknown or older than 5 minutes. */
  redeem(code: string): Meaning | undefined {
    const issued = this.#codes.get(code);
    return issued !== undefined && issued.expiresAtMs > this.clock.nowMs() ? issued.meaning : undefined;
  }

  clear(): void {
    this.#codes.clear();
  }

  #forgetExpired(): void {
    for (const [code, { expiresAtMs }] of this.#codes) {
      if (expiresAtMs > this.clock.nowMs()) return; // in order of issue, so the rest is younger
      this.#codes.delete(code);
    }
  }
}
