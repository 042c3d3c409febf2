/**
 * What livings were a moment ago: an ended one hardly changes, a reserved one seldom, a live one every second. Kept in
 * memory only, for a living holds the secret push URL, and by corp; who may see what is asked elsewhere, as ever. While
 * WeCom is away, what is known is better than nothing, and said to be old.
 */
import { WecomApiError, WecomConfigurationError, WecomError } from "../wecom/errors.js";
import { LivingReplayStatus, LivingStatus } from "./living.enums.js";
import type { LivingDetails } from "./living.types.js";

const secondMs = 1000;
const minuteMs = 60_000;

/** How long something old may stand in for an answer. */
const staleForMs = 10 * minuteMs;
/** About a kilobyte each. */
const maxLivings = 2000;
const maxForgotten = 1000;

interface Entry {
  readonly details: LivingDetails;
  readonly readAt: number;
  readonly freshForMs: number;
}

export interface LivingCacheOptions {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Tells the other replicas that a living was changed here. */
  readonly tellChange: (corp: string, livingid: string) => void;
  readonly count: (outcome: "hit" | "miss" | "stale") => void;
}

export class LivingCache {
  /** The one read longest ago first. */
  readonly #entries = new Map<string, Entry>();
  /** When livings were forgotten, in numbers of forgettings: a read that began before one may bring what was before it. */
  readonly #forgotten = new Map<string, number>();
  #forgettings = 0;
  #forgottenBeyondRecall = 0;

  constructor(private readonly options: LivingCacheOptions) {}

  /**
   * What is known and young enough, or what `read` brings, or something old where WeCom is away.
   *
   * @throws what `read` throws
   */
  async get(
    corp: string,
    livingid: string,
    read: () => Promise<LivingDetails>,
  ): Promise<{ details: LivingDetails; isStale: boolean }> {
    const { now, count } = this.options;
    const key = keyOf(corp, livingid);
    const known = this.#entries.get(key);
    if (known && isWithin(known, known.freshForMs, now())) {
      count("hit");
      return { details: known.details, isStale: false };
    }
    const begunAt = this.#forgettings;
    try {
      const details = await read();
      count("miss");
      this.#keep(key, details, begunAt);
      return { details, isStale: false };
    } catch (error) {
      // Not the one of before: it may have been forgotten meanwhile.
      const old = this.#entries.get(key);
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

  /** It was changed, here or elsewhere. */
  forget(corp: string, livingid: string): void {
    const key = keyOf(corp, livingid);
    this.#entries.delete(key);
    this.#forgettings += 1;
    this.#forgotten.delete(key);
    this.#forgotten.set(key, this.#forgettings);
    const [oldest] = this.#forgotten;
    if (!oldest || this.#forgotten.size <= maxForgotten) return;
    this.#forgotten.delete(oldest[0]);
    this.#forgottenBeyondRecall = oldest[1];
  }

  #keep(key: string, details: LivingDetails, begunAt: number): void {
    const now = this.options.now();
    const freshForMs = freshFor(details, now);
    if (freshForMs === 0 || Math.max(this.#forgotten.get(key) ?? 0, this.#forgottenBeyondRecall) > begunAt) return;
    this.#entries.delete(key);
    this.#entries.set(key, { details, readAt: now, freshForMs });
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > maxLivings && oldest !== undefined) this.#entries.delete(oldest);
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
function isWithin({ readAt }: Entry, ms: number, now: number): boolean {
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
