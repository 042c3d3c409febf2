/** The headers of one answer, each name once: setting one again replaces its value. Written once, by `writeHead`. */
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

  /** Names and values in turn, which Node writes as they are; it looks up each header of an object. */
  toRaw(): string[] {
    const raw: string[] = [];
    for (const [name, value] of this.#values) raw.push(name, value);
    return raw;
  }
}
