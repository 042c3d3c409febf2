/** `/graphql`: HTTP in, Apollo Server, HTTP out. @see https://graphql.github.io/graphql-over-http/draft/ */
import { type ApolloServer, type BaseContext, HeaderMap, type HTTPGraphQLResponse } from "@apollo/server";
import { readBody } from "./body.js";
import { type Exchange, type Route, sendError } from "./listener.js";

/** The per-request context of a schema, and the release of what it holds. */
export interface RequestContext<TContext> {
  readonly value: TContext;
  close(): void;
}

export function graphqlRoute<TContext extends BaseContext>(
  apollo: ApolloServer<TContext>,
  createContext: (exchange: Exchange) => RequestContext<TContext>,
): Route {
  return async (exchange) => {
    const { request, response, search } = exchange;
    const method = request.method ?? "GET";
    const body = method === "POST" ? await readJson(exchange) : undefined;
    if (body === refused) return;
    const headers = new HeaderMap();
    for (const [name, value] of Object.entries(request.headers)) {
      if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(", ") : value);
    }
    let context: RequestContext<TContext> | undefined;
    try {
      const answer = await apollo.executeHTTPGraphQLRequest({
        httpGraphQLRequest: { method, headers, search, body },
        context: () => {
          context = createContext(exchange);
          return Promise.resolve(context.value);
        },
      });
      await send(response, answer, method);
    } finally {
      context?.close();
    }
  };
}

const refused = Symbol("refused");

/** The parsed body; undefined where it is not JSON by its content type, which Apollo Server then words. */
async function readJson({ request, response }: Exchange): Promise<unknown> {
  const [mediaType = "", ...parameters] = (request.headers["content-type"] ?? "").toLowerCase().split(";");
  const charset = parameters.find((parameter) => parameter.trim().startsWith("charset="))?.split("=")[1];
  const isJson = mediaType.trim() === "application/json";
  const encoding = request.headers["content-encoding"] ?? "identity";
  if (isJson && (encoding !== "identity" || !["utf-8", '"utf-8"', "utf8", undefined].includes(charset?.trim()))) {
    return refuse(415, "The body must be UTF-8, without content-encoding", "UNSUPPORTED_MEDIA_TYPE");
  }
  const body = await readBody(request);
  switch (body.kind) {
    case "too-long":
      // The rest of the body is not read: the connection cannot be used again.
      response.setHeader("connection", "close");
      return refuse(413, "The body is longer than 100 kB", "PAYLOAD_TOO_LARGE");
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
