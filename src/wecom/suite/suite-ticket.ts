/**
 * The suite_ticket: WeCom pushes it every ten minutes, it is valid for thirty, and it is needed to fetch the suite's
 * token. The newest counts; messages may arrive out of order.
 *
 * @see https://developer.work.weixin.qq.com/document/path/90628
 */
import { Secret } from "../../observability/secret.js";
import type { SuiteRecords, Versioned } from "./suite-records.js";

const lifeMs = 30 * 60_000;

/** The version number is WeCom's time in seconds. */
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
   * @param atSeconds Unix time by WeCom's clock
   *
   * @throws {StoreError} when the ticket may not be stored
   */
  async save(ticket: Secret, atSeconds: number): Promise<void> {
    const next: TicketRecord = { number: atSeconds, revision: 0, ticket: ticket.reveal(), at: atSeconds };
    const isOvertaken = (found: TicketRecord | undefined) => found !== undefined && found.at > atSeconds;
    await this.records.update<TicketRecord>(this.#key, (found) => (isOvertaken(found) ? undefined : next), {
      expiresInMs: lifeMs,
    });
  }

  /**
   * WeCom's Unix time of the newest ticket; undefined if none arrived in the last half hour.
   *
   * @throws {StoreError}
   */
  async newestAtSeconds(): Promise<number | undefined> {
    return (await this.records.get<TicketRecord>(this.#key))?.at;
  }

  /** Undefined if no ticket is known to have arrived in the last half hour. */
  async newest(): Promise<Secret | undefined> {
    const found = await this.records.get<TicketRecord>(this.#key).catch(() => undefined);
    return found && new Secret(found.ticket);
  }
}
