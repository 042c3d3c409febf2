/**
 * Ends every loop over WeCom's pages: a page that was already read, or too many pages, end it with an error. The event loop
 * runs between two pages even if none of them needs a call.
 */
import { setImmediate } from "node:timers/promises";
import { WecomTransportError } from "./errors.js";

export class PageWalk {
  readonly #keys = new Set<string | undefined>();

  constructor(
    private readonly api: string,
    private readonly maxPages: number,
  ) {}

  /**
   * Continues with the page of this key; undefined for the first page.
   *
   * @throws {WecomTransportError} when this page was already read, or is one too many
   */
  async follow(pageKey: string | undefined): Promise<void> {
    if (this.#keys.has(pageKey)) throw this.#endless("lead back to one that was read");
    if (this.#keys.size >= this.maxPages) throw this.#endless(`do not end after ${this.maxPages}`);
    if (this.#keys.size > 0) await setImmediate();
    this.#keys.add(pageKey);
  }

  #endless(what: string): WecomTransportError {
    return new WecomTransportError(`the pages of ${this.api} ${what}`, {
      api: this.api,
      delivery: "unknown",
      mayHaveTakenEffect: false,
    });
  }
}
