/**
 * The suite_ticket: pushed by WeCom every ten minutes, good for thirty, and asked for whenever the suite's token is
 * fetched. The newest counts; messages may overtake each other.
 *
 * @see https://developer.work.weixin.qq.com/document/path/90628
 */
import { Secret } from "../../observability/secret.js";
import { impatient, type Store } from "../../stores/store.js";

const lifeMs = 30 * 60_000;

interface Stored {
  readonly ticket: string;
  readonly at: number;
}

export class SuiteTicket {
  readonly #key: string;
  /** For as long as the store does not answer. */
  #newest: Stored | undefined;

  constructor(
    private readonly store: Store,
    suiteId: string,
  ) {
    this.#key = `suite:${suiteId}:ticket`;
  }

  /**
   * @param at Unix seconds of WeCom's clock
   * @throws {StoreError} when it is not sure to be kept
   */
  async save(ticket: Secret, at: number): Promise<void> {
    const received = { ticket: ticket.reveal(), at };
    for (;;) {
      const found = await this.store.get(this.#key);
      if (found !== undefined && (JSON.parse(found) as Stored).at > at) return;
      if (await this.store.compareAndSet(this.#key, found, JSON.stringify(received), { expiresInMs: lifeMs })) break;
    }
    this.#newest = received;
  }

  /** Undefined when none came in the last half an hour. */
  async newest(): Promise<Secret | undefined> {
    try {
      const found = await impatient(this.store).get(this.#key);
      this.#newest = found === undefined ? undefined : (JSON.parse(found) as Stored);
    } catch {
      // What this process saw last is the best that there is.
    }
    return this.#newest && new Secret(this.#newest.ticket);
  }
}
