import { type DestinationStream, pino } from "pino";
import { BoundedMap } from "../lib/bounded-map.js";
import type { TraceParent } from "./trace-context.js";

type Level = "debug" | "info" | "warn" | "error";
type Log = (fields: object | string, message?: string) => void;

/** Each line is one JSON object; the error in `err` is written with its stack. */
export type Logger = Readonly<Record<Level, Log>>;

export type LogLevel = Level | "silent";

/** Writes JSON lines to stdout, or to `destination`. A `Secret` prints as `[secret]`. */
export function createLogger(level: LogLevel, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return destination ? pino(options, destination) : pino(options);
}

/** Limits repeated log lines: returns true at first, then once a minute, for each subject. */
export function onceAMinute(nowMs: () => number): (subject?: string) => boolean {
  const lastMs = new BoundedMap<string, number>(1000);
  return (subject = "") => {
    const now = nowMs();
    if (now - (lastMs.get(subject) ?? -Infinity) < 60_000) return false;
    lastMs.set(subject, now);
    return true;
  };
}

/** Adds the request id to every line. Most requests log nothing, so this is cheaper than a pino child per request. */
export class RequestLogger implements Logger {
  constructor(
    private readonly log: Logger,
    private readonly requestId: string,
    private readonly trace?: TraceParent,
  ) {}

  /** As above, and also adds the trace to every line. */
  inTrace(trace: TraceParent): RequestLogger {
    return new RequestLogger(this.log, this.requestId, trace);
  }

  debug(fields: object | string, message?: string): void {
    this.#write("debug", fields, message);
  }

  info(fields: object | string, message?: string): void {
    this.#write("info", fields, message);
  }

  warn(fields: object | string, message?: string): void {
    this.#write("warn", fields, message);
  }

  error(fields: object | string, message?: string): void {
    this.#write("error", fields, message);
  }

  #write(level: Level, fields: object | string, message: string | undefined): void {
    const { log, requestId, trace } = this;
    const named = trace ? { requestId, ...traceFields(trace) } : { requestId };
    if (typeof fields === "string") log[level](named, fields);
    else log[level]({ ...named, ...fields }, message);
  }
}

/** @see https://opentelemetry.io/docs/specs/otel/compatibility/logging_trace_context/ */
function traceFields({ traceId, spanId, isSampled }: TraceParent) {
  return { trace_id: traceId, span_id: spanId, trace_flags: isSampled ? "01" : "00" };
}
