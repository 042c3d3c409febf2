/**
 * The permission to send a keyed create. The state `sent` is stored before the first byte leaves, by compare-and-set,
 * so that only one process sends, and all others know how long an answer may take.
 */
import { StoreError } from "../../stores/store.js";
import type { SendPermit } from "../call.js";
import type { Deadline } from "../deadline.js";
import { notSent, type WecomTransportError, WecomUnsettledError } from "../errors.js";
import type { Journal, OpenEntry } from "./journal.js";
import type { StoreWatch } from "./store-watch.js";

const api = "living/create";

export class KeyedSendPermit implements SendPermit {
  /** The stored record; undefined: nothing was stored, so nothing was sent. */
  sent: OpenEntry | undefined;

  /**
   * @param deadline ends the wait for the answer
   *
   * @param attempt unique for each attempt
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
    // WeCom has refused the token, so the same create is sent once more.
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
      // The record may have been written nevertheless; then the reconciler finishes it.
      throw error instanceof StoreError ? new WecomUnsettledError({ api, cause: error }) : error;
    }
    if (!sent) throw new WecomUnsettledError({ api });
    this.sent = sent;
    try {
      await this.watch.confirm();
    } catch (error) {
      throw error instanceof StoreError ? createNotSent(error.message) : error;
    }
    if (this.watch.isHeld) throw createNotSent("the store has lost which creates were sent");
    this.onSent(sent);
  }
}

export function createNotSent(reason: string): WecomTransportError {
  return notSent(api, `${api} was not sent: ${reason}`);
}
