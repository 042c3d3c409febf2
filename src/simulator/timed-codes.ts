import type { SimulatorClock } from "./clock.js";
import type { Person } from "./living.js";
import { randomToken } from "./random.js";

/** A living_code's meaning: one living for one WeChat user. */
export interface WatchPass {
  livingid: string;
  openid: string;
}

/** A ww_share_code's meaning: who opened whose card. */
export interface LivingShare {
  livingid: string;
  viewer: Person;
  invitor: Person;
}

interface IssuedCode<Meaning> {
  readonly meaning: Meaning;
  readonly expiresAtMs: number;
}

/** Beyond this number, expired codes are dropped, which bounds memory. */
const REMEMBERED_CODES = 1000;

/** Codes with a lifetime in minutes: living_code, ww_share_code, suite_ticket, auth_code, pre_auth_code. */
export class TimedCodes<Meaning> {
  readonly #codes = new Map<string, IssuedCode<Meaning>>();

  constructor(
    private readonly clock: SimulatorClock,
    private readonly random: () => number,
    private readonly validMinutes: number,
  ) {}

  issue(meaning: Meaning): string {
    const code = randomToken(this.random, 32);
    this.#forgetExpired();
    this.#codes.set(code, { meaning, expiresAtMs: this.clock.nowMs() + this.validMinutes * 60_000 });
    return code;
  }

  /** Undefined if the code is unknown or expired. */
  redeem(code: string): Meaning | undefined {
    return this.hasExpired(code) ? undefined : this.#codes.get(code)?.meaning;
  }

  /** As `redeem`, for a code that can be used once. */
  redeemOnce(code: string): Meaning | undefined {
    const meaning = this.redeem(code);
    this.#codes.delete(code);
    return meaning;
  }

  /** False also for an unknown code. */
  hasExpired(code: string): boolean {
    const issued = this.#codes.get(code);
    return issued !== undefined && issued.expiresAtMs <= this.clock.nowMs();
  }

  clear(): void {
    this.#codes.clear();
  }

  #forgetExpired(): void {
    if (this.#codes.size < REMEMBERED_CODES) return;
    for (const code of this.#codes.keys()) {
      if (!this.hasExpired(code)) return; // in order of issue, so the rest is younger
      this.#codes.delete(code);
    }
  }
}
