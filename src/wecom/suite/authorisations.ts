/**
 * The auth_codes by which corps authorise the app, as a queue in the store. WeCom and the administrator are answered when a
 * code is stored, with a number that rises; the worker of one replica then exchanges it, under a lease of that code alone.
 *
 *     pending → sent → exchanged → done          refused: WeCom does not take the code
 *                 ↓                              expired: it could not be sent as long as the code was good
 *              doubtful → lost
 *
 * An auth_code works once. So `sent` is written before the exchange, and WeCom's answer before anything is done with it.
 * When WeCom refuses a code that was sent before, its answer went to a process that has died or was cut off: if that does
 * not write it down within a while, it is lost, and the corp has to authorise the app again.
 */
import { createHash } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import type { Logger } from "../../observability/logger.js";
import type { AuthorisationMetrics } from "../../observability/metrics.js";
import { Secret } from "../../observability/secret.js";
import { acquireLease, reasonOf, type Store } from "../../stores/store.js";
import { WecomApiError, WecomError, WecomTransportError } from "../errors.js";
import type { PermanentCodes } from "./permanent-codes.js";
import { type Authorisation, permanentCodeApi } from "./suite.datasource.js";
import type { SuiteRecords, Versioned } from "./suite-records.js";

/** WeCom's ten minutes, and one for clocks that differ. */
const authCodeLifeMs = 11 * 60_000;
/** What became of a code is of interest for somewhat longer. */
const keptMs = 20 * 60_000;
/** A permanent code that is written down is not forgotten before it has reached its place. */
const exchangedKeptMs = 30 * 24 * 3_600_000;
const leaseMs = 3_000;
const pollMs = 1_000;
const outcomePollMs = 50;
/** Exchanges of one replica at once, each for another code. */
const maxAtOnce = 20;
const retryPausesMs = [500, 1_000, 2_000, 5_000, 10_000];
/** As long as a process that was cut off may need to write down what it has in hand. */
const doubtMs = 15_000;
/** A code whose place in the queue a failover lost is queued again. */
const requeueMs = 5_000;

type AuthCodeRecord = Versioned & { readonly at: number } & (
    | { readonly state: "pending" | "sent" | "doubtful"; readonly authCode: string }
    | {
        readonly state: "exchanged";
        readonly corpid: string;
        readonly permanentCode: string;
        readonly isCustomised: boolean;
      }
    | { readonly state: "done"; readonly corpid: string }
    | { readonly state: "refused" | "expired" | "lost" }
  );
type OpenRecord = Extract<AuthCodeRecord, { authCode: string }>;

/** What became of an auth_code. `open`: nothing yet. */
export type AuthorisationOutcome =
  { readonly state: "done"; readonly corpid: string } | { readonly state: "open" | "refused" | "expired" | "lost" };

export interface AuthorisationsOptions {
  readonly prefix: string;
  readonly store: Store;
  readonly records: SuiteRecords;
  readonly codes: PermanentCodes;
  readonly log: Logger;
  readonly metrics: AuthorisationMetrics;
  /** How long `stop` waits for what is in hand. */
  readonly timeoutMs: number;
  exchange(authCode: Secret): Promise<Authorisation>;
  /** A corp's code has changed. */
  onChange(corpid: string): Promise<void>;
}

export class Authorisations {
  readonly #prefix: string;
  readonly #queue: string;
  readonly #running = new Map<string, Promise<void>>();
  readonly #attempts = new Map<string, number>();
  /** Stored by this process and not known to be finished. */
  readonly #open = new Set<string>();
  #numbering: Promise<number> = Promise.resolve(0);
  #polling: NodeJS.Timeout | undefined;
  #requeuedAtMs = 0;
  #isStopped = false;

  constructor(private readonly options: AuthorisationsOptions) {
    this.#prefix = `${options.prefix}auth-code:`;
    this.#queue = `${options.prefix}auth-codes`;
  }

  start(): void {
    const poll = (): void => {
      void this.#poll()
        // Without the store there is nothing to be done, and it says itself that it is gone.
        .catch(() => undefined)
        .finally(() => {
          if (!this.#isStopped) this.#polling = setTimeout(poll, pollMs).unref();
        });
    };
    poll();
  }

  /** Lets what is in hand be written down. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#polling);
    const end = new AbortController();
    const timeUp = wait(this.options.timeoutMs, undefined, { signal: end.signal }).catch(() => undefined);
    await Promise.race([Promise.allSettled(this.#running.values()), timeUp]);
    end.abort();
  }

  /**
   * Stores an auth_code, however often it comes. On return it is durable, and will be exchanged without anybody asking.
   *
   * @param atSeconds WeCom's time of it; default: the store's
   * @returns by which `outcome` finds it
   * @throws {StoreError} when it is not sure to be stored: whoever brought it must bring it again
   */
  async accept(authCode: Secret, atSeconds?: number): Promise<string> {
    const { records, metrics, store } = this.options;
    const id = createHash("sha256").update(authCode.reveal()).digest("base64url");
    const key = this.#prefix + id;
    const known = await store.get(key);
    if (known === undefined) {
      const number = await this.#nextNumber();
      const record: AuthCodeRecord = {
        ...{ number, revision: 0, at: atSeconds ?? Math.floor(number / 1000) },
        ...{ state: "pending", authCode: authCode.reveal() },
      };
      const stored = await records.update<AuthCodeRecord>(key, (found) => (found ? undefined : record), {
        expiresInMs: keptMs,
      });
      if (stored) metrics.countAuthorisation("stored");
    }
    if (known === undefined || (JSON.parse(known) as AuthCodeRecord).state === "pending") {
      await store.enqueue(this.#queue, id, await store.now());
      this.#open.add(id);
    }
    this.#begin(id);
    return id;
  }

  /** What kept the exchanges from succeeding may be over. */
  hurry(): void {
    this.#attempts.clear();
    for (const id of this.#open) this.#begin(id);
  }

  /** @throws {StoreError} */
  async outcome(id: string, waitMs: number): Promise<AuthorisationOutcome> {
    const endsAt = performance.now() + waitMs;
    for (;;) {
      const record = await this.#read(id);
      if (record?.state === "done") return { state: "done", corpid: record.corpid };
      if (record && isFinal(record)) return { state: record.state };
      if (performance.now() >= endsAt) return { state: "open" };
      await wait(outcomePollMs);
    }
  }

  /** Rises in all replicas, and on if the store forgets the last one: it is at least the store's time in milliseconds. */
  #nextNumber(): Promise<number> {
    const { store, prefix } = this.options;
    const next = async (): Promise<number> => {
      for (;;) {
        const last = await store.get(`${prefix}auth-number`);
        const number = Math.max(Number(last ?? 0) + 1, await store.now());
        if (await store.compareAndSet(`${prefix}auth-number`, last, String(number))) return number;
      }
    };
    // One after the other, or those of one process would keep each other from it.
    return (this.#numbering = this.#numbering.then(next, next));
  }

  async #poll(): Promise<void> {
    const { store, records } = this.options;
    await records.putBackWhatIsLost();
    const now = await store.now();
    if (this.#open.size > 0 && Math.abs(now - this.#requeuedAtMs) >= requeueMs) {
      this.#requeuedAtMs = now;
      for (const id of this.#open) {
        const record = await this.#read(id);
        if (!record || isFinal(record)) this.#open.delete(id);
        else if (record.state !== "doubtful" && !this.#running.has(id)) await store.enqueue(this.#queue, id, now);
      }
    }
    for (const id of await store.due(this.#queue, now, 5 * maxAtOnce)) this.#begin(id);
  }

  #begin(id: string): void {
    if (this.#isStopped || this.#running.size >= maxAtOnce || this.#running.has(id)) return;
    const work = this.#work(id)
      .catch((error: unknown) => {
        this.options.log.warn({ reason: reasonOf(error) }, "an authorisation has to wait for the store");
      })
      .finally(() => this.#running.delete(id));
    this.#running.set(id, work);
  }

  async #work(id: string): Promise<void> {
    const { store } = this.options;
    const lease = await acquireLease(store, `lease:${this.#prefix}${id}`, leaseMs);
    if (!lease) return;
    try {
      for (;;) {
        const record = await this.#read(id);
        if (!record || isFinal(record)) break;
        const pauseMs = await this.#step(id, record, await store.now());
        if (pauseMs === 0) continue;
        await store.enqueue(this.#queue, id, (await store.now()) + pauseMs);
        return;
      }
      await store.dequeue(this.#queue, id);
      this.#open.delete(id);
      this.#attempts.delete(id);
    } finally {
      await lease.release().catch(() => undefined);
    }
  }

  /** @returns how long to wait before the next step */
  async #step(id: string, record: Exclude<AuthCodeRecord, { state: FinalState }>, now: number): Promise<number> {
    if (record.state === "exchanged") return await this.#save(id, record);
    if (record.state === "doubtful") return await this.#end(id, record, "lost");
    if (now - record.number > authCodeLifeMs) {
      return await this.#end(id, record, record.state === "sent" ? "lost" : "expired");
    }
    const wasSent = record.state === "sent";
    if (!wasSent && !(await this.#replace(id, record, { state: "sent", authCode: record.authCode }))) return 0;
    const sent: OpenRecord = wasSent ? record : { ...record, state: "sent", revision: record.revision + 1 };
    try {
      const authorisation = await this.options.exchange(new Secret(record.authCode));
      await this.#writeDown(id, record, authorisation);
      return 0;
    } catch (error) {
      return await this.#afterFailure(id, sent, wasSent, error);
    }
  }

  async #afterFailure(id: string, sent: OpenRecord, wasSent: boolean, error: unknown): Promise<number> {
    if (!(error instanceof WecomError)) throw error;
    const { authCode } = sent;
    const isVerdict =
      error instanceof WecomApiError && error.api === permanentCodeApi && error.entry?.retry === "never";
    if (isVerdict && !wasSent) return await this.#end(id, sent, "refused", error);
    if (isVerdict) {
      await this.#replace(id, sent, { state: "doubtful", authCode });
      return doubtMs;
    }
    const isUnsent =
      error.api !== permanentCodeApi ||
      (error instanceof WecomTransportError ? error.delivery === "none" : !error.mayHaveTakenEffect);
    if (isUnsent && !wasSent) await this.#replace(id, sent, { state: "pending", authCode });
    const attempts = this.#attempts.get(id) ?? 0;
    this.#attempts.set(id, attempts + 1);
    return retryPausesMs[Math.min(attempts, retryPausesMs.length - 1)] ?? 0;
  }

  /** Only this process has the answer: it is written down before anything else, however long the store is away. */
  async #writeDown(id: string, { number, at }: OpenRecord, authorisation: Authorisation): Promise<void> {
    const { records, log } = this.options;
    const { corpid, isCustomised } = authorisation;
    const exchanged = { state: "exchanged", corpid, permanentCode: authorisation.permanentCode.reveal(), isCustomised };
    for (let attempts = 0; ; attempts += 1) {
      try {
        await records.update<AuthCodeRecord>(
          this.#prefix + id,
          (found) =>
            found?.state === "exchanged" || found?.state === "done"
              ? undefined
              : ({ ...exchanged, number, at, revision: (found?.revision ?? 2) + 1 } as AuthCodeRecord),
          { expiresInMs: exchangedKeptMs },
        );
        return;
      } catch (error) {
        if (attempts === 0) {
          log.error(
            { corp: corpid, reason: reasonOf(error) },
            "a permanent code waits for the store to be written down",
          );
        }
        await wait(100);
      }
    }
  }

  async #save(id: string, record: Extract<AuthCodeRecord, { state: "exchanged" }>): Promise<number> {
    const { codes, log, metrics } = this.options;
    const { corpid, permanentCode, isCustomised, number, at } = record;
    await codes.save({ corpid, permanentCode: new Secret(permanentCode), isCustomised }, number, at);
    await this.options.onChange(corpid);
    if (await this.#replace(id, record, { state: "done", corpid })) {
      log.info({ corp: corpid }, "a corp has authorised the app");
      metrics.countAuthorisation("done");
    }
    return 0;
  }

  async #end(id: string, record: OpenRecord, state: "refused" | "expired" | "lost", error?: WecomApiError) {
    if (!(await this.#replace(id, record, { state }))) return 0;
    this.options.metrics.countAuthorisation(state);
    this.options.log.error(
      { ...(error && { errcode: error.errcode, todo: error.entry?.operator }) },
      {
        refused: "WeCom does not take an auth_code: unless the corp works already, it has to authorise the app again",
        expired: "an auth_code could not be exchanged in time: the corp has to authorise the app again",
        lost: "the answer to an auth_code was lost, and the code works once: the corp has to authorise the app again",
      }[state],
    );
    return 0;
  }

  async #read(id: string): Promise<AuthCodeRecord | undefined> {
    return await this.options.records.get<AuthCodeRecord>(this.#prefix + id);
  }

  /** @returns false when another replica has changed it meanwhile */
  async #replace(id: string, record: AuthCodeRecord, change: StateFields): Promise<boolean> {
    const { number, at } = record;
    const revision = record.revision + 1;
    const replaced = await this.options.records.update<AuthCodeRecord>(
      this.#prefix + id,
      // What is gone was not finished: it is only over when it is said to be.
      (found) =>
        !found || (found.state === record.state && found.revision === record.revision)
          ? { number, at, revision, ...change }
          : undefined,
      { expiresInMs: keptMs },
    );
    return replaced !== undefined;
  }
}

type FinalState = "done" | "refused" | "expired" | "lost";
type StateFields =
  | { readonly state: "pending" | "sent" | "doubtful"; readonly authCode: string }
  | { readonly state: "done"; readonly corpid: string }
  | { readonly state: "refused" | "expired" | "lost" };

function isFinal(record: AuthCodeRecord): record is Extract<AuthCodeRecord, { state: FinalState }> {
  return record.state !== "exchanged" && !("authCode" in record);
}
