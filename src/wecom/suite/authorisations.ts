/**
 * The auth_codes with which corps authorise the app, as a queue in the store. WeCom and the administrator get their
 * answer when a code is stored, with an increasing number. One replica then exchanges it for a permanent code.
 *
 * An auth_code can be exchanged once. So `sent` is stored before the exchange, by compare-and-set: only the process
 * that wrote it sends, and no other one before `untilMs`. WeCom's answer is stored before it is used. If WeCom refuses
 * a code that was sent before, the first answer went to a process that died: it is lost, and the corp has to authorise
 * the app again.
 */
import { createHash } from "node:crypto";
import { setMaxListeners } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import type { Logger } from "../../observability/logger.js";
import type { AuthorisationMetrics } from "../../observability/metrics.js";
import { Secret } from "../../observability/secret.js";
import { parseStored, reasonOf, type Store, StoreError } from "../../stores/store.js";
import { type WecomApiError, WecomError } from "../errors.js";
import {
  authCodeLifeMs,
  type AuthCodeRecord,
  type AuthCodeState,
  type AuthorisationOutcome,
  endings,
  type ExchangedRecord,
  isFinal,
  isVerdict,
  mayBeSent,
  type OpenRecord,
  pauseMs,
} from "./auth-code.js";
import type { PermanentCodes } from "./permanent-codes.js";
import type { Authorisation } from "./suite.datasource.js";
import type { SuiteRecords } from "./suite-records.js";

/** Outcomes are kept longer than codes are valid, so that the installation page can show them. */
const keptMs = 20 * 60_000;
/** A permanent code that was received is kept until it has been saved in its final record. */
const exchangedKeptMs = 30 * 24 * 3_600_000;
const pollMs = 1_000;
/** Polls between two checks of this process's own codes, whose queue entries a failover may have lost. */
const pollsBetweenOwn = 5;
const outcomePollMs = 50;
/**
 * Limits codes from browsers, which anybody can send, although WeCom would refuse them. Codes from WeCom's own events
 * are always stored.
 */
const maxOpen = 500;
/** Concurrent exchanges per replica. */
const maxAtOnce = 20;
/** After the deadline of an exchange: time to store its answer. */
const writeDownMs = 5_000;

export interface AuthorisationsOptions {
  readonly prefix: string;
  readonly store: Store;
  readonly records: SuiteRecords;
  readonly codes: PermanentCodes;
  readonly log: Logger;
  readonly metrics: AuthorisationMetrics;
  /** The time limit of an exchange, and of `stop`. */
  readonly timeoutMs: number;
  exchange(authCode: Secret): Promise<Authorisation>;
  /** Called when a corp's permanent code has changed. */
  onChange(corpid: string): Promise<void>;
}

export class Authorisations {
  readonly #prefix: string;
  readonly #queue: string;
  readonly #running = new Map<string, Promise<void>>();
  /** Codes that this process stored or found at its start, and that are not finished as far as it knows. */
  readonly #open = new Set<string>();
  readonly #end = new AbortController();
  #numbering: Promise<number> = Promise.resolve(0);
  #polls = 0;
  #hasLooked = false;
  #isStopped = false;

  constructor(private readonly options: AuthorisationsOptions) {
    this.#prefix = `${options.prefix}auth-code:`;
    this.#queue = `${options.prefix}auth-codes`;
    // The poll, `stop`, and each running exchange, which may be waiting for the store with its answer.
    setMaxListeners(maxAtOnce + 2, this.#end.signal);
  }

  async start(): Promise<void> {
    while (!this.#isStopped) {
      // If the store is unreachable, the poll is repeated; the store itself logs that.
      await this.#poll().catch(() => undefined);
      await this.#wait(pollMs, { ref: false }).catch(() => undefined);
    }
  }

  /** Waits until running exchanges have stored their answers. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    const timeUp = this.#wait(this.options.timeoutMs).catch(() => undefined);
    await Promise.race([Promise.allSettled(this.#running.values()), timeUp]);
    this.#end.abort();
  }

  /** Rejects when `stop` has ended. */
  #wait(ms: number, { ref = true } = {}): Promise<void> {
    return wait(ms, undefined, { ref, signal: this.#end.signal });
  }

  /**
   * Stores an auth_code, which may come several times. When it resolves, the code is durable and will be exchanged.
   *
   * @param atSeconds WeCom's time of the code; default: the store's
   * @returns the id for `outcome`
   * @throws {StoreError} when the code may not be stored: the sender has to send it again
   */
  async accept(authCode: Secret, atSeconds?: number): Promise<string> {
    const { records, metrics } = this.options;
    if (atSeconds === undefined && this.#open.size >= maxOpen)
      throw new StoreError("too many auth_codes are unfinished");
    const id = createHash("sha256").update(authCode.reveal()).digest("base64url");
    const number = await this.#nextNumber();
    const at = atSeconds ?? Math.floor(number / 1000);
    const pending = { number, revision: 0, at, state: "pending", authCode: authCode.reveal(), untilMs: 0 } as const;
    const unlessKnown = (found?: AuthCodeRecord) => (found ? undefined : pending);
    const stored = await records.update<AuthCodeRecord>(this.#prefix + id, unlessKnown, { expiresInMs: keptMs });
    if (stored) metrics.countAuthorisation("stored");
    await this.options.store.enqueue(this.#queue, id, 0);
    this.#open.add(id);
    this.#begin(id);
    return id;
  }

  /** Retries all open codes now, because the reason for their failures may be gone. */
  hurry(): void {
    for (const id of this.#open) this.#begin(id, { isHurried: true });
  }

  /** @throws {StoreError} */
  async outcome(id: string, waitMs: number): Promise<AuthorisationOutcome> {
    const endsAtMs = performance.now() + waitMs;
    for (;;) {
      const record = await this.#read(id);
      if (record && isFinal(record)) return record;
      if (performance.now() >= endsAtMs) return { state: "open" };
      await wait(outcomePollMs);
    }
  }

  /**
   * Increases across all replicas. It is at least the store's time in milliseconds, so it increases even if the store
   * loses the last one.
   */
  #nextNumber(): Promise<number> {
    const { store, prefix } = this.options;
    const next = async (): Promise<number> => {
      for (;;) {
        const last = await store.get(`${prefix}auth-number`);
        const number = Math.max(Number(last ?? 0) + 1, await store.now());
        if (await store.compareAndSet(`${prefix}auth-number`, last, String(number))) return number;
      }
    };
    // Sequential within the process, because concurrent compare-and-sets would make each other fail.
    return (this.#numbering = this.#numbering.then(next, next));
  }

  async #poll(): Promise<void> {
    const { store, records } = this.options;
    const isWhole = await records.putBackWhatIsLost();
    if (!this.#hasLooked) await this.#look();
    else if (!isWhole) return;
    const due = await store.due(this.#queue, await records.storeNow(), 5 * maxAtOnce);
    const own = this.#polls++ % pollsBetweenOwn === 0 ? this.#open : [];
    for (const id of new Set([...due, ...own])) this.#begin(id);
  }

  /** Finds codes without a queue entry: their process died before queuing them, or the store has lost it. */
  async #look(): Promise<void> {
    for await (const [key, text] of this.options.store.scan(this.#prefix)) {
      if (!isFinal(parseStored(text) as AuthCodeRecord)) this.#open.add(key.slice(this.#prefix.length));
    }
    this.#hasLooked = true;
  }

  #begin(id: string, { isHurried = false } = {}): void {
    if (this.#isStopped || this.#running.size >= maxAtOnce || this.#running.has(id)) return;
    const work = this.#work(id, isHurried)
      .catch((error: unknown) => {
        this.options.log.warn({ reason: reasonOf(error) }, "an authorisation waits for the store");
      })
      .finally(() => this.#running.delete(id));
    this.#running.set(id, work);
  }

  async #work(id: string, isHurried: boolean): Promise<void> {
    for (;;) {
      const record = await this.#read(id);
      if (!record || isFinal(record)) break;
      const waitsUntilMs = await (record.state === "exchanged"
        ? this.#save(id, record)
        : this.#send(id, record, isHurried));
      if (waitsUntilMs === undefined) continue;
      await this.options.store.enqueue(this.#queue, id, waitsUntilMs);
      return;
    }
    await this.options.store.dequeue(this.#queue, id);
    this.#open.delete(id);
  }

  /** @returns when the next attempt is due; undefined to continue immediately */
  async #send(id: string, record: OpenRecord, isHurried: boolean): Promise<number | undefined> {
    const { store, timeoutMs } = this.options;
    const nowMs = await store.now();
    const wasSent = record.state === "sent";
    if (nowMs - record.number > authCodeLifeMs) {
      await this.#finish(id, record, wasSent ? "lost" : "expired");
      return undefined;
    }
    if (nowMs < record.untilMs && (wasSent || !isHurried)) return record.untilMs;
    const { authCode } = record;
    const untilMs = nowMs + timeoutMs + writeDownMs;
    const sent = await this.#replace(id, record, { state: "sent", authCode, untilMs });
    if (!sent) return undefined;
    await store.enqueue(this.#queue, id, untilMs);
    try {
      await this.#writeDown(id, sent, await this.options.exchange(new Secret(authCode)));
      return undefined;
    } catch (error) {
      if (!(error instanceof WecomError)) throw error;
      if (isVerdict(error)) {
        await this.#finish(id, sent, wasSent ? "lost" : "refused", error);
        return undefined;
      }
      const state = wasSent || mayBeSent(error) ? "sent" : "pending";
      const failedAtMs = await store.now();
      const againMs = failedAtMs + pauseMs(failedAtMs - record.number);
      await this.#replace(id, sent, { state, authCode, untilMs: againMs });
      return againMs;
    }
  }

  /** Only this process has the answer, so it is stored before anything else, however long the store is unreachable. */
  async #writeDown(id: string, sent: AuthCodeRecord, authorisation: Authorisation): Promise<void> {
    const { records, store, log } = this.options;
    const { corpid } = authorisation;
    const permanentCode = authorisation.permanentCode.reveal();
    // Wins over whatever other replicas have made of the same code, even if the store lost some of it.
    const exchanged = { ...authorisation, permanentCode, state: "exchanged", rank: 1 } as const;
    const { number, at } = sent;
    for (let attempts = 0; ; attempts += 1) {
      try {
        await records.update<AuthCodeRecord>(
          this.#prefix + id,
          (found) =>
            found?.state === "exchanged" || found?.state === "done"
              ? undefined
              : { ...exchanged, number, at, revision: (found ?? sent).revision + 1 },
          { expiresInMs: exchangedKeptMs },
        );
        // Another replica may have taken it for lost and dequeued it.
        await store.enqueue(this.#queue, id, 0);
        return;
      } catch (error) {
        const reason = reasonOf(error);
        if (attempts === 0) log.error({ corp: corpid, reason }, "a permanent code could not be stored: retrying");
        await this.#wait(100).catch(() => {
          log.error(
            { corp: corpid },
            "the gateway stops with a permanent code that could not be stored: the corp has to authorise the app again",
          );
          throw error;
        });
      }
    }
  }

  async #save(id: string, record: ExchangedRecord): Promise<undefined> {
    const { codes, log, metrics } = this.options;
    const { corpid, permanentCode, isCustomised, agentid, number, at } = record;
    await codes.save({ corpid, permanentCode: new Secret(permanentCode), isCustomised, agentid }, number, at);
    await this.options.onChange(corpid);
    if (!(await this.#replace(id, record, { state: "done", corpid }))) return;
    log.info({ corp: corpid }, "a corp has authorised the app");
    metrics.countAuthorisation("done", corpid);
  }

  async #finish(
    id: string,
    record: AuthCodeRecord,
    state: keyof typeof endings,
    error?: WecomApiError,
  ): Promise<undefined> {
    if (!(await this.#replace(id, record, { state }))) return;
    this.options.metrics.countAuthorisation(state);
    this.options.log.error({ ...(error && { errcode: error.errcode, todo: error.entry?.operator }) }, endings[state]);
  }

  async #read(id: string): Promise<AuthCodeRecord | undefined> {
    const { records } = this.options;
    const found = await records.get<AuthCodeRecord>(this.#prefix + id);
    // A final record has nothing worth restoring.
    if (found && isFinal(found) && found.state !== "done") records.forget(this.#prefix + id);
    return found;
  }

  /** @returns the new record; undefined if another replica has changed it meanwhile */
  async #replace(id: string, record: AuthCodeRecord, change: AuthCodeState): Promise<AuthCodeRecord | undefined> {
    const { number, at, rank, revision } = record;
    return await this.options.records.update<AuthCodeRecord>(
      this.#prefix + id,
      // A missing record was not finished: only a final state ends it.
      (found) =>
        !found || (found.state === record.state && found.revision === revision)
          ? { number, at, rank, revision: revision + 1, ...change }
          : undefined,
      { expiresInMs: keptMs },
    );
  }
}
