import { inspect } from "node:util";

/**
 * A value that prints as `[secret]`, so that logs, errors and dumps cannot leak it. It may be replaced while the
 * process runs, so code calls `reveal()` for each use.
 */
export class Secret {
  #value: string;
  #previous: string | undefined;

  /** @param previous the value before a rotation, while others may still use it */
  constructor(value: string, previous?: string) {
    this.#value = value;
    // Nobody tries one value twice.
    this.#previous = previous === value ? undefined : previous;
  }

  /** The value itself. Call this only to send or compare it. */
  reveal(): string {
    return this.#value;
  }

  /** The value, and the previous one. */
  revealAll(): readonly string[] {
    return this.#previous === undefined ? [this.#value] : [this.#value, this.#previous];
  }

  /** @returns whether the value changed */
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
