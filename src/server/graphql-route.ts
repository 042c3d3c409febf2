/** `/graphql`: HTTP in, Apollo Server, HTTP out. @see https://graphql.github.io/graphql-over-http/draft/ */
import { type ApolloServer, type BaseContext, HeaderMap, type HTTPGraphQLResponse } from "@apollo/server";
import { GraphQLError } from "graphql";
import type { HttpMetrics } from "../observability/metrics.js";
import { plainMediaType } from "./accept.js";
import { readBody } from "./body.js";
import type { Authenticate, Caller, Refusal } from "./caller.js";
import type { Documents } from "./documents.js";
import { fieldsOf, operationText, persistedHash, type RequestParts, withDocument } from "./graphql-request.js";
import type { KnownOperations, OperationRequest } from "./known-operations.js";
import { type Exchange, type Route, sendError, sendText } from "./listener.js";
import type { TrustedDocuments } from "./trusted-documents.js";

/** The per-request context of a schema, and the release of what it holds. */
export interface RequestContext<TContext> {
  readonly value: TContext;
  close(): void;
  /** Nobody is there any more to read the answer. */
  abandon(): void;
}

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
  readonly createContext: (exchange: Exchange, caller: Caller) => RequestContext<TContext>;
}

export function graphqlRoute<TContext extends BaseContext>(options: GraphqlRouteOptions<TContext>): Route {
  const { apollo, operations, documents, trusted, authenticate, createContext, hasLandingPage } = options;
  return async (exchange) => {
    const { request, response } = exchange;
    const method = request.method ?? "GET";
    // About one caller's corp: nobody keeps it but, for a second, a router that is told so below.
    response.setHeader("cache-control", "no-store");
    const authentication = await authenticate(request.headers);
    // What asks for the page and turns out to be an operation after all is refused by its context below.
    const mayBeForPage = hasLandingPage && method === "GET" && request.headers.accept?.includes("text/html");
    if (authentication.kind === "refused" && !mayBeForPage) {
      refuse(response, authentication.refusal);
      return;
    }
    const json = method === "POST" ? await readJson(exchange, options.maxBodyBytes) : undefined;
    if (json === refused) return;
    let parts: RequestParts = { body: json, search: exchange.search };
    let context: RequestContext<TContext> | undefined;
    const contextOnce = (): TContext => {
      if (authentication.kind === "refused") throw toGraphqlError(authentication.refusal);
      if (!context) {
        const made = createContext(exchange, authentication.caller);
        context = made;
        response.once("close", () => {
          made.abandon();
        });
      }
      return context.value;
    };
    try {
      const mediaType = plainMediaType(request.headers.accept);
      const isForPage = mayBeForPage && fieldsOf(parts).query === undefined;
      // Apollo Server makes a string of whatever is there, and a list in a thousand lists is more than its stack holds.
      if (!["string", "undefined"].includes(typeof persistedHash(fieldsOf(parts).extensions))) {
        throw new GraphQLError("persistedQuery.sha256Hash must be text", { extensions: { code: "BAD_REQUEST" } });
      }
      if (trusted && !isForPage) parts = withDocument(parts, trusted.documentFor(fieldsOf(parts)));
      const text = operationText(fieldsOf(parts));
      const refusal = text && documents.refusal(text);
      if (refusal) throw refusal;
      const { body, search } = parts;
      const operation = mediaType === undefined ? undefined : plainOperation(body);
      const known = operation && (await operations.answer(operation, contextOnce));
      options.metrics.countOperation(known === undefined ? "pipeline" : "known");
      if (mediaType !== undefined && known !== undefined) {
        if (known.cacheControl !== undefined) response.setHeader("cache-control", known.cacheControl);
        sendText(response, 200, mediaType, known.text);
        return;
      }
      const headers = new HeaderMap();
      for (const [name, value] of Object.entries(request.headers)) {
        if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(", ") : value);
      }
      const answer = await apollo.executeHTTPGraphQLRequest({
        httpGraphQLRequest: { method, headers, search, body },
        context: () => Promise.resolve(contextOnce()),
      });
      await send(response, answer, method);
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

function refuse(response: Exchange["response"], { status, message, code, headers }: Refusal): void {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  sendError(response, status, message, code);
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
function sendRefusal({ request, response }: Exchange, error: GraphQLError): void {
  const mediaType = plainMediaType(request.headers.accept) ?? "application/json; charset=utf-8";
  const { message, extensions } = error;
  const isWellFormed = request.method === "POST" && extensions["code"] !== "BAD_REQUEST";
  const isPlainPost = isWellFormed && !mediaType.includes("graphql-response");
  sendText(response, isPlainPost ? 200 : 400, mediaType, JSON.stringify({ errors: [{ message, extensions }] }));
}

const refused = Symbol("refused");

/** The parsed body; undefined where it is not JSON by its content type, which Apollo Server then words. */
async function readJson({ request, response }: Exchange, maxBytes: number): Promise<unknown> {
  const [mediaType = "", ...parameters] = (request.headers["content-type"] ?? "").toLowerCase().split(";");
  const charset = parameters.find((parameter) => parameter.trim().startsWith("charset="))?.split("=")[1];
  const isJson = mediaType.trim() === "application/json";
  const encoding = request.headers["content-encoding"] ?? "identity";
  if (isJson && (encoding !== "identity" || !["utf-8", '"utf-8"', "utf8", undefined].includes(charset?.trim()))) {
    return refuse(415, "The body must be UTF-8, without content-encoding", "UNSUPPORTED_MEDIA_TYPE");
  }
  const body = await readBody(request, maxBytes);
  switch (body.kind) {
    case "too-long":
      // The rest of the body is not read: the connection cannot be used again.
      response.setHeader("connection", "close");
      return refuse(413, `The body is longer than ${maxBytes} bytes`, "PAYLOAD_TOO_LARGE");
    case "not-utf8":
      return refuse(400, "The body is not UTF-8", "BAD_REQUEST");
    case "aborted":
      return refused;
    case "text":
      if (!isJson) return undefined;
      try {
        return JSON.parse(body.text);
      } catch {
        return refuse(400, "The body is not JSON", "BAD_REQUEST");
      }
  }

  function refuse(status: number, message: string, code: string): typeof refused {
    sendError(response, status, message, code);
    return refused;
  }
}

async function send(response: Exchange["response"], answer: HTTPGraphQLResponse, method: string): Promise<void> {
  response.statusCode = answer.status ?? 200;
  for (const [name, value] of answer.headers) response.setHeader(name, value);
  if (answer.body.kind === "complete") {
    response.setHeader("content-length", Buffer.byteLength(answer.body.string));
    response.end(method === "HEAD" ? undefined : answer.body.string);
    return;
  }
  for await (const part of answer.body.asyncIterator) response.write(part);
  response.end();
}
