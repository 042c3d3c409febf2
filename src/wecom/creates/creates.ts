/**
 * One living per click. `living/create` has no idempotency key, and networks lose answers. What a failure means is told by
 * its error: certainly not sent → it may be sent anew; certainly refused → final; everything else → unknown, and the living
 * is looked for. Only under a key, and only after a settling time in which a lost create may still take effect, is one that
 * was not found sent again. docs/creates.md tells the protocol and what it assumes.
 */
import type { Logger } from "../../observability/logger.js";
import type { CreateMetrics } from "../../observability/metrics.js";
import type { Store } from "../../stores/store.js";
import { type CallOptions, regardlessOfClient } from "../call.js";
import { WecomError } from "../errors.js";
import type { LivingDataSource } from "../living.datasource.js";
import type { CreateLivingRequest } from "../living.wire.js";
import { BookingSearch } from "./booking-search.js";
import { Claims } from "./claims.js";
import { digestOf, Journal } from "./journal.js";
import { KeyedCreates, lookPausesMs, pauseAt } from "./keyed-creates.js";
import { Liveness } from "./liveness.js";
import { LostLivings } from "./lost-livings.js";
import { Reconciler } from "./reconciler.js";
import { bookingOf, Turns } from "./turns.js";

/** Of the time that is left, a create waits so much for its answer: the rest is for finding a living whose answer is lost. */
const partForAnswer = 0.75;

export interface CreatesOptions {
  readonly livings: LivingDataSource;
  readonly store: Store;
  readonly metrics: CreateMetrics;
  readonly log: Logger;
  readonly now: () => number;
  readonly random: () => number;
  /** How long a create whose answer was lost may still take effect. */
  readonly settleMs: number;
  /** How long the reconciler takes for one step at most. */
  readonly timeoutMs: number;
  /** Names the app: the keys of two apps that share a store are not each other's. */
  readonly app: string;
}

export interface IdempotencyKey {
  readonly key: string;
  /** Whose it is: the same text of another caller is another key. Undefined where callers cannot be told apart. */
  readonly caller: string | undefined;
}

export class Creates {
  readonly #search: BookingSearch;
  readonly #turns: Turns;
  readonly #claims: Claims;
  readonly #liveness: Liveness;
  readonly #lost: LostLivings;
  readonly #keyed: KeyedCreates;
  readonly #reconciler: Reconciler;
  #unkeyedCount = 0;

  constructor(private readonly options: CreatesOptions) {
    const { livings, store, metrics, now, settleMs } = options;
    this.#search = new BookingSearch(livings, now);
    this.#turns = new Turns(store);
    this.#claims = new Claims(store, now);
    this.#liveness = new Liveness(store);
    this.#lost = new LostLivings(this.#search, this.#claims, this.#turns);
    const journal = new Journal(store);
    this.#keyed = new KeyedCreates({
      ...{ journal, liveness: this.#liveness, turns: this.#turns, claims: this.#claims, lost: this.#lost },
      ...{ metrics, now, settleMs, send: (request, call) => this.#send(request, call) },
    });
    this.#reconciler = new Reconciler({ ...options, journal, creates: this.#keyed });
  }

  /** @throws {StoreError} */
  async start(): Promise<void> {
    await this.#liveness.start();
    this.#reconciler.start();
  }

  /** Looks after no create any more but those of requests; waits for what runs. */
  async stopReconciling(): Promise<void> {
    await this.#reconciler.stop();
  }

  /** What is left unfinished is open to other replicas at once. */
  async stop(): Promise<void> {
    await this.stopReconciling();
    await this.#claims.writeNotes();
    await this.#liveness.stop();
  }

  /**
   * Reserves a living: once under one key, however often it is asked for within 24 hours; without a key it is sent once.
   * A lost answer is looked for until the deadline.
   *
   * @throws {WecomUnsettledError} the outcome is open; the same key answers with it later
   * @throws {WecomKeyReusedError} the key belongs to another request
   * @throws {WecomError} as `LivingDataSource.create`; without a key, `mayHaveTakenEffect` says that it was not found out
   */
  create(
    request: CreateLivingRequest,
    key: IdempotencyKey | undefined,
    call: CallOptions,
  ): Promise<{ livingid: string }> {
    if (!key) return this.#createUnkeyed(request, call);
    const id = digestOf([this.options.app, call.corp, key.caller, key.key]);
    return this.#keyed.create(id, request, regardlessOfClient(call));
  }

  /** What is booked for a living has been changed: it may be found by other words now. */
  forgetBooking(corp: string, livingid: string): void {
    this.#search.forget(corp, livingid);
  }

  async #createUnkeyed(request: CreateLivingRequest, call: CallOptions): Promise<{ livingid: string }> {
    const turn = this.#turns.share(bookingOf(call.corp, request), call.deadline);
    const leave = turn instanceof Promise ? await turn : turn;
    let failure: WecomError;
    try {
      const created = await this.#send(request, call);
      // Not waited for. Where it comes too late, in another process, a lost create alike may be taken for this one.
      this.#claims.note({
        corp: call.corp,
        anchor: request.anchor_userid,
        livingid: created.livingid,
        livingStart: request.living_start,
      });
      return created;
    } catch (error) {
      if (!(error instanceof WecomError) || !error.mayHaveTakenEffect) throw error;
      failure = error;
    } finally {
      leave();
    }
    return { livingid: await this.#findUnkeyed(request, regardlessOfClient(call), failure) };
  }

  /** @throws what the create has failed with, when the living does not show before the deadline */
  async #findUnkeyed(request: CreateLivingRequest, call: CallOptions, failure: WecomError): Promise<string> {
    const { metrics, now, settleMs } = this.options;
    const name = this.#nameUnkeyed();
    const settlesAt = now() + settleMs;
    call.log.warn({ corp: call.corp }, "the answer to a create without a key is lost: looking for its living");
    for (let look = 0; ; look += 1) {
      const found = await this.#lost.find(request, name, settlesAt, call).catch((error: unknown) => {
        if (!(error instanceof WecomError)) throw error;
        call.log.info({ api: error.api, reason: error.message }, "could not look for a living just now");
        return undefined;
      });
      if (found?.livingid !== undefined) {
        metrics.countCreate("found");
        return found.livingid;
      }
      if (await call.deadline.pause(pauseAt(lookPausesMs, look))) continue;
      metrics.countCreate("unknown");
      throw failure;
    }
  }

  #nameUnkeyed(): string {
    return `unkeyed:${this.#liveness.self}:${(this.#unkeyedCount += 1)}`;
  }

  #send(request: CreateLivingRequest, call: CallOptions): Promise<{ livingid: string }> {
    return this.options.livings.create(request, { ...call, deadline: call.deadline.part(partForAnswer) });
  }
}
