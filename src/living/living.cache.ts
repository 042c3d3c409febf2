/**
 * What livings were a moment ago: an ended one hardly changes, a reserved one seldom, a live one every second. Kept in
 * memory only, for a living holds the secret push URL, and by corp; who may see what is asked elsewhere, as ever. While
 * WeCom is away, what is known is better than nothing, and said to be old.
 */
import { BoundedMap } from "../lib/bounded-map.js";
import type { CallOptions } from "../wecom/call.js";
import { WecomApiError, WecomConfigurationError, WecomError } from "../wecom/errors.js";
import { SharedRead } from "../wecom/shared-read.js";
import { LivingReplayStatus, LivingStatus } from "./living.enums.js";
import type { LivingDetails } from "./living.types.js";

const secondMs = 1000;
const minuteMs = 60_000;

/** How long something old may stand in for an answer. */
const staleForMs = 10 * minuteMs;
/** About a kilobyte each. */
const maxLivings = 2000;

interface Known {
  readonly details: LivingDetails;
  readonly readAt: number;
  readonly freshForMs: number;
  /** During which time of hearing the other replicas it was read. */
  readonly heardIn: object | undefined;
}

/** Of one living. What is forgotten is dropped whole: what is being read for it then is not kept, nor joined. */
interface Entry {
  known?: Known;
  reading?: SharedRead<LivingDetails>;
}

export interface LivingCacheOptions {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Tells the other replicas that a living was changed here. */
  readonly tellChange: (corp: string, livingid: string) => void;
  readonly count: (outcome: "hit" | "miss" | "stale") => void;
}

export class LivingCache {
  readonly #entries = new BoundedMap<string, Entry>(maxLivings);
  /** Another one after each gap; undefined: changes elsewhere may be missed now. */
  #heardIn: object | undefined;

  constructor(private readonly options: LivingCacheOptions) {}

  /**
   * What is known and young enough, or what `read` brings, or something old where WeCom is away. Operations that ask at
   * the same time share one `read`.
   *
   * @throws what `read` throws
   */
  async get(
    livingid: string,
    call: CallOptions,
    read: (call: CallOptions) => Promise<LivingDetails>,
  ): Promise<{ details: LivingDetails; isStale: boolean }> {
    const { now, count } = this.options;
    const key = keyOf(call.corp, livingid);
    const known = this.#entries.get(key)?.known;
    if (known && this.#isFresh(known)) {
      count("hit");
      return { details: known.details, isStale: false };
    }
    try {
      const details = await this.#read(key, call, read).wait(call);
      count("miss");
      return { details, isStale: false };
    } catch (error) {
      // Not the one of before: it may have been forgotten meanwhile.
      const old = this.#entries.get(key)?.known;
      if (!old || !isAway(error) || !isWithin(old, staleForMs, now())) throw error;
      count("stale");
      return { details: old.details, isStale: true };
    }
  }

  /** It was changed here. */
  change(corp: string, livingid: string): void {
    this.forget(corp, livingid);
    this.options.tellChange(corp, livingid);
  }

  /** It was changed, here or elsewhere. @param livingid undefined: all of this corp */
  forget(corp: string, livingid: string | undefined): void {
    if (livingid !== undefined) {
      this.#entries.delete(keyOf(corp, livingid));
      return;
    }
    const prefix = keyOf(corp, "");
    for (const [key] of this.#entries) if (key.startsWith(prefix)) this.#entries.delete(key);
  }

  /** Whether changes by other replicas are heard from now on. What was read before may be out of date. */
  hear(isHearing: boolean): void {
    this.#heardIn = isHearing ? {} : undefined;
  }

  #isFresh(known: Known): boolean {
    const isHeard = known.heardIn !== undefined && known.heardIn === this.#heardIn;
    return isHeard && isWithin(known, known.freshForMs, this.options.now());
  }

  #read(
    key: string,
    call: CallOptions,
    read: (call: CallOptions) => Promise<LivingDetails>,
  ): SharedRead<LivingDetails> {
    const entry = this.#entries.get(key) ?? {};
    this.#entries.set(key, entry);
    if (entry.reading?.mayBeJoinedBy(call)) return entry.reading;
    const heardIn = this.#heardIn;
    const reading = new SharedRead("living/get_living_info", call, async (options) => {
      try {
        const details = await read(options);
        if (entry.reading === reading) this.#keep(entry, details, heardIn);
        return details;
      } finally {
        if (entry.reading === reading) delete entry.reading;
      }
    });
    entry.reading = reading;
    return reading;
  }

  #keep(entry: Entry, details: LivingDetails, heardIn: object | undefined): void {
    const readAt = this.options.now();
    const freshForMs = freshFor(details, readAt);
    if (freshForMs > 0) entry.known = { details, readAt, freshForMs, heardIn };
  }
}

/** Milliseconds; 0: not even for a moment. */
function freshFor({ status, livingStart, livingDuration, replayStatus }: LivingDetails, now: number): number {
  const startsInMs = (livingStart ?? 0) * secondMs - now;
  switch (status) {
    case LivingStatus.RESERVED:
      // About its start it is watched for it.
      return startsInMs > minuteMs ? 5 * secondMs : secondMs;
    case LivingStatus.LIVE:
      return secondMs;
    case LivingStatus.ENDED: {
      // The replay is made in the time after it.
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

/** A clock that was set back makes nothing young. */
function isWithin({ readAt }: Known, ms: number, now: number): boolean {
  return now >= readAt && now - readAt < ms;
}

/** It said nothing of this living, nor of the gateway's right to ask: busy, unreachable, asked too often. */
function isAway(error: unknown): boolean {
  if (error instanceof WecomApiError) return error.entry?.about === "moment";
  return error instanceof WecomError && !(error instanceof WecomConfigurationError);
}

function keyOf(corp: string, livingid: string): string {
  return `${corp}\n${livingid}`;
}
