import type { Fault } from "./faults.js";

interface QueuedFault {
  readonly fault: Fault;
  callsToPass: number;
  /** Infinity: no limit. */
  timesLeft: number;
}

/** Injected faults; of those that match a call, the oldest is used first. */
export class FaultQueue {
  readonly #random: () => number;
  #queue: QueuedFault[] = [];

  constructor(random: () => number) {
    this.#random = random;
  }

  inject(...faults: readonly Fault[]): void {
    for (const fault of faults) {
      const times = fault.times ?? 1;
      this.#queue.push({
        fault,
        callsToPass: fault.afterCalls ?? 0,
        timesLeft: times === 0 ? Infinity : times,
      });
    }
  }

  /** Faults that are not used up. */
  pending(): Fault[] {
    return this.#queue.map(({ fault }) => fault);
  }

  clear(): void {
    this.#queue = [];
  }

  /** The fault for this call, if any. */
  take(api: string): Fault | undefined {
    let taken: QueuedFault | undefined;
    for (const queued of this.#queue) {
      if (!matches(queued.fault.api ?? "*", api)) continue;
      if (queued.callsToPass > 0) queued.callsToPass -= 1;
      else if (taken === undefined && this.#random() < (queued.fault.probability ?? 1)) taken = queued;
    }
    if (taken === undefined) return undefined;
    taken.timesLeft -= 1;
    if (taken.timesLeft <= 0) this.#queue = this.#queue.filter((queued) => queued !== taken);
    return taken.fault;
  }
}

function matches(pattern: string, api: string): boolean {
  return pattern.endsWith("*") ? api.startsWith(pattern.slice(0, -1)) : api === pattern;
}
