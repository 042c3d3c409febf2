/**
 * Who waits, by operation: each operation has a line of its own, and the lines take turns. So a create waits behind the
 * other operations, not behind the hundred reads of one of them.
 */
export class FairQueue<T> {
  /** In the order of their turns. */
  readonly #lines = new Map<object, Set<T>>();
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** How many operations wait. */
  get lines(): number {
    return this.#lines.size;
  }

  lengthOf(operation: object): number {
    return this.#lines.get(operation)?.size ?? 0;
  }

  add(operation: object, item: T): void {
    let line = this.#lines.get(operation);
    if (!line) this.#lines.set(operation, (line = new Set()));
    line.add(item);
    this.#length += 1;
  }

  /** The one whose turn it is; its operation goes to the end. */
  take(): T | undefined {
    for (const [operation, line] of this.#lines) {
      for (const item of line) {
        this.remove(operation, item);
        if (line.size > 0) {
          this.#lines.delete(operation);
          this.#lines.set(operation, line);
        }
        return item;
      }
    }
    return undefined;
  }

  remove(operation: object, item: T): void {
    const line = this.#lines.get(operation);
    if (!line?.delete(item)) return;
    this.#length -= 1;
    if (line.size === 0) this.#lines.delete(operation);
  }
}
