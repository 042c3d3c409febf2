/**
 * The context of each operation: its deadline, its calls to WeCom, its trace, and what its resolvers share. Objects of
 * each request are written field by field, because V8 takes a hundred times as long for an object that is spread and
 * then extended.
 */
import type { IncomingHttpHeaders } from "node:http";
import { outcomeOfCode } from "./errors.js";
import type { LivingCache } from "./living/living.cache.js";
import { LivingReader } from "./living/living.reader.js";
import { type Logger, RequestLogger } from "./observability/logger.js";
import type { FieldFailure } from "./observability/metrics.js";
import { traceParentIn } from "./observability/trace-context.js";
import type { Span, Tracing } from "./observability/tracing.js";
import type { RequestContext } from "./request-context.js";
import type { Caller } from "./server/auth/caller.js";
import type { ContextSource, CreateContext, OperationContext } from "./server/graphql/context.js";
import type { CallOptions } from "./wecom/call.js";
import { Cancellation, Deadline } from "./wecom/deadline.js";
import type { CallerQuota } from "./wecom/limits/caller-quota.js";

/** What all operations share. */
export interface OperationContextOptions extends Pick<
  RequestContext,
  "livings" | "media" | "creates" | "statusChanges" | "limits" | "jsSdk" | "jsSdkOrigins" | "audit"
> {
  readonly cache: LivingCache;
  readonly quota: CallerQuota;
  readonly tracing: Tracing | undefined;
  /** The corp of callers whose credentials name none. */
  readonly defaultCorp: string;
  readonly timeoutMs: number;
  /** Called when WeCom sends a code that this gateway does not know. */
  readonly onUnknownCode: (field: string, code: number) => void;
}

export function operationContexts(options: OperationContextOptions): CreateContext {
  return (source, caller, payers) => new LivingOperationContext(options, source, caller, payers);
}

const noFailures: readonly FieldFailure[] = [];

class LivingOperationContext implements OperationContext {
  readonly value: RequestContext;
  readonly executed: OperationContext["executed"];
  readonly deadline: Deadline;
  readonly #clientGone = new Cancellation();
  readonly #reader: LivingReader;
  failures: readonly FieldFailure[] = noFailures;

  constructor(
    options: OperationContextOptions,
    source: ContextSource,
    caller: Caller,
    payers: Iterable<string | undefined> | undefined,
  ) {
    const { quota } = options;
    const { headers } = source.request;
    const { log, span, traceId } = traceOf(options.tracing, source);
    const deadline = (this.deadline = new Deadline(requestTimeoutMs(headers, options.timeoutMs)));
    const call: CallOptions = {
      corp: caller.corp ?? options.defaultCorp,
      deadline,
      clientGone: this.#clientGone,
      log,
      span,
      caller: payers ? undefined : caller.identity,
      count: payers ? quota.counterForAll(payers) : quota.counterFor(caller.identity),
    };
    const reader = (this.#reader = new LivingReader(options.livings, options.cache, call, options.onUnknownCode));
    this.executed = span && endOperation.bind(undefined, span);
    this.value = {
      livings: options.livings,
      media: options.media,
      creates: options.creates,
      statusChanges: options.statusChanges,
      limits: options.limits,
      jsSdk: options.jsSdk,
      jsSdkOrigins: options.jsSdkOrigins,
      audit: options.audit,
      caller,
      idempotencyKey: idempotencyKeyIn(headers),
      call,
      requestId: source.requestId,
      reader,
      traceId,
      noteFailure: (key, code) => {
        this.failures = [...this.failures, { key, code }];
      },
    };
  }

  /** Marks livings in the answer as possibly out of date, because WeCom could not be reached. */
  extensions(): Readonly<Record<string, unknown>> | undefined {
    const { staleLivingids: stale = [] } = this.#reader;
    return stale.length === 0 ? undefined : { stale };
  }

  abandon(): void {
    this.#clientGone.cancel("the client left");
  }
}

/**
 * The header `Idempotency-Key`: plain, or as a quoted string as its draft requires.
 *
 * @see https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-idempotency-key-header
 */
function idempotencyKeyIn({ "idempotency-key": header }: IncomingHttpHeaders): string | undefined {
  if (typeof header !== "string") return undefined;
  return /^"(.*)"$/.exec(header)?.[1] ?? header;
}

/**
 * The time limit that Envoy, or a router that is configured so, sets for its request.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter
 */
const timeoutHeader = "x-envoy-expected-rq-timeout-ms";

/**
 * Milliseconds: the header's value if it is shorter than the gateway's own limit; values that are not positive integers
 * are ignored.
 */
function requestTimeoutMs(headers: IncomingHttpHeaders, longestMs: number): number {
  const given = headers[timeoutHeader];
  if (typeof given !== "string" || !/^[1-9]\d{0,8}$/.test(given)) return longestMs;
  return Math.min(Number(given), longestMs);
}

interface TraceOfOperation {
  /** Adds the trace to each log line. */
  readonly log: Logger;
  readonly span: Span | undefined;
  readonly traceId: string | undefined;
}

/** The span of the caller's trace or of a new one, if it is recorded. */
function traceOf(tracing: Tracing | undefined, { log, request: { headers, method } }: ContextSource): TraceOfOperation {
  const parent = headers["traceparent"] === undefined ? undefined : traceParentIn(headers);
  const span = tracing?.begin(method === undefined ? "graphql over WebSocket" : `${method} /graphql`, parent);
  const trace = span ?? parent;
  if (!trace) return { log, span, traceId: undefined };
  return { log: log instanceof RequestLogger ? log.inTrace(trace) : log, span, traceId: trace.traceId };
}

/** Operation names are chosen by clients. No attribute contains ids of WeCom or of the caller. */
function endOperation(span: Span, type: string, name: string | undefined, failures: readonly FieldFailure[]): void {
  const codes = [...new Set(failures.map(({ code }) => code))];
  span.set({
    "graphql.operation.type": type,
    "graphql.operation.name": name?.slice(0, 100),
    "graphql.error.codes": codes.length === 0 ? undefined : codes.join(","),
    "http.route": "/graphql",
  });
  span.end(codes.find((code) => outcomeOfCode[code] === "failed" || outcomeOfCode[code] === "unknown"));
}
