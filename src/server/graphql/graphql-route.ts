/**
 * `/graphql` over HTTP: authenticates, reads the body, then executes a plain operation by its plan, or passes the
 * request to Apollo Server or to a stream.
 */
import type { IncomingHttpHeaders } from "node:http";
import { type ApolloServer, HeaderMap, type HTTPGraphQLResponse } from "@apollo/server";
import type { HttpMetrics, OperationMetrics } from "../../observability/metrics.js";
import type { Authenticate, Authentication, Caller } from "../auth/caller.js";
import { readBody } from "../body.js";
import { Credentials } from "../auth/credentials.js";
import { type Exchange, type Route, sendError, sendText } from "../exchange.js";
import type { Shell } from "./apollo.js";
import type { CreateContext } from "./context.js";
import type { Executor, OperationAnswer } from "./execution.js";
import { isMultipart } from "../uploads/multipart.js";
import { readOn, type Uploads } from "../uploads/uploads.js";
import { readMultipartRequest } from "./multipart-request.js";
import {
  asksForEventStream,
  type Fields,
  fieldsOf,
  isPlain,
  jsonType,
  mediaTypeFor,
  type RequestParts,
  withDocument,
} from "./graphql-request.js";
import type { Preparation, PreparedOperation } from "./prepare.js";
import { type Refused, refused } from "./refused.js";

export type AnswerAsEventStream = (exchange: Exchange, fields: Fields, caller: Caller) => Promise<void>;

export interface GraphqlRouteOptions {
  readonly apollo: ApolloServer<Shell>;
  readonly preparation: Preparation;
  readonly executor: Executor;
  readonly maxBodyBytes: number;
  readonly metrics: HttpMetrics & Pick<OperationMetrics, "countError">;
  readonly authenticate: Authenticate;
  /** Whether browsers that open the URL get a page, signed in or not. */
  readonly hasLandingPage: boolean;
  readonly createContext: CreateContext;
  readonly answerAsEventStream: AnswerAsEventStream;
  readonly uploads: Uploads;
}

export function graphqlRoute(options: GraphqlRouteOptions): Route {
  const { preparation, executor, authenticate, hasLandingPage, maxBodyBytes, metrics } = options;
  return async (exchange) => {
    const { request, search } = exchange;
    const method = request.method ?? "GET";
    // Answers belong to one caller's corp, so only a router may cache them, if the answer says so.
    exchange.headers.set("cache-control", "no-store");
    const answered = authenticate(Credentials.ofRequest(request));
    const authentication = answered instanceof Promise ? await answered : answered;
    const mayBeForPage = hasLandingPage && method === "GET" && request.headers.accept?.includes("text/html");
    // Only a request without an operation gets the landing page; any other has to be authenticated first.
    const asksForPage = mayBeForPage && fieldsOf({ body: undefined, search }).query === undefined;
    if (authentication.kind === "refused" && !asksForPage) {
      const { status, message, code, headers } = authentication.refusal;
      exchange.headers.setAll(headers);
      metrics.countError(code);
      sendError(exchange, status, message, code);
      return;
    }
    const type = method === "POST" ? bodyType(request.headers) : undefined;
    if (authentication.kind === "caller" && type === "multipart") {
      await answerWithFiles(options, exchange, authentication.caller);
      return;
    }
    const body = type && (await readJson(exchange, type, maxBodyBytes));
    if (body === unreadable) return;
    const parts: RequestParts = { body, search };
    const fields = fieldsOf(parts);
    // A simple POST without JSON may come from any page: Apollo Server's CSRF prevention rejects it.
    const isReadable = body !== undefined || method === "GET";
    if (authentication.kind === "caller" && isReadable && asksForEventStream(request.headers.accept)) {
      await options.answerAsEventStream(exchange, fields, authentication.caller);
      return;
    }
    const mediaType = mediaTypeFor(request.headers.accept);
    if (authentication.kind === "caller" && mediaType !== undefined && isPlain(body)) {
      metrics.countOperation("known");
      const answer = answerOperation(options, preparation.prepare(body, "post"), exchange, authentication.caller);
      sendAnswer(exchange, mediaType, answer instanceof Promise ? await answer : answer);
      return;
    }
    metrics.countOperation("pipeline");
    const source = asksForPage ? undefined : preparation.sources.find(fields);
    if (source?.kind === "refused") {
      sendAnswer(exchange, mediaType ?? jsonType, executor.refuse(source, exchange));
      return;
    }
    await throughApollo(options, exchange, authentication, {
      parts: source ? withDocument(parts, source.text) : parts,
      fields,
      isAcceptable: mediaType !== undefined,
    });
  };
}

/** Executes the operation for the client of the exchange, unless it was refused. */
export function answerOperation(
  { executor, createContext }: Pick<GraphqlRouteOptions, "executor" | "createContext">,
  operation: PreparedOperation | Refused,
  exchange: Exchange,
  caller: Caller,
): OperationAnswer | Promise<OperationAnswer> {
  if (operation.kind === "refused") return executor.refuse(operation, exchange);
  const context = createContext(exchange, caller);
  const { response } = exchange;
  if (response.closed) context.abandon();
  response.on("close", () => {
    context.abandon();
  });
  return executor.execute(operation, context, exchange);
}

/** A GraphQL request's fields are the same for all transports. */
async function answerWithFiles(options: GraphqlRouteOptions, exchange: Exchange, caller: Caller): Promise<void> {
  const { preparation, uploads, metrics, maxBodyBytes } = options;
  const mediaType = mediaTypeFor(exchange.request.headers.accept);
  await uploads.take(exchange, caller.identity, async (upload) => {
    const fields = await readMultipartRequest(exchange, upload, maxBodyBytes);
    if (mediaType === undefined) {
      sendError(exchange, 406, "Not acceptable", "BAD_REQUEST");
      return;
    }
    metrics.countOperation("known");
    const answer = await answerOperation(options, preparation.prepare(fields, "post"), exchange, caller);
    await readOn(exchange);
    sendAnswer(exchange, mediaType, answer);
  });
}

interface ApolloRequest {
  readonly parts: RequestParts;
  /** Unchecked, as the client sent them. */
  readonly fields: Fields;
  /** Whether the client accepts a media type that is supported. */
  readonly isAcceptable: boolean;
}

async function throughApollo(
  options: GraphqlRouteOptions,
  exchange: Exchange,
  authentication: Authentication,
  { parts, fields, isAcceptable }: ApolloRequest,
): Promise<void> {
  const { request } = exchange;
  const method = request.method ?? "GET";
  let answer: OperationAnswer | undefined;
  const find = (): OperationAnswer | Promise<OperationAnswer> => {
    if (authentication.kind === "refused") {
      const { message, code, ...http } = authentication.refusal;
      return options.executor.refuse(refused(message, code, http), exchange);
    }
    // Apollo Server rejects this too, but only after a mutation would have been executed.
    if (!isAcceptable) return options.executor.refuse(refused("Not acceptable", "BAD_REQUEST"), exchange);
    const operation = options.preparation.prepare(fields, method === "GET" ? "get" : "post");
    return answerOperation(options, operation, exchange, authentication.caller);
  };
  const headers = new HeaderMap();
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(", ") : value);
  }
  const inFull = await options.apollo.executeHTTPGraphQLRequest({
    httpGraphQLRequest: { method, headers, search: parts.search, body: parts.body },
    context: () => Promise.resolve({ answer: async () => (answer = await find()) }),
  });
  if (answer && isAcceptable) {
    inFull.status = statusOf(answer, method, inFull.headers.get("content-type") ?? "");
    if (method === "POST" && answer.cacheControl) inFull.headers.set("cache-control", answer.cacheControl);
  }
  await send(exchange, inFull);
}

/**
 * By GraphQL over HTTP, a well-formed request that fails before execution gets a 4xx with
 * `application/graphql-response+json`, and 200 with `application/json`, because intermediaries may produce a 4xx
 * themselves.
 */
function statusOf({ isExecuted, http }: OperationAnswer, method: string, mediaType: string): number {
  if (isExecuted) return 200;
  if (http) return http.status;
  return method === "POST" && !mediaType.includes("graphql-response") ? 200 : 400;
}

function sendAnswer(exchange: Exchange, mediaType: string, answer: OperationAnswer): void {
  const { result, http, cacheControl } = answer;
  const { headers, request } = exchange;
  if (cacheControl !== undefined) headers.set("cache-control", cacheControl);
  if (http) headers.setAll(http.headers);
  sendText(exchange, statusOf(answer, request.method ?? "GET", mediaType), mediaType, `${JSON.stringify(result)}\n`);
}

const unreadable = Symbol("unreadable");

/** The parsed body; undefined if its content type is not JSON, which Apollo Server then reports. */
async function readJson(exchange: Exchange, type: BodyType, maxBytes: number): Promise<unknown> {
  const { request, headers } = exchange;
  if (type === "unreadable") {
    return refuse(415, "The body must be UTF-8, without content-encoding", "UNSUPPORTED_MEDIA_TYPE");
  }
  const body = await readBody(request, maxBytes);
  switch (body.kind) {
    case "too-long":
      // The rest of the body is not read, so the connection cannot be reused.
      headers.set("connection", "close");
      return refuse(413, `The body is longer than ${maxBytes} bytes`, "PAYLOAD_TOO_LARGE");
    case "not-utf8":
      return refuse(400, "The body is not UTF-8", "BAD_REQUEST");
    case "aborted":
      return unreadable;
    case "text":
      if (type !== "json") return undefined;
      try {
        return JSON.parse(body.text);
      } catch {
        return refuse(400, "The body is not JSON", "BAD_REQUEST");
      }
  }

  function refuse(status: number, message: string, code: string): typeof unreadable {
    sendError(exchange, status, message, code);
    return unreadable;
  }
}

type BodyType = "json" | "multipart" | "unreadable" | "other";

function bodyType(headers: IncomingHttpHeaders): BodyType {
  const { "content-type": contentType = "", "content-encoding": encoding = "identity" } = headers;
  // The exact content type that nearly all requests have.
  if (contentType === "application/json" && encoding === "identity") return "json";
  if (isMultipart(headers)) return "multipart";
  const [mediaType = "", ...parameters] = contentType.toLowerCase().split(";");
  if (mediaType.trim() !== "application/json") return "other";
  const charset = parameters.find((parameter) => parameter.trim().startsWith("charset="))?.split("=")[1];
  const isUtf8 = ["utf-8", '"utf-8"', "utf8", undefined].includes(charset?.trim());
  return encoding === "identity" && isUtf8 ? "json" : "unreadable";
}

async function send({ response, headers }: Exchange, answer: HTTPGraphQLResponse): Promise<void> {
  const { body } = answer;
  if (body.kind === "complete") answer.headers.set("content-length", String(Buffer.byteLength(body.string)));
  for (const [name, value] of answer.headers) headers.set(name, value);
  response.writeHead(answer.status ?? 200, headers.toRaw());
  if (body.kind === "complete") {
    response.end(body.string);
    return;
  }
  for await (const part of body.asyncIterator) response.write(part);
  response.end();
}
