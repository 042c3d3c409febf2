/** The parts of a GraphQL request, from its body or URL, that are needed before Apollo Server reads it. */
import type { IncomingHttpHeaders } from "node:http";

/** A POST has a body, a GET has none. Values are unchecked. */
export interface RequestParts {
  readonly body: unknown;
  readonly search: string;
}

export interface Fields {
  readonly query?: unknown;
  readonly operationName?: unknown;
  readonly variables?: unknown;
  readonly extensions?: unknown;
}

export function fieldsOf({ body, search }: RequestParts): Fields {
  if (body !== undefined) return isRecord(body) ? body : {};
  const parameters = new URLSearchParams(search);
  // A repeated parameter becomes a list, which no parameter may be.
  const given = (name: string): unknown => {
    const values = parameters.getAll(name);
    return values.length > 1 ? values : values[0];
  };
  return {
    ...{ query: given("query"), operationName: given("operationName") },
    ...{ variables: parsed(given("variables")), extensions: parsed(given("extensions")) },
  };
}

/** The hash of an automatic persisted query, or the id of a trusted document: clients send both in the same field. */
export function persistedHash(extensions: unknown): unknown {
  if (extensions === undefined || extensions === null) return undefined;
  const { persistedQuery } = Object(extensions) as { persistedQuery?: unknown };
  return (Object(persistedQuery) as { sha256Hash?: unknown }).sha256Hash;
}

/** The same request with the document's full text. */
export function withDocument({ body, search }: RequestParts, query: string): RequestParts {
  if (body !== undefined) {
    const { extensions: _, ...rest } = body as Fields;
    return { body: { ...rest, query }, search };
  }
  const parameters = new URLSearchParams(search);
  parameters.set("query", query);
  parameters.delete("extensions");
  return { body, search: `?${parameters.toString()}` };
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Text that is not JSON stays a string, which is rejected where an object is expected. */
function parsed(json: unknown): unknown {
  try {
    return typeof json === "string" ? JSON.parse(json) : json;
  } catch {
    return json;
  }
}

/**
 * The header `Idempotency-Key`: plain, or as a quoted string as its draft requires.
 *
 * @see https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-idempotency-key-header
 */
export function idempotencyKeyIn({ "idempotency-key": header }: IncomingHttpHeaders): string | undefined {
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
export function requestTimeoutMs(headers: IncomingHttpHeaders, longestMs: number): number {
  const given = headers[timeoutHeader];
  if (typeof given !== "string" || !/^[1-9]\d{0,8}$/.test(given)) return longestMs;
  return Math.min(Number(given), longestMs);
}
