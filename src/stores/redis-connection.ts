/**
 * One connection to Redis, which is replaced when it is lost or does not answer. It is pinged each second, because a
 * connection to a machine that vanished looks healthy, and writes to it reset every idle timer of the socket. Failed
 * pings end it within three seconds. Each new attempt looks up the server again.
 */
import { setTimeout as wait } from "node:timers/promises";
import { type Logger, onceAMinute } from "../observability/logger.js";
import { answeredWithin, reasonOf, StoreError } from "./store.js";

export interface Link {
  ping(): Promise<unknown>;
  destroy(): void;
  /** Calls `lost` at least once when the connection is lost. */
  onLost(lost: (reason: unknown) => void): void;
}

export interface ConnectionOptions<L extends Link> {
  /** Ends the attempt when the signal is aborted, so that an attempt that takes too long leaves nothing open. */
  readonly connect: (signal: AbortSignal) => Promise<L>;
  /** Called with each new connection before it is used. If it rejects, the connection is closed. */
  readonly onUp?: (link: L) => Promise<void> | void;
  readonly onDown?: () => void;
  readonly log: Logger;
  readonly timeoutMs: number;
  /** The interval of pings, and the longest pause between attempts. */
  readonly restMs: number;
}

/** Together with `restMs` less than three seconds, within which a lost connection is noticed. */
const pingTimeoutMs = 1500;
const handshakeMs = 2000;
/** Reasons that are logged for one outage. */
const maxReasons = 5;

export class RedisConnection<L extends Link> {
  #link: L | undefined;
  /** A command timed out. Until a ping is answered, other commands fail immediately instead of queuing. */
  #isSilent = false;
  #isClosed = false;
  /** The reasons of this outage: the first is often only that the connection was lost. */
  readonly #reported = new Set<string>();
  /** A server that refuses each write is connected to again each time. */
  readonly #mayReport = onceAMinute(() => performance.now());
  #lose: (reason: unknown) => void = () => undefined;

  constructor(private readonly options: ConnectionOptions<L>) {}

  /** @throws the error of the first attempt; later attempts are repeated */
  async open(): Promise<L> {
    const link = await this.#connect();
    void this.#keepUp(Promise.resolve(link));
    return link;
  }

  get link(): L | undefined {
    return this.#link;
  }

  /** @throws {StoreError} when the answer is late, and immediately if the server is known not to answer */
  async ask<T>(command: (link: L) => Promise<T>): Promise<T> {
    const { timeoutMs } = this.options;
    const link = this.#link;
    if (!link || this.#isSilent) throw new StoreError("Redis did not answer a moment ago");
    try {
      return await answeredWithin(timeoutMs, command(link), () => {
        if (link === this.#link) {
          this.#isSilent = true;
          void this.#ping(link).catch(this.#lose);
        }
        return new StoreError(`Redis did not answer within ${timeoutMs} ms`);
      });
    } catch (error) {
      if (error instanceof StoreError) throw error;
      // The server is no longer the master, but keeps its connections open.
      if (/^(READONLY|MOVED) /.test(reasonOf(error))) this.drop(error);
      throw new StoreError(`Redis failed: ${redisReasonOf(error)}`);
    }
  }

  /** Closes the connection and opens a new one. */
  drop(reason: unknown): void {
    this.#lose(reason);
  }

  close(): void {
    this.#isClosed = true;
    this.#lose(new Error("closed"));
  }

  async #keepUp(first: Promise<L>): Promise<void> {
    let attempt = first;
    for (let failures = 0; ; failures += 1) {
      try {
        const link = await attempt;
        failures = 0;
        if (!this.#isClosed) await this.#untilLost(link);
      } catch (error) {
        this.#report(redisReasonOf(error));
      }
      if (this.#isClosed) return;
      await wait(Math.min(50 * 2 ** failures, this.options.restMs), undefined, { ref: false });
      attempt = this.#connect();
    }
  }

  #report(reason: string): void {
    if (this.#isClosed || this.#reported.has(reason) || this.#reported.size >= maxReasons) return;
    if (!this.#mayReport(reason)) return;
    this.#reported.add(reason);
    this.options.log.error({ reason }, "Redis cannot be reached");
  }

  async #connect(): Promise<L> {
    const attempt = new AbortController();
    const connecting = this.options.connect(attempt.signal);
    const giveUp = (): StoreError => {
      attempt.abort();
      return new StoreError(`no connection within ${handshakeMs} ms`);
    };
    const link = await answeredWithin(handshakeMs, connecting, giveUp);
    if (this.#isClosed) link.destroy();
    return link;
  }

  /** Always rejects. */
  async #untilLost(link: L): Promise<void> {
    const { onUp, onDown, restMs, log } = this.options;
    let pinging: NodeJS.Timeout | undefined;
    this.#link = link;
    this.#isSilent = false;
    try {
      await new Promise<never>((_resolve, lose) => {
        this.#lose = lose;
        link.onLost(lose);
        pinging = setInterval(() => void this.#ping(link).catch(lose), restMs).unref();
        const up = async (): Promise<void> => {
          await onUp?.(link);
          if (this.#reported.size > 0) log.info("Redis is back");
          this.#reported.clear();
        };
        up().catch(lose);
      });
    } finally {
      clearInterval(pinging);
      this.#link = undefined;
      link.destroy();
      onDown?.();
    }
  }

  async #ping(link: L): Promise<void> {
    await answeredWithin(
      pingTimeoutMs,
      link.ping(),
      () => new StoreError(`no answer to a ping within ${pingTimeoutMs} ms`),
    );
    if (link === this.#link) this.#isSilent = false;
  }
}

/** A server that does not know a command quotes its arguments: a password, or what should be stored. */
export function redisReasonOf(error: unknown): string {
  return reasonOf(error).replace(/,? with args beginning with.*/s, "");
}
