// Time that passes when a test says so, and what happens in it in its order.
import { setImmediate } from "node:timers/promises";
import type { Clock } from "../../src/wecom/clock.js";

interface Due {
  readonly at: number;
  readonly run: () => void;
}

export class VirtualTime implements Clock {
  readonly #due: Due[] = [];

  constructor(public now: number) {}

  monotonicMs(): number {
    return this.now;
  }

  after(ms: number, run: () => void): () => void {
    const due = { at: this.now + ms, run };
    let place = this.#due.length;
    while (place > 0 && this.#due[place - 1]!.at > due.at) place -= 1;
    this.#due.splice(place, 0, due);
    return () => {
      const found = this.#due.indexOf(due);
      if (found >= 0) this.#due.splice(found, 1);
    };
  }

  /** Lets so much time pass; what is due in it happens, with all promises that follow from it. */
  async pass(ms: number): Promise<void> {
    const until = this.now + ms;
    await setImmediate();
    for (let next = this.#due[0]; next && next.at <= until; next = this.#due[0]) {
      this.#due.shift();
      this.now = next.at;
      next.run();
      await setImmediate();
    }
    this.now = until;
  }
}
