// access_tokens and suite_access_tokens: the same token is returned while it is valid, then a new one.

import { ApiFailure } from "./api-failure.js";
import type { SimulatorClock } from "./clock.js";
import { randomToken } from "./random.js";

export interface TokenRules {
  ttlSeconds: number;
  length: number;
  random: () => number;
  repeatedExpiresIn: "remaining" | "full";
  errcodes: { missing: number; invalid: number; expired: number };
}

interface IssuedToken<Owner> {
  readonly token: string;
  readonly owner: Owner;
  readonly expiresAtMs: number;
}

/** Beyond this number, the oldest expired tokens change from "expired" to "invalid", which bounds memory. */
const REMEMBERED_TOKENS = 1000;

export class IssuedTokens<Owner> {
  readonly #clock: SimulatorClock;
  readonly #rules: TokenRules;
  readonly #byToken = new Map<string, IssuedToken<Owner>>();
  readonly #latest = new Map<string, IssuedToken<Owner>>();
  readonly #fixed = new Map<string, Owner>();

  constructor(clock: SimulatorClock, rules: TokenRules) {
    this.#clock = clock;
    this.#rules = rules;
  }

  /** @param ownerKey identifies the owner: two apps of a corp have two tokens */
  issue(ownerKey: string, owner: Owner): { token: string; expiresInSeconds: number } {
    const latest = this.#latest.get(ownerKey);
    const remainingSeconds = latest === undefined ? 0 : Math.ceil((latest.expiresAtMs - this.#clock.nowMs()) / 1000);
    if (latest === undefined || remainingSeconds <= 0) return this.#issueNew(ownerKey, owner);
    const expiresInSeconds = this.#rules.repeatedExpiresIn === "full" ? this.#rules.ttlSeconds : remainingSeconds;
    return { token: latest.token, expiresInSeconds };
  }

  /** @throws {ApiFailure} when the token is missing, unknown (also: invalidated) or expired */
  ownerOf(token: string | null): Owner {
    const { missing, invalid, expired } = this.#rules.errcodes;
    if (token === null || token === "") throw new ApiFailure(missing);
    const fixedOwner = this.#fixed.get(token);
    if (fixedOwner !== undefined) return fixedOwner;
    const issued = this.#byToken.get(token);
    if (issued === undefined) throw new ApiFailure(invalid);
    if (issued.expiresAtMs <= this.#clock.nowMs()) throw new ApiFailure(expired);
    return issued.owner;
  }

  /** A token that never expires. */
  fix(token: string, owner: Owner): void {
    this.#fixed.set(token, owner);
  }

  /** Invalidates tokens early, as WeCom may do "out of operational needs". Fixed tokens are kept. */
  invalidateAll(): void {
    this.#byToken.clear();
    this.#latest.clear();
  }

  invalidate(ownerKey: string): void {
    const latest = this.#latest.get(ownerKey);
    if (latest !== undefined) this.#byToken.delete(latest.token);
    this.#latest.delete(ownerKey);
  }

  #issueNew(ownerKey: string, owner: Owner): { token: string; expiresInSeconds: number } {
    const { random, length, ttlSeconds } = this.#rules;
    const token = randomToken(random, length);
    const issued = { token, owner, expiresAtMs: this.#clock.nowMs() + ttlSeconds * 1000 };
    this.#byToken.set(token, issued);
    this.#latest.set(ownerKey, issued);
    const oldest = this.#byToken.keys().next().value;
    if (this.#byToken.size > REMEMBERED_TOKENS && oldest !== undefined) this.#byToken.delete(oldest);
    return { token, expiresInSeconds: ttlSeconds };
  }
}
