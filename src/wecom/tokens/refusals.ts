/**
 * Credentials that WeCom refused are not tried again at once: it bans an address for an hour after 2,000 wrong secrets.
 * Pauses of 5, 10, 20, 40, 80, then 120 s make at most 34 tries in an hour; replicas share them as far as the store is there.
 */
import type { Store } from "../../stores/store.js";
import { WecomApiError } from "../errors.js";

const pausesMs = [5_000, 10_000, 20_000, 40_000, 80_000, 120_000];
/** A refusal later than this after the last pause is the first of a new series. */
const forgottenAfterMs = 3_600_000;

interface Refusal {
  readonly api: string;
  readonly errcode: number;
  readonly errmsg: string;
  readonly until: number;
  readonly count: number;
}

export class Refusals {
  #last: Refusal | undefined;

  constructor(
    private readonly store: Pick<Store, "get" | "set" | "delete">,
    private readonly key: string,
    private readonly now: () => number,
  ) {}

  /** @throws {WecomApiError} as long as this process knows that it is not time to try again */
  throwIfPaused(): void {
    if (this.#last && this.now() < this.#last.until) {
      throw new WecomApiError({ ...this.#last, mayHaveTakenEffect: false });
    }
  }

  /**
   * Learns what other replicas were told.
   *
   * @throws {StoreError}
   */
  async learn(): Promise<void> {
    const stored = await this.store.get(this.key);
    if (stored !== undefined) this.#last = JSON.parse(stored) as Refusal;
  }

  /** @returns the pause until the next try */
  async remember({ api, errcode, errmsg }: WecomApiError): Promise<number> {
    const count = (this.#last?.count ?? 0) + 1;
    const pauseMs = pausesMs[Math.min(count, pausesMs.length) - 1] ?? 0;
    this.#last = { api, errcode, errmsg, until: this.now() + pauseMs, count };
    const expiresInMs = pauseMs + forgottenAfterMs;
    await this.store.set(this.key, JSON.stringify(this.#last), { expiresInMs }).catch(() => undefined);
    return pauseMs;
  }

  /** The credentials are good. */
  async clear(): Promise<void> {
    if (!this.#last) return;
    this.#last = undefined;
    await this.store.delete(this.key).catch(() => undefined);
  }
}
