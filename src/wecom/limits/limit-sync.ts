/**
 * What the replicas' limiter tell each other through the store: which of them WeCom closed, and how many calls went through
 * since a second ago. Counting and closing go on without it, each replica by itself; no call ever waits for it, but the
 * one that tries a closed gate.
 */
import { randomUUID } from "node:crypto";
import type { Logger } from "../../observability/logger.js";
import { reasonOf, type Store } from "../../stores/store.js";
import type { CallLimiter, LimitSync } from "./call-limiter.js";
import type { BlockState } from "./rate-limit-block.js";

const channel = "call-limiter";
const tellEveryMs = 1000;
/** A replica that died while it tried keeps the others waiting for so long. */
const tryMs = 10_000;

type Message =
  | { readonly kind: "closed"; readonly key: string; readonly closed: BlockState }
  | { readonly kind: "open"; readonly key: string; readonly closed: BlockState }
  | { readonly kind: "calls"; readonly from: string; readonly counts: Readonly<Record<string, number>> };

export interface StoreLimitSyncOptions {
  readonly store: Store;
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export class StoreLimitSync implements LimitSync {
  readonly #id = randomUUID();
  #teller: NodeJS.Timeout | undefined;
  #stopListening: (() => void) | undefined;

  constructor(private readonly options: StoreLimitSyncOptions) {}

  /** Hears from now on what others find out, and what was found out before. Without the store it only warns. */
  async connect(limiter: CallLimiter): Promise<void> {
    const { store, log } = this.options;
    this.#teller = setInterval(() => {
      const counts = limiter.takeUnpublished();
      if (Object.keys(counts).length > 0) this.#tell({ kind: "calls", from: this.#id, counts });
    }, tellEveryMs).unref();
    try {
      this.#stopListening = await store.subscribe(channel, (text) => {
        const message = JSON.parse(text) as Message;
        if (message.kind === "closed") limiter.learnBlocked(message.key, message.closed);
        else if (message.kind === "open") limiter.learnUnblocked(message.key, message.closed);
        else if (message.from !== this.#id) {
          for (const [key, calls] of Object.entries(message.counts)) limiter.addCalls(key, calls);
        }
      });
      const prefix = recordOf("");
      for await (const [key, value] of store.scan(prefix)) {
        limiter.learnBlocked(key.slice(prefix.length), JSON.parse(value) as BlockState);
      }
    } catch (error) {
      log.warn({ reason: reasonOf(error) }, "this replica does not hear how many calls the others make");
    }
  }

  publishBlocked(key: string, closed: BlockState): void {
    const { store, log, now } = this.options;
    log.warn({ api: key.split("\n")[1], until: new Date(closed.until) }, "WeCom takes no more calls for now (45009)");
    // Kept past its end: whoever starts then is to try alone as well.
    store.set(recordOf(key), JSON.stringify(closed), { expiresInMs: closed.until - now() + 60_000 }).catch(ignored);
    this.#tell({ kind: "closed", key, closed });
  }

  publishUnblocked(key: string, closed: BlockState): void {
    this.options.log.info({ api: key.split("\n")[1] }, "WeCom takes calls again");
    this.options.store.delete(recordOf(key)).catch(ignored);
    this.#tell({ kind: "open", key, closed });
  }

  async claimProbe(key: string, { tryAt }: BlockState): Promise<boolean> {
    const claim = `gate-try:${key}:${tryAt}`;
    try {
      return await this.options.store.compareAndSet(claim, undefined, this.#id, { expiresInMs: tryMs });
    } catch {
      return true;
    }
  }

  close(): void {
    clearInterval(this.#teller);
    this.#stopListening?.();
  }

  #tell(message: Message): void {
    this.options.store.publish(channel, JSON.stringify(message)).catch(ignored);
  }
}

function recordOf(key: string): string {
  return `gate-closed:${key}`;
}

/** The next message, or WeCom itself, tells what a lost one would have. */
const ignored = (): void => undefined;
