/**
 * Who waits, by caller and operation: callers take turns, and so do the operations of each of them. So a create waits
 * behind one call of each other caller, not behind a hundred operations of one, nor the hundred reads of an operation.
 */
export class FairQueue<T> {
  /** In the order of their turns. */
  readonly #lines = new Map<unknown, FairQueue<T>>();
  readonly #items = new Set<T>();
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** @param path who waits: the caller, then the operation */
  add([key, ...rest]: readonly unknown[], item: T): void {
    this.#length += 1;
    if (key === undefined) {
      this.#items.add(item);
      return;
    }
    let line = this.#lines.get(key);
    if (!line) this.#lines.set(key, (line = new FairQueue()));
    line.add(rest, item);
  }

  /** The one whose turn it is; whoever it belongs to goes to the end. */
  take(): T | undefined {
    if (this.#length === 0) return undefined;
    this.#length -= 1;
    for (const item of this.#items) {
      this.#items.delete(item);
      return item;
    }
    for (const [key, line] of this.#lines) {
      const item = line.take();
      this.#lines.delete(key);
      if (line.length > 0) this.#lines.set(key, line);
      return item;
    }
    return undefined;
  }

  /** @returns whether it waited */
  remove([key, ...rest]: readonly unknown[], item: T): boolean {
    const line = this.#lines.get(key);
    const isRemoved = key === undefined ? this.#items.delete(item) : line?.remove(rest, item) === true;
    if (isRemoved) this.#length -= 1;
    if (line?.length === 0) this.#lines.delete(key);
    return isRemoved;
  }

  has([key, ...rest]: readonly unknown[]): boolean {
    return key === undefined ? this.#length > 0 : this.#lines.get(key)?.has(rest) === true;
  }

  /** About how many are taken before one that is added now, and that one. */
  turnsUntil([key, ...rest]: readonly unknown[]): number {
    if (key === undefined) return this.#length + 1;
    const line = this.#lines.get(key);
    const turns = line ? line.turnsUntil(rest) * this.#lines.size : this.#lines.size + 1;
    return Math.min(this.#length + 1, turns);
  }
}
