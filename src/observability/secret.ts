import { inspect } from "node:util";

/**
 * A value that prints as `[secret]` when it is turned into a string, so that no log, error or dump can leak it. It may be
 * replaced while the process runs: whoever uses it reveals it each time.
 */
export class Secret {
  #value: string;
  #previous: string | undefined;

  /** @param previous the one before it, while others may still use that */
  constructor(value: string, previous?: string) {
    this.#value = value;
    this.#previous = previous;
  }

  /** The value itself. Call this only to send or compare it. */
  reveal(): string {
    return this.#value;
  }

  /** The value, and the one before it. */
  revealAll(): readonly string[] {
    return this.#previous === undefined ? [this.#value] : [this.#value, this.#previous];
  }

  /** @returns whether it is another one now */
  replaceBy(other: Secret): boolean {
    const isOther = this.#value !== other.#value || this.#previous !== other.#previous;
    this.#value = other.#value;
    this.#previous = other.#previous;
    return isOther;
  }

  toString(): string {
    return "[secret]";
  }

  toJSON(): string {
    return "[secret]";
  }

  [inspect.custom](): string {
    return "[secret]";
  }
}
