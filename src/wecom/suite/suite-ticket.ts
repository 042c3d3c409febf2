/**
 * The suite_ticket: pushed by WeCom every ten minutes, good for thirty, and asked for whenever the suite's token is
 * fetched. The newest counts; messages may overtake each other.
 *
 * @see https://developer.work.weixin.qq.com/document/path/90628
 */
import { Secret } from "../../observability/secret.js";
import type { SuiteRecords, Versioned } from "./suite-records.js";

const lifeMs = 30 * 60_000;

/** Numbered by WeCom's clock, in seconds. */
interface TicketRecord extends Versioned {
  readonly ticket: string;
  readonly at: number;
}

export class SuiteTicket {
  readonly #key: string;

  constructor(
    private readonly records: SuiteRecords,
    prefix: string,
  ) {
    this.#key = `${prefix}ticket`;
  }

  /**
   * @param atSeconds Unix time of WeCom's clock
   * @throws {StoreError} when it is not sure to be kept
   */
  async save(ticket: Secret, atSeconds: number): Promise<void> {
    const next: TicketRecord = { number: atSeconds, revision: 0, ticket: ticket.reveal(), at: atSeconds };
    const isOvertaken = (found: TicketRecord | undefined) => found !== undefined && found.at > atSeconds;
    await this.records.update<TicketRecord>(this.#key, (found) => (isOvertaken(found) ? undefined : next), {
      expiresInMs: lifeMs,
    });
  }

  /** WeCom's Unix time of the newest; undefined when none came in the last half an hour. @throws {StoreError} */
  async newestAtSeconds(): Promise<number | undefined> {
    return (await this.records.get<TicketRecord>(this.#key))?.at;
  }

  /** Undefined when none came in the last half an hour, as far as is known. */
  async newest(): Promise<Secret | undefined> {
    const found = await this.records.get<TicketRecord>(this.#key).catch(() => undefined);
    return found && new Secret(found.ticket);
  }
}
