/**
 * Bounded map with second-chance eviction: an entry that was read since the last pass is kept, so a flood of new keys does
 * not evict the keys in use. A read only sets a flag.
 *
 * @see https://en.wikipedia.org/wiki/Page_replacement_algorithm#Second-chance
 */
export class BoundedMap<K, V> {
  readonly #entries = new Map<K, { value: V; readonly weight: number; wasRead: boolean }>();
  // Points at the oldest entry. A new iterator would walk over all deleted entries first.
  #oldest = this.#entries.keys();
  #weight = 0;

  /** @param capacity bounds the sum of what the entries weigh, besides their number; a new value keeps its key's weight */
  constructor(
    private readonly maxSize: number,
    private readonly capacity?: { readonly maxWeight: number; readonly weightOf: (key: K, value: V) => number },
  ) {}

  get size(): number {
    return this.#entries.size;
  }

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
    const weight = this.capacity?.weightOf(key, value) ?? 0;
    while (this.#entries.size > 0 && this.#isFullFor(weight)) this.#forgetOne();
    this.#entries.set(key, { value, weight, wasRead: false });
    this.#weight += weight;
  }

  delete(key: K): void {
    this.#weight -= this.#entries.get(key)?.weight ?? 0;
    this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
    this.#weight = 0;
  }

  *[Symbol.iterator](): Generator<[K, V]> {
    for (const [key, { value }] of this.#entries) yield [key, value];
  }

  #isFullFor(weight: number): boolean {
    return this.#entries.size >= this.maxSize || this.#weight + weight > (this.capacity?.maxWeight ?? 0);
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
      if (!entry?.wasRead) {
        this.#weight -= entry?.weight ?? 0;
        return;
      }
      entry.wasRead = false;
      this.#entries.set(key, entry);
    }
  }
}
