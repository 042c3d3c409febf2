/**
 * The audit log: one JSON line for each write and authorisation whose outcome is known, and another when one that was
 * unknown is settled. Who acted, by which credential, for which corp, on which living; never a theme, a description, a
 * secret or the idempotency key itself, which others could guess: an HMAC of it stands there.
 *
 * Lines are written together, in order, behind the back of requests. What cannot be written is kept, up to a bound, and
 * tried again each second; with `isRequired`, writes are refused meanwhile.
 */
import { createHmac } from "node:crypto";
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { BoundedMap } from "../lib/bounded-map.js";
import { type Logger, onceAMinute } from "./logger.js";
import type { AuditMetrics } from "./metrics.js";
import type { Outcome } from "./outcome.js";

export interface AuditActor {
  readonly userid: string | undefined;
  /** Tells callers apart who have no userid. */
  readonly identity: string | undefined;
  readonly scopes: ReadonlySet<string>;
}

export interface AuditEvent {
  readonly action: string;
  readonly outcome: Outcome;
  /** Why it was not `ok`: as the client was told. */
  readonly code?: string | undefined;
  readonly errcode?: number | undefined;
  readonly corp: string;
  /** Absent: WeCom by a callback, or the gateway itself, which settles what was unknown. */
  readonly actor?: AuditActor;
  /** The anchor, where that is not the actor. */
  readonly onBehalfOf?: string | undefined;
  readonly livingid?: string | undefined;
  /** Of the idempotency key with its app, corp and caller. */
  readonly keyId?: string | undefined;
  /** Names of the input's fields, of a change. */
  readonly changed?: readonly string[] | undefined;
  readonly requestId?: string;
  readonly traceId?: string | undefined;
}

/** Writes all lines, or says why not, in which case none or a part of them is written. */
export interface AuditSink {
  write(lines: readonly string[]): void | Promise<void>;
}

export interface AuditLogOptions {
  readonly sink: AuditSink;
  /** Of the HMACs; the same in all replicas. */
  readonly key: string;
  /** By what callers are told. */
  readonly via: string;
  readonly isRequired: boolean;
  readonly replica: string;
  readonly metrics: AuditMetrics;
  readonly log: Logger;
  readonly now: () => number;
}

/** 10,000 lines have about 5 MB. */
const maxWaiting = 10_000;
const maxAtOnce = 500;
const maxCallers = 1000;
/** A write for each line would cost several times what the line itself does. */
const writeDelayMs = 10;
const retryMs = 1000;

export class AuditLog {
  #waiting: string[] = [];
  #writing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isFailing = false;
  readonly #callers = new BoundedMap<string, string>(maxCallers);
  readonly #mayReport: () => boolean;

  constructor(private readonly options: AuditLogOptions) {
    this.#mayReport = onceAMinute(options.now);
  }

  /** Whether a write may be begun: its line could be written, as far as is known. */
  get mayRecord(): boolean {
    // A disk that hangs does not fail. Half of the lines are for writes that have begun by then.
    return !this.options.isRequired || (!this.#isFailing && this.#waiting.length < maxWaiting / 2);
  }

  record(event: AuditEvent): void {
    const { metrics } = this.options;
    metrics.countAudit(event.action, event.outcome);
    if (this.#waiting.length >= maxWaiting) {
      metrics.countAuditLost(1);
      return;
    }
    if (this.#waiting.push(this.#lineOf(event)) === 1) this.#beginIn(writeDelayMs);
  }

  /** Tries to write what waits, for a moment. */
  async close(): Promise<void> {
    await this.#writing;
    clearTimeout(this.#timer);
    do await this.#write();
    while (!this.#isFailing && this.#waiting.length > 0);
    if (this.#waiting.length > 0) this.options.metrics.countAuditLost(this.#waiting.length);
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
    const { sink, metrics, log } = this.options;
    const lines = this.#waiting.slice(0, maxAtOnce);
    if (lines.length === 0) return;
    try {
      const written = sink.write(lines);
      if (written) await written;
      this.#waiting.splice(0, lines.length);
      if (this.#isFailing) log.warn("the audit log can be written again");
      this.#isFailing = false;
    } catch (error) {
      metrics.countAuditFailure();
      this.#isFailing = true;
      if (this.#mayReport()) {
        log.error({ err: error, waiting: this.#waiting.length }, "the audit log cannot be written");
      }
    }
  }

  #lineOf(event: AuditEvent): string {
    const { now, via, replica } = this.options;
    const { actor, onBehalfOf, keyId } = event;
    return `${JSON.stringify({
      audit: 1,
      time: new Date(now()).toISOString(),
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
  }

  #hmac(text: string): string {
    return createHmac("sha256", this.options.key).update(text).digest("hex").slice(0, 16);
  }

  /** Callers come again, keys do not. */
  #hmacOfCaller(identity: string): string {
    let known = this.#callers.get(identity);
    if (known === undefined) this.#callers.set(identity, (known = this.#hmac(identity)));
    return known;
  }
}

/** Appends to a file, which may be truncated meanwhile. @throws when it cannot be opened for that */
export async function auditFile(path: string): Promise<AuditSink> {
  const { O_APPEND, O_CREAT, O_NONBLOCK, O_WRONLY } = constants;
  // A pipe that nobody reads would keep a thread waiting, and with it even the end of the process.
  const file = await open(path, O_APPEND | O_CREAT | O_NONBLOCK | O_WRONLY, 0o640).catch((error: unknown) => {
    throw new Error(`the audit log cannot be opened: ${error instanceof Error ? error.message : String(error)}`);
  });
  /** What is left of a line that was written in part, when the disk was full. */
  let rest: Buffer = Buffer.alloc(0);
  let restOf: readonly string[] | undefined;
  return {
    write: async (lines) => {
      // The same lines again: those that were written in part go on where they ended.
      if (restOf?.[0] !== lines[0]) rest = Buffer.from(lines.join(""));
      else if (restOf && lines.length > restOf.length) {
        rest = Buffer.concat([rest, Buffer.from(lines.slice(restOf.length).join(""))]);
      }
      restOf = lines;
      while (rest.length > 0) {
        const { bytesWritten } = await file.write(rest);
        rest = rest.subarray(bytesWritten);
      }
      restOf = undefined;
    },
  };
}
