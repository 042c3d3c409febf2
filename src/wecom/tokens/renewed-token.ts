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
import { acquireLease, withShortTimeout, type Store, StoreError } from "../../stores/store.js";
import type { CallOptions } from "../call.js";
import { Deadline } from "../deadline.js";
import { WecomApiError, WecomTransportError } from "../errors.js";
import type { FailedFetches } from "./failed-fetches.js";
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

export interface TokenDependencies {
  readonly store: Store;
  readonly log: Logger;
  readonly now: () => number;
  readonly random: () => number;
  /** How long a fetch may take. */
  readonly timeoutMs: number;
  readonly failedFetches: FailedFetches;
  /** A token is used from now on. @param key names the corp and the app */
  readonly onHeld?: (key: string, endsAtMs: number) => void;
  /** There is no token. @param isNew whether WeCom was asked just now, which is logged, or the refusal is a moment old */
  readonly onRefused?: (key: string, refusal: WecomApiError, isNew: boolean) => void;
}

export interface FetchedToken {
  readonly token: Secret;
  readonly lifeMs: number;
}

/** What a token is fetched with, as it is known now. */
export interface Credentials {
  /** Another one means that others are tried, whatever WeCom said of those before. */
  readonly fingerprint: string;
  /** One after the other, as long as WeCom refuses the credentials of the one before. */
  readonly attempts: readonly ((call: CallOptions) => Promise<FetchedToken>)[];
}

export interface RenewedTokenOptions {
  /** Names corp and app, and the secret where it may change: no two of them ever share a token. */
  readonly key: string;
  /** For whom the fetch counts: a corp or a suite. */
  readonly corp: string;
  readonly api: string;
  /** @throws {WecomError} when there are none */
  credentials(): Promise<Credentials>;
}

/** As it lies in the store, in Unix milliseconds. */
interface Shared {
  readonly token: string;
  readonly renewAtMs: number;
  readonly endsAtMs: number;
}

interface Held {
  readonly token: Secret;
  readonly endsAtMs: number;
  readonly confirmedUntilMs: number;
  renewAtMs: number;
}

export class RenewedToken implements TokenSource {
  /** A token can be had without it, and requests wait for one. */
  readonly #store: ReturnType<typeof withShortTimeout>;
  readonly #refusals: Refusals;
  #held: Held | undefined;
  #fetching: Promise<Held> | undefined;
  /** The writing of what was fetched last, for which no request waits. It does not fail. */
  #sharing = Promise.resolve();
  /** Tokens that WeCom refused: not to be taken from the store again. */
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
    if (held?.token.reveal() === refused.reveal() && this.dependencies.now() >= held.confirmedUntilMs) {
      const [oldest] = this.#refused;
      if (this.#refused.size >= maxRefused && oldest !== undefined) this.#refused.delete(oldest);
      this.#refused.add(refused.reveal());
      this.#held = undefined;
    }
    return true;
  }

  /** Until when the token that all replicas share is good, in Unix milliseconds; undefined where there is none. */
  static async endOf(store: Store, key: string): Promise<number | undefined> {
    const stored = await store.get(`token:${key}`);
    return stored === undefined ? undefined : (JSON.parse(stored) as Shared).endsAtMs;
  }

  /** Forgets what all replicas share; what each holds for itself is not touched. */
  static async forget(store: Store, key: string): Promise<void> {
    await store.delete(`token:${key}`);
  }

  /** Behind the back of the requests: when it fails, the token that is held serves on. */
  #renew(held: Held, now: number): void {
    held.renewAtMs = now + renewalRetryMs;
    this.#singleFlight(({ renewAtMs }) => renewAtMs).catch(() => undefined);
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
        const credentials = await this.#credentials();
        const lease = await acquireLease(this.#store, `lease:${this.options.key}`, leaseMs);
        if (lease) {
          try {
            // Looked at again: whoever held the lease before may have brought one.
            return (await this.#fromStore(usableUntil)) ?? (await this.#fetch(credentials));
          } finally {
            // Not before the others can see what was fetched.
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
  async #fromStore(usableUntil: (shared: Shared) => number): Promise<Held | undefined> {
    const stored = await this.#store.get(`token:${this.options.key}`);
    const shared = stored === undefined ? undefined : (JSON.parse(stored) as Shared);
    const isUsable = shared && !this.#refused.has(shared.token) && this.dependencies.now() < usableUntil(shared);
    return isUsable ? this.#hold(shared, 0) : undefined;
  }

  /** @throws {WecomError} when there are none, or WeCom refused them a moment ago */
  async #credentials(): Promise<Credentials> {
    const credentials = await this.options.credentials();
    await this.#throwIfPaused(credentials.fingerprint);
    return credentials;
  }

  /** Has a deadline of its own: the request that happens to come first must not decide for all that wait with it. */
  async #fetch(credentials: Credentials): Promise<Held> {
    const { log, now, timeoutMs } = this.dependencies;
    const { corp } = this.options;
    const { fingerprint, attempts } = credentials;
    // Whoever held the lease before may have been refused.
    await this.#throwIfPaused(fingerprint);
    const isRepeated = (await this.#refusals.count(fingerprint)) > 0;
    const deadline = new Deadline(timeoutMs);
    try {
      const { token, lifeMs } = await this.#fetchWithAny(attempts, isRepeated, { corp, deadline, log });
      const renewAfterMs = Math.max(lifeMs * renewAtPartOfLife, Math.min(renewalPauseMs, lifeMs));
      const shared = { token: token.reveal(), renewAtMs: now() + renewAfterMs, endsAtMs: now() + lifeMs };
      const held = this.#hold(shared, this.#refused.has(shared.token) ? now() + confirmedForMs : 0);
      this.#sharing = this.#share(shared, lifeMs, fingerprint);
      return held;
    } catch (error) {
      if (this.#isRefusal(error)) await this.#rememberRefusal(fingerprint, error);
      throw error;
    } finally {
      deadline.close();
    }
  }

  /** Each attempt may fail, and counts by itself. @throws what the last one fails with */
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

  #hold({ token, renewAtMs, endsAtMs }: Shared, confirmedUntilMs: number): Held {
    this.dependencies.onHeld?.(this.options.key, endsAtMs);
    const jitterMs = this.dependencies.random() * renewalJitter * (endsAtMs - renewAtMs);
    return (this.#held = { token: new Secret(token), endsAtMs, confirmedUntilMs, renewAtMs: renewAtMs + jitterMs });
  }

  async #share(shared: Shared, lifeMs: number, fingerprint: string): Promise<void> {
    await this.#store
      .set(`token:${this.options.key}`, JSON.stringify(shared), { expiresInMs: lifeMs })
      .catch(() => undefined);
    await this.#refusals.clear(fingerprint);
  }

  /** Not when WeCom is only busy or a limit is reached, and not what was refused on the way: the suite's token. */
  #isRefusal(error: unknown): error is WecomApiError {
    return error instanceof WecomApiError && error.api === this.options.api && error.entry?.about !== "moment";
  }

  /** @throws {WecomApiError} when WeCom refused these credentials a moment ago, this process or another replica */
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
