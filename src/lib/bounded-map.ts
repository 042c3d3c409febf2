/**
 * Bounded map with second-chance eviction: an entry that was read since the last pass is kept, so a flood of new keys does
 * not evict the keys in use. A read only sets a flag.
 *
 * @see https://en.wikipedia.org/wiki/Page_replacement_algorithm#Second-chance
 */
export class BoundedMap<K, V> {
  readonly #entries = new Map<K, { value: V; wasRead: boolean }>();
  // Points at the oldest entry. A new iterator would walk over all deleted entries first.
  #oldest = this.#entries.keys();

  constructor(private readonly maxSize: number) {}

  get(key: K): V | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    entry.wasRead = true;
    return entry.value;
  }

  set(key: K, value: V): void {
    const entry = this.#entries.get(key);
    if (entry) {
      entry.value = value;
      return;
    }
    if (this.#entries.size >= this.maxSize) this.#forgetOne();
    this.#entries.set(key, { value, wasRead: false });
  }

  delete(key: K): void {
    this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
  }

  *[Symbol.iterator](): Generator<[K, V]> {
    for (const [key, { value }] of this.#entries) yield [key, value];
  }

  /** Amortised O(1): each flag that it clears was set by one `get`. */
  #forgetOne(): void {
    for (;;) {
      const { value: key, done } = this.#oldest.next();
      if (done) {
        this.#oldest = this.#entries.keys();
        continue;
      }
      const entry = this.#entries.get(key);
      this.#entries.delete(key);
      if (!entry?.wasRead) return;
      entry.wasRead = false;
      this.#entries.set(key, entry);
    }
  }
}
