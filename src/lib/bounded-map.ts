/**
 * A map of a bounded size. When it is full it forgets the oldest of what nobody asked for lately, so that a flood of new
 * keys does not push out those in everyday use; to be asked for costs an entry no more than a mark.
 *
 * @see https://en.wikipedia.org/wiki/Page_replacement_algorithm#Second-chance
 */
export class BoundedMap<K, V> {
  readonly #entries = new Map<K, { value: V; isWanted: boolean }>();
  // Stands before the oldest entry. A new iterator would have to walk over all that was deleted before that.
  #oldest = this.#entries.keys();

  constructor(private readonly maxSize: number) {}

  get(key: K): V | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    entry.isWanted = true;
    return entry.value;
  }

  set(key: K, value: V): void {
    const entry = this.#entries.get(key);
    if (entry) {
      entry.value = value;
      return;
    }
    if (this.#entries.size >= this.maxSize) this.#forgetOne();
    this.#entries.set(key, { value, isWanted: false });
  }

  /** Each mark that it wipes off was set by a `get`: so this is, over time, as cheap as they are. */
  #forgetOne(): void {
    for (;;) {
      const { value: key, done } = this.#oldest.next();
      if (done) {
        this.#oldest = this.#entries.keys();
        continue;
      }
      const entry = this.#entries.get(key);
      this.#entries.delete(key);
      if (!entry?.isWanted) return;
      entry.isWanted = false;
      this.#entries.set(key, entry);
    }
  }
}
