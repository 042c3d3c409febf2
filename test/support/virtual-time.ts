// Time that passes when a test says so, and what happens in it in its order.
import { nextTick } from "node:process";
import { setImmediate } from "node:timers/promises";
import type { Clock } from "../../src/wecom/clock.js";

interface Due {
  readonly at: number;
  readonly run: () => void;
}

/** When all promises that can go on have: a tick comes after the whole queue of them, and costs less than a turn of the loop. */
const promises = () => new Promise<void>((resolve) => nextTick(resolve));

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
    // What waits for a turn of the loop gets one.
    await setImmediate();
    for (let next = this.#due[0]; next && next.at <= until; next = this.#due[0]) {
      this.now = next.at;
      // All of this moment: those that one of them cancels are not in it any more.
      while (this.#due[0]?.at === this.now) this.#due.shift()!.run();
      await promises();
    }
    this.now = until;
  }
}
