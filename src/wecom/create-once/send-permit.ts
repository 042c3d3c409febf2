/**
 * The right to send a create under a key: `sent` is written down before the first byte leaves, by comparison with what
 * stood there, so that of several processes one sends, and all others see until when its answer may come.
 */
import { StoreError } from "../../stores/store.js";
import type { SendPermit } from "../call.js";
import type { Deadline } from "../deadline.js";
import { WecomTransportError, WecomUnsettledError } from "../errors.js";
import type { Journal, OpenEntry } from "./journal.js";
import type { StoreWatch } from "./store-watch.js";

const api = "living/create";

export class KeyedSendPermit implements SendPermit {
  /** As it was written down; undefined: it was not, so nothing was sent. */
  sent: OpenEntry | undefined;

  /**
   * @param deadline until when its answer is waited for
   * @param attempt another one for each sending
   */
  constructor(
    private readonly entry: OpenEntry,
    private readonly deadline: Deadline,
    private readonly attempt: string,
    private readonly journal: Journal,
    private readonly watch: StoreWatch,
    private readonly onSent: (sent: OpenEntry) => void,
  ) {}

  async obtain(): Promise<void> {
    // WeCom has refused the token: the same create is sent once more.
    if (this.sent) return;
    const { id, text, record } = this.entry;
    const { corp, request, digest, endsAtMs } = record;
    const answerByMs = Math.ceil(this.watch.latestMs() + this.deadline.remainingMs);
    const { attempt } = this;
    let sent: OpenEntry | undefined;
    try {
      sent = await this.journal.replace(
        { id, text },
        { ...{ corp, request, digest, endsAtMs }, state: "sent" as const, answerByMs, attempt },
      );
    } catch (error) {
      // It may have been written all the same, and then it will be finished.
      throw error instanceof StoreError ? new WecomUnsettledError({ api, cause: error }) : error;
    }
    if (!sent) throw new WecomUnsettledError({ api });
    this.sent = sent;
    try {
      await this.watch.confirm();
    } catch (error) {
      throw error instanceof StoreError ? notSent(error.message) : error;
    }
    if (this.watch.isHeld) throw notSent("the store has lost which creates were sent");
    this.onSent(sent);
  }
}

export function notSent(reason: string): WecomTransportError {
  return new WecomTransportError(`${api} was not sent: ${reason}`, {
    api,
    delivery: "none",
    mayHaveTakenEffect: false,
  });
}
