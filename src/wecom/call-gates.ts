/**
 * What a call passes before it is sent, per corp and API: is WeCom there at all, does it take calls of this corp to this
 * API, are there not too many within the minute or hour, is there a place. Each guard is a file of its own; what replicas
 * must know of each other goes through `GateSharing`.
 */
import { CallCounts, type CallLimits } from "./call-limits.js";
import { Circuit } from "./circuit.js";
import type { Patience } from "./deadline.js";
import { WecomOverloadError, WecomTransportError } from "./errors.js";
import { type Closed, FrequencyClosure } from "./frequency-closure.js";
import { Places } from "./places.js";

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
export interface GateSharing {
  tellClosed(key: string, closed: Closed): void;
  /** @param closed what it was until now */
  tellOpen(key: string, closed: Closed): void;
  /** Whether this process is the one that tries. */
  claimTry(key: string, closed: Closed): Promise<boolean>;
}

export interface GateOptions {
  readonly maxInFlight: number;
  /** A call that was silent for so long says that WeCom hangs; a client's own short deadline does not. */
  readonly silentAfterMs: number;
  readonly limits: CallLimits;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly sharing?: GateSharing | undefined;
  /** Tells that a call was refused here. */
  readonly onRefusal?: (api: string, reason: RefusalReason) => void;
}

export type RefusalReason = "queue" | "frequency" | "closed" | "unreachable";

class Gate {
  readonly places: Places;
  readonly counts: CallCounts;
  readonly closure = new FrequencyClosure();
  readonly circuit = new Circuit();

  constructor(
    readonly key: string,
    readonly api: string,
    { maxInFlight, limits }: GateOptions,
  ) {
    this.places = new Places(api, maxInFlight);
    this.counts = new CallCounts(limits.perCorpAndMinute, limits.perCorpAndHour);
  }

  /** Nothing would be forgotten with it that matters: a hundredth of what an hour allows does not. */
  isForgettable({ perCorpAndHour }: CallLimits): boolean {
    const { places, counts, closure, circuit } = this;
    return places.isIdle && !closure.closed && !circuit.isOpen && counts.total < perCorpAndHour / 100;
  }
}

/** A call that may be sent, until `CallGates.leave`. */
export interface Passage {
  readonly gate: Gate;
  /** Calls are numbered in the order in which they were let through. */
  readonly call: number;
  readonly startedAt: number;
}

/** Above this, gates that nothing is known of are forgotten: some thousand corps with a few APIs each. */
const maxGates = 10_000;

export class CallGates {
  readonly #gates = new Map<string, Gate>();
  /** Of this address: by API. */
  readonly #addressCounts = new Map<string, CallCounts>();
  readonly #origin = new Circuit();
  #newest = 0;

  constructor(private readonly options: GateOptions) {}

  /**
   * Waits for a place and takes it; `leave` gives it back.
   *
   * @param operation which calls take turns together
   * @throws {WecomOverloadError} at once, when it would not be sent in time or is one too many
   * @throws {WecomTransportError} when WeCom is known to be away, or patience ends first (`delivery: "none"`)
   */
  async enter(corp: string, api: string, operation: object, patience: Patience): Promise<Passage> {
    const gate = this.#gate(`${corp}\n${api}`, api);
    const now = this.options.now();
    this.#refuse(gate, now);
    if (!gate.places.tryTake()) {
      await this.#waitForPlace(gate, operation, patience);
      this.#recheck(gate);
    }
    try {
      // Calls that hang end together with those that wait for them: their places must not be used for a request whose
      // answer nobody will see, least of all for a create.
      if (patience.isNearEnd) throw notSent(api, "the deadline is too near");
      const { closed } = gate.closure;
      this.#newest += 1;
      const passage = { gate, call: this.#newest, startedAt: performance.now() };
      gate.closure.enter();
      if (closed && !(await this.#mayTry(gate.key, closed, patience))) {
        gate.closure.undecided(passage.call);
        throw this.#refusal(api, "closed", 1000);
      }
      gate.circuit.enter();
      this.#origin.enter();
      this.#count(gate, now);
      return passage;
    } catch (error) {
      gate.places.leave();
      throw error;
    }
  }

  leave({ gate, call, startedAt }: Passage, end: CallEnd): void {
    const { places, closure, circuit } = gate;
    const callMs = performance.now() - startedAt;
    const now = this.options.now();
    if (end === "unreachable") this.#origin.failed(call, this.#newest, now);
    else if (end === "silent" || end === "undecided") this.#origin.undecided(call);
    else this.#origin.succeeded();
    if (end === "silent" && callMs >= this.options.silentAfterMs) circuit.failed(call, this.#newest, now);
    else if (end === "silent" || end === "undecided" || end === "unreachable") circuit.undecided(call);
    else circuit.succeeded();
    if (end === "too-often") this.#close(gate, call, now);
    else if (end === "answered" || end === "too-many") {
      const { closed } = closure;
      if (closed && closure.answered(call)) this.options.sharing?.tellOpen(gate.key, closed);
    } else closure.undecided(call);
    if (end === "answered") places.answered(callMs, now);
    else if (end === "too-many") places.tooMany(call, this.#newest, now);
    places.leave();
  }

  /** What another replica found out, or what was found out before this one started. */
  learnClosed(key: string, closed: Closed): void {
    this.#gate(key).closure.learn(closed, this.#newest);
  }

  /** @param closed what was opened: what was closed later stays so, though the news of it may have come first */
  learnOpen(key: string, closed: Closed): void {
    const { closure } = this.#gate(key);
    if (closure.closed && closure.closed.tryAt <= closed.tryAt) closure.open();
  }

  /** Calls of other replicas. */
  addCalls(key: string, calls: number): void {
    const now = this.options.now();
    const gate = this.#gate(key);
    gate.counts.add(calls, now);
    this.#countsOfAddress(gate.api).add(calls, now);
  }

  /** The calls that have not been told yet; from then on they have. Where they are few, they can wait. */
  takeUntold(): Record<string, number> {
    const untold: Record<string, number> = {};
    const few = this.options.limits.perCorpAndMinute / 1000;
    for (const { key, counts } of this.#gates.values()) {
      if (counts.untold <= few) continue;
      untold[key] = counts.untold;
      counts.untold = 0;
    }
    return untold;
  }

  /** For whoever watches, over all corps. */
  *states(): Generator<{ api: string; waiting: number; isClosed: boolean; isUnreachable: boolean }> {
    for (const { api, places, closure, circuit } of this.#gates.values()) {
      yield {
        api,
        waiting: places.waiting,
        isClosed: closure.closed !== undefined,
        isUnreachable: circuit.isOpen || this.#origin.isOpen,
      };
    }
  }

  #gate(key: string, api = key.slice(key.indexOf("\n") + 1)): Gate {
    const known = this.#gates.get(key);
    if (known) return known;
    if (this.#gates.size >= maxGates) this.#forgetSome();
    const gate = new Gate(key, api, this.options);
    this.#gates.set(key, gate);
    return gate;
  }

  /** Half of them, so that it is not looked for at every new one. */
  #forgetSome(): void {
    for (const [key, gate] of this.#gates) {
      if (gate.isForgettable(this.options.limits)) this.#gates.delete(key);
      if (this.#gates.size <= maxGates / 2) return;
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
  #mayTry(key: string, closed: Closed, patience: Patience): Promise<boolean> {
    const { sharing } = this.options;
    if (!sharing) return Promise.resolve(true);
    return new Promise((resolve) => {
      const stopWaiting = patience.onEnd(() => {
        resolve(false);
      });
      void sharing.claimTry(key, closed).then(resolve).finally(stopWaiting);
    });
  }

  #count({ api, counts }: Gate, now: number): void {
    counts.add(1, now);
    counts.untold += 1;
    this.#countsOfAddress(api).add(1, now);
  }

  #refuse({ api, closure, circuit, counts }: Gate, now: number): void {
    const closedMs = closure.waitMs(now);
    if (closedMs > 0) throw this.#refusal(api, "closed", closedMs);
    const unreachableMs = Math.max(this.#origin.waitMs(now), circuit.waitMs(now));
    if (unreachableMs > 0) throw this.#refusal(api, "unreachable", unreachableMs);
    const crowdedMs = Math.max(counts.waitMs(now), this.#countsOfAddress(api).waitMs(now));
    if (crowdedMs > 0) throw this.#refusal(api, "frequency", crowdedMs);
  }

  async #waitForPlace({ api, places }: Gate, operation: object, patience: Patience): Promise<void> {
    try {
      await places.wait(operation, patience, (reason) => notSent(api, reason));
    } catch (error) {
      if (error instanceof WecomOverloadError) this.options.onRefusal?.(api, "queue");
      throw error;
    }
  }

  /** What happened while it waited. */
  #recheck(gate: Gate): void {
    try {
      this.#refuse(gate, this.options.now());
    } catch (error) {
      gate.places.leave();
      throw error;
    }
  }

  #close(gate: Gate, call: number, now: number): void {
    const closed = gate.closure.refused(call, this.#newest, now);
    if (closed) this.options.sharing?.tellClosed(gate.key, closed);
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
