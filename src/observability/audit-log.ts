/**
 * The audit log: one JSON line per write and per authorisation whose outcome is known, and a second line when an
 * unknown outcome is settled later. It records who acted, with which credential, for which corp, on which living. It
 * never contains a theme, a description, a secret, or an idempotency key, which others could guess; it contains the
 * key's HMAC.
 *
 * Lines are written in batches, in order, outside of requests. Lines that cannot be written are kept, up to a bound,
 * and retried each second; with `isRequired`, writes are refused meanwhile.
 */
import { createHmac } from "node:crypto";
import { BoundedMap } from "../lib/bounded-map.js";
import { within } from "../lib/within.js";
import { type Logger, onceAMinute } from "./logger.js";
import type { AuditMetrics } from "./metrics.js";
import type { Outcome } from "./outcome.js";

export interface AuditActor {
  readonly userid: string | undefined;
  /** Identifies callers that have no userid. */
  readonly identity: string | undefined;
  readonly scopes: ReadonlySet<string>;
}

export interface AuditEvent {
  readonly action: string;
  readonly outcome: Outcome;
  /** The error code that the client got; absent for `ok`. */
  readonly code?: string | undefined;
  readonly errcode?: number | undefined;
  readonly corp: string;
  /** Absent: WeCom acted by a callback, or the gateway settled an unknown outcome. */
  readonly actor?: AuditActor;
  /** The anchor, if the actor is somebody else. */
  readonly onBehalfOf?: string | undefined;
  readonly livingid?: string | undefined;
  /** Digest of the idempotency key with its app, corp and caller. */
  readonly keyId?: string | undefined;
  /** Names of the input fields that a modify changes. */
  readonly changed?: readonly string[] | undefined;
  readonly requestId?: string;
  readonly traceId?: string | undefined;
}

/** Writes all lines. If it rejects, some of them may be written. */
export interface AuditSink {
  write(lines: readonly string[]): void | Promise<void>;
}

export interface AuditLogOptions {
  readonly sink: AuditSink;
  /** Key of the HMACs; the same in all replicas. */
  readonly key: string;
  /** How callers are authenticated. */
  readonly via: string;
  readonly isRequired: boolean;
  readonly replica: string;
  readonly metrics: AuditMetrics;
  readonly log: Logger;
  readonly now: () => number;
}

/** 10,000 lines take about 5 MB. */
const maxWaiting = 10_000;
const maxAtOnce = 500;
const maxCallers = 1000;
/** Batches lines: one write per line would cost several times as much as the line itself. */
const writeDelayMs = 10;
const retryMs = 1000;
/** A write that takes longer counts as failed, and once more each time that this passes. */
const slowWriteMs = 5000;
/** How long the end of the process waits for the last lines. */
const closeLimitMs = 2000;

interface WaitingEvent {
  readonly event: AuditEvent;
  readonly atMs: number;
}

export class AuditLog {
  /** Formatted when they are written, outside of requests, or when that fails: an event keeps its request in memory. */
  #waiting: (WaitingEvent | string)[] = [];
  #writing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isFailing = false;
  readonly #callers = new BoundedMap<string, string>(maxCallers);
  /** The last one formatted: many lines of a batch have the same. */
  #time = { ms: NaN, text: "" };
  readonly #mayReport: () => boolean;

  constructor(private readonly options: AuditLogOptions) {
    this.#mayReport = onceAMinute(options.now);
  }

  /** Whether a write may start: its line could be written, as far as is known. */
  get mayRecord(): boolean {
    // A disk that hangs reports no error. The other half of the buffer is for writes that have already started.
    return !this.options.isRequired || (!this.#isFailing && this.#waiting.length < maxWaiting / 2);
  }

  record(event: AuditEvent): void {
    const { metrics, now } = this.options;
    metrics.countAudit(event.action, event.outcome);
    if (this.#waiting.length >= maxWaiting) {
      metrics.countAuditLost(1);
      return;
    }
    const waiting = { event, atMs: now() };
    if (this.#waiting.push(this.#isFailing ? this.#lineOf(waiting) : waiting) === 1) this.#beginIn(writeDelayMs);
  }

  /** Writes the remaining lines, within `closeLimitMs`; those that fail now are lost and counted. */
  async close(): Promise<void> {
    await within(closeLimitMs, this.#writeRest(), undefined);
    if (this.#waiting.length > 0) this.options.metrics.countAuditLost(this.#waiting.length);
  }

  async #writeRest(): Promise<void> {
    await this.#writing;
    clearTimeout(this.#timer);
    do await this.#write();
    while (!this.#isFailing && this.#waiting.length > 0);
  }

  #beginIn(ms: number): void {
    if (this.#writing) return;
    this.#timer ??= setTimeout(this.#begin, ms).unref();
  }

  readonly #begin = (): void => {
    this.#timer = undefined;
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
      if (this.#waiting.length > 0) this.#beginIn(this.#isFailing ? retryMs : writeDelayMs);
    });
  };

  async #write(): Promise<void> {
    const { sink, log } = this.options;
    if (this.#waiting.length === 0) return;
    const lines = this.#waiting.slice(0, maxAtOnce).map(this.#lineOf);
    try {
      const written = sink.write(lines);
      if (written) await this.#watched(written);
      this.#waiting.splice(0, lines.length);
      if (this.#isFailing) log.warn("the audit log can be written again");
      this.#isFailing = false;
    } catch (error) {
      this.#noteFailure(error);
    }
  }

  /** A disk that hangs reports no error. */
  async #watched(written: Promise<void>): Promise<void> {
    const slow = setInterval(() => {
      this.#noteFailure(new Error(`it has not been written for ${slowWriteMs / 1000} s or longer`));
    }, slowWriteMs).unref();
    await written.finally(() => {
      clearInterval(slow);
    });
  }

  #noteFailure(error: unknown): void {
    const { metrics, log } = this.options;
    metrics.countAuditFailure();
    this.#isFailing = true;
    this.#waiting = this.#waiting.map(this.#lineOf);
    if (this.#mayReport()) {
      log.error({ err: error, waiting: this.#waiting.length }, "the audit log cannot be written");
    }
  }

  readonly #lineOf = (waiting: WaitingEvent | string): string => {
    if (typeof waiting === "string") return waiting;
    const { event, atMs } = waiting;
    const { via, replica } = this.options;
    const { actor, onBehalfOf, keyId } = event;
    return `${JSON.stringify({
      audit: 1,
      time: this.#timeOf(atMs),
      action: event.action,
      outcome: event.outcome,
      code: event.code,
      errcode: event.errcode,
      corp: event.corp,
      actor: actor && {
        userid: actor.userid,
        identity:
          actor.userid === undefined && actor.identity !== undefined ? this.#hmacOfCaller(actor.identity) : undefined,
        via,
        scopes: [...actor.scopes].join(" "),
      },
      on_behalf_of: onBehalfOf,
      livingid: event.livingid,
      key: keyId === undefined ? undefined : this.#hmac(keyId),
      changed: event.changed,
      request_id: event.requestId,
      trace_id: event.traceId,
      replica,
    })}\n`;
  };

  #timeOf(ms: number): string {
    if (ms !== this.#time.ms) this.#time = { ms, text: new Date(ms).toISOString() };
    return this.#time.text;
  }

  #hmac(text: string): string {
    return createHmac("sha256", this.options.key).update(text).digest("hex").slice(0, 16);
  }

  /** Cached, because callers repeat; idempotency keys do not. */
  #hmacOfCaller(identity: string): string {
    let known = this.#callers.get(identity);
    if (known === undefined) this.#callers.set(identity, (known = this.#hmac(identity)));
    return known;
  }
}
