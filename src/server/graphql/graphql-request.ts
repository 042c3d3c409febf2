/** A GraphQL request before it is prepared: its fields, from its body or URL, and the media type of its answer. */
import Negotiator from "negotiator";
import { BoundedMap } from "../../lib/bounded-map.js";

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

/** Which field has the wrong type; undefined: none. */
export function malformation({ query, operationName, variables, extensions }: Fields): string | undefined {
  if (!isAbsent(query) && typeof query !== "string") return "query must be text";
  if (!isAbsent(operationName) && typeof operationName !== "string") return "operationName must be text";
  if (!isAbsent(variables) && !isRecord(variables)) return "variables must be an object";
  if (!isAbsent(extensions) && !isRecord(extensions)) return "extensions must be an object";
  return undefined;
}

/** Whether a body has the form that nearly all have. Apollo Server handles the others, including malformed ones. */
export function isPlain(body: unknown): body is Fields {
  if (!isRecord(body)) return false;
  const { query, extensions }: Fields = body;
  return typeof query === "string" && query !== "" && isAbsent(extensions) && malformation(body) === undefined;
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

function isAbsent(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}

/** Text that is not JSON stays a string, which is rejected where an object is expected. */
function parsed(json: unknown): unknown {
  try {
    return typeof json === "string" ? JSON.parse(json) : json;
  } catch {
    return json;
  }
}

export const jsonType = "application/json; charset=utf-8";
const graphqlResponseJson = "application/graphql-response+json; charset=utf-8";

/** Clients send few different Accept headers, and a lookup is faster than parsing. */
const memo = new BoundedMap<string, { readonly mediaType: string | undefined }>(100);
const maxMemoLength = 500;

/** Negotiated as Apollo Server does it, by the same package. Undefined if the client accepts neither of the two. */
export function mediaTypeFor(accept: string | undefined): string | undefined {
  if (accept === undefined || accept === "") return jsonType;
  const known = memo.get(accept);
  if (known) return known.mediaType;
  const mediaType = new Negotiator({ headers: { accept } }).mediaType([jsonType, graphqlResponseJson]);
  if (accept.length <= maxMemoLength) memo.set(accept, { mediaType });
  return mediaType;
}

/** Whether the answer is a stream of events. A client that also accepts JSON gets JSON. */
export function asksForEventStream(accept = ""): boolean {
  return /text\/event-stream/i.test(accept) && !/json|\*\/\*/i.test(accept);
}
