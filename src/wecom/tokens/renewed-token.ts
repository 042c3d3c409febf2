/**
 * A token that WeCom issues for some hours: of a corp's app, or of a suite. Cached in memory, so that a request costs
 * nothing; shared through the store, so that replicas use the same one; fetched once at a time, in this process and, by
 * a lease, in all. While the store does not answer, each process fetches on its own.
 *
 * @see https://developer.work.weixin.qq.com/document/path/91039
 */
import { setTimeout as wait } from "node:timers/promises";
import type { Logger } from "../../observability/logger.js";
import { Secret } from "../../observability/secret.js";
import { parseStored, withShortTimeout, type Store, StoreError } from "../../stores/store.js";
import type { CallOptions } from "../call.js";
import { Deadline } from "../deadline.js";
import { notSent, WecomApiError } from "../errors.js";
import { acquireLease } from "../lease.js";
import type { FailedFetches } from "./failed-fetches.js";
import { Refusals } from "./refusals.js";
import type { TokenSource } from "./token-source.js";

/** A token is renewed after this part of its lifetime, while the old one is still used. */
const renewAtPartOfLife = 0.9;
/** Each replica adds up to this part of the rest at random, so that they do not all renew at once. */
const renewalJitter = 0.2;
/** WeCom may return the same token with its remaining lifetime; then it is not asked again before this time. */
const renewalPauseMs = 60_000;
const renewalRetryMs = 5_000;
/** How long a dead lease holder delays the others. */
const leaseMs = 3_000;
const leasePollMs = 40;
/** Refused tokens that are kept; after an outage, a store can return an old one. */
const maxRefused = 16;
/** WeCom issued the same token again that it had refused, so asking more often would not help. */
const confirmedForMs = 5_000;

export interface TokenDependencies {
  readonly store: Store;
  readonly log: Logger;
  readonly now: () => number;
  readonly random: () => number;
  /** The time limit of a fetch. */
  readonly timeoutMs: number;
  readonly failedFetches: FailedFetches;
  /**
   * A token is used from now on.
   *
   * @param key identifies the corp and the app
   */
  readonly onHeld?: (key: string, endsAtMs: number) => void;
  /**
   * There is no token.
   *
   * @param isNew whether WeCom was asked just now, which is logged, or an earlier refusal counts
   */
  readonly onRefused?: (key: string, refusal: WecomApiError, isNew: boolean) => void;
}

export interface FetchedToken {
  readonly token: Secret;
  readonly lifeMs: number;
}

/** The credentials of a fetch. */
export interface Credentials {
  /** Another value means other credentials, which are tried whatever WeCom said about earlier ones. */
  readonly fingerprint: string;
  /** Attempts, in order, as long as WeCom refuses the credentials of the one before. */
  readonly attempts: readonly ((call: CallOptions) => Promise<FetchedToken>)[];
}

export interface RenewedTokenOptions {
  /** Identifies corp and app, and the secret if it may change: no two of them share a token. */
  readonly key: string;
  /** Whose failed fetches it counts for: a corp or a suite. */
  readonly corp: string;
  readonly api: string;
  /** @throws {WecomError} when there are no credentials */
  credentials(): Promise<Credentials>;
}

/** The stored form, in Unix milliseconds. */
interface Shared {
  readonly token: string;
  readonly renewAtMs: number;
  readonly endsAtMs: number;
}

interface Held {
  readonly token: Secret;
  readonly endsAtMs: number;
  readonly confirmedUntilMs: number;
  /** From the store, not from WeCom. */
  readonly isShared: boolean;
  renewAtMs: number;
}

export class RenewedToken implements TokenSource {
  /** The store is optional for a token, and requests wait for one, so its answer has a short timeout. */
  readonly #store: ReturnType<typeof withShortTimeout>;
  readonly #refusals: Refusals;
  #held: Held | undefined;
  #fetching: Promise<Held> | undefined;
  /** The write of the last fetched token, which no request waits for. Never rejects. */
  #sharing = Promise.resolve();
  /** Tokens that WeCom refused, which are not taken from the store again. */
  readonly #refused = new Set<string>();

  constructor(
    private readonly options: RenewedTokenOptions,
    private readonly dependencies: TokenDependencies,
  ) {
    this.#store = withShortTimeout(dependencies.store);
    this.#refusals = new Refusals(this.#store, `refusal:${options.key}`, dependencies.now);
  }

  async get(call: CallOptions): Promise<Secret> {
    const now = this.dependencies.now();
    const held = this.#held;
    if (held && now < held.endsAtMs) {
      if (now >= held.renewAtMs) this.#renew(held, now);
      return held.token;
    }
    const fetched = await call.deadline.race(
      this.#singleFlight(({ endsAtMs }) => endsAtMs),
      (reason) => notSent(this.options.api, `${reason} while waiting for a token`),
    );
    return fetched.token;
  }

  invalidate(refused: Secret, _call?: CallOptions, isReplacement?: boolean): boolean {
    const held = this.#held;
    const isHeld = held?.token.reveal() === refused.reveal();
    // Forgets this token only, not the current one: a slower request may report one that was replaced.
    if (isHeld && this.dependencies.now() >= held.confirmedUntilMs) {
      const [oldest] = this.#refused;
      if (this.#refused.size >= maxRefused && oldest !== undefined) this.#refused.delete(oldest);
      this.#refused.add(refused.reveal());
      this.#held = undefined;
    }
    // A replacement from the store may be old as well. If it was just fetched, another one would also be refused.
    return !isReplacement || !isHeld || held.isShared;
  }

  /** The expiry of the token that all replicas share, in Unix milliseconds; undefined if there is none. */
  static async endOf(store: Store, key: string): Promise<number | undefined> {
    const stored = await store.get(`token:${key}`);
    return stored === undefined ? undefined : (parseStored(stored) as Shared).endsAtMs;
  }

  /** Deletes the shared token; replicas' cached ones stay. */
  static async forget(store: Store, key: string): Promise<void> {
    await store.delete(`token:${key}`);
  }

  /** Outside of requests: if it fails, the current token stays in use. */
  #renew(held: Held, now: number): void {
    held.renewAtMs = now + renewalRetryMs;
    this.#singleFlight(({ renewAtMs }) => renewAtMs).catch(() => undefined);
  }

  /** @param usableUntilMs the expiry that a token in the store must have at least */
  #singleFlight(usableUntilMs: (shared: Shared) => number): Promise<Held> {
    return (this.#fetching ??= this.#obtain(usableUntilMs).finally(() => {
      this.#fetching = undefined;
    }));
  }

  async #obtain(usableUntilMs: (shared: Shared) => number): Promise<Held> {
    try {
      for (;;) {
        const shared = await this.#fromStore(usableUntilMs);
        if (shared) return shared;
        const credentials = await this.#credentials();
        const lease = await acquireLease(this.#store, `lease:${this.options.key}`, leaseMs);
        if (lease) {
          try {
            // Read again, because the previous holder of the lease may have stored one.
            return (await this.#fromStore(usableUntilMs)) ?? (await this.#fetch(credentials));
          } finally {
            // After other replicas can see the new token.
            void this.#sharing.then(() => lease.release()).catch(() => undefined);
          }
        }
        await wait(leasePollMs * (0.5 + this.dependencies.random()));
      }
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.dependencies.log.warn(
        { api: this.options.api, reason: error.message },
        "fetching a token without the shared store",
      );
      return await this.#fetch(await this.#credentials());
    }
  }

  /** @throws {StoreError} */
  async #fromStore(usableUntilMs: (shared: Shared) => number): Promise<Held | undefined> {
    const stored = await this.#store.get(`token:${this.options.key}`);
    const shared = stored === undefined ? undefined : (parseStored(stored) as Shared);
    const isUsable = shared && !this.#refused.has(shared.token) && this.dependencies.now() < usableUntilMs(shared);
    return isUsable ? this.#hold(shared, true) : undefined;
  }

  /** @throws {WecomError} when there are no credentials, or WeCom refused them recently */
  async #credentials(): Promise<Credentials> {
    const credentials = await this.options.credentials();
    await this.#throwIfPaused(credentials.fingerprint);
    return credentials;
  }

  /** With its own deadline, because the first request's must not decide for all that wait. */
  async #fetch(credentials: Credentials): Promise<Held> {
    const { log, now, timeoutMs } = this.dependencies;
    const { corp } = this.options;
    const { fingerprint, attempts } = credentials;
    // The previous holder of the lease may have been refused.
    await this.#throwIfPaused(fingerprint);
    const isRepeated = (await this.#refusals.count(fingerprint)) > 0;
    const deadline = new Deadline(timeoutMs);
    try {
      const { token, lifeMs } = await this.#fetchWithAny(attempts, isRepeated, { corp, deadline, log });
      const renewAfterMs = Math.max(lifeMs * renewAtPartOfLife, Math.min(renewalPauseMs, lifeMs));
      const shared = { token: token.reveal(), renewAtMs: now() + renewAfterMs, endsAtMs: now() + lifeMs };
      const held = this.#hold(shared, false, this.#refused.has(shared.token) ? now() + confirmedForMs : 0);
      this.#sharing = this.#share(shared, lifeMs, fingerprint);
      return held;
    } catch (error) {
      if (this.#isRefusal(error)) await this.#rememberRefusal(fingerprint, error);
      throw error;
    } finally {
      deadline.close();
    }
  }

  /**
   * Each attempt counts on its own.
   *
   * @throws the error of the last attempt
   */
  async #fetchWithAny(
    attempts: Credentials["attempts"],
    isRepeated: boolean,
    call: CallOptions,
  ): Promise<FetchedToken> {
    let refusal: WecomApiError | undefined;
    for (const attempt of attempts) {
      const hasNotFailed = await this.dependencies.failedFetches
        .reserve(this.options.api, isRepeated || refusal !== undefined)
        .catch((error: unknown) => {
          throw refusal ?? error;
        });
      try {
        const fetched = await attempt(call);
        hasNotFailed();
        return fetched;
      } catch (error) {
        if (!this.#isRefusal(error)) hasNotFailed();
        if (!this.#isRefusal(error) || error.entry?.fault !== "credential") throw error;
        refusal = error;
      }
    }
    throw refusal ?? new Error("there is nothing to fetch a token with");
  }

  #hold({ token, renewAtMs, endsAtMs }: Shared, isShared: boolean, confirmedUntilMs = 0): Held {
    this.dependencies.onHeld?.(this.options.key, endsAtMs);
    const jitterMs = this.dependencies.random() * renewalJitter * (endsAtMs - renewAtMs);
    return (this.#held = {
      ...{ token: new Secret(token), endsAtMs, confirmedUntilMs, isShared },
      renewAtMs: renewAtMs + jitterMs,
    });
  }

  async #share(shared: Shared, lifeMs: number, fingerprint: string): Promise<void> {
    await this.#store
      .set(`token:${this.options.key}`, JSON.stringify(shared), { expiresInMs: lifeMs })
      .catch(() => undefined);
    await this.#refusals.clear(fingerprint);
  }

  /**
   * Not if WeCom is only busy or a limit is reached, and not if something else was refused on the way, such as the
   * suite's token.
   */
  #isRefusal(error: unknown): error is WecomApiError {
    return error instanceof WecomApiError && error.api === this.options.api && error.entry?.about !== "moment";
  }

  /** @throws {WecomApiError} when WeCom refused these credentials recently, in this or another replica */
  async #throwIfPaused(fingerprint: string): Promise<void> {
    try {
      await this.#refusals.throwIfPaused(fingerprint);
    } catch (error) {
      if (error instanceof WecomApiError) this.dependencies.onRefused?.(this.options.key, error, false);
      throw error;
    }
  }

  async #rememberRefusal(fingerprint: string, error: WecomApiError): Promise<void> {
    this.dependencies.onRefused?.(this.options.key, error, true);
    const pauseMs = await this.#refusals.remember(fingerprint, error);
    this.dependencies.log.error(
      { api: error.api, errcode: error.errcode, nextTryInSeconds: pauseMs / 1000, todo: error.entry?.operator },
      "WeCom refused the gateway's credentials",
    );
  }
}
