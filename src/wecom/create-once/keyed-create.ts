/**
 * The state machine of a keyed create, which docs/creates.md draws. Each step is executed by whichever comes first: the
 * original request, a later one with the same key, or the reconciler of any replica. The rules:
 *
 * 1. A create that was sent is not sent again before it has settled, according to the record and to this process's
 * memory.
 * 2. Without the store, nothing is sent, searched or answered: what is unknown might have been sent.
 * 3. An outcome is returned only after it has been stored.
 * 4. Times that replicas compare are the store's.
 * 5. A key ends a fixed time after its first use, whether the create is settled or given up.
 *
 * Over 300 lines because the state machine is read as a whole.
 */
import type { CreateMetrics } from "../../observability/metrics.js";
import { reasonOf, StoreError } from "../../stores/store.js";
import type { CallOptions } from "../call.js";
import { WecomApiError, WecomError, WecomGivenUpError, WecomKeyReusedError, WecomUnsettledError } from "../errors.js";
import type { CreateLivingRequest } from "../living.wire.js";
import { lookPauseMs, reconcilePauseMs, waitPauseMs } from "./backoff.js";
import { bookingOf, type BookingLock } from "./booking-lock.js";
import type { CreateOutcome, EndedCreate, EndedEntry, Entry, Journal, OpenCreate, OpenEntry } from "./journal.js";
import { isEnded } from "./journal.js";
import type { Ownership } from "./ownership.js";
import type { LostCreateRecovery } from "./recover-lost.js";
import { createNotSent, KeyedSendPermit } from "./send-permit.js";
import { type Answer, type HowEnded, type Sent, SentHere } from "./sent-here.js";
import type { StoreWatch } from "./store-watch.js";
import type { Clock } from "../clock.js";

const api = "living/create";
/**
 * The part of the remaining time in which a create waits for its answer; the rest is for searching its living if the
 * answer is lost.
 */
export const partForAnswer = 0.75;

export interface KeyedCreatesOptions {
  readonly send: (request: CreateLivingRequest, call: CallOptions) => Promise<{ livingid: string }>;
  readonly journal: Journal;
  readonly watch: StoreWatch;
  readonly lock: BookingLock;
  readonly ownership: Ownership;
  readonly lost: LostCreateRecovery;
  readonly metrics: CreateMetrics;
  readonly onSettled: (settled: SettledCreate) => void;
  readonly clock: Clock;
  readonly settleMs: number;
  readonly keyLifetimeMs: number;
  /** Identifies this process among the replicas. */
  readonly self: string;
}

/** A keyed create whose outcome has been stored. */
export interface SettledCreate {
  readonly id: string;
  readonly corp: string;
  readonly anchorUserid: string;
  /** Undefined: given up. */
  readonly outcome: CreateOutcome | undefined;
}

/** A keyed request. `digests`: of its input, in the current and in earlier formats. */
export interface KeyedRequest {
  readonly id: string;
  readonly digests: readonly [current: string, ...earlier: string[]];
  readonly request: CreateLivingRequest;
}

export class KeyedCreates {
  /** Creates that this process is working on, by id, with the digest of their input. */
  readonly #workedOn = new Map<string, string>();
  readonly #sentHere: SentHere;
  #attempts = 0;

  constructor(private readonly options: KeyedCreatesOptions) {
    this.#sentHere = new SentHere(options.clock);
  }

  async create(keyed: KeyedRequest, call: CallOptions): Promise<{ livingid: string }> {
    const attempt = () => this.#exclusively(keyed.id, keyed.digests[0], () => this.#create(keyed, call));
    const ended = await call.deadline.repeat(attempt, waitPauseMs);
    if (!ended) throw new WecomUnsettledError({ api });
    return livingidOf(ended.record);
  }

  /** For the reconciler: executes a step of a record that is due. */
  async resume(id: string, call: Omit<CallOptions, "corp">): Promise<void> {
    const { journal, watch, settleMs } = this.options;
    await this.#exclusively(id, undefined, async () => {
      let entry = await this.#read(id, { ...call, corp: "" });
      if (!entry) {
        await journal.remindOfNoMore(id);
        // A request may have written the record meanwhile, and this may have been its reminder.
        entry = await journal.read(id);
        if (!entry) return undefined;
      }
      if (isEnded(entry)) {
        await journal.remindOfNoMore(id);
        return undefined;
      }
      // Postpones the reminder, so that other replicas leave the record alone meanwhile.
      await journal.remindOf(id, watch.latestMs() + call.deadline.remainingMs);
      const next = await this.#advance(entry, { ...call, corp: entry.record.corp });
      if (!next || isEnded(next) || next.record.state !== "unknown") return undefined;
      const pauseMs = reconcilePauseMs(
        watch.earliestMs() - Math.max(next.record.settlesAtMs, watch.latestMs() - settleMs),
      );
      await journal.remindOf(id, watch.latestMs() + pauseMs);
      return undefined;
    });
  }

  /** Ids of creates whose outcome is known in this process but not stored yet. */
  unwritten(): Iterable<string> {
    return this.#sentHere.unwritten();
  }

  /**
   * At most one request of this process works on a record at a time.
   *
   * @returns undefined if another one does, or if `work` found no outcome
   */
  async #exclusively(
    id: string,
    digest: string | undefined,
    work: () => Promise<EndedEntry | undefined>,
  ): Promise<EndedEntry | undefined> {
    const other = this.#workedOn.get(id);
    if (other !== undefined) {
      if (digest !== undefined && other !== "" && other !== digest) throw new WecomKeyReusedError({ api });
      return undefined;
    }
    this.#workedOn.set(id, digest ?? "");
    try {
      return await work();
    } finally {
      this.#workedOn.delete(id);
    }
  }

  async #create({ id, digests, request }: KeyedRequest, call: CallOptions): Promise<EndedEntry | undefined> {
    const { metrics, watch, keyLifetimeMs } = this.options;
    const entry = await this.#read(id, call).catch((error: unknown) => {
      if (!(error instanceof StoreError)) throw error;
      // Without the journal nothing is sent: it could be sent twice.
      throw this.#sentHere.get(id) ? new WecomUnsettledError({ api, cause: error }) : createNotSent(error.message);
    });
    if (!entry) {
      const endsAtMs = Math.ceil(watch.latestMs() + keyLifetimeMs);
      const record = { state: "new", corp: call.corp, digest: digests[0], request, endsAtMs } as const;
      return await this.#settle({ id, record, text: undefined }, call);
    }
    if (!digests.includes(entry.record.digest)) throw new WecomKeyReusedError({ api });
    if (!isEnded(entry)) return await this.#settle(entry, call);
    metrics.countCreate("repeated");
    return entry;
  }

  /** The record of a key: from the store, or from this process's memory if the store has lost it. */
  async #read(id: string, call: CallOptions): Promise<Entry | undefined> {
    const { journal, watch, clock } = this.options;
    const sent = this.#sentHere.get(id);
    const conclude = (known: Sent, { outcome, how }: Answer, text: string | undefined) =>
      this.#conclude({ ...known.entry, text }, outcome, how, call);
    if (sent?.answer?.isWritten === false) {
      const ended = await conclude(sent, sent.answer, sent.entry.text);
      // Another create owns the living, so the record is open again.
      return ended ?? (await journal.read(id));
    }
    const entry = await journal.read(id);
    if (entry || !sent) return entry;
    if (sent.answer) return (await conclude(sent, sent.answer, undefined)) ?? (await journal.read(id));
    if (!this.#sentHere.isUnsettled(id)) return undefined;
    const settlesAtMs = Math.ceil(watch.latestMs() + sent.unsettledUntilMs - clock.monotonicMs());
    return await this.#replaceByUnknown({ ...sent.entry, text: undefined }, settlesAtMs);
  }

  /**
   * Repeats steps until the outcome is known or the time is over.
   *
   * @returns undefined if another process works on the record
   */
  async #settle(entry: OpenEntry, call: CallOptions): Promise<EndedEntry | undefined> {
    const { watch, metrics, journal } = this.options;
    let current = entry;
    for (let look = 0; ; look += 1) {
      const next = await this.#advance(current, call);
      if (!next || isEnded(next)) return next;
      current = next;
      const { record } = current;
      const unsettledForMs = record.state === "unknown" ? record.settlesAtMs - watch.earliestMs() : 0;
      const pauseMs = lookPauseMs(look);
      if (await call.deadline.pause(unsettledForMs > 0 ? Math.min(pauseMs, unsettledForMs) : pauseMs)) continue;
      journal.remindOf(current.id, watch.latestMs()).catch(() => undefined);
      metrics.countCreate("unknown");
      throw new WecomUnsettledError({ api });
    }
  }

  /**
   * One step.
   *
   * @returns undefined if another process works on the record, or has changed it
   */
  async #advance(entry: OpenEntry, call: CallOptions): Promise<OpenEntry | EndedEntry | undefined> {
    const { watch, settleMs } = this.options;
    const { record } = entry;
    if (watch.earliestMs() >= record.endsAtMs) return await this.#giveUp(entry, call);
    const unknownUntil = (settlesAtMs: number) => orUnsettled(() => this.#replaceByUnknown(entry, settlesAtMs));
    switch (record.state) {
      case "new":
        return watch.isHeld ? await unknownUntil(watch.heldUntilMs) : await this.#send(entry, call);
      case "sent":
        if (watch.earliestMs() < record.answerByMs) return undefined;
        return await unknownUntil(record.answerByMs + settleMs);
      case "unknown":
        return await this.#look(entry, record, call);
    }
  }

  /** Searches the living. If it is not found and cannot appear any more, sends the create again. */
  async #look(
    entry: OpenEntry,
    record: OpenCreate & { state: "unknown" },
    call: CallOptions,
  ): Promise<OpenEntry | EndedEntry | undefined> {
    const { lost, watch } = this.options;
    const { id } = entry;
    const { request, settlesAtMs } = record;
    try {
      if (watch.earliestMs() >= settlesAtMs) await watch.askTime();
      // Read before the search, which may miss a living that appears while it runs.
      const lookedAtMs = watch.earliestMs();
      const isSettled = lookedAtMs >= settlesAtMs && !this.#sentHere.isUnsettled(id) && !watch.isHeld;
      const found = await lost.find({ owner: ownerOf(entry), request, settlesAtMs }, isSettled, call);
      if (found.livingid !== undefined) {
        return await this.#conclude(entry, { livingid: found.livingid }, "found", call);
      }
      if (!isSettled || lookedAtMs < found.settlesAtMs) return entry;
    } catch (error) {
      if (!(error instanceof StoreError) && (!(error instanceof WecomError) || error instanceof WecomUnsettledError)) {
        throw error;
      }
      call.log.info({ create: id, reason: error.message }, "could not search for a living");
      return entry;
    }
    return await this.#send(entry, call);
  }

  async #send(entry: OpenEntry, call: CallOptions): Promise<OpenEntry | EndedEntry | undefined> {
    const { lock, journal, watch, send } = this.options;
    const { request, corp } = entry.record;
    const { release } = await lock.exclusive(bookingOf(corp, request), call.deadline).catch((error: unknown) => {
      throw error instanceof StoreError ? createNotSent(error.message) : error;
    });
    // The lock is held until the living's owner is stored, so that no search for an equal booking runs before.
    try {
      const deadline = call.deadline.part(partForAnswer);
      const attempt = `${this.options.self} ${(this.#attempts += 1)}`;
      const onSent = (sent: OpenEntry): void => {
        this.#noteSent(sent, deadline.remainingMs);
      };
      const permit = new KeyedSendPermit(entry, deadline, attempt, journal, watch, onSent);
      try {
        const { livingid } = await send(request, { ...call, deadline, permit });
        const how = entry.record.state === "unknown" ? "sent-again" : "created";
        return await this.#conclude(permit.sent ?? entry, { livingid }, how, call);
      } catch (error) {
        const isOurs = error instanceof WecomError && !(error instanceof WecomUnsettledError);
        if (!isOurs || !permit.sent) throw error;
        return await this.#afterFailure(entry, permit.sent, error, call);
      }
    } finally {
      release();
    }
  }

  async #afterFailure(
    before: OpenEntry,
    sent: OpenEntry,
    error: WecomError,
    call: CallOptions,
  ): Promise<OpenEntry | EndedEntry | undefined> {
    const { journal, watch } = this.options;
    if (error.mayHaveTakenEffect) return await this.#lose(sent, call);
    if (error instanceof WecomApiError && (error.entry?.about ?? "request") === "request") {
      const { errcode, errmsg } = error;
      return await this.#conclude(sent, { refusal: { errcode, errmsg } }, "refused", call);
    }
    // The create had no effect, so the same key may try again.
    this.#sentHere.delete(sent.id);
    const isRestored = await orUnsettled(async () => {
      if (before.record.state === "unknown") return await journal.replace(sent, before.record);
      if (watch.isHeld) return await this.#replaceByUnknown(sent, watch.heldUntilMs);
      return await journal.forget(sent);
    });
    if (!isRestored || watch.isHeld) throw new WecomUnsettledError({ api, cause: error });
    throw error;
  }

  /** The answer is lost: the settling time starts now. */
  async #lose(sent: OpenEntry, call: CallOptions): Promise<OpenEntry | undefined> {
    const { watch, settleMs } = this.options;
    call.log.warn({ corp: call.corp, create: sent.id }, "the answer to a create is lost: searching for its living");
    this.#noteSent(sent, 0);
    return await orUnsettled(() => this.#replaceByUnknown(sent, Math.ceil(watch.latestMs() + settleMs)));
  }

  #replaceByUnknown(entry: OpenEntry, settlesAtMs: number): Promise<OpenEntry | undefined> {
    const { corp, request, digest, endsAtMs } = entry.record;
    return this.options.journal.replace(entry, { corp, request, digest, endsAtMs, state: "unknown", settlesAtMs });
  }

  #noteSent(entry: OpenEntry, answerInMs: number): void {
    const { clock, settleMs } = this.options;
    this.#sentHere.set(entry.id, { entry, unsettledUntilMs: clock.monotonicMs() + answerInMs + settleMs });
  }

  /**
   * Stores that the living belongs to this create, then the outcome. What cannot be stored now is stored later, and
   * returned then.
   *
   * @throws {WecomUnsettledError} when the store is unreachable
   */
  async #conclude(
    entry: OpenEntry,
    outcome: CreateOutcome,
    how: HowEnded,
    call: CallOptions,
  ): Promise<EndedEntry | undefined> {
    const { ownership, metrics } = this.options;
    const { id, record } = entry;
    const { unsettledUntilMs = 0 } = this.#sentHere.get(id) ?? {};
    const keep = (isWritten: boolean): void => {
      this.#sentHere.set(id, { entry, unsettledUntilMs, answer: { outcome, how, isWritten } });
    };
    keep(false);
    return await orUnsettled(async () => {
      const other = await this.#endedByOther(entry);
      if (!other && "livingid" in outcome) {
        const { corp, request } = record;
        const living = { corp, livingid: outcome.livingid, livingStart: request.living_start };
        // Another lost create with an equal booking took this living. Then that one's living, if it exists, is equal to
        // ours and is taken instead.
        if (!(await ownership.own(living, ownerOf(entry)))) {
          this.#sentHere.delete(id);
          await this.#lose(entry, call);
          return undefined;
        }
      }
      if (other) this.#reportSecond(id, outcome, other.record.outcome, call);
      const ended = other ?? (await this.#writeDown(entry, outcome, how, call));
      // It belongs to an equal create, if there is one.
      if (ended && "livingid" in outcome && livingIn(ended) !== outcome.livingid)
        await ownership.disown({ corp: record.corp, livingid: outcome.livingid }, ownerOf(entry));
      keep(true);
      if (ended?.text !== undefined) metrics.countCreate(how);
      if (ended) this.#tellSettled(entry, ended.record);
      return ended;
    });
  }

  /** A process that stood still must not own a living for a create that another process has finished meanwhile. */
  async #endedByOther({ id, record }: OpenEntry): Promise<DoneEntry | undefined> {
    const { watch, journal } = this.options;
    // Until then, the record is left alone.
    if (record.state === "sent" && watch.latestMs() < record.answerByMs) return undefined;
    const found = await journal.read(id);
    return found && isDone(found) && found.record.digest === record.digest ? found : undefined;
  }

  #tellSettled({ id, record: { corp, request } }: OpenEntry, ended: EndedCreate): void {
    const outcome = ended.state === "done" ? ended.outcome : undefined;
    this.options.onSettled({ id, corp, anchorUserid: request.anchor_userid, outcome });
  }

  async #writeDown(
    { id, text, record: { digest, endsAtMs } }: OpenEntry,
    outcome: CreateOutcome,
    how: HowEnded,
    call: CallOptions,
  ): Promise<EndedEntry | undefined> {
    const { journal } = this.options;
    for (let before = text; ;) {
      const done = await journal.replace({ id, text: before }, { digest, endsAtMs, state: "done", outcome });
      if (done) return done;
      // The record was changed, or the store lost it and the key was used with another input.
      const found = await journal.read(id);
      if (found && (isDone(found) || found.record.digest !== digest)) {
        const kept = isDone(found) && found.record.digest === digest ? found : undefined;
        this.#reportSecond(id, outcome, kept?.record.outcome, call);
        return kept;
      }
      // Another process sent it again and may have succeeded, although WeCom refused ours.
      if (found && how === "refused") return undefined;
      before = found?.text;
    }
  }

  /** Another process has finished this create. If it had sent it again, there are two livings. */
  #reportSecond(
    id: string,
    outcome: CreateOutcome,
    stored: CreateOutcome | undefined,
    { corp, log }: CallOptions,
  ): void {
    const kept = stored && "livingid" in stored ? stored.livingid : undefined;
    if (!("livingid" in outcome) || outcome.livingid === kept) return;
    this.options.metrics.countCreate("doubled");
    log.error(
      { corp, create: id, kept, left: [outcome.livingid] },
      "a create has taken effect twice: WeCom executed it later than WECOM_SETTLE_MS, or the store has lost confirmed writes: cancel those in `left` that no equal create was given",
    );
  }

  async #giveUp(entry: OpenEntry, call: CallOptions): Promise<EndedEntry | undefined> {
    const { journal, metrics } = this.options;
    const { id, record } = entry;
    const { digest, endsAtMs } = record;
    const ended = await orUnsettled(() => journal.replace(entry, { digest, endsAtMs, state: "given-up" }));
    if (!ended) return undefined;
    metrics.countCreate("given-up");
    this.#tellSettled(entry, ended.record);
    call.log.error(
      { corp: record.corp, create: id, anchor: record.request.anchor_userid, theme: record.request.theme },
      "the outcome of a create is still unknown at the end of its key: check the anchor's livings",
    );
    return ended;
  }
}

/** Includes the input's digest: if the store lost the record, the key may have been used with another input since. */
function ownerOf({ id, record }: OpenEntry): string {
  return `${id} ${record.digest}`;
}

type DoneEntry = EndedEntry & { readonly record: { readonly state: "done" } };

function isDone(entry: Entry): entry is DoneEntry {
  return entry.record.state === "done";
}

function livingIn({ record }: EndedEntry): string | undefined {
  return record.state === "done" && "livingid" in record.outcome ? record.outcome.livingid : undefined;
}

/**
 * @throws {WecomApiError} WeCom's first refusal
 *
 * @throws {WecomGivenUpError}
 */
function livingidOf(record: EndedCreate): { livingid: string } {
  if (record.state === "given-up") throw new WecomGivenUpError({ api });
  if ("livingid" in record.outcome) return { livingid: record.outcome.livingid };
  throw new WecomApiError({ api, mayHaveTakenEffect: false, ...record.outcome.refusal });
}

/** If an outcome cannot be stored, it is not returned. */
async function orUnsettled<T>(write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    throw new WecomUnsettledError({ api, cause: new Error(reasonOf(error)) });
  }
}
