/**
 * The way of a create under an idempotency key from `new` to `done`, one step at a time: by the request that brings it, by
 * a later one with the same key, or by the reconciler of any replica. docs/creates.md tells the protocol and what it assumes.
 * Over 300 lines because the steps of one record stand together: what one leaves behind, the next has to find.
 */
import type { CreateMetrics } from "../../observability/metrics.js";
import { reasonOf, StoreError } from "../../stores/store.js";
import type { CallOptions, SendPermit } from "../call.js";
import type { ErrcodeFault } from "../errcodes.js";
import { WecomApiError, WecomError, WecomKeyReusedError, WecomTransportError, WecomUnsettledError } from "../errors.js";
import type { CreateLivingRequest } from "../living.wire.js";
import type { Claims } from "./claims.js";
import { digestOf, type DoneEntry, isDone, type Journal, type OpenEntry, type Outcome } from "./journal.js";
import type { Liveness } from "./liveness.js";
import type { LostLivings } from "./lost-livings.js";
import { bookingOf, type Turns } from "./turns.js";

const api = "living/create";
/** How often a request looks whether another that has the same key is done. */
const waitPausesMs = [10, 20, 40, 80];
/** Between looking for a living and looking again: WeCom may carry a create out late. */
export const lookPausesMs = [100, 200, 400, 800, 1600, 2000];
/** The reconciler looks again after 0.5, 1, then every 2 s; for what stays open long after its time is over, less often. */
const reminder = { firstMs: 250, longestMs: 2_000, longestLaterMs: 30_000, laterAfterMs: 60_000 };
/** A record whose process has died without a word is looked at so long after. */
const firstReminderMs = 2_000;

export interface KeyedCreatesOptions {
  /** Sends it, once; `permit` has the last word. */
  readonly send: (request: CreateLivingRequest, call: CallOptions) => Promise<{ livingid: string }>;
  readonly journal: Journal;
  readonly liveness: Liveness;
  readonly turns: Turns;
  readonly claims: Claims;
  readonly lost: LostLivings;
  readonly metrics: CreateMetrics;
  readonly now: () => number;
  readonly settleMs: number;
}

export class KeyedCreates {
  /** The records that this process works on just now, by id, with the digest of their requests. */
  readonly #workedOn = new Map<string, string>();

  constructor(private readonly options: KeyedCreatesOptions) {}

  /** @param id of the key: of the app, the corp, the caller and what the caller chose */
  async create(id: string, request: CreateLivingRequest, call: CallOptions): Promise<{ livingid: string }> {
    const digest = digestOf(request);
    for (let wait = 0; ; wait += 1) {
      const outcome = await this.#alone(id, digest, () => this.#createNow(id, digest, request, call));
      if (outcome) return livingidOf(outcome);
      if (!(await call.deadline.pause(pauseAt(waitPausesMs, wait)))) throw new WecomUnsettledError({ api });
    }
  }

  /** For the reconciler: a step further with a record that is due. */
  async resume(id: string, call: Omit<CallOptions, "corp">): Promise<void> {
    const { journal, now } = this.options;
    await this.#alone(id, undefined, async () => {
      const entry = await journal.read(id);
      if (!entry || isDone(entry)) {
        await journal.remindOfNoMore(id);
        return undefined;
      }
      const taken = await this.#takeOver(entry);
      if (!taken) {
        await journal.remindOf(id, now() + firstReminderMs / 2);
        return undefined;
      }
      if (taken.record.state === "new") {
        // Not sent, and nobody was told that it would be.
        await journal.forget(taken);
        return undefined;
      }
      const next = await this.#advance(taken, { ...call, corp: taken.record.corp });
      if (next && !isDone(next)) await this.#leave(next);
      return undefined;
    });
  }

  /** One in this process works on a record; `undefined` when it is another, or `work` has found no outcome. */
  async #alone(
    id: string,
    digest: string | undefined,
    work: () => Promise<Outcome | undefined>,
  ): Promise<Outcome | undefined> {
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

  async #createNow(
    id: string,
    digest: string,
    request: CreateLivingRequest,
    call: CallOptions,
  ): Promise<Outcome | undefined> {
    const { journal, liveness, metrics } = this.options;
    const record = { state: "new", corp: call.corp, digest, request, owner: liveness.self } as const;
    const begun = await beforeSending(() => journal.begin(id, record));
    if (begun) return await this.#settle(begun, call);
    const entry = await beforeSending(() => journal.read(id));
    if (!entry) return undefined;
    if (entry.record.digest !== digest) throw new WecomKeyReusedError({ api });
    if (isDone(entry)) {
      metrics.countCreate("repeated");
      return entry.record.outcome;
    }
    const taken = await beforeSending(() => this.#takeOver(entry));
    return taken && (await this.#settle(taken, call));
  }

  /** @returns undefined while a process that is alive works on it */
  async #takeOver(entry: OpenEntry): Promise<OpenEntry | undefined> {
    const { journal, liveness, now } = this.options;
    const { record } = entry;
    const { self } = liveness;
    // One of our own that nobody here works on was left behind when the store failed.
    if (record.owner !== undefined && record.owner !== self && (await liveness.isAlive(record.owner))) return undefined;
    if (record.state !== "sent") return await journal.replace(entry, { ...record, owner: self });
    return await journal.replace(entry, { ...record, owner: self, state: "unknown", lostAt: now(), looks: 0 });
  }

  /** Until the outcome is known or the time is over. @returns undefined when it has become somebody else's */
  async #settle(entry: OpenEntry, call: CallOptions): Promise<Outcome | undefined> {
    const { settleMs, now, metrics } = this.options;
    let current = entry;
    for (let look = 0; ; look += 1) {
      const next = await this.#advance(current, call);
      if (!next) return undefined;
      if (isDone(next)) return next.record.outcome;
      current = next;
      const { record } = current;
      const untilSettledMs = record.state === "unknown" ? record.lostAt + settleMs - now() : 0;
      const pauseMs = pauseAt(lookPausesMs, look);
      const isTimeLeft = await call.deadline.pause(untilSettledMs > 0 ? Math.min(pauseMs, untilSettledMs) : pauseMs);
      if (isTimeLeft) continue;
      await this.#leave(current).catch(() => undefined);
      metrics.countCreate("unknown");
      throw new WecomUnsettledError({ api });
    }
  }

  /**
   * Sends what was not sent yet; looks for what was; and sends again what was not found when it cannot appear any more.
   *
   * @returns undefined when it has become somebody else's
   */
  async #advance(entry: OpenEntry, call: CallOptions): Promise<OpenEntry | DoneEntry | undefined> {
    const { lost, settleMs, now } = this.options;
    const { record } = entry;
    if (record.state === "unknown") {
      // Before the look: what takes effect while it goes on is not sure to be seen by it.
      const lookedAt = now();
      try {
        const { livingid, settlesAt } = await lost.find(record.request, entry.id, record.lostAt + settleMs, call);
        if (livingid !== undefined) return await this.#finish(entry, { livingid }, "found", call);
        if (lookedAt < settlesAt) return { ...entry, record: { ...record, lostAt: settlesAt - settleMs } };
      } catch (error) {
        if (!(error instanceof WecomError)) throw error;
        call.log.info({ api: error.api, reason: error.message }, "could not look for a living just now");
        return entry;
      }
    }
    return await this.#send(entry, call);
  }

  async #send(entry: OpenEntry, call: CallOptions): Promise<OpenEntry | DoneEntry | undefined> {
    const { turns, claims } = this.options;
    const { request, corp } = entry.record;
    const permit = new Permit(entry, this.options);
    let livingid: string;
    let isOurs: boolean;
    try {
      [livingid, isOurs] = await beforeSending(() =>
        // The claim is within the turn: nobody may look for a living like this one before it is claimed.
        turns.alone(bookingOf(corp, request), call.deadline, async () => {
          const created = await this.options.send(request, { ...call, permit });
          const { livingid } = created;
          const living = { corp, anchor: request.anchor_userid, livingid, livingStart: request.living_start };
          return [livingid, await claims.take(living, entry.id)];
        }),
      );
    } catch (error) {
      return await this.#afterFailure(entry, permit.entry, error, call);
    }
    if (isOurs) {
      const how = entry.record.state === "unknown" ? "sent-again" : "created";
      return await this.#finish(permit.entry, { livingid }, how, call);
    }
    // A lost create alike was given this living. Then the lost one's, if there is one, is ours: the two are the same.
    return await this.#lose(permit.entry, call);
  }

  async #afterFailure(
    before: OpenEntry,
    current: OpenEntry,
    error: unknown,
    call: CallOptions,
  ): Promise<OpenEntry | DoneEntry | undefined> {
    const { journal } = this.options;
    if (!(error instanceof WecomError)) throw error;
    if (error.mayHaveTakenEffect) return await this.#lose(current, call);
    if (error instanceof WecomApiError && isAboutTheRequest(error)) {
      const { errcode, errmsg } = error;
      return await this.#finish(current, { refusal: { errcode, errmsg } }, "refused", call);
    }
    // Nothing came of it, and the same key may try again.
    if (before.record.state === "new") await journal.forget(current).catch(() => undefined);
    else await this.#leave({ ...current, record: { ...before.record, owner: undefined } }).catch(() => undefined);
    throw error;
  }

  /** @throws {WecomUnsettledError} when the store is away: the record stays `sent`, and whoever finds it takes it for lost */
  async #lose(current: OpenEntry, call: CallOptions): Promise<OpenEntry | undefined> {
    const { journal, now } = this.options;
    call.log.warn({ corp: call.corp, create: current.id }, "the answer to a create is lost: looking for its living");
    try {
      return await journal.replace(current, { ...current.record, state: "unknown", lostAt: now(), looks: 0 });
    } catch (error) {
      throw error instanceof StoreError ? new WecomUnsettledError({ api, cause: error }) : error;
    }
  }

  /** The next who comes may take it: a request with the same key, or a reconciler when it is time to look again. */
  async #leave(entry: OpenEntry): Promise<void> {
    const { journal, now, settleMs } = this.options;
    const { record } = entry;
    if (record.state !== "unknown") return;
    const looks = record.looks + 1;
    const untilSettledMs = record.lostAt + settleMs - now();
    const longestMs = untilSettledMs < -reminder.laterAfterMs ? reminder.longestLaterMs : reminder.longestMs;
    const pauseMs = Math.min(2 ** looks * reminder.firstMs, longestMs);
    const left = await journal.replace(entry, { ...record, owner: undefined, looks });
    if (!left) return;
    await journal.remindOf(entry.id, now() + (untilSettledMs > 0 ? Math.min(pauseMs, untilSettledMs) : pauseMs));
  }

  async #finish(
    entry: OpenEntry,
    outcome: Outcome,
    how: "created" | "found" | "sent-again" | "refused",
    call: CallOptions,
  ): Promise<DoneEntry | undefined> {
    const { journal, metrics } = this.options;
    const record = { state: "done", digest: entry.record.digest, outcome } as const;
    try {
      const done = await journal.replace(entry, record);
      if (done) {
        metrics.countCreate(how);
        journal.remindOfNoMore(entry.id).catch(() => undefined);
      } else {
        await this.#reportSecond(entry.id, outcome, call);
      }
      return done;
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      // It is true all the same. Whoever looks into the record later finds the living by its claim.
      call.log.warn({ create: entry.id, reason: reasonOf(error) }, "the outcome of a create could not be written down");
      return { id: entry.id, record, text: "" };
    }
  }

  /** This process was taken for dead, and another has finished its work: if by sending it again, there are two. */
  async #reportSecond(id: string, outcome: Outcome, call: CallOptions): Promise<void> {
    const entry = await this.options.journal.read(id);
    if (!entry || !isDone(entry) || !("livingid" in outcome) || !("livingid" in entry.record.outcome)) return;
    const kept = entry.record.outcome.livingid;
    if (kept === outcome.livingid) return;
    this.options.metrics.countCreate("doubled");
    call.log.error(
      { corp: call.corp, kept, left: [outcome.livingid] },
      "a create has taken effect twice: WeCom carried it out later than WECOM_SETTLE_MS says; cancel what is left",
    );
  }
}

/** `sent` is written down before the first byte leaves, and only whom the others take for alive may send. */
class Permit implements SendPermit {
  constructor(
    public entry: OpenEntry,
    private readonly options: Pick<KeyedCreatesOptions, "journal" | "liveness" | "now">,
  ) {}

  async obtain(): Promise<void> {
    const { journal, now } = this.options;
    // WeCom has refused the token: the same create is sent once more.
    if (this.entry.record.state === "sent") return;
    const { id, record } = this.entry;
    const sent = await beforeSending(async () => {
      await journal.remindOf(id, now() + firstReminderMs);
      return await journal.replace(this.entry, { ...record, state: "sent" });
    });
    if (!sent) throw notSent("another process has taken the create over");
    this.entry = sent;
  }

  isValid(): boolean {
    return this.options.liveness.isKnown;
  }
}

/** Faults that say something of the gateway or the moment: a refusal for such a reason is not the request's end. */
const passingFaults: ReadonlySet<ErrcodeFault> = new Set([
  "wecom",
  "rate",
  "concurrency",
  "token",
  "suite-token",
  "credential",
  "ip",
  "license",
  "callback",
]);

function isAboutTheRequest({ entry }: WecomApiError): boolean {
  return entry === undefined || !passingFaults.has(entry.fault);
}

/** @throws {WecomApiError} as at the first time */
function livingidOf(outcome: Outcome): { livingid: string } {
  if ("livingid" in outcome) return { livingid: outcome.livingid };
  throw new WecomApiError({ api, mayHaveTakenEffect: false, ...outcome.refusal });
}

/** Without the journal nothing is sent: it could be sent twice. */
async function beforeSending<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof StoreError ? notSent(error.message) : error;
  }
}

function notSent(reason: string): WecomTransportError {
  return new WecomTransportError(`${api} was not sent: ${reason}`, {
    api,
    delivery: "none",
    mayHaveTakenEffect: false,
  });
}

export function pauseAt(pausesMs: readonly number[], index: number): number {
  return pausesMs[Math.min(index, pausesMs.length - 1)] ?? 0;
}
