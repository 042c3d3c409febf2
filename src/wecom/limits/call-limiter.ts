/**
 * What a call passes before it is sent, per corp and API: is WeCom there at all, does it take calls of this corp to this
 * API, are there not too many within the minute or hour, is there a place. Each guard is a file of its own; what replicas
 * must know of each other goes through `LimitSync`.
 */
import type { LimiterState } from "../../observability/metrics.js";
import { CallCounts, type CallLimits } from "./call-limits.js";
import { CircuitBreaker } from "./circuit-breaker.js";
import type { TimeLimit } from "../deadline.js";
import { WecomOverloadError, WecomTransportError } from "../errors.js";
import { type BlockState, RateLimitBlock } from "./rate-limit-block.js";
import { Semaphore } from "./semaphore.js";

/** How a call ended, as far as the gates care. */
export type CallEnd =
  /** With an errcode, 0 or another, or at least with an HTTP answer. */
  | "answered"
  /** 45009. */
  | "too-often"
  /** 45033. */
  | "too-many"
  /** No connection to WeCom. */
  | "unreachable"
  /** The deadline came first. */
  | "silent"
  /** Broken off, by WeCom or by the client who left. */
  | "undecided";

/** What one process tells the others, and hears of them; none of it may throw or keep a call waiting. */
export interface LimitSync {
  publishBlocked(key: string, closed: BlockState): void;
  /** @param closed what it was until now */
  publishUnblocked(key: string, closed: BlockState): void;
  /** Whether this process is the one that tries. */
  claimProbe(key: string, closed: BlockState): Promise<boolean>;
}

export interface CallLimiterOptions {
  readonly maxInFlight: number;
  /** A call that was silent for so long says that WeCom hangs; a client's own short deadline does not. */
  readonly silentAfterMs: number;
  readonly limits: CallLimits;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly sharing?: LimitSync | undefined;
  /** Tells that a call was refused here. */
  readonly onRefusal?: (api: string, reason: RefusalReason) => void;
}

export type RefusalReason = "queue" | "frequency" | "closed" | "unreachable";

class ApiLimits {
  readonly semaphore: Semaphore;
  readonly counts: CallCounts;
  readonly block = new RateLimitBlock();
  readonly breaker = new CircuitBreaker();

  constructor(
    readonly key: string,
    readonly api: string,
    { maxInFlight, limits }: CallLimiterOptions,
  ) {
    this.semaphore = new Semaphore(api, maxInFlight);
    this.counts = new CallCounts(limits.perCorpAndMinute, limits.perCorpAndHour);
  }

  /** Nothing would be forgotten with it that matters: a hundredth of what an hour allows does not. */
  isForgettable({ perCorpAndHour }: CallLimits): boolean {
    const { semaphore, counts, block, breaker } = this;
    return semaphore.isIdle && !block.state && !breaker.isOpen && counts.total < perCorpAndHour / 100;
  }
}

/** A call that may be sent, until `CallGates.leave`. */
export interface CallPermit {
  readonly limits: ApiLimits;
  /** Calls are numbered in the order in which they were let through. */
  readonly callNumber: number;
  readonly startedAt: number;
}

/** Above this, gates that nothing is known of are forgotten: some thousand corps with a few APIs each. */
const maxApiLimits = 10_000;

export class CallLimiter {
  readonly #apiLimits = new Map<string, ApiLimits>();
  /** Of this address: by API. */
  readonly #addressCounts = new Map<string, CallCounts>();
  readonly #origin = new CircuitBreaker();
  #newest = 0;

  constructor(private readonly options: CallLimiterOptions) {}

  /**
   * Waits for a place and takes it; `leave` gives it back.
   *
   * @param operation which calls take turns together
   * @throws {WecomOverloadError} at once, when it would not be sent in time or is one too many
   * @throws {WecomTransportError} when WeCom is known to be away, or timeLimit ends first (`delivery: "none"`)
   */
  async acquire(corp: string, api: string, operation: object, timeLimit: TimeLimit): Promise<CallPermit> {
    const limits = this.#limitsOf(`${corp}\n${api}`, api);
    const now = this.options.now();
    this.#refuse(limits, now);
    if (!limits.semaphore.tryAcquire()) {
      await this.#waitForPlace(limits, operation, timeLimit);
      this.#recheck(limits);
    }
    try {
      // Calls that hang end together with those that wait for them: their places must not be used for a request whose
      // answer nobody will see, least of all for a create.
      if (timeLimit.isNearEnd) throw notSent(api, "the deadline is too near");
      const { state } = limits.block;
      this.#newest += 1;
      const permit = { limits, callNumber: this.#newest, startedAt: performance.now() };
      limits.block.callStarted();
      if (state && !(await this.#mayTry(limits.key, state, timeLimit))) {
        limits.block.undecided(permit.callNumber);
        throw this.#refusal(api, "closed", 1000);
      }
      limits.breaker.callStarted();
      this.#origin.callStarted();
      this.#count(limits, now);
      return permit;
    } catch (error) {
      limits.semaphore.release();
      throw error;
    }
  }

  release({ limits, callNumber, startedAt }: CallPermit, end: CallEnd): void {
    const { semaphore, block, breaker } = limits;
    const callMs = performance.now() - startedAt;
    const now = this.options.now();
    if (end === "unreachable") this.#origin.failed(callNumber, this.#newest, now);
    else if (end === "silent" || end === "undecided") this.#origin.undecided(callNumber);
    else this.#origin.succeeded();
    if (end === "silent" && callMs >= this.options.silentAfterMs) breaker.failed(callNumber, this.#newest, now);
    else if (end === "silent" || end === "undecided" || end === "unreachable") breaker.undecided(callNumber);
    else breaker.succeeded();
    if (end === "too-often") this.#close(limits, callNumber, now);
    else if (end === "answered" || end === "too-many") {
      const { state } = block;
      if (state && block.answered(callNumber)) this.options.sharing?.publishUnblocked(limits.key, state);
    } else block.undecided(callNumber);
    if (end === "answered") semaphore.answered(callMs, now);
    else if (end === "too-many") semaphore.tooMany(callNumber, this.#newest, now);
    semaphore.release();
  }

  /** What another replica found out, or what was found out before this one started. */
  learnBlocked(key: string, closed: BlockState): void {
    this.#limitsOf(key).block.learn(closed, this.#newest);
  }

  /** @param closed what was opened: what was closed later stays so, though the news of it may have come first */
  learnUnblocked(key: string, closed: BlockState): void {
    const { block } = this.#limitsOf(key);
    if (block.state && block.state.tryAt <= closed.tryAt) block.lift();
  }

  /** Calls of other replicas. */
  addCalls(key: string, calls: number): void {
    const now = this.options.now();
    const limits = this.#limitsOf(key);
    limits.counts.add(calls, now);
    this.#countsOfAddress(limits.api).add(calls, now);
  }

  /** The calls that have not been told yet; from then on they have. Where they are few, they can wait. */
  takeUnpublished(): Record<string, number> {
    const untold: Record<string, number> = {};
    const few = this.options.limits.perCorpAndMinute / 1000;
    for (const { key, counts } of this.#apiLimits.values()) {
      if (counts.unpublished <= few) continue;
      untold[key] = counts.unpublished;
      counts.unpublished = 0;
    }
    return untold;
  }

  /** For whoever watches, over all corps. */
  *states(): Generator<LimiterState> {
    for (const { api, semaphore, block, breaker } of this.#apiLimits.values()) {
      yield {
        api,
        waiting: semaphore.waiting,
        isClosed: block.state !== undefined,
        isUnreachable: breaker.isOpen || this.#origin.isOpen,
      };
    }
  }

  #limitsOf(key: string, api = key.slice(key.indexOf("\n") + 1)): ApiLimits {
    const known = this.#apiLimits.get(key);
    if (known) return known;
    if (this.#apiLimits.size >= maxApiLimits) this.#forgetSome();
    const limits = new ApiLimits(key, api, this.options);
    this.#apiLimits.set(key, limits);
    return limits;
  }

  /** Half of them, so that it is not looked for at every new one. */
  #forgetSome(): void {
    for (const [key, limits] of this.#apiLimits) {
      if (limits.isForgettable(this.options.limits)) this.#apiLimits.delete(key);
      if (this.#apiLimits.size <= maxApiLimits / 2) return;
    }
  }

  #countsOfAddress(api: string): CallCounts {
    let counts = this.#addressCounts.get(api);
    if (!counts) {
      const { perAddressAndMinute, perAddressAndHour } = this.options.limits;
      this.#addressCounts.set(api, (counts = new CallCounts(perAddressAndMinute, perAddressAndHour)));
    }
    return counts;
  }

  /** Another replica may be trying: it is not waited for longer than anything else. */
  #mayTry(key: string, closed: BlockState, timeLimit: TimeLimit): Promise<boolean> {
    const { sharing } = this.options;
    if (!sharing) return Promise.resolve(true);
    return new Promise((resolve) => {
      const stopWaiting = timeLimit.onCancel(() => {
        resolve(false);
      });
      void sharing.claimProbe(key, closed).then(resolve).finally(stopWaiting);
    });
  }

  #count({ api, counts }: ApiLimits, now: number): void {
    counts.add(1, now);
    counts.unpublished += 1;
    this.#countsOfAddress(api).add(1, now);
  }

  #refuse({ api, block, breaker, counts }: ApiLimits, now: number): void {
    const closedMs = block.waitMs(now);
    if (closedMs > 0) throw this.#refusal(api, "closed", closedMs);
    const unreachableMs = Math.max(this.#origin.waitMs(now), breaker.waitMs(now));
    if (unreachableMs > 0) throw this.#refusal(api, "unreachable", unreachableMs);
    const crowdedMs = Math.max(counts.waitMs(now), this.#countsOfAddress(api).waitMs(now));
    if (crowdedMs > 0) throw this.#refusal(api, "frequency", crowdedMs);
  }

  async #waitForPlace({ api, semaphore }: ApiLimits, operation: object, timeLimit: TimeLimit): Promise<void> {
    try {
      await semaphore.acquire(operation, timeLimit, (reason) => notSent(api, reason));
    } catch (error) {
      if (error instanceof WecomOverloadError) this.options.onRefusal?.(api, "queue");
      throw error;
    }
  }

  /** What happened while it waited. */
  #recheck(limits: ApiLimits): void {
    try {
      this.#refuse(limits, this.options.now());
    } catch (error) {
      limits.semaphore.release();
      throw error;
    }
  }

  #close(limits: ApiLimits, call: number, now: number): void {
    const closed = limits.block.refused(call, this.#newest, now);
    if (closed) this.options.sharing?.publishBlocked(limits.key, closed);
  }

  #refusal(api: string, reason: RefusalReason, waitMs: number): WecomOverloadError | WecomTransportError {
    this.options.onRefusal?.(api, reason);
    const retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1000));
    switch (reason) {
      case "unreachable":
        return new WecomTransportError(`WeCom has not answered ${api} of late`, {
          ...{ api, retryAfterSeconds },
          delivery: "none",
          mayHaveTakenEffect: false,
        });
      case "closed":
        return new WecomOverloadError(`WeCom takes no more calls of ${api} for now`, { api, retryAfterSeconds });
      case "frequency":
        return new WecomOverloadError(`As many calls of ${api} as WeCom allows have been made`, {
          api,
          retryAfterSeconds,
        });
      case "queue":
        return new WecomOverloadError(`Too many calls wait for ${api} already`, { api, retryAfterSeconds });
    }
  }
}

function notSent(api: string, reason: string): WecomTransportError {
  return new WecomTransportError(`${reason} while waiting for a turn to call ${api}`, {
    api,
    delivery: "none",
    mayHaveTakenEffect: false,
  });
}
