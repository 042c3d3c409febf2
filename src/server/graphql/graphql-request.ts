/** What a GraphQL request says, in its body or its URL, as far as it has to be known before Apollo Server reads it. */
import type { IncomingHttpHeaders } from "node:http";

/** A POST has a body, a GET has none. Each is as it came: nothing of it has been checked. */
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
  // One that comes twice is a list, and none of them may be a list.
  const given = (name: string): unknown => {
    const values = parameters.getAll(name);
    return values.length > 1 ? values : values[0];
  };
  return {
    ...{ query: given("query"), operationName: given("operationName") },
    ...{ variables: parsed(given("variables")), extensions: parsed(given("extensions")) },
  };
}

/** The hash of an automatic persisted query, or the id of a trusted document; clients send both in the same place. */
export function persistedHash(extensions: unknown): unknown {
  if (extensions === undefined || extensions === null) return undefined;
  const { persistedQuery } = Object(extensions) as { persistedQuery?: unknown };
  return (Object(persistedQuery) as { sha256Hash?: unknown }).sha256Hash;
}

/** The same request with another document, sent in full. */
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

/** What is no JSON stays text, which is refused where an object is expected. */
function parsed(json: unknown): unknown {
  try {
    return typeof json === "string" ? JSON.parse(json) : json;
  } catch {
    return json;
  }
}

/**
 * The header `Idempotency-Key`: as it is, or as the string in quotes that its draft wants.
 *
 * @see https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-idempotency-key-header
 */
export function idempotencyKeyIn({ "idempotency-key": header }: IncomingHttpHeaders): string | undefined {
  if (typeof header !== "string") return undefined;
  return /^"(.*)"$/.exec(header)?.[1] ?? header;
}
