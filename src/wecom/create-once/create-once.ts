/**
 * One living per click. `living/create` has no idempotency key, and networks lose answers. The error class decides:
 * certainly not sent → may be sent again; certainly refused → final; anything else → unknown, and the living is
 * searched. A create is sent again only under an idempotency key, and only after a settling time in which the lost one
 * could still have taken effect. docs/creates.md describes the protocol and its assumptions.
 */
import type { Logger } from "../../observability/logger.js";
import type { CreateMetrics } from "../../observability/metrics.js";
import type { Span } from "../../observability/tracing.js";
import { type Store, StoreError } from "../../stores/store.js";
import { type CallOptions, regardlessOfClient, type SendPermit } from "../call.js";
import type { Clock } from "../clock.js";
import { WecomError, WecomTransportError, WecomUnsettledError } from "../errors.js";
import type { LivingDataSource } from "../living.datasource.js";
import type { CreateLivingRequest } from "../living.wire.js";
import { lookPauseMs } from "./backoff.js";
import { bookingOf, BookingLock } from "./booking-lock.js";
import { BookingSearch } from "./booking-search.js";
import { ClosableStore } from "./closable-store.js";
import { digestOf, Journal } from "./journal.js";
import { KeyedCreates, partForAnswer, type SettledCreate } from "./keyed-create.js";
import { announceAfterMs, invisibleMs, Ownership } from "./ownership.js";
import { Reconciler } from "./reconciler.js";
import { LostCreateRecovery } from "./recover-lost.js";
import { StoreWatch } from "./store-watch.js";

const dayMs = 24 * 3_600_000;

/** Links later work on a create to the trace of its original operation. */
export interface CreateTraces {
  readonly remember: (id: string, span: Span) => void;
  readonly resume: (id: string) => Span | undefined;
}

export interface CreateOnceOptions {
  readonly livings: LivingDataSource;
  readonly store: Store;
  readonly metrics: CreateMetrics;
  /** Called when a create is settled and no request of this process waits for it any more. */
  readonly onSettledLate?: (settled: SettledCreate) => void;
  readonly log: Logger;
  readonly traces?: CreateTraces | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  /** How long a create whose answer was lost may still take effect. */
  readonly settleMs: number;
  /** The time limit of an operation, and of a step of the reconciler. */
  readonly timeoutMs: number;
  /** The lifetime of an idempotency key from its first use. Default: 24 hours. */
  readonly keyLifetimeMs?: number;
  /** Whether other processes use the same store. */
  readonly isShared: boolean;
  /** Identifies the app, so that apps sharing a store do not share idempotency keys. */
  readonly app: string;
}

export interface IdempotencyKey {
  readonly key: string;
  /**
   * The caller that the key belongs to: other callers' keys are distinct. Undefined if callers are anonymous.
   */
  readonly caller: string | undefined;
  /** The client's input: the key with another input is rejected. Absent and null fields are equal. */
  readonly input: unknown;
}

export class CreateOnce {
  readonly #clock: Clock;
  readonly #store: ClosableStore;
  readonly #self: string;
  readonly #watch: StoreWatch;
  readonly #search: BookingSearch;
  readonly #lock: BookingLock;
  readonly #ownership: Ownership;
  readonly #lost: LostCreateRecovery;
  readonly #keyed: KeyedCreates;
  readonly #journal: Journal;
  readonly #reconciler: Reconciler;
  /** How many requests wait, by create id. */
  readonly #awaited = new Map<string, number>();
  #unkeyedCount = 0;

  constructor(private readonly options: CreateOnceOptions) {
    const { livings, metrics, log, random, settleMs, timeoutMs, clock, isShared } = options;
    const { keyLifetimeMs = dayMs } = options;
    this.#clock = clock;
    const store = (this.#store = new ClosableStore(options.store));
    const self = (this.#self = Math.floor(random() * 2 ** 52).toString(36));
    const watch = (this.#watch = new StoreWatch({
      ...{ store, clock, log, random, isShared, holdMs: timeoutMs + settleMs },
    }));
    this.#search = new BookingSearch(livings, () => clock.monotonicMs());
    const lock = (this.#lock = new BookingLock({ store, clock, time: watch, self, isShared }));
    const ownership = (this.#ownership = new Ownership(store, clock, watch));
    const lost = (this.#lost = new LostCreateRecovery(this.#search, ownership, lock));
    const journal = (this.#journal = new Journal(store, watch, keyLifetimeMs));
    const send = (request: CreateLivingRequest, call: CallOptions) => livings.create(request, call);
    const creates = (this.#keyed = new KeyedCreates({
      ...{ send, journal, watch, lock, ownership, lost, metrics, clock, settleMs, keyLifetimeMs, self },
      onSettled: (settled) => {
        if (!this.#awaited.has(settled.id)) options.onSettledLate?.(settled);
      },
    }));
    this.#reconciler = new Reconciler({
      ...{ journal, creates, log, clock, time: watch, random, timeoutMs, trace: options.traces?.resume },
    });
  }

  /** @throws {StoreError} */
  async start(): Promise<void> {
    await this.#watch.start();
    this.#reconciler.start();
  }

  /** Stops reconciling and waits for running steps. Creates of running requests continue. */
  async stopReconciling(): Promise<void> {
    await this.#reconciler.stop();
  }

  async stop(): Promise<void> {
    await this.stopReconciling();
    await this.#ownership.writeUnwritten();
    this.#watch.stop();
    await this.#store.close();
  }

  /**
   * Reserves a living. With an idempotency key: once within 24 hours, however often the key is used. Without one: sent
   * once, and if the answer is lost, the living is searched until the deadline.
   *
   * @throws {WecomUnsettledError} the outcome is unknown so far; the same key returns it later
   * @throws {WecomGivenUpError} the key expired before the outcome was known
   * @throws {WecomKeyReusedError} the key was used with another input
   * @throws {WecomError} as `LivingDataSource.create`; without a key, `mayHaveTakenEffect` means that the outcome
   * stayed unknown
   */
  create(
    request: CreateLivingRequest,
    key: IdempotencyKey | undefined,
    call: CallOptions,
  ): Promise<{ livingid: string }> {
    if (!key) return this.#createUnkeyed(request, call);
    const id = this.idOf(key, call.corp);
    // The first digest is of the GraphQL input, which does not depend on how a release maps it. Earlier releases stored
    // the second.
    const digests = [`input:${digestOf(normalised(key.input))}`, digestOf(request)] as const;
    const { deadline } = call;
    if (call.span) this.options.traces?.remember(id, call.span);
    this.#awaited.set(id, (this.#awaited.get(id) ?? 0) + 1);
    const creating = this.#keyed.create({ id, digests, request }, regardlessOfClient(call));
    // A slow store does not delay the answer: the create continues without its request.
    return deadline
      .race(creating, () => new WecomUnsettledError({ api: "living/create" }))
      .finally(() => {
        const waiting = this.#awaited.get(id) ?? 0;
        if (waiting > 1) this.#awaited.set(id, waiting - 1);
        else this.#awaited.delete(id);
      });
  }

  /** The key's id in the journal. A digest: it reveals nothing, except that a guess can be verified. */
  idOf({ key, caller }: Pick<IdempotencyKey, "key" | "caller">, corp: string): string {
    return digestOf([this.options.app, corp, caller, key]);
  }

  /**
   * Keyed creates with an unknown outcome, of all replicas.
   *
   * @throws {StoreError}
   */
  async unfinished(): Promise<{ count: number; oldestSeconds: number }> {
    const { count, oldestAtMs } = await this.#journal.unfinished();
    const oldestMs = oldestAtMs === undefined ? 0 : Math.max(this.#watch.latestMs() - oldestAtMs, 0);
    return { count, oldestSeconds: oldestMs / 1000 };
  }

  /** The living was modified, so its cached booking is dropped. */
  forgetBooking(corp: string, livingid: string): void {
    this.#search.forget(corp, livingid);
  }

  async #createUnkeyed(request: CreateLivingRequest, call: CallOptions): Promise<{ livingid: string }> {
    const { corp, deadline } = call;
    const booking = bookingOf(corp, request);
    const locked = this.#lock.shared(booking, deadline);
    const release = locked instanceof Promise ? await locked : locked;
    const announcement = this.options.isShared ? this.#announceLater(booking) : undefined;
    let failure: WecomError;
    try {
      const part = deadline.part(partForAnswer);
      const created = await this.options.livings.create(request, {
        corp,
        caller: call.caller,
        operation: call.operation,
        deadline: part,
        clientGone: call.clientGone,
        log: call.log,
        span: call.span,
        count: call.count,
        permit: announcement?.permit,
      });
      const living = { corp, livingid: created.livingid, livingStart: request.living_start };
      // Normally the write is not awaited. docs/creates.md says what can happen then.
      if (!announcement?.isDue()) this.#ownership.ownLater(living);
      else if (!(await this.#ownership.ownUnkeyed(living, deadline))) throw takenFor(created.livingid);
      return created;
    } catch (error) {
      if (!(error instanceof WecomError) || !error.mayHaveTakenEffect) throw error;
      failure = error;
    } finally {
      announcement?.end();
      release();
    }
    const finding = this.#findUnkeyed(request, regardlessOfClient(call), failure);
    return { livingid: await deadline.race(finding, () => failure) };
  }

  /** Other replicas cannot see an unkeyed create, so it is announced to them if it is not answered at once. */
  #announceLater(booking: string): { permit: SendPermit; isDue: () => boolean; end: () => void } {
    let stopTimer: (() => void) | undefined;
    let withdraw: (() => void) | undefined;
    let isDueAtMs = Infinity;
    const permit = {
      obtain: () => {
        isDueAtMs = this.#clock.monotonicMs() + announceAfterMs;
        stopTimer ??= this.#clock.after(announceAfterMs, () => {
          withdraw = this.#lock.announce(booking, this.#self, this.options.timeoutMs + invisibleMs);
        });
        return Promise.resolve();
      },
    };
    const end = (): void => {
      stopTimer?.();
      // After its living's owner has been written.
      if (withdraw) this.#clock.after(invisibleMs, withdraw);
    };
    // Compares times, because after a stall the timer fires late.
    return { permit, end, isDue: () => this.#clock.monotonicMs() >= isDueAtMs };
  }

  /** @throws the create's error, if the living is not found before the deadline */
  async #findUnkeyed(request: CreateLivingRequest, call: CallOptions, failure: WecomError): Promise<string> {
    const { metrics, settleMs } = this.options;
    const owner = `unkeyed:${this.#self}:${(this.#unkeyedCount += 1)}`;
    const lost = { owner, request, settlesAtMs: this.#watch.latestMs() + settleMs };
    call.log.warn({ corp: call.corp }, "the answer to a create without a key is lost: searching for its living");
    const search = async (): Promise<string | undefined> => {
      const found = await this.#lost.find(lost, false, call).catch((error: unknown) => {
        if (!(error instanceof WecomError) && !(error instanceof StoreError)) throw error;
        call.log.info({ reason: error.message }, "could not search for a living");
        return undefined;
      });
      return found?.livingid;
    };
    const livingid = await call.deadline.repeat(search, lookPauseMs);
    metrics.countCreate(livingid === undefined ? "unknown" : "found");
    if (livingid === undefined) throw failure;
    return livingid;
  }
}

/** Another create owns this living, so its own, if it exists, has yet to be found. */
function takenFor(livingid: string): WecomTransportError {
  return new WecomTransportError(`${livingid} was taken for another create's before it was answered`, {
    ...{ api: "living/create", delivery: "unknown", mayHaveTakenEffect: true },
  });
}

/** Canonical form: without absent and null fields, keys sorted. */
function normalised(input: unknown): unknown {
  if (Array.isArray(input)) return input.map(normalised);
  if (typeof input !== "object" || input === null) return input;
  const fields = Object.entries(input).filter(([, value]) => value !== undefined && value !== null);
  return fields.sort(([one], [other]) => (one < other ? -1 : 1)).map(([name, value]) => [name, normalised(value)]);
}
