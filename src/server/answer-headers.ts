/** The headers of one answer. Each name occurs once: setting it again replaces its value. */
export class AnswerHeaders {
  readonly #values: Map<string, string>;

  constructor(initial: Iterable<readonly [name: string, value: string]> = []) {
    this.#values = new Map(initial);
  }

  /** @param name in lower case */
  set(name: string, value: string): this {
    this.#values.set(name, value);
    return this;
  }

  /** An array of names and values. Node writes it as it is, and would look up each header of an object. */
  toRaw(): string[] {
    const raw: string[] = [];
    for (const [name, value] of this.#values) raw.push(name, value);
    return raw;
  }
}
