/**
 * One call to WeCom: queue, token, request, and the errcode that WeCom returns with HTTP 200. A write is repeated here
 * only after WeCom refused its token, because such a call had no effect. For reads see `retry.ts`.
 *
 * @see https://developer.work.weixin.qq.com/document/path/90313 how errors are returned
 */
import type { Readable } from "node:stream";
import type { Dispatcher } from "undici";
import { Batch } from "../lib/batch.js";
import type { WecomMetrics } from "../observability/metrics.js";
import type { Secret } from "../observability/secret.js";
import type { Attributes } from "../observability/tracing.js";
import { type Answer, readAnswer } from "./answer.js";
import { type CallOptions, type Endpoint, type Payload, timeLimitFor } from "./call.js";
import type { CallEnd, CallLimiter } from "./limits/call-limiter.js";
import type { TimeLimit } from "./deadline.js";
import { WecomApiError, WecomError, WecomTransportError } from "./errors.js";
import type { ReadRetries } from "./retry.js";
import type { TokenSource } from "./tokens/token-source.js";
import { type BodyStream, exchange, TransportFailure } from "./transport.js";

export interface ClientOptions {
  readonly baseUrl: URL;
  readonly dispatcher: Dispatcher;
  readonly limiter: CallLimiter;
  readonly retries: ReadRetries;
  readonly metrics: WecomMetrics;
  /** A call without an answer for this long shows that WeCom hangs; a client's own shorter deadline does not. */
  readonly silentAfterMs: number;
}

const maxRenewals = 2;

export class WecomClient {
  readonly #pathPrefix: string;
  readonly #answered = new Batch();

  constructor(private readonly options: ClientOptions) {
    this.#pathPrefix = `${options.baseUrl.pathname.replace(/\/$/, "")}/cgi-bin/`;
  }

  /**
   * Calls with an access_token, which is replaced if WeCom refuses it: at most twice, because this process
   * and the store may each hold one that WeCom refuses.
   *
   * @param read extracts the value from the answer, and throws if it is missing
   * @throws {WecomApiError} on any errcode but 0
   * @throws {WecomTransportError} when no usable answer arrived; `mayHaveTakenEffect` tells whether the call may have
   * been executed
   * @throws {WecomConfigurationError} when there is no token for this corp
   * @throws {WecomOverloadError} when too many calls wait, or this caller has made too many
   */
  async call<T>(
    endpoint: Endpoint,
    payload: Payload,
    tokens: TokenSource,
    call: CallOptions,
    read: (answer: Answer) => T,
  ): Promise<T> {
    call.count?.(endpoint.api);
    let token = await tokens.get(call);
    for (let renewals = 0; ; renewals += 1) {
      try {
        const value = await this.exchange(endpoint, payload, token, call, read);
        // The permit is already released; only the delivery is batched.
        return await new Promise((resolve) => {
          this.#answered.add(() => {
            resolve(value);
          });
        });
      } catch (error) {
        if (
          !(error instanceof WecomApiError) ||
          error.entry?.refusesToken !== (endpoint.tokenParameter ?? "access_token") ||
          renewals === maxRenewals ||
          !tokens.invalidate(token, call, renewals > 0)
        )
          throw error;
        call.log.info({ api: endpoint.api, errcode: error.errcode }, "WeCom refused the token: fetching it again");
      }
      token = await tokens.get(call);
    }
  }

  /** A call without queue and retry; `token` is undefined for the APIs that issue tokens. */
  exchange<T>(
    endpoint: Endpoint,
    payload: Payload,
    token: Secret | undefined,
    call: CallOptions,
    read: (answer: Answer) => T,
  ): Promise<T> {
    const timeLimit = timeLimitFor(endpoint, call);
    const attempt = (repetitions = 0) => this.#attempt(endpoint, payload, token, call, timeLimit, read, repetitions);
    return endpoint.effect === "read" && !payload.stream
      ? this.#repeatRead(attempt, endpoint.api, timeLimit)
      : attempt();
  }

  async #repeatRead<T>(attempt: (repetitions: number) => Promise<T>, api: string, timeLimit: TimeLimit): Promise<T> {
    const { retries, metrics } = this.options;
    retries.countCall();
    for (let repetitions = 0; ; repetitions += 1) {
      try {
        return await attempt(repetitions);
      } catch (error) {
        if (!(error instanceof WecomError) || !(await retries.mayRepeat(error, repetitions, timeLimit))) throw error;
        metrics.countRetry(api);
      }
    }
  }

  #describe({ api, method }: Endpoint, { query = {} }: Payload): Attributes {
    const { protocol, hostname, port, origin } = this.options.baseUrl;
    const shown = tracedParameters.flatMap((name) => (query[name] === undefined ? [] : [[name, query[name]]]));
    const search =
      shown.length === 0
        ? ""
        : `?${new URLSearchParams(Object.fromEntries(shown) as Record<string, string>).toString()}`;
    return {
      "http.request.method": method,
      "server.address": hostname,
      "server.port": port === "" ? (protocol === "https:" ? 443 : 80) : Number(port),
      "url.full": `${origin}${this.#pathPrefix}${api}${search}`,
      "wecom.api": api,
    };
  }

  /** Sends one request and reads its answer. */
  async #attempt<T>(
    endpoint: Endpoint,
    payload: Payload,
    token: Secret | undefined,
    call: CallOptions,
    timeLimit: TimeLimit,
    read: (answer: Answer) => T,
    repetitions: number,
  ): Promise<T> {
    const { api } = endpoint;
    const { limiter, dispatcher, metrics } = this.options;
    const queuedAt = performance.now();
    const { corp, caller, operation = call.deadline } = call;
    const stream = payload.stream && new WatchedStream(payload.stream);
    const body = stream ?? (payload.body && JSON.stringify(payload.body));
    const permit = await limiter.acquire({ corp, caller, operation }, api, timeLimit);
    // Not the permit's own time: the limiter counts by another clock.
    const permittedAt = performance.now();
    const span = call.span?.child(endpoint.method, "client").set({
      ...this.#describe(endpoint, payload),
      "wecom.wait_ms": Math.round(permittedAt - queuedAt),
      "http.request.resend_count": repetitions > 0 ? repetitions : undefined,
    });
    let outcome = "ok";
    let fault: string | undefined;
    let end: CallEnd = "not-sent";
    let sendingSince = Infinity;
    try {
      if (call.permit) await call.permit.obtain();
      sendingSince = performance.now();
      const answer = await exchange(
        dispatcher,
        {
          method: endpoint.method,
          path: `${this.#pathPrefix}${api}?${queryString(endpoint.tokenParameter ?? "access_token", token, payload.query)}`,
          ...(body !== undefined && { body }),
        },
        timeLimit,
      );
      end = "answered";
      return readAnswer(endpoint, answer, payload, token, read);
    } catch (error) {
      const failure = toWecomError(error, endpoint);
      if (failure instanceof WecomApiError) span?.set({ "wecom.errcode": failure.errcode });
      outcome = failure instanceof WecomApiError ? (failure.entry ? String(failure.errcode) : "unlisted") : "no-answer";
      fault = failure instanceof WecomApiError ? (failure.entry?.fault ?? "unlisted") : "no-answer";
      const wasLong = performance.now() - sendingSince >= this.options.silentAfterMs;
      // A slow client does not mean that WeCom is slow.
      end = stream?.isBeingRead ? "undecided" : endOf(failure, end, wasLong);
      call.log.warn(
        {
          api,
          corp: call.corp,
          ...(failure instanceof WecomApiError
            ? { errcode: failure.errcode, errmsg: failure.errmsg, hint: failure.hint }
            : { reason: failure.message }),
        },
        "call to WeCom failed",
      );
      throw failure;
    } finally {
      limiter.release(permit, end);
      span?.end(outcome === "ok" ? undefined : outcome);
      metrics.observeCall(api, outcome, (performance.now() - permittedAt) / 1000, fault);
    }
  }
}

/** Notes whether the whole body was handed on. */
class WatchedStream implements BodyStream {
  readonly headers: BodyStream["headers"];
  readonly length: number;
  isBeingRead = false;

  constructor(private readonly stream: BodyStream) {
    ({ headers: this.headers, length: this.length } = stream);
  }

  open(): Readable {
    this.isBeingRead = true;
    return this.stream.open().once("end", () => {
      this.isBeingRead = false;
    });
  }
}

/** The part of a query that a trace may contain: no token, no secret, no user's id. */
const tracedParameters = ["livingid"];

/** @param end the default, unless the error is more specific */
function endOf(failure: WecomError, end: CallEnd, wasLong: boolean): CallEnd {
  if (failure instanceof WecomApiError) {
    if (failure.errcode === 45009) return "too-often";
    return failure.errcode === 45033 ? "too-many" : "answered";
  }
  const { cause } = failure;
  if (!(cause instanceof TransportFailure)) return end;
  // A call that was not sent says nothing about the API.
  if (!cause.isSent) return cause.networkError ? "unreachable" : "not-sent";
  return !cause.networkError && wasLong ? "silent" : "undecided";
}

/**
 * The token comes from WeCom and is well-formed; callers' values may hold a lone surrogate, which only URLSearchParams
 * accepts.
 */
function queryString(tokenParameter: string, token: Secret | undefined, query: Payload["query"]): string {
  const rest = query ? new URLSearchParams(query).toString() : "";
  if (!token) return rest;
  return `${tokenParameter}=${encodeURIComponent(token.reveal())}${rest === "" ? "" : `&${rest}`}`;
}

function toWecomError(error: unknown, { api, effect }: Endpoint): WecomError {
  if (error instanceof WecomError) return error;
  const delivery = error instanceof TransportFailure && !error.isSent ? "none" : "unknown";
  const reason = error instanceof Error ? error.message : String(error);
  return new WecomTransportError(`no usable answer to ${api}: ${reason}`, {
    api,
    delivery,
    mayHaveTakenEffect: effect === "write" && delivery === "unknown",
    cause: error,
  });
}
