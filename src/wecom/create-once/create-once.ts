/**
 * One living per click. `living/create` has no idempotency key, and networks lose answers. What a failure means is told by
 * its error: certainly not sent → it may be sent anew; certainly refused → final; everything else → unknown, and the living
 * is looked for. Only under a key, and only after a settling time in which a lost create may still take effect, is one that
 * was not found sent again. docs/creates.md has the protocol and what it assumes.
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

/** Lets what is done for a create later point at the operation that began it. */
export interface CreateTraces {
  readonly remember: (id: string, span: Span) => void;
  readonly resume: (id: string) => Span | undefined;
}

export interface CreateOnceOptions {
  readonly livings: LivingDataSource;
  readonly store: Store;
  readonly metrics: CreateMetrics;
  /** A create was settled for which no request of this process waits any more. */
  readonly onSettledLate?: (settled: SettledCreate) => void;
  readonly log: Logger;
  readonly traces?: CreateTraces | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  /** How long a create whose answer was lost may still take effect. */
  readonly settleMs: number;
  /** How long an operation, and a step of the reconciler, takes at most. */
  readonly timeoutMs: number;
  /** How long after it was first seen a key ends. Default: 24 hours. */
  readonly keyLifetimeMs?: number;
  /** The store is other processes' as well. */
  readonly isShared: boolean;
  /** Names the app: the keys of two apps that share a store are not each other's. */
  readonly app: string;
}

export interface IdempotencyKey {
  readonly key: string;
  /** Whose it is: the same text of another caller is another key. Undefined where callers cannot be told apart. */
  readonly caller: string | undefined;
  /** What the caller gave: another input under the same key is refused. Absent and null fields are the same. */
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
  /** Ids for which requests wait, and how many. */
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
    const lock = (this.#lock = new BookingLock({ store, clock, time: watch, self }));
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

  /** Looks after no create any more but those of requests; waits for what runs. */
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
   * Reserves a living: once under one key, however often it is asked for within 24 hours; without a key it is sent once.
   * A lost answer is looked for until the deadline.
   *
   * @throws {WecomUnsettledError} the outcome is open; the same key answers with it later
   * @throws {WecomGivenUpError} the key has ended, and what became of its create was not found out
   * @throws {WecomKeyReusedError} the key belongs to another request
   * @throws {WecomError} as `LivingDataSource.create`; without a key, `mayHaveTakenEffect` says that it was not found out
   */
  create(
    request: CreateLivingRequest,
    key: IdempotencyKey | undefined,
    call: CallOptions,
  ): Promise<{ livingid: string }> {
    if (!key) return this.#createUnkeyed(request, call);
    const id = this.idOf(key, call.corp);
    // Of the input, which a release that maps it otherwise does not change. Earlier releases: of what it was mapped to.
    const digests = [`input:${digestOf(normalised(key.input))}`, digestOf(request)] as const;
    const { deadline } = call;
    if (call.span) this.options.traces?.remember(id, call.span);
    this.#awaited.set(id, (this.#awaited.get(id) ?? 0) + 1);
    const creating = this.#keyed.create({ id, digests, request }, regardlessOfClient(call));
    // A store that is slow keeps nobody waiting: what goes on is finished without the request.
    return deadline
      .race(creating, () => new WecomUnsettledError({ api: "living/create" }))
      .finally(() => {
        const waiting = this.#awaited.get(id) ?? 0;
        if (waiting > 1) this.#awaited.set(id, waiting - 1);
        else this.#awaited.delete(id);
      });
  }

  /** By which the journal knows a key: nothing can be read from it, but a key that can be guessed can be tried. */
  idOf({ key, caller }: Pick<IdempotencyKey, "key" | "caller">, corp: string): string {
    return digestOf([this.options.app, corp, caller, key]);
  }

  /** Creates under a key whose outcome is open, in all replicas. @throws {StoreError} */
  async unfinished(): Promise<{ count: number; oldestSeconds: number }> {
    const { count, oldestAtMs } = await this.#journal.unfinished();
    const oldestMs = oldestAtMs === undefined ? 0 : Math.max(this.#watch.latestMs() - oldestAtMs, 0);
    return { count, oldestSeconds: oldestMs / 1000 };
  }

  /** What is booked for a living has been changed: it may be found by other words now. */
  forgetBooking(corp: string, livingid: string): void {
    this.#search.forget(corp, livingid);
  }

  async #createUnkeyed(request: CreateLivingRequest, call: CallOptions): Promise<{ livingid: string }> {
    const { corp, deadline } = call;
    const booking = bookingOf(corp, request);
    const locked = this.#lock.shared(booking, deadline);
    const release = locked instanceof Promise ? await locked : locked;
    const announcement = this.#announceLater(booking);
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
        permit: announcement.permit,
      });
      const living = { corp, livingid: created.livingid, livingStart: request.living_start };
      // Else it is not waited for. docs/creates.md says when it comes too late.
      if (!announcement.isDue()) this.#ownership.ownLater(living);
      else if (!(await this.#ownership.ownUnkeyed(living, deadline))) throw takenFor(created.livingid);
      return created;
    } catch (error) {
      if (!(error instanceof WecomError) || !error.mayHaveTakenEffect) throw error;
      failure = error;
    } finally {
      announcement.end();
      release();
    }
    const finding = this.#findUnkeyed(request, regardlessOfClient(call), failure);
    return { livingid: await deadline.race(finding, () => failure) };
  }

  /** Other replicas cannot see this create: one that is not answered at once is announced to them. */
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
      // Whose it is, is written first.
      if (withdraw) this.#clock.after(invisibleMs, withdraw);
    };
    // Not whether it is: a process that stood still finds its timers late.
    return { permit, end, isDue: () => this.#clock.monotonicMs() >= isDueAtMs };
  }

  /** @throws what the create has failed with, when the living does not show before the deadline */
  async #findUnkeyed(request: CreateLivingRequest, call: CallOptions, failure: WecomError): Promise<string> {
    const { metrics, settleMs } = this.options;
    const owner = `unkeyed:${this.#self}:${(this.#unkeyedCount += 1)}`;
    const lost = { owner, request, settlesAtMs: this.#watch.latestMs() + settleMs };
    call.log.warn({ corp: call.corp }, "the answer to a create without a key is lost: looking for its living");
    for (let look = 0; ; look += 1) {
      const found = await this.#lost.find(lost, false, call).catch((error: unknown) => {
        if (!(error instanceof WecomError) && !(error instanceof StoreError)) throw error;
        call.log.info({ reason: error.message }, "could not look for a living just now");
        return undefined;
      });
      if (found?.livingid !== undefined) {
        metrics.countCreate("found");
        return found.livingid;
      }
      if (await call.deadline.pause(lookPauseMs(look))) continue;
      metrics.countCreate("unknown");
      throw failure;
    }
  }
}

/** Its own, if there is another one, has yet to be found. */
function takenFor(livingid: string): WecomTransportError {
  return new WecomTransportError(`${livingid} was taken for another create's before it was answered`, {
    ...{ api: "living/create", delivery: "unknown", mayHaveTakenEffect: true },
  });
}

/** The same for inputs that say the same: without absent and null fields, in one order. */
function normalised(input: unknown): unknown {
  if (Array.isArray(input)) return input.map(normalised);
  if (typeof input !== "object" || input === null) return input;
  const fields = Object.entries(input).filter(([, value]) => value !== undefined && value !== null);
  return fields.sort(([one], [other]) => (one < other ? -1 : 1)).map(([name, value]) => [name, normalised(value)]);
}
