/**
 * Passes WeCom's status changes to the subscriptions of this process, whichever replica received the callback. All
 * subscriptions share one listener on the store's channel. If this replica may have missed an event, it ends all of them with
 * an error: silence would mean "nothing has changed".
 *
 * Events older than the last one of the same living are dropped: WeCom repeats an unanswered message for some 20 seconds, so
 * a "live" may arrive after its "ended". CreateTime has whole seconds; within one second, the order of arrival counts.
 */
import { BoundedMap } from "../../lib/bounded-map.js";
import type { Logger } from "../../observability/logger.js";
import { type ChannelListener, type Listening, parseStored, type Store } from "../../stores/store.js";
import { WecomConfigurationError, WecomEventsError } from "../errors.js";
import { unknownCorp } from "../tokens/token-source.js";
import type { LivingStatusChange } from "./events.js";
import type { Receiver } from "./receiver.js";

/** The store's channel on which every replica gets, as JSON, the status changes that WeCom sent to one of them. */
const livingStatusChannel = "living-status-change";

export async function publishLivingStatus(store: Store, event: LivingStatusChange): Promise<void> {
  await store.publish(livingStatusChannel, JSON.stringify(event));
}

export function listenToLivingStatus(
  store: Store,
  onEvent: (event: LivingStatusChange) => void,
  gaps: Pick<ChannelListener, "onHearing" | "onGap">,
): Promise<Listening> {
  return store.listen(livingStatusChannel, {
    ...gaps,
    onMessage: (message) => {
      onEvent(parseStored(message) as LivingStatusChange);
    },
  });
}

/** Filters events; undefined matches all. */
export interface StatusChangeFilter {
  readonly corp: string;
  readonly livingid: string | undefined;
  /** Compared without regard to case. */
  readonly userid: string | undefined;
}

export interface LivingStatusChangesOptions {
  readonly store: Store;
  readonly log: Logger;
  readonly receiver: Receiver;
  /** Whether WeCom's callbacks can be verified here. */
  readonly isSetUp: boolean;
}

const maxLivings = 10_000;

export class LivingStatusChanges {
  readonly #waiting = new Set<EventQueue>();
  /** By corp and living. */
  readonly #newest = new BoundedMap<string, LivingStatusChange>(maxLivings);
  #listening: Promise<Listening> | undefined;

  constructor(private readonly options: LivingStatusChangesOptions) {}

  /**
   * Yields the events after it has resolved. The iterator throws a `WecomEventsError` when events may have been missed.
   *
   * @throws {WecomEventsError} when events cannot be received now
   * @throws {WecomConfigurationError} when the gateway gets no events of that corp
   */
  async subscribe(filter: StatusChangeFilter): Promise<AsyncIterableIterator<LivingStatusChange>> {
    const { receiver, isSetUp } = this.options;
    if (receiver.kind === "corp" ? filter.corp !== receiver.corpid : filter.corp === "") throw unknownCorp();
    if (!isSetUp) {
      const message = "WeCom's callbacks are not set up here (WECOM_CALLBACK_TOKEN), so there are no events";
      throw new WecomConfigurationError(message, { api: "living_status_change" });
    }
    if (!(await this.#listen()).isHearing) {
      throw new WecomEventsError("Events cannot be received right now", "EVENTS_UNAVAILABLE");
    }
    const queue = new EventQueue(filter, () => this.#waiting.delete(queue));
    this.#waiting.add(queue);
    return queue;
  }

  /** Created by the first subscription: a process without subscriptions does not listen. */
  async #listen(): Promise<Listening> {
    this.#listening ??= listenToLivingStatus(
      this.options.store,
      (event) => {
        this.#deliver(event);
      },
      {
        onGap: () => {
          this.#endAll();
        },
      },
    );
    return await this.#listening;
  }

  #deliver(event: LivingStatusChange): void {
    const key = `${event.corpid}\n${event.livingid}`;
    const newest = this.#newest.get(key);
    // Two replicas may have handled the same message at the same time.
    const isRepeated = newest?.at === event.at && newest.status === event.status;
    if (newest && (event.at < newest.at || isRepeated)) {
      const { livingid, status } = event;
      this.options.log.info({ livingid, status }, "a status change was repeated or out of order: it is dropped");
      return;
    }
    this.#newest.set(key, event);
    for (const queue of this.#waiting) queue.add(event);
  }

  #endAll(): void {
    if (this.#waiting.size > 0) {
      this.options.log.warn("events of other replicas may have been missed: subscriptions are ended with an error");
    }
    const message = "Events may have been missed: read the livings, and subscribe again";
    for (const queue of this.#waiting) queue.end(new WecomEventsError(message, "EVENTS_MISSED"));
  }
}

/** Not an async generator, which cannot be ended while it waits. Its reader limits how many events it holds. */
class EventQueue implements AsyncIterableIterator<LivingStatusChange> {
  readonly #filter: StatusChangeFilter;
  readonly #events: LivingStatusChange[] = [];
  #next: { resolve(result: IteratorResult<LivingStatusChange>): void; reject(error: Error): void } | undefined;
  #isEnded = false;
  #error: Error | undefined;

  constructor(
    filter: StatusChangeFilter,
    private readonly leave: () => void,
  ) {
    this.#filter = { ...filter, userid: filter.userid?.toLowerCase() };
  }

  add(event: LivingStatusChange): void {
    const { corp, livingid, userid } = this.#filter;
    if (event.corpid !== corp) return;
    if (livingid !== undefined && event.livingid !== livingid) return;
    if (userid !== undefined && event.userid.toLowerCase() !== userid) return;
    if (this.#next) {
      this.#next.resolve({ done: false, value: event });
      this.#next = undefined;
    } else this.#events.push(event);
  }

  /** Events already in it are still read. */
  end(error?: Error): void {
    this.#isEnded = true;
    this.leave();
    if (error && this.#next) this.#next.reject(error);
    else {
      this.#error = error;
      this.#next?.resolve({ done: true, value: undefined });
    }
    this.#next = undefined;
  }

  async next(): Promise<IteratorResult<LivingStatusChange>> {
    const value = this.#events.shift();
    if (value) return { done: false, value };
    const error = this.#error;
    this.#error = undefined;
    if (error) throw error;
    if (this.#isEnded) return { done: true, value: undefined };
    return await new Promise((resolve, reject) => {
      this.#next = { resolve, reject };
    });
  }

  async return(): Promise<IteratorResult<LivingStatusChange>> {
    this.#events.length = 0;
    this.end();
    return await Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
