/**
 * Shares the limiters' state between replicas through the store: blocks by WeCom, and counts of calls. A replica that
 * has missed messages, because it has just started or lost its connection, gets the others' state. Without the store,
 * each replica counts and blocks on its own. No call waits for the store, except a probe of a blocked API.
 */
import { randomUUID } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import type { Logger } from "../../observability/logger.js";
import { type Listening, parseStored, reasonOf, type Store } from "../../stores/store.js";
import type { Clock } from "../clock.js";
import type { CallLimiter, LimitSync } from "./call-limiter.js";
import type { KnownCounts } from "./call-limits.js";
import { type BlockState, trialMs } from "./circuit-breaker.js";

const channel = "call-limiter";
/** Also without calls, as a heartbeat. */
const publishEveryMs = 1000;
const publishSoonMs = 10;
const confirmedAfterMs = 1000;
const knownPerMessage = 100;
/** A replica without messages for this long is gone. */
const absentAfterMs = 5000;

type Message =
  | { readonly kind: "closed"; readonly key: string; readonly closed: BlockState }
  | { readonly kind: "open"; readonly key: string; readonly closed: BlockState }
  | {
      readonly kind: "calls";
      readonly from: string;
      readonly id: number;
      readonly counts: Readonly<Record<string, number>>;
    }
  | { readonly kind: "hello"; readonly from: string }
  | {
      readonly kind: "known";
      readonly to: string;
      /** The sender's clock. */
      readonly now: number;
      readonly counts: readonly (readonly [string, KnownCounts])[];
    };

export interface StoreLimitSyncOptions {
  readonly store: Pick<Store, "publish" | "listen" | "scan" | "set" | "delete" | "compareAndSet">;
  readonly log: Logger;
  readonly clock: Clock;
  /** The limiter's clock. */
  readonly now: () => number;
}

export class StoreLimitSync implements LimitSync {
  readonly #id = randomUUID();
  /** The time of the last message of each other replica. */
  readonly #heardAt = new Map<string, number>();
  /** By message id. */
  readonly #unconfirmed = new Map<number, Readonly<Record<string, number>>>();
  #messages = 0;
  #limiter: CallLimiter | undefined;
  #listening: Listening | undefined;
  #stopTimer: (() => void) | undefined;
  #isPublishingSoon = false;
  /** Messages were missed, and no other replica has been asked for its counts yet. */
  #isBehind = false;
  #isClosed = false;

  constructor(private readonly options: StoreLimitSyncOptions) {}

  get others(): number {
    return this.#heardAt.size;
  }

  /** Receives other replicas' state from now on, and what was stored before. Without the store it only warns. */
  async connect(limiter: CallLimiter): Promise<void> {
    this.#limiter = limiter;
    this.#publishIn(publishEveryMs);
    const { store, log } = this.options;
    this.#listening = await store.listen(channel, {
      onMessage: (text) => {
        this.#receive(limiter, parseStored(text) as Message);
      },
      onHearing: () => {
        this.#publishCalls(limiter);
        this.#askForCounts();
      },
    });
    try {
      const prefix = recordOf("");
      for await (const [key, value] of store.scan(prefix)) {
        limiter.learnBlocked(key.slice(prefix.length), parseStored(value) as BlockState);
      }
    } catch (error) {
      log.warn({ reason: reasonOf(error) }, "this replica cannot receive the other replicas' call counts");
    }
  }

  publishSoon(): void {
    if (this.#isPublishingSoon || this.#isClosed) return;
    this.#isPublishingSoon = true;
    this.#publishIn(publishSoonMs);
  }

  publishBlocked(key: string, closed: BlockState): void {
    const { store, log, now } = this.options;
    log.warn({ api: key.split("\n")[1], until: new Date(closed.until) }, "WeCom takes no more calls for now (45009)");
    // Kept longer than the block, so that a replica that starts then also sends only one probe.
    store.set(recordOf(key), JSON.stringify(closed), { expiresInMs: closed.until - now() + 60_000 }).catch(ignored);
    this.#publish({ kind: "closed", key, closed });
  }

  publishUnblocked(key: string, closed: BlockState): void {
    this.options.log.info({ api: key.split("\n")[1] }, "WeCom takes calls again");
    this.options.store.delete(recordOf(key)).catch(ignored);
    this.#publish({ kind: "open", key, closed });
  }

  async reserveProbe(key: string, { tryAt }: BlockState): Promise<boolean> {
    const probe = `gate-try:${key}:${tryAt}`;
    try {
      return await this.options.store.compareAndSet(probe, undefined, this.#id, { expiresInMs: trialMs });
    } catch {
      return true;
    }
  }

  /** Publishes the remaining calls. */
  close(): void {
    this.#isClosed = true;
    if (this.#limiter) this.#publishCalls(this.#limiter);
    this.#stopTimer?.();
    this.#listening?.stop();
  }

  #receive(limiter: CallLimiter, message: Message): void {
    switch (message.kind) {
      case "closed":
        limiter.learnBlocked(message.key, message.closed);
        break;
      case "open":
        limiter.learnUnblocked(message.key, message.closed);
        break;
      case "calls":
        // The own message has come back, so the others have it too.
        if (message.from === this.#id) {
          this.#confirm(message.id);
          return;
        }
        this.#heardAt.set(message.from, this.options.clock.monotonicMs());
        for (const [key, calls] of Object.entries(message.counts)) limiter.addCalls(key, calls);
        break;
      case "hello": {
        if (message.from === this.#id) return;
        // Unpublished calls are published first, or they would be counted twice.
        this.#publishCalls(limiter);
        void this.#publishKnown(limiter, message.from);
        break;
      }
      case "known":
        if (message.to !== this.#id) return;
        for (const [key, known] of message.counts) limiter.learnCounts(key, known, message.now);
    }
  }

  /** In parts, between which the event loop runs, because there may be thousands of corps. */
  async #publishKnown(limiter: CallLimiter, to: string): Promise<void> {
    const { now } = this.options;
    let counts: (readonly [string, KnownCounts])[] = [];
    for (const known of limiter.knownCounts()) {
      counts.push(known);
      if (counts.length < knownPerMessage) continue;
      this.#publish({ kind: "known", to, now: now(), counts });
      counts = [];
      await setImmediate();
    }
    this.#publish({ kind: "known", to, now: now(), counts });
  }

  #publishIn(ms: number): void {
    this.#stopTimer?.();
    this.#stopTimer = this.options.clock.after(ms, () => {
      this.#isPublishingSoon = false;
      this.#publishIn(publishEveryMs);
      if (this.#limiter) this.#publishCalls(this.#limiter);
      if (this.#isBehind) this.#askForCounts();
      const now = this.options.clock.monotonicMs();
      for (const [id, heardAt] of this.#heardAt) if (now - heardAt > absentAfterMs) this.#heardAt.delete(id);
    });
  }

  #publishCalls(limiter: CallLimiter): void {
    const counts = limiter.takeUnpublished();
    const id = (this.#messages += 1);
    this.#unconfirmed.set(id, counts);
    // A lost message must not count as unconfirmed forever.
    this.options.clock.after(confirmedAfterMs, () => {
      this.#confirm(id);
    });
    this.#send({ kind: "calls", from: this.#id, id, counts }).catch(() => {
      // Unless it has come back, it was lost: the next message has them again.
      if (!this.#unconfirmed.has(id)) return;
      this.#confirm(id);
      limiter.putBack(counts);
    });
  }

  /** Repeated until it is sent, because the store may take messages later than it delivers them again. */
  #askForCounts(): void {
    this.#isBehind = true;
    this.#send({ kind: "hello", from: this.#id }).then(() => {
      this.#isBehind = false;
    }, ignored);
  }

  #confirm(id: number): void {
    this.#limiter?.confirm(this.#unconfirmed.get(id) ?? {});
    this.#unconfirmed.delete(id);
  }

  #publish(message: Message): void {
    this.#send(message).catch(ignored);
  }

  #send(message: Message): Promise<void> {
    return this.options.store.publish(channel, JSON.stringify(message));
  }
}

function recordOf(key: string): string {
  return `gate-closed:${key}`;
}

/** Ignored: the next message, or WeCom itself, makes up for a lost one. */
const ignored = (): void => undefined;
