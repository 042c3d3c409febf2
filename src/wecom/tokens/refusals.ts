/**
 * Pauses after WeCom refused credentials, because it bans an address for an hour after 2,000 wrong secrets. Pauses of
 * 5, 10, 20, 40, 80, then 120 s allow at most 34 attempts per hour, over all replicas.
 *
 * Refusals are stored by what was refused (a secret, a ticket or a permanent code), so other credentials are tried
 * immediately. The pause is the expiry of a record in the store, so only the store's clock counts.
 */
import { createHash } from "node:crypto";
import type { Secret } from "../../observability/secret.js";
import { parseStored, type Store } from "../../stores/store.js";
import { WecomApiError } from "../errors.js";

const pausesMs = [5_000, 10_000, 20_000, 40_000, 80_000, 120_000];
/** A refusal later than this after the last pause starts a new series. */
const forgottenAfterMs = 3_600_000;

interface Refusal {
  readonly api: string;
  readonly errcode: number;
  readonly errmsg: string;
}

/** A digest that identifies credentials and reveals nothing. */
export function fingerprintOf(...secrets: readonly Secret[]): string {
  const hash = createHash("sha256");
  for (const value of secrets.flatMap((secret) => secret.revealAll())) hash.update(`${value}\n`);
  return hash.digest("base64url").slice(0, 16);
}

export class Refusals {
  /** Refusals of this process's own fetches: they count without the store, by this process's clock. */
  #own: (Refusal & { readonly fingerprint: string; readonly untilMs: number; readonly count: number }) | undefined;

  constructor(
    private readonly store: Pick<Store, "get" | "set" | "delete">,
    private readonly key: string,
    private readonly now: () => number,
  ) {}

  /** @throws {WecomApiError} during a pause of these credentials */
  async throwIfPaused(fingerprint: string): Promise<void> {
    const isOwn = this.#own?.fingerprint === fingerprint && this.now() < this.#own.untilMs;
    const refusal = isOwn ? this.#own : await this.#shared(`refusal:${this.key}:${fingerprint}`);
    if (refusal) throw new WecomApiError({ ...(refusal as Refusal), mayHaveTakenEffect: false });
  }

  /** How often these credentials were refused in a row. */
  async count(fingerprint: string): Promise<number> {
    if (this.#own && this.#own.fingerprint !== fingerprint) this.#own = undefined;
    const shared = await this.#shared(`refusals:${this.key}:${fingerprint}`);
    return Math.max(this.#own?.count ?? 0, typeof shared === "number" ? shared : 0);
  }

  /** @returns the pause until the next attempt */
  async remember(fingerprint: string, { api, errcode, errmsg, entry }: WecomApiError): Promise<number> {
    const count = (await this.count(fingerprint)) + 1;
    const pauseMs = pausesMs[Math.min(count, pausesMs.length) - 1] ?? 0;
    const refusal = { api, errcode, errmsg };
    this.#own = { ...refusal, fingerprint, count, untilMs: this.now() + pauseMs };
    // Not shared if WeCom refused the address, because other replicas may have another one.
    if (entry?.fault === "ip") return pauseMs;
    await Promise.all([
      this.store.set(`refusal:${this.key}:${fingerprint}`, JSON.stringify(refusal), { expiresInMs: pauseMs }),
      this.store.set(`refusals:${this.key}:${fingerprint}`, String(count), { expiresInMs: pauseMs + forgottenAfterMs }),
    ]).catch(() => undefined);
    return pauseMs;
  }

  /** WeCom accepted the credentials. */
  async clear(fingerprint: string): Promise<void> {
    if ((await this.count(fingerprint)) === 0) return;
    this.#own = undefined;
    await this.store.delete(`refusals:${this.key}:${fingerprint}`).catch(() => undefined);
  }

  async #shared(key: string): Promise<unknown> {
    try {
      const stored = await this.store.get(key);
      return stored === undefined ? undefined : parseStored(stored);
    } catch {
      return undefined;
    }
  }
}
