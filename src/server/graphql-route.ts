/** `/graphql`: HTTP in, Apollo Server, HTTP out. @see https://graphql.github.io/graphql-over-http/draft/ */
import type { IncomingMessage } from "node:http";
import { type ApolloServer, type BaseContext, HeaderMap, type HTTPGraphQLResponse } from "@apollo/server";
import { GraphQLError } from "graphql";
import type { IncomingHttpHeaders } from "node:http";
import type { HttpMetrics } from "../observability/metrics.js";
import { asksForEventStream, plainMediaType } from "./accept.js";
import { readBody } from "./body.js";
import type { Authenticate, Caller, Refusal } from "./caller.js";
import type { Documents } from "./documents.js";
import {
  type Fields,
  fieldsOf,
  operationText,
  persistedHash,
  type RequestParts,
  withDocument,
} from "./graphql-request.js";
import type { KnownOperations, OperationRequest } from "./known-operations.js";
import { type Exchange, type Route, sendError, sendText } from "./exchange.js";
import type { TrustedDocuments } from "./trusted-documents.js";

/** The per-request context of a schema, and the release of what it holds. */
export interface RequestContext<TContext> {
  readonly value: TContext;
  close(): void;
  /** Nobody is there any more to read the answer. */
  abandon(): void;
}

/** What a context is made from: a request's own headers, or none where many operations share a connection. */
export interface ContextSource extends Pick<Exchange, "log" | "requestId"> {
  readonly request: Pick<IncomingMessage, "headers">;
}

export type CreateContext<TContext> = (source: ContextSource, caller: Caller) => RequestContext<TContext>;

export type AnswerAsEventStream = (exchange: Exchange, fields: Fields, caller: Caller) => Promise<void>;

export interface GraphqlRouteOptions<TContext extends BaseContext> {
  readonly apollo: ApolloServer<TContext>;
  readonly operations: KnownOperations;
  readonly documents: Documents;
  readonly trusted: TrustedDocuments | undefined;
  readonly maxBodyBytes: number;
  readonly metrics: HttpMetrics;
  readonly authenticate: Authenticate;
  /** Whether a browser that opens the URL gets a page, signed in or not. */
  readonly hasLandingPage: boolean;
  readonly createContext: CreateContext<TContext>;
  readonly answerAsEventStream: AnswerAsEventStream;
}

export function graphqlRoute<TContext extends BaseContext>(options: GraphqlRouteOptions<TContext>): Route {
  const { apollo, operations, documents, trusted, authenticate, createContext, hasLandingPage, maxBodyBytes } = options;
  return async (exchange) => {
    const { request, search } = exchange;
    const method = request.method ?? "GET";
    // About one caller's corp: nobody keeps it but, for a second, a router that is told so below.
    const cacheControlAt = exchange.headers.push("cache-control", "no-store") - 1;
    const answered = authenticate(request.headers);
    const authentication = answered instanceof Promise ? await answered : answered;
    // What asks for the page and turns out to be an operation after all is refused by its context below.
    const mayBeForPage = hasLandingPage && method === "GET" && request.headers.accept?.includes("text/html");
    if (authentication.kind === "refused" && !mayBeForPage) {
      refuse(exchange, authentication.refusal);
      return;
    }
    const json = method === "POST" ? await readJson(exchange, maxBodyBytes) : undefined;
    if (json === refused) return;
    let parts: RequestParts = { body: json, search };
    // A POST that was not read as JSON could be any page's: Apollo Server refuses it.
    const isReadable = json !== undefined || method === "GET";
    if (authentication.kind === "caller" && isReadable && asksForEventStream(request.headers.accept)) {
      await options.answerAsEventStream(exchange, fieldsOf(parts), authentication.caller);
      return;
    }
    let context: RequestContext<TContext> | undefined;
    const contextOnce = (): TContext => {
      if (authentication.kind === "refused") throw toGraphqlError(authentication.refusal);
      if (!context) {
        const made = createContext(exchange, authentication.caller);
        context = made;
        if (exchange.response.closed) made.abandon();
        exchange.response.on("close", () => {
          made.abandon();
        });
      }
      return context.value;
    };
    try {
      const mediaType = plainMediaType(request.headers.accept);
      let fields = fieldsOf(parts);
      const isForPage = mayBeForPage && fields.query === undefined;
      // Apollo Server makes a string of whatever is there, and a list in a thousand lists is more than its stack holds.
      const hash = persistedHash(fields.extensions);
      if (hash !== undefined && typeof hash !== "string") {
        throw new GraphQLError("persistedQuery.sha256Hash must be text", { extensions: { code: "BAD_REQUEST" } });
      }
      if (trusted && !isForPage) {
        parts = withDocument(parts, trusted.documentFor(fields));
        fields = fieldsOf(parts);
      }
      const operationSent = operationText(fields);
      const refusal = operationSent && documents.refusal(operationSent);
      if (refusal) throw refusal;
      const { body } = parts;
      const operation = mediaType === undefined ? undefined : plainOperation(body);
      const answer = operation && operations.answer(operation, contextOnce);
      const known = answer instanceof Promise ? await answer : answer;
      options.metrics.countOperation(known === undefined ? "pipeline" : "known");
      if (mediaType !== undefined && known !== undefined) {
        if (known.cacheControl !== undefined) exchange.headers[cacheControlAt] = known.cacheControl;
        sendText(exchange, 200, mediaType, known.text);
        return;
      }
      const headers = new HeaderMap();
      for (const [name, value] of Object.entries(request.headers)) {
        if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(", ") : value);
      }
      const httpGraphQLRequest = { method, headers, search: parts.search, body };
      const inFull = await apollo.executeHTTPGraphQLRequest({
        httpGraphQLRequest,
        context: () => Promise.resolve(contextOnce()),
      });
      await send(exchange, inFull);
    } catch (error) {
      if (!(error instanceof GraphQLError)) throw error;
      sendRefusal(exchange, error);
    } finally {
      context?.close();
    }
  };
}

/** An operation in the plain form that nearly all are sent in; undefined for APQ, lists, and whatever Apollo Server words. */
function plainOperation(body: unknown): OperationRequest | undefined {
  if (typeof body !== "object" || body === null || !("query" in body) || typeof body.query !== "string")
    return undefined;
  const { query } = body;
  const { operationName, variables, extensions }: Partial<Record<string, unknown>> = body;
  if (extensions !== undefined && extensions !== null) return undefined;
  if (operationName !== undefined && operationName !== null && typeof operationName !== "string") return undefined;
  if (variables !== undefined && (typeof variables !== "object" || Array.isArray(variables))) return undefined;
  return {
    query,
    operationName: operationName ?? undefined,
    variables: (variables ?? undefined) as OperationRequest["variables"],
  };
}

function refuse(exchange: Exchange, { status, message, code, headers }: Refusal): void {
  exchange.headers.push(...Object.entries(headers).flat());
  sendError(exchange, status, message, code);
}

function toGraphqlError({ status, message, code, headers }: Refusal): GraphQLError {
  // Apollo Server's own form, which other servers' types, where they are installed, do not know.
  const extensions: Record<string, unknown> = {
    code,
    http: { status, headers: new HeaderMap(Object.entries(headers)) },
  };
  return new GraphQLError(message, { extensions });
}

/** A well-formed request that is not executed: 4xx, but 200 to who asked for plain JSON, as Apollo Server's own are. */
function sendRefusal(exchange: Exchange, error: GraphQLError): void {
  const { request } = exchange;
  const mediaType = plainMediaType(request.headers.accept) ?? "application/json; charset=utf-8";
  const { message, extensions } = error;
  const isWellFormed = request.method === "POST" && extensions["code"] !== "BAD_REQUEST";
  const isPlainPost = isWellFormed && !mediaType.includes("graphql-response");
  sendText(exchange, isPlainPost ? 200 : 400, mediaType, JSON.stringify({ errors: [{ message, extensions }] }));
}

const refused = Symbol("refused");

/** The parsed body; undefined where it is not JSON by its content type, which Apollo Server then words. */
async function readJson(exchange: Exchange, maxBytes: number): Promise<unknown> {
  const { request, headers } = exchange;
  const type = bodyType(request.headers);
  if (type === "unreadable") {
    return refuse(415, "The body must be UTF-8, without content-encoding", "UNSUPPORTED_MEDIA_TYPE");
  }
  const body = await readBody(request, maxBytes);
  switch (body.kind) {
    case "too-long":
      // The rest of the body is not read: the connection cannot be used again.
      headers.push("connection", "close");
      return refuse(413, `The body is longer than ${maxBytes} bytes`, "PAYLOAD_TOO_LARGE");
    case "not-utf8":
      return refuse(400, "The body is not UTF-8", "BAD_REQUEST");
    case "aborted":
      return refused;
    case "text":
      if (type !== "json") return undefined;
      try {
        return JSON.parse(body.text);
      } catch {
        return refuse(400, "The body is not JSON", "BAD_REQUEST");
      }
  }

  function refuse(status: number, message: string, code: string): typeof refused {
    sendError(exchange, status, message, code);
    return refused;
  }
}

function bodyType(headers: IncomingHttpHeaders): "json" | "unreadable" | "other" {
  const { "content-type": contentType = "", "content-encoding": encoding = "identity" } = headers;
  // As nearly all send it.
  if (contentType === "application/json" && encoding === "identity") return "json";
  const [mediaType = "", ...parameters] = contentType.toLowerCase().split(";");
  if (mediaType.trim() !== "application/json") return "other";
  const charset = parameters.find((parameter) => parameter.trim().startsWith("charset="))?.split("=")[1];
  const isUtf8 = ["utf-8", '"utf-8"', "utf8", undefined].includes(charset?.trim());
  return encoding === "identity" && isUtf8 ? "json" : "unreadable";
}

async function send({ response, headers }: Exchange, answer: HTTPGraphQLResponse): Promise<void> {
  const { body } = answer;
  if (body.kind === "complete") answer.headers.set("content-length", String(Buffer.byteLength(body.string)));
  for (const [name, value] of answer.headers) {
    // A client that keeps persisted queries is told about caching by Apollo Server.
    const at = headers.indexOf(name);
    if (at < 0) headers.push(name, value);
    else headers[at + 1] = value;
  }
  response.writeHead(answer.status ?? 200, headers);
  if (body.kind === "complete") {
    response.end(body.string);
    return;
  }
  for await (const part of body.asyncIterator) response.write(part);
  response.end();
}
