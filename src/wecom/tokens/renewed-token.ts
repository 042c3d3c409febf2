/**
 * A token that WeCom hands out for some hours: of a corp's app, or of a suite. Kept in memory, so that a request costs
 * nothing; shared through the store, so that replicas use one; fetched once however many wait for it, in this process
 * and, by a lease, in all. Where the store does not answer, each process has its own copy and fetches by itself.
 *
 * @see https://developer.work.weixin.qq.com/document/path/91039
 */
import { setTimeout as wait } from "node:timers/promises";
import type { Logger } from "../../observability/logger.js";
import { Secret } from "../../observability/secret.js";
import { acquireLease, impatient, type Store, StoreError } from "../../stores/store.js";
import type { CallOptions } from "../call.js";
import { Deadline } from "../deadline.js";
import { WecomApiError, WecomTransportError } from "../errors.js";
import { Refusals } from "./refusals.js";
import type { TokenSource } from "./token-source.js";

/** A token is fetched again when this part of its life is over, while the old one still serves. */
const renewAtPartOfLife = 0.9;
/** Each replica lets up to this part of what is left pass besides, so that they do not all ask at once. */
const renewalJitter = 0.2;
/** WeCom may repeat a token with what is left of its life: it is not asked for more often than this because of that. */
const renewalPauseMs = 60_000;
const renewalRetryMs = 5_000;
/** A holder that died keeps the others waiting for so long. */
const leaseMs = 3_000;
const leasePollMs = 40;
/** Refused tokens that are known as such; a store that was away for a while can bring back one from before. */
const maxRefused = 16;
/** WeCom gave out again the very token that it had refused: asking more often would not help. */
const confirmedForMs = 5_000;

export interface TokenKit {
  readonly store: Store;
  readonly log: Logger;
  readonly now: () => number;
  readonly random: () => number;
  /** How long a fetch may take. */
  readonly timeoutMs: number;
}

export interface FetchedToken {
  readonly token: Secret;
  readonly lifeMs: number;
}

export interface RenewedTokenOptions {
  /** Names corp and app, and the secret where it may change: no two of them ever share a token. */
  readonly key: string;
  /** For whom the fetch counts: a corp or a suite. */
  readonly corp: string;
  readonly api: string;
  fetch(call: CallOptions): Promise<FetchedToken>;
}

/** As it lies in the store, in Unix milliseconds. */
interface Shared {
  readonly token: string;
  readonly renewAt: number;
  readonly endsAt: number;
}

interface Held {
  readonly token: Secret;
  readonly endsAt: number;
  readonly confirmedUntil: number;
  renewAt: number;
}

export class RenewedToken implements TokenSource {
  /** A token can be had without it, and requests wait for one. */
  readonly #store: ReturnType<typeof impatient>;
  readonly #refusals: Refusals;
  #held: Held | undefined;
  #fetching: Promise<Held> | undefined;
  /** The writing of what was fetched last, for which no request waits. It does not fail. */
  #sharing = Promise.resolve();
  /** Tokens that WeCom refused: not to be taken from the store again. */
  readonly #refused = new Set<string>();

  constructor(
    private readonly options: RenewedTokenOptions,
    private readonly kit: TokenKit,
  ) {
    this.#store = impatient(kit.store);
    this.#refusals = new Refusals(this.#store, `refusal:${options.key}`, kit.now);
  }

  async get(call: CallOptions): Promise<Secret> {
    const now = this.kit.now();
    const held = this.#held;
    if (held && now < held.endsAt) {
      if (now >= held.renewAt) this.#renew(held, now);
      return held.token;
    }
    this.#refusals.throwIfPaused();
    const fetched = await call.deadline.race(
      this.#singleFlight(({ endsAt }) => endsAt),
      (reason) =>
        new WecomTransportError(`${reason} while waiting for a token`, {
          api: this.options.api,
          delivery: "none",
          mayHaveTakenEffect: false,
        }),
    );
    return fetched.token;
  }

  invalidate(refused: Secret): boolean {
    const held = this.#held;
    // Forget this token only, not whatever is held now: a slower request may be reporting one that was replaced.
    if (held?.token.reveal() === refused.reveal() && this.kit.now() >= held.confirmedUntil) {
      const [oldest] = this.#refused;
      if (this.#refused.size >= maxRefused && oldest !== undefined) this.#refused.delete(oldest);
      this.#refused.add(refused.reveal());
      this.#held = undefined;
    }
    return true;
  }

  /** Forgets what all replicas share; what each holds for itself is not touched. */
  static async forget(store: Store, key: string): Promise<void> {
    await store.delete(`token:${key}`);
    await store.delete(`refusal:${key}`);
  }

  /** Behind the back of the requests: when it fails, the token that is held serves on. */
  #renew(held: Held, now: number): void {
    held.renewAt = now + renewalRetryMs;
    this.#singleFlight(({ renewAt }) => renewAt).catch(() => undefined);
  }

  /** @param usableUntil until when a token in the store is good enough */
  #singleFlight(usableUntil: (shared: Shared) => number): Promise<Held> {
    return (this.#fetching ??= this.#obtain(usableUntil).finally(() => {
      this.#fetching = undefined;
    }));
  }

  async #obtain(usableUntil: (shared: Shared) => number): Promise<Held> {
    try {
      for (;;) {
        const shared = await this.#fromStore(usableUntil);
        if (shared) return shared;
        const lease = await acquireLease(this.#store, `lease:${this.options.key}`, leaseMs);
        if (lease) {
          try {
            // Looked at again: whoever held the lease before may have brought one.
            return (await this.#fromStore(usableUntil)) ?? (await this.#fetch());
          } finally {
            // Not before the others can see what was fetched.
            void this.#sharing.then(() => lease.release()).catch(() => undefined);
          }
        }
        await wait(leasePollMs * (0.5 + this.kit.random()));
      }
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.kit.log.warn({ api: this.options.api, reason: error.message }, "fetching a token without the shared store");
      return await this.#fetch();
    }
  }

  /** @throws {StoreError} */
  async #fromStore(usableUntil: (shared: Shared) => number): Promise<Held | undefined> {
    const { now } = this.kit;
    const stored = await this.#store.get(`token:${this.options.key}`);
    const shared = stored === undefined ? undefined : (JSON.parse(stored) as Shared);
    if (shared && !this.#refused.has(shared.token) && now() < usableUntil(shared)) return this.#hold(shared, 0);
    await this.#refusals.learn();
    this.#refusals.throwIfPaused();
    return undefined;
  }

  /** Has a deadline of its own: the request that happens to come first must not decide for all that wait with it. */
  async #fetch(): Promise<Held> {
    const { log, now, timeoutMs } = this.kit;
    this.#refusals.throwIfPaused();
    const deadline = new Deadline(timeoutMs);
    try {
      const { token, lifeMs } = await this.options.fetch({ corp: this.options.corp, deadline, log });
      const renewAfterMs = Math.max(lifeMs * renewAtPartOfLife, Math.min(renewalPauseMs, lifeMs));
      const shared = { token: token.reveal(), renewAt: now() + renewAfterMs, endsAt: now() + lifeMs };
      const held = this.#hold(shared, this.#refused.has(shared.token) ? now() + confirmedForMs : 0);
      this.#sharing = this.#share(shared, lifeMs);
      return held;
    } catch (error) {
      if (error instanceof WecomApiError) await this.#rememberRefusal(error);
      throw error;
    } finally {
      deadline.close();
    }
  }

  #hold({ token, renewAt, endsAt }: Shared, confirmedUntil: number): Held {
    const jitterMs = this.kit.random() * renewalJitter * (endsAt - renewAt);
    return (this.#held = { token: new Secret(token), endsAt, confirmedUntil, renewAt: renewAt + jitterMs });
  }

  async #share(shared: Shared, lifeMs: number): Promise<void> {
    await this.#store
      .set(`token:${this.options.key}`, JSON.stringify(shared), { expiresInMs: lifeMs })
      .catch(() => undefined);
    await this.#refusals.clear();
  }

  async #rememberRefusal(error: WecomApiError): Promise<void> {
    // What was refused on the way to this token, the suite's, has a memory of its own.
    if (error.api !== this.options.api || isPassing(error)) return;
    const pauseMs = await this.#refusals.remember(error);
    this.kit.log.error(
      { api: error.api, errcode: error.errcode, nextTryInSeconds: pauseMs / 1000, todo: error.entry?.operator },
      "WeCom refused the gateway's credentials",
    );
  }
}

/** Busy for the moment. An old suite_ticket is refused until the next one comes, which is minutes. */
function isPassing({ entry }: WecomApiError): boolean {
  return entry?.retry === "backoff" && entry.fault !== "suite-token";
}
