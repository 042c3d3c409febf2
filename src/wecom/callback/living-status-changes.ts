/**
 * WeCom's status changes for those in this process who wait for them, whichever replica WeCom told. However many wait, the
 * store's channel is listened to once; each has a queue of its own, which is bounded.
 *
 * What is older than what was told of the same living is left out: WeCom sends a message again for some 20 seconds when it
 * was not answered, so that a "live" may arrive after its "ended". CreateTime has whole seconds; within one, the order of
 * arrival counts.
 */
import type { Logger } from "../../observability/logger.js";
import { reasonOf, type Store } from "../../stores/store.js";
import { WecomConfigurationError, WecomEventsError } from "../errors.js";
import { unknownCorp } from "../tokens/token-source.js";
import type { LivingStatusChange } from "./events.js";
import { onLivingStatus } from "./living-status-channel.js";
import type { Receiver } from "./receiver.js";

/** Whose events, and which of them; undefined: all. */
export interface StatusChangeFilter {
  readonly corp: string;
  readonly livingid: string | undefined;
  readonly userid: string | undefined;
}

export interface LivingStatusChangesOptions {
  readonly store: Store;
  readonly log: Logger;
  readonly receiver: Receiver;
  /** Whether WeCom's callbacks can be verified here. */
  readonly isSetUp: boolean;
}

/** More than a living goes through in its life, and a corp starts at once. */
const maxWaiting = 100;
const maxRemembered = 10_000;

export class LivingStatusChanges {
  readonly #subscribers = new Set<Subscriber>();
  /** By corp and living, the one told last at the end. */
  readonly #told = new Map<string, LivingStatusChange>();
  #listening: Promise<unknown> | undefined;

  constructor(private readonly options: LivingStatusChangesOptions) {}

  /** How many wait. */
  get size(): number {
    return this.#subscribers.size;
  }

  /**
   * What happens from when this resolves. The iterator throws a `WecomEventsError` when its reader is too slow.
   *
   * @throws {WecomEventsError} when the store does not answer
   * @throws {WecomConfigurationError} when no event of that corp can ever come
   */
  async subscribe(filter: StatusChangeFilter): Promise<AsyncIterableIterator<LivingStatusChange>> {
    const { receiver, isSetUp } = this.options;
    if (receiver.kind === "corp" ? filter.corp !== receiver.corpid : filter.corp === "") throw unknownCorp();
    if (!isSetUp) {
      const message = "WeCom's callbacks are not set up here (WECOM_CALLBACK_TOKEN), so there are no events";
      throw new WecomConfigurationError(message, { api: "living_status_change" });
    }
    await this.#listen();
    const subscriber = new Subscriber(filter, () => this.#subscribers.delete(subscriber));
    this.#subscribers.add(subscriber);
    return subscriber;
  }

  /** From the first subscription on: a process that nobody subscribes at does not listen. */
  async #listen(): Promise<void> {
    const { store } = this.options;
    this.#listening ??= onLivingStatus(store, (event) => {
      this.#tell(event);
    });
    try {
      await this.#listening;
    } catch (error) {
      this.#listening = undefined;
      this.options.log.error({ reason: reasonOf(error) }, "the events of other replicas cannot be heard");
      throw new WecomEventsError("Events cannot be heard right now");
    }
  }

  #tell(event: LivingStatusChange): void {
    const key = `${event.corpid}\n${event.livingid}`;
    const last = this.#told.get(key);
    // The same message may have been handled by two replicas at once.
    const isRepeated = last?.at === event.at && last.status === event.status;
    if (last && (event.at < last.at || isRepeated)) {
      const { livingid, status } = event;
      this.options.log.info({ livingid, status }, "a status change was repeated or came too late: it is not passed on");
      return;
    }
    this.#told.delete(key);
    const [oldest] = this.#told.keys();
    if (this.#told.size >= maxRemembered && oldest !== undefined) this.#told.delete(oldest);
    this.#told.set(key, event);
    for (const subscriber of this.#subscribers) subscriber.tell(event);
  }
}

/** Not an async generator: one of those cannot be ended while it waits. */
class Subscriber implements AsyncIterableIterator<LivingStatusChange> {
  #queue: LivingStatusChange[] = [];
  #waiting: ((result: IteratorResult<LivingStatusChange>) => void) | undefined;
  #state: "open" | "too-slow" | "ended" = "open";

  constructor(
    private readonly filter: StatusChangeFilter,
    private readonly leave: () => void,
  ) {}

  tell(event: LivingStatusChange): void {
    const { corp, livingid, userid } = this.filter;
    if (event.corpid !== corp) return;
    if (livingid !== undefined && event.livingid !== livingid) return;
    if (userid !== undefined && event.userid !== userid) return;
    if (this.#waiting) {
      this.#waiting({ done: false, value: event });
      this.#waiting = undefined;
    } else if (this.#queue.length < maxWaiting) this.#queue.push(event);
    else this.#end("too-slow");
  }

  next(): Promise<IteratorResult<LivingStatusChange>> {
    const event = this.#queue.shift();
    if (event) return Promise.resolve({ done: false, value: event });
    if (this.#state === "too-slow") {
      this.#state = "ended";
      const message = `The subscription was ended: ${maxWaiting} events waited to be read. Read the livings, and subscribe again`;
      return Promise.reject(new WecomEventsError(message));
    }
    if (this.#state === "ended") return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  return(): Promise<IteratorResult<LivingStatusChange>> {
    this.#end("ended");
    return Promise.resolve({ done: true, value: undefined });
  }

  throw(error: unknown): Promise<IteratorResult<LivingStatusChange>> {
    this.#end("ended");
    return Promise.reject(error instanceof Error ? error : new Error(String(error)));
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** What waits is forgotten: a reader who missed one has to read the livings anyway. */
  #end(state: "too-slow" | "ended"): void {
    this.#state = state;
    this.#queue = [];
    this.#waiting?.({ done: true, value: undefined });
    this.#waiting = undefined;
    this.leave();
  }
}
