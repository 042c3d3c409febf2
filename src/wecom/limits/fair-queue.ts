/**
 * A queue that rotates between callers, and between the operations of each caller. A create waits behind one call of
 * each other caller, not behind a hundred operations of one, nor the hundred reads of an operation.
 */
export class FairQueue<T> {
  /**
   * In the order of rotation. Created when needed, because most operations wait with one call, in a queue of its own.
   */
  #lines: Map<unknown, FairQueue<T>> | undefined;
  #items: Set<T> | undefined;
  #length = 0;

  /** @param depth the number of path elements that lead here */
  constructor(private readonly depth = 0) {}

  get length(): number {
    return this.#length;
  }

  /** @param path the caller, then the operation */
  add(path: readonly unknown[], item: T): void {
    this.#length += 1;
    if (this.#isEnd(path)) {
      (this.#items ??= new Set<T>()).add(item);
      return;
    }
    const key = path[this.depth];
    const lines = (this.#lines ??= new Map<unknown, FairQueue<T>>());
    let line = lines.get(key);
    if (!line) lines.set(key, (line = new FairQueue<T>(this.depth + 1)));
    line.add(path, item);
  }

  /** The next item; its caller and operation go to the end. */
  take(): T | undefined {
    if (this.#length === 0) return undefined;
    this.#length -= 1;
    for (const item of this.#items ?? []) {
      this.#items?.delete(item);
      return item;
    }
    const lines = this.#lines ?? new Map<unknown, FairQueue<T>>();
    for (const [key, line] of lines) {
      const item = line.take();
      if (line.length === 0) lines.delete(key);
      else if (lines.size > 1) {
        lines.delete(key);
        lines.set(key, line);
      }
      return item;
    }
    return undefined;
  }

  /** @returns whether it was in the queue */
  remove(path: readonly unknown[], item: T): boolean {
    const key = path[this.depth];
    const line = this.#lines?.get(key);
    const isRemoved = (this.#isEnd(path) ? this.#items?.delete(item) : line?.remove(path, item)) === true;
    if (isRemoved) this.#length -= 1;
    if (line?.length === 0) this.#lines?.delete(key);
    return isRemoved;
  }

  has(path: readonly unknown[]): boolean {
    return this.#isEnd(path) ? this.#length > 0 : this.#lines?.get(path[this.depth])?.has(path) === true;
  }

  /** Estimates after how many `take`s an item that is added now is taken. */
  turnsUntil(path: readonly unknown[]): number {
    if (this.#isEnd(path)) return this.#length + 1;
    const count = this.#lines?.size ?? 0;
    const line = this.#lines?.get(path[this.depth]);
    const turns = line ? line.turnsUntil(path) * count : count + 1;
    return Math.min(this.#length + 1, turns);
  }

  #isEnd(path: readonly unknown[]): boolean {
    return this.depth === path.length;
  }
}
