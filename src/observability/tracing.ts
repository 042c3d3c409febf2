/**
 * Traces: spans that the gateway creates itself and sends as OTLP over HTTP in JSON. Loaded only if OTEL_* variables
 * enable it. There is no SDK: three kinds of span need no context propagation, no instrumentation and no dozen
 * packages, and every attribute is written here, so that no URL with a token can slip in. Whether a trace is recorded
 * is decided before any span is created.
 *
 * @see https://opentelemetry.io/docs/specs/otlp/#otlphttp
 */
import { randomBytes } from "node:crypto";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { type Logger, onceAMinute } from "./logger.js";
import type { TracingMetrics } from "./metrics.js";
import type { TracingSettings } from "./otel-settings.js";
import type { TraceParent } from "./trace-context.js";

export type AttributeValue = string | number | boolean;
export type Attributes = Readonly<Record<string, AttributeValue | undefined>>;

/** `SPAN_KIND_…` of OTLP. */
const kinds = { internal: 1, server: 2, client: 3 } as const;

export interface SpanIds {
  readonly traceId: string;
  readonly spanId: string;
}

interface SpanOptions {
  readonly kind: keyof typeof kinds;
  readonly parentSpanId?: string | undefined;
  readonly link?: SpanIds | undefined;
}

export class Span implements SpanIds {
  readonly isSampled = true;
  readonly spanId = randomBytes(8).toString("hex");
  readonly #startedAtMs = performance.timeOrigin + performance.now();
  readonly #attributes: Record<string, AttributeValue | undefined> = {};
  #isError = false;

  constructor(
    private readonly name: string,
    readonly traceId: string,
    private readonly options: SpanOptions,
    private readonly take: (span: object) => void,
  ) {}

  child(name: string, kind: SpanOptions["kind"]): Span {
    return new Span(name, this.traceId, { kind, parentSpanId: this.spanId }, this.take);
  }

  set(attributes: Attributes): this {
    Object.assign(this.#attributes, attributes);
    return this;
  }

  /** @param errorType one of a few fixed values; undefined: success */
  end(errorType?: string): void {
    if (errorType !== undefined) {
      this.#isError = true;
      this.#attributes["error.type"] = errorType;
    }
    const { kind, parentSpanId, link } = this.options;
    this.take({
      traceId: this.traceId,
      spanId: this.spanId,
      ...(parentSpanId !== undefined && { parentSpanId }),
      name: this.name,
      kind: kinds[kind],
      startTimeUnixNano: nanoseconds(this.#startedAtMs),
      endTimeUnixNano: nanoseconds(performance.timeOrigin + performance.now()),
      attributes: keyValues(this.#attributes),
      ...(link && { links: [{ traceId: link.traceId, spanId: link.spanId }] }),
      status: this.#isError ? { code: 2 } : {},
    });
  }
}

export interface TracingOptions {
  readonly settings: TracingSettings;
  /** An undici agent with TLS settings; undefined: `fetch`'s own. */
  readonly dispatcher: { destroy(): Promise<unknown> } | undefined;
  /** Whether the callers' decision to record a trace is followed. */
  readonly trustsCallers: boolean;
  readonly metrics: TracingMetrics;
  readonly log: Logger;
  readonly random: () => number;
}

const compressed = promisify(gzip);
/** How long the end of the process waits for the collector. */
const closeLimitMs = 2000;
/** A collector answers with a few bytes; a wrong endpoint may send without end. */
const maxAnswerBytes = 100_000;

export class Tracing {
  readonly #waiting: object[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #export = new AbortController();
  #isClosing = false;
  readonly #mayReport = onceAMinute(() => performance.now());

  constructor(private readonly options: TracingOptions) {}

  /** The span of an operation; undefined if its trace is not recorded. */
  begin(name: string, parent: TraceParent | undefined): Span | undefined {
    const { trustsCallers, random, settings } = this.options;
    const { ratio, followsParent } = settings;
    const isSampled = parent && trustsCallers && followsParent ? parent.isSampled : ratio > 0 && random() < ratio;
    if (!isSampled) return undefined;
    const traceId = parent?.traceId ?? randomBytes(16).toString("hex");
    return new Span(name, traceId, { kind: "server", parentSpanId: parent?.spanId }, this.#take);
  }

  /** Starts a new trace with a link to the span of the original operation. */
  beginLinked(name: string, link: SpanIds): Span {
    return new Span(name, randomBytes(16).toString("hex"), { kind: "internal", link }, this.#take);
  }

  /** Sends the remaining spans, within one export timeout and `closeLimitMs`; the others are dropped. */
  async close(): Promise<void> {
    const { settings, metrics } = this.options;
    this.#isClosing = true;
    clearTimeout(this.#timer);
    const limitMs = Math.min(settings.timeoutMs, closeLimitMs);
    const endsAtMs = performance.now() + limitMs;
    const limit = setTimeout(() => {
      this.#export.abort(tooLate());
    }, limitMs);
    await this.#sending;
    while (this.#waiting.length > 0 && performance.now() < endsAtMs) await this.#send();
    clearTimeout(limit);
    if (this.#waiting.length > 0) metrics.countSpans("dropped", this.#waiting.length);
    await this.options.dispatcher?.destroy();
  }

  readonly #take = (span: object): void => {
    const { settings, metrics } = this.options;
    if (this.#waiting.length >= settings.maxQueueSize) {
      metrics.countSpans("dropped", 1);
      return;
    }
    this.#waiting.push(span);
    if (this.#sending) return;
    if (this.#waiting.length >= settings.maxBatchSize) this.#sendLater(0);
    else if (!this.#timer) this.#sendLater(settings.scheduleDelayMs);
  };

  #sendLater(inMs: number): void {
    clearTimeout(this.#timer);
    if (this.#isClosing) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#sending ??= this.#send().finally(() => {
        this.#sending = undefined;
        const { maxBatchSize, scheduleDelayMs } = this.options.settings;
        if (this.#waiting.length > 0) this.#sendLater(this.#waiting.length >= maxBatchSize ? 0 : scheduleDelayMs);
      });
    }, inMs).unref();
  }

  /** Never rejects: spans that cannot be sent are dropped. */
  async #send(): Promise<void> {
    const { settings, metrics, log, dispatcher } = this.options;
    const spans = this.#waiting.splice(0, settings.maxBatchSize);
    const resource = { attributes: keyValues(settings.resource) };
    const body = JSON.stringify({
      resourceSpans: [{ resource, scopeSpans: [{ scope: { name: "wecom-living-gateway" }, spans }] }],
    });
    const attempt = (this.#export = new AbortController());
    const timeout = setTimeout(() => {
      attempt.abort(tooLate());
    }, settings.timeoutMs);
    try {
      const init: RequestInit = {
        method: "POST",
        redirect: "error",
        signal: attempt.signal,
        headers: {
          ...Object.fromEntries(settings.headers.map(([name, value]) => [name, value.reveal()])),
          "content-type": "application/json",
          ...(settings.isCompressed && { "content-encoding": "gzip" }),
        },
        body: settings.isCompressed ? new Uint8Array(await compressed(body)) : body,
      };
      const response = await fetch(settings.endpoint, dispatcher ? Object.assign(init, { dispatcher }) : init);
      await readToEnd(response);
      if (!response.ok) throw new UnwantedAnswerError(`HTTP status ${response.status}`);
      metrics.countSpans("exported", spans.length);
    } catch (error) {
      metrics.countSpans("failed", spans.length);
      if (this.#mayReport()) log.warn({ reason: reasonOf(error) }, "spans cannot be sent");
    } finally {
      clearTimeout(timeout);
    }
  }
}

function tooLate(): DOMException {
  return new DOMException("the collector did not answer in time", "TimeoutError");
}

class UnwantedAnswerError extends Error {}

/** So that the connection can be used again. */
async function readToEnd({ body }: Response): Promise<void> {
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += (chunk as Uint8Array).length;
    if (bytes > maxAnswerBytes) throw new UnwantedAnswerError("the answer is too long");
  }
}

/** Only the code or the name of an error of `fetch`, because its message may contain headers with credentials. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  if (error instanceof UnwantedAnswerError) return error.message;
  const { code } = (error.cause ?? {}) as { code?: unknown };
  return typeof code === "string" ? code : error.name;
}

function nanoseconds(unixMs: number): string {
  const whole = Math.floor(unixMs);
  return `${whole}${String(Math.floor((unixMs - whole) * 1e6)).padStart(6, "0")}`;
}

function keyValues(attributes: Attributes): object[] {
  return Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, value: anyValue(value) }],
  );
}

function anyValue(value: AttributeValue): object {
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}
