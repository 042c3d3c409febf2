// Virtual time and the life of processes. One seed decides everything: nothing here or in what runs here may look at the
// machine's clock, its randomness or the network.
import type { Clock } from "../../src/wecom/clock.js";

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly process: Process | undefined;
  readonly happen: () => void;
  isCancelled: boolean;
}

/** A replica as the operating system sees it: what happens in it happens only while it runs. */
export class Process {
  state: "running" | "stopped" | "dead" = "running";
  diedAtMs = Infinity;
  /** When it stood still: from, until. */
  readonly stops: [fromMs: number, untilMs: number][] = [];
  readonly held: Event[] = [];
  /** What its death brings about outside it: its connections are closed. */
  readonly onDeath = new Set<() => void>();

  /** @param clockStartsAtMs what its clock shows when the world begins: no two machines have the same */
  constructor(
    readonly name: string,
    private readonly world: World,
    private readonly clockStartsAtMs: number,
  ) {}

  readonly clock: Clock = {
    monotonicMs: () => this.clockStartsAtMs + this.world.nowMs,
    after: (ms, callback) => this.world.after(ms, this, callback),
  };

  kill(): void {
    if (this.state === "dead") return;
    this.state = "dead";
    this.diedAtMs = this.world.nowMs;
    this.held.length = 0;
    for (const happen of this.onDeath) happen();
    this.onDeath.clear();
  }

  stop(): void {
    if (this.state !== "running") return;
    this.state = "stopped";
    this.stops.push([this.world.nowMs, Infinity]);
  }

  continue(): void {
    if (this.state !== "stopped") return;
    this.state = "running";
    this.stops.at(-1)![1] = this.world.nowMs;
    for (const event of this.held.splice(0)) this.world.resume(event);
  }
}

export class World {
  nowMs = 0;
  #count = 0;
  readonly #heap: Event[] = [];
  /** Of whose event everything is that happens until the next one. */
  current: Process | undefined;

  /** @param process in which it happens; undefined: outside all of them, whatever becomes of them */
  after(ms: number, process: Process | undefined, happen: () => void): () => void {
    const atMs = this.nowMs + Math.max(0, ms);
    const event: Event = { atMs, order: (this.#count += 1), process, happen, isCancelled: false };
    this.#push(event);
    return () => {
      event.isCancelled = true;
    };
  }

  resume(event: Event): void {
    this.#push({ ...event, atMs: this.nowMs, order: (this.#count += 1) });
  }

  /** Lets the next thing happen. What it resolves goes on before the next call, which has to be of another macrotask. */
  step(): boolean {
    for (;;) {
      const event = this.#pop();
      if (!event) return false;
      if (event.isCancelled || event.process?.state === "dead") continue;
      this.nowMs = event.atMs;
      if (event.process?.state === "stopped") {
        event.process.held.push(event);
        continue;
      }
      this.current = event.process;
      event.happen();
      return true;
    }
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let index = heap.push(event) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(event, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = event;
  }

  #pop(): Event | undefined {
    const heap = this.#heap;
    const [first] = heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
      if (!isBefore(heap[child]!, last)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
    return first;
  }
}

function isBefore(one: Event, other: Event): boolean {
  return one.atMs === other.atMs ? one.order < other.order : one.atMs < other.atMs;
}
