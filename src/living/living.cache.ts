/**
 * A cache of livings: an ended one hardly changes, a reserved one seldom, a live one every second. In memory only,
 * because a living holds the secret push URL, and by corp; permissions are checked elsewhere, as always. While WeCom is
 * unreachable, expired entries are served and marked as old.
 */
import { BoundedMap } from "../lib/bounded-map.js";
import type { LivingMetrics } from "../observability/metrics.js";
import type { CallOptions } from "../wecom/call.js";
import { WecomApiError, WecomConfigurationError, WecomError } from "../wecom/errors.js";
import type { LivingChangePublisher } from "../wecom/living-changes.js";
import { SharedRead } from "../wecom/shared-read.js";
import { LivingReplayStatus, LivingStatus } from "./living.enums.js";
import type { LivingDetails } from "./living.types.js";

const secondMs = 1000;
const minuteMs = 60_000;

/** How long an expired entry may be served. */
const staleForMs = 10 * minuteMs;
/** About a kilobyte each. */
const maxLivings = 2000;

interface Known {
  readonly details: LivingDetails;
  readonly readAtMs: number;
  readonly freshForMs: number;
  /** The period of receiving other replicas' changes in which it was read. */
  readonly heardIn: object | undefined;
}

interface Reading {
  readonly shared: SharedRead<LivingDetails>;
  /** As in `Known`. In another period it is not joined, because a change since then may have been missed. */
  readonly heardIn: object | undefined;
}

/** The entry of one living. A change replaces it, so that a read that started before is neither stored nor joined. */
interface Entry {
  known?: Known;
  reading?: Reading;
}

export interface LivingCacheOptions {
  /** Milliseconds since 1970, to compare with a living's start. */
  readonly now: () => number;
  /** Milliseconds of a monotonic clock, for ages. */
  readonly steady: () => number;
  /** Tells the other replicas that a living was changed here. */
  readonly changes: Pick<LivingChangePublisher, "publish">;
  readonly metrics: LivingMetrics;
}

export class LivingCache {
  readonly #entries = new BoundedMap<string, Entry>(maxLivings);
  /** Changes after each gap; undefined: other replicas' changes may be missed now. */
  #heardIn: object | undefined;

  constructor(private readonly options: LivingCacheOptions) {}

  /**
   * Returns a fresh entry, the result of `read`, or an expired entry if WeCom is unreachable. Concurrent operations
   * share one `read`.
   *
   * @throws errors of `read`
   */
  async get(
    livingid: string,
    call: CallOptions,
    read: (call: CallOptions) => Promise<LivingDetails>,
  ): Promise<{ details: LivingDetails; isStale: boolean }> {
    const { steady, metrics } = this.options;
    const key = keyOf(call.corp, livingid);
    const known = this.#entries.get(key)?.known;
    if (known && this.#isFresh(known)) {
      metrics.countCachedRead("hit");
      return { details: known.details, isStale: false };
    }
    try {
      const details = await this.#read(key, call, read).wait(call);
      metrics.countCachedRead("miss");
      return { details, isStale: false };
    } catch (error) {
      // Looked up again, because the entry may have been dropped meanwhile.
      const old = this.#entries.get(key)?.known;
      if (!old || !isAway(error) || !isWithin(old, staleForMs, steady())) throw error;
      metrics.countCachedRead("stale");
      return { details: old.details, isStale: true };
    }
  }

  /** The living was changed by this replica. */
  change(corp: string, livingid: string): void {
    this.forget(corp, livingid);
    this.options.changes.publish({ corp, livingid });
  }

  /**
   * The living was changed here or elsewhere.
   *
   * @param livingid undefined: all of this corp
   */
  forget(corp: string, livingid: string | undefined): void {
    if (livingid !== undefined) {
      this.#entries.delete(keyOf(corp, livingid));
      return;
    }
    const prefix = keyOf(corp, "");
    for (const [key] of this.#entries) if (key.startsWith(prefix)) this.#entries.delete(key);
  }

  /** Whether other replicas' changes are received from now on. Entries that were read before may be out of date. */
  hear(isHearing: boolean): void {
    this.#heardIn = isHearing ? {} : undefined;
  }

  #isFresh(known: Known): boolean {
    const isHeard = known.heardIn !== undefined && known.heardIn === this.#heardIn;
    return isHeard && isWithin(known, known.freshForMs, this.options.steady());
  }

  #read(
    key: string,
    call: CallOptions,
    read: (call: CallOptions) => Promise<LivingDetails>,
  ): SharedRead<LivingDetails> {
    const entry = this.#entries.get(key) ?? {};
    this.#entries.set(key, entry);
    const heardIn = this.#heardIn;
    if (entry.reading?.heardIn === heardIn && entry.reading?.shared.mayBeJoinedBy(call)) return entry.reading.shared;
    const shared = new SharedRead("living/get_living_info", call, async (options) => {
      try {
        const details = await read(options);
        if (entry.reading === reading) this.#keep(entry, details, heardIn);
        return details;
      } finally {
        if (entry.reading === reading) delete entry.reading;
      }
    });
    const reading: Reading = { shared, heardIn };
    entry.reading = reading;
    return shared;
  }

  #keep(entry: Entry, details: LivingDetails, heardIn: object | undefined): void {
    const { now, steady } = this.options;
    const freshForMs = freshFor(details, now());
    if (freshForMs > 0) entry.known = { details, readAtMs: steady(), freshForMs, heardIn };
  }
}

/** Milliseconds; 0: not cached. */
function freshFor({ status, livingStart, livingDuration, replayStatus }: LivingDetails, now: number): number {
  const startsInMs = (livingStart ?? 0) * secondMs - now;
  switch (status) {
    case LivingStatus.RESERVED:
      // Short about its start, when clients wait for it to go live.
      return startsInMs > minuteMs ? 5 * secondMs : secondMs;
    case LivingStatus.LIVE:
      return secondMs;
    case LivingStatus.ENDED: {
      // Short after its end, when the replay is generated.
      const endedForMs = -startsInMs - (livingDuration ?? 0) * secondMs;
      const isSettled = endedForMs > 60 * minuteMs && replayStatus !== LivingReplayStatus.GENERATING;
      return isSettled ? 5 * minuteMs : 5 * secondMs;
    }
    case LivingStatus.EXPIRED:
    case LivingStatus.CANCELLED:
      return 5 * minuteMs;
    case null:
      return 0;
  }
}

function isWithin({ readAtMs }: Known, ms: number, steadyMs: number): boolean {
  return steadyMs - readAtMs < ms;
}

/**
 * Whether the failure says nothing about the living or about the gateway's access: WeCom is busy, unreachable or rate
 * limiting.
 */
function isAway(error: unknown): boolean {
  if (error instanceof WecomApiError) return error.entry?.about === "moment";
  return error instanceof WecomError && !(error instanceof WecomConfigurationError);
}

function keyOf(corp: string, livingid: string): string {
  return `${corp}\n${livingid}`;
}
