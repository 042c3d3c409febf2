/**
 * A store whose pending operations can be awaited before it is closed: many writes of creates are not awaited by a
 * request.
 */
import { type Store, StoreError } from "../../stores/store.js";

export type CreateStore = Pick<
  Store,
  "get" | "set" | "compareAndSet" | "setNew" | "enqueue" | "due" | "dequeue" | "now"
>;

export class ClosableStore implements CreateStore {
  readonly #underWay = new Set<Promise<unknown>>();
  #isClosed = false;

  constructor(private readonly store: CreateStore) {}

  readonly get: CreateStore["get"] = (...given) => this.#ask(() => this.store.get(...given));
  readonly set: CreateStore["set"] = (...given) => this.#ask(() => this.store.set(...given));
  readonly compareAndSet: CreateStore["compareAndSet"] = (...given) =>
    this.#ask(() => this.store.compareAndSet(...given));
  readonly setNew: CreateStore["setNew"] = (...given) => this.#ask(() => this.store.setNew(...given));
  readonly enqueue: CreateStore["enqueue"] = (...given) => this.#ask(() => this.store.enqueue(...given));
  readonly due: CreateStore["due"] = (...given) => this.#ask(() => this.store.due(...given));
  readonly dequeue: CreateStore["dequeue"] = (...given) => this.#ask(() => this.store.dequeue(...given));
  readonly now: CreateStore["now"] = () => this.#ask(() => this.store.now());

  /** Waits for pending operations; new ones are rejected. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#underWay);
  }

  #ask<T>(command: () => Promise<T>): Promise<T> {
    if (this.#isClosed) return Promise.reject(new StoreError("the gateway is stopping"));
    const answer = command();
    this.#underWay.add(answer);
    const forget = (): void => {
      this.#underWay.delete(answer);
    };
    answer.then(forget, forget);
    return answer;
  }
}
