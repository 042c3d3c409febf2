/**
 * What a call has to pass before it is sent, per corp and API: circuit breakers, the rate-limit block, the limits per
 * minute and hour, and the semaphore. After the semaphore, all of them are checked again and the call is
 * counted, in one synchronous step with one reading of the clock. Each is a file of its own; `LimitSync` shares their
 * state between replicas. Over 300 lines because checking and counting is one step.
 */
import type { LimiterState, WecomMetrics } from "../../observability/metrics.js";
import { Bulkhead } from "./bulkhead.js";
import { CallCounts, type CallLimits, type Counted, type KnownCounts } from "./call-limits.js";
import {
  type Attempt,
  type BlockState,
  CircuitBreaker,
  RateLimitBlock,
  trialMs,
  type Verdict,
} from "./circuit-breaker.js";
import type { TimeLimit } from "../deadline.js";
import { notSent, WecomOverloadError, type WecomTransportError } from "../errors.js";
import { Semaphore } from "./semaphore.js";

/** The end of a call, as far as limits are concerned. */
export type CallEnd =
  /** With any errcode, or at least an HTTP answer. */
  | "answered"
  /** 45009. */
  | "too-often"
  /** 45033. */
  | "too-many"
  /** No connection to WeCom: not sent. */
  | "unreachable"
  /** No answer within the time in which WeCom normally answers. */
  | "silent"
  /** Cancelled by WeCom, by a client that left, or by a client's short deadline. */
  | "undecided"
  /** Failed for reasons on this side. */
  | "not-sent";

/** Shares the state of the limits between processes. No method throws, and only `reserveProbe` is awaited by a call. */
export interface LimitSync {
  /** How many other replicas there are. */
  readonly others: number;
  /** Requests a message soon, because many calls are unpublished. */
  publishSoon(): void;
  publishBlocked(key: string, block: BlockState): void;
  /** @param block the block that was lifted */
  publishUnblocked(key: string, block: BlockState): void;
  /** Whether this process is the one that sends the probe. */
  reserveProbe(key: string, block: BlockState): Promise<boolean>;
}

export interface CallLimiterOptions {
  readonly maxInFlight: number;
  /** The maximum number of connections to WeCom, over all corps and APIs. */
  readonly connections: number;
  readonly limits: CallLimits;
  /** Milliseconds since 1970, by a monotonic clock. */
  readonly now: () => number;
  readonly sync?: LimitSync | undefined;
  readonly metrics?: Pick<WecomMetrics, "countRefusal">;
}

type RefusalReason = "queue" | "frequency" | "closed" | "unreachable";

/** The owner of a call. */
export interface Claimant {
  readonly corp: string;
  /** Undefined for anonymous callers: then each operation counts as a caller. */
  readonly caller: string | undefined;
  readonly operation: object;
}

/** Trials of the origin follow each other without a pause. */
const circuit = { failuresToOpen: 5, trialAt: (_now: number, startedAt: number) => startedAt + trialMs };

class ApiLimits {
  readonly semaphore: Semaphore;
  readonly counts = new CallCounts();
  readonly block = new RateLimitBlock();
  readonly breaker = new CircuitBreaker(circuit);

  constructor(
    readonly key: string,
    readonly api: string,
    /** The counts of this address and the API, which all corps share. */
    readonly ofAddress: CallCounts,
    maxInFlight: number,
    bulkhead: Bulkhead,
  ) {
    this.semaphore = new Semaphore(key.slice(0, key.indexOf("\n")), api, maxInFlight, bulkhead);
  }
}

/** A call that may be sent, until `CallLimiter.release`. */
export interface CallPermit {
  readonly limits: ApiLimits;
  readonly startedAt: number;
  readonly counted: readonly [corp: Counted, address: Counted];
  readonly timesLowered: number;
  readonly block: Attempt;
  readonly breaker: Attempt;
  readonly origin: Attempt;
}

/** Above this number, idle limits are dropped: some thousand corps with a few APIs each. */
const maxApiLimits = 10_000;
/** A message is sent immediately when all replicas together may have this part of the limit unpublished. */
const unpublishedPart = 1 / 100;

export class CallLimiter {
  readonly #apiLimits = new Map<string, ApiLimits>();
  /** Counts of this address, by API. */
  readonly #addressCounts = new Map<string, CallCounts>();
  readonly #origin = new CircuitBreaker(circuit);
  readonly #bulkhead: Bulkhead;

  constructor(private readonly options: CallLimiterOptions) {
    this.#bulkhead = new Bulkhead(options.connections);
  }

  /**
   * Waits for the semaphore and takes a permit, which `release` gives back.
   *
   * @throws {WecomOverloadError} immediately, when the call would not be sent in time or exceeds a limit
   * @throws {WecomTransportError} when WeCom is known to be unreachable, or timeLimit ends first (`delivery: "none"`)
   */
  async acquire(claimant: Claimant, api: string, timeLimit: TimeLimit): Promise<CallPermit> {
    const limits = this.#limitsOf(`${claimant.corp}\n${api}`, api);
    const { semaphore, breaker, block } = limits;
    if (semaphore.waiting > 0 || !semaphore.tryAcquire()) {
      const now = this.options.now();
      this.#refuse(limits, now);
      const isTrial = breaker.isOpen || this.#origin.isOpen || block.state !== undefined;
      if (!isTrial || !semaphore.tryAcquire(isTrial)) await this.#waitForSemaphore(limits, claimant, timeLimit, now);
    }
    const permit = this.#take(limits, timeLimit);
    const { state } = block;
    if (state && !(await this.#mayTry(limits.key, state, timeLimit))) {
      this.release(permit, "not-sent");
      throw this.#refusal(api, "closed", 1000);
    }
    return permit;
  }

  /** Call this once for each permit. */
  release(permit: CallPermit, end: CallEnd): void {
    const { limits, counted } = permit;
    const { semaphore, block, counts, ofAddress } = limits;
    const now = this.options.now();
    const verdicts = verdictsOf[end];
    permit.origin.settle(verdicts.origin, now);
    permit.breaker.settle(verdicts.breaker, now);
    const before = block.state;
    permit.block.settle(verdicts.block, now);
    if (block.state !== before) this.#publish(limits.key, before, block.state);
    if (end === "not-sent" || end === "unreachable") {
      const wasUnpublished = counts.takeBack(counted[0]);
      ofAddress.takeBack(counted[1], wasUnpublished);
    }
    if (end === "answered") semaphore.answered(permit.startedAt, now);
    else if (end === "too-many") semaphore.tooMany(permit.timesLowered, now);
    semaphore.release();
  }

  /** A block that another replica found, also before this one started. */
  learnBlocked(key: string, block: BlockState): void {
    this.#limitsOf(key).block.learn(block);
  }

  /** @param block the block that was lifted: a later one stays, even if its message arrived first */
  learnUnblocked(key: string, { tryAt }: BlockState): void {
    const { block } = this.#limitsOf(key);
    if (block.state && block.state.tryAt <= tryAt) block.lift();
  }

  /** Adds calls of other replicas. */
  addCalls(key: string, calls: number): void {
    const now = this.options.now();
    const { counts, ofAddress } = this.#limitsOf(key);
    counts.add(calls, now);
    ofAddress.add(calls, now);
  }

  /** Calls that no message has had yet, for the next message. Few calls wait for a later message. */
  takeUnpublished(): Record<string, number> {
    const unpublished: Record<string, number> = {};
    const few = this.options.limits.perCorpAndMinute / 1000;
    for (const { key, counts } of this.#apiLimits.values()) {
      if (counts.unpublished <= few) continue;
      unpublished[key] = counts.unpublished;
      counts.unpublished = 0;
    }
    return unpublished;
  }

  /** The message with these calls was lost. */
  putBack(unpublished: Readonly<Record<string, number>>): void {
    for (const [key, calls] of Object.entries(unpublished)) {
      const { counts, ofAddress } = this.#limitsOf(key);
      counts.unpublished += calls;
      counts.unconfirmed += calls;
      ofAddress.unconfirmed += calls;
    }
  }

  /** The other replicas know these calls now. */
  confirm(published: Readonly<Record<string, number>>): void {
    for (const [key, calls] of Object.entries(published)) {
      const { counts, ofAddress } = this.#limitsOf(key);
      counts.unconfirmed -= calls;
      ofAddress.unconfirmed -= calls;
    }
  }

  /** The counts, for a replica that has missed messages. Small ones are left out. */
  *knownCounts(): Generator<[key: string, known: KnownCounts]> {
    const now = this.options.now();
    for (const { key, counts } of this.#apiLimits.values())
      if (!this.#isLittle(counts, now)) yield [key, counts.known(now)];
    for (const [api, counts] of this.#addressCounts) yield [`\n${api}`, counts.known(now)];
  }

  /** @param theirNow the other replica's clock */
  learnCounts(key: string, known: KnownCounts, theirNow: number): void {
    const counts = key.startsWith("\n") ? this.#countsOfAddress(key.slice(1)) : this.#limitsOf(key).counts;
    counts.learn(known, this.options.now(), theirNow);
  }

  /** For metrics, over all corps. */
  *states(): Generator<LimiterState> {
    const now = this.options.now();
    for (const { api, semaphore, block, breaker } of this.#apiLimits.values()) {
      yield {
        api,
        waiting: semaphore.waiting,
        isClosed: block.state !== undefined && now < block.state.until,
        isUnreachable: breaker.hasFailedLately(now) || this.#origin.hasFailedLately(now),
      };
    }
  }

  /** The caller has acquired the semaphore, which is released if this throws. */
  #take(limits: ApiLimits, timeLimit: TimeLimit): CallPermit {
    const { api, semaphore, counts, ofAddress, block, breaker } = limits;
    try {
      // Calls that hang end at the same time as calls that wait for them. Their permits must not go to a request whose
      // answer nobody will see, least of all to a create.
      if (timeLimit.isNearEnd) throw notSent(api, waitingFor(api, "the deadline is too near"));
      const now = this.options.now();
      this.#refuse(limits, now);
      const counted = [counts.take(now), ofAddress.take(now)] as const;
      this.#publishIfMany(counts);
      return {
        limits,
        counted,
        startedAt: now,
        timesLowered: semaphore.timesLowered,
        block: block.start(now),
        breaker: breaker.start(now),
        origin: this.#origin.start(now),
      };
    } catch (error) {
      semaphore.release();
      throw error;
    }
  }

  #refuse({ api, block, breaker, counts, ofAddress }: ApiLimits, now: number): void {
    const closedMs = block.waitMs(now);
    if (closedMs > 0) throw this.#refusal(api, "closed", closedMs);
    const unreachableMs = Math.max(this.#origin.waitMs(now), breaker.waitMs(now));
    if (unreachableMs > 0) throw this.#refusal(api, "unreachable", unreachableMs);
    const { perCorpAndMinute, perCorpAndHour, perAddressAndMinute, perAddressAndHour } = this.options.limits;
    const others = this.options.sync?.others ?? 0;
    // Each corp leaves as much of the address's limit free as it has used itself, so that no corp takes the others'
    // share.
    const leftOfAddress = counts.leftOf([perAddressAndMinute, perAddressAndHour], now);
    const crowdedMs = Math.max(
      counts.waitMs(now, [perCorpAndMinute, perCorpAndHour], others),
      ofAddress.waitMs(now, leftOfAddress, others),
    );
    if (crowdedMs > 0) throw this.#refusal(api, "frequency", crowdedMs);
  }

  async #waitForSemaphore(
    { api, semaphore }: ApiLimits,
    claimant: Claimant,
    timeLimit: TimeLimit,
    now: number,
  ): Promise<void> {
    const { caller, operation } = claimant;
    try {
      await semaphore.acquire([caller ?? operation, operation], timeLimit, now, (reason) =>
        notSent(api, waitingFor(api, reason)),
      );
    } catch (error) {
      if (error instanceof WecomOverloadError) this.options.metrics?.countRefusal(api, "queue");
      throw error;
    }
  }

  /** Another replica may be probing: this call is refused then, instead of waiting longer. */
  #mayTry(key: string, block: BlockState, timeLimit: TimeLimit): Promise<boolean> {
    const { sync } = this.options;
    if (!sync) return Promise.resolve(true);
    return new Promise((resolve) => {
      const stopWaiting = timeLimit.onCancel(() => {
        resolve(false);
      });
      void sync.reserveProbe(key, block).then(resolve).finally(stopWaiting);
    });
  }

  #publish(key: string, before: BlockState | undefined, after: BlockState | undefined): void {
    if (after) this.options.sync?.publishBlocked(key, after);
    else if (before) this.options.sync?.publishUnblocked(key, before);
  }

  #publishIfMany({ unpublished }: CallCounts): void {
    const { sync, limits } = this.options;
    if (sync && sync.others > 0 && unpublished * (sync.others + 1) > limits.perCorpAndMinute * unpublishedPart)
      sync.publishSoon();
  }

  #limitsOf(key: string, api = key.slice(key.indexOf("\n") + 1)): ApiLimits {
    const known = this.#apiLimits.get(key);
    if (known) return known;
    if (this.#apiLimits.size >= maxApiLimits) this.#forgetSome();
    const limits = new ApiLimits(key, api, this.#countsOfAddress(api), this.options.maxInFlight, this.#bulkhead);
    this.#apiLimits.set(key, limits);
    return limits;
  }

  /** Drops half of them, so that this runs rarely; keeps those whose state matters. */
  #forgetSome(): void {
    const now = this.options.now();
    for (const [key, { semaphore, counts, ofAddress, block, breaker }] of this.#apiLimits) {
      const isIdle = semaphore.isIdle && !block.state && !breaker.isOpen && counts.unconfirmed === counts.unpublished;
      if (isIdle && this.#isLittle(counts, now)) {
        this.#apiLimits.delete(key);
        ofAddress.unconfirmed -= counts.unconfirmed;
      }
      if (this.#apiLimits.size <= maxApiLimits / 2) return;
    }
  }

  #isLittle(counts: CallCounts, now: number): boolean {
    const { perCorpAndMinute, perCorpAndHour } = this.options.limits;
    return counts.isBelow([perCorpAndMinute / 100, perCorpAndHour / 100], now);
  }

  #countsOfAddress(api: string): CallCounts {
    let counts = this.#addressCounts.get(api);
    if (!counts) this.#addressCounts.set(api, (counts = new CallCounts()));
    return counts;
  }

  #refusal(api: string, reason: RefusalReason, waitMs: number): WecomOverloadError | WecomTransportError {
    this.options.metrics?.countRefusal(api, reason);
    const retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1000));
    switch (reason) {
      case "unreachable":
        return notSent(api, `WeCom has not answered ${api} recently`, { retryAfterSeconds });
      case "closed":
        return new WecomOverloadError(`WeCom takes no more calls of ${api} for now`, { api, retryAfterSeconds });
      case "frequency":
        return new WecomOverloadError(`The limit of calls of ${api} per minute or hour is reached`, {
          api,
          retryAfterSeconds,
        });
      case "queue":
        return new WecomOverloadError(`Too many calls wait for ${api} already`, { api, retryAfterSeconds });
    }
  }
}

/** What the end of a call says about the address, the API and the rate limit. */
const verdictsOf: Record<CallEnd, Record<"origin" | "breaker" | "block", Verdict>> = {
  answered: { origin: "up", breaker: "up", block: "up" },
  "too-often": { origin: "up", breaker: "up", block: "down" },
  "too-many": { origin: "up", breaker: "up", block: "up" },
  unreachable: { origin: "down", breaker: "unknown", block: "unknown" },
  silent: { origin: "unknown", breaker: "down", block: "unknown" },
  undecided: { origin: "unknown", breaker: "unknown", block: "unknown" },
  "not-sent": { origin: "unknown", breaker: "unknown", block: "unknown" },
};

function waitingFor(api: string, reason: string): string {
  return `${reason} while waiting to call ${api}`;
}
