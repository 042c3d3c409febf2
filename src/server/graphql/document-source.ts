/**
 * The source of a request's document: the request itself, the manifest of trusted documents, or an automatic persisted
 * query, whose text was sent once and is named by its hash afterwards.
 *
 * @see https://www.apollographql.com/docs/apollo-server/performance/apq/
 */
import { hash } from "node:crypto";
import { BoundedMap } from "../../lib/bounded-map.js";
import type { Fields } from "./graphql-request.js";
import { badRequest, type Refused, refused } from "./refused.js";

export interface DocumentSource {
  readonly kind: "text";
  readonly text: string;
  /** The hash under which to store the text, once it is known to be a valid document. */
  readonly register: string | undefined;
}

/** A longer persisted query is not stored; its client sends it in full. */
const maxPersistedLength = 10_000;
const maxPersisted = 500;

export class DocumentSources {
  readonly #persisted = new BoundedMap<string, string>(maxPersisted);

  constructor(private readonly trusted: TrustedDocuments | undefined) {}

  /** Undefined if the request has neither a text nor a hash. */
  find(fields: Fields): DocumentSource | Refused | undefined {
    const id = persistedHash(fields.extensions);
    if (id !== undefined && typeof id !== "string") return badRequest("persistedQuery.sha256Hash must be text");
    // The WebSocket protocol requires `query`, so clients that send an id send it empty.
    const query =
      typeof fields.query === "string" && (fields.query !== "" || id === undefined) ? fields.query : undefined;
    if (this.trusted) {
      const text = this.trusted.documentFor(query, id);
      return typeof text === "string" ? asText(text) : text;
    }
    if (id === undefined) return query === undefined ? undefined : asText(query);
    const { version } = (fields.extensions as { persistedQuery: { version?: unknown } }).persistedQuery;
    if (version !== 1) return badRequest("Unsupported persisted query version");
    if (query !== undefined) {
      if (hash("sha256", query) !== id) return badRequest("provided sha does not match query");
      return { kind: "text", text: query, register: id };
    }
    const text = this.#persisted.get(id);
    // Clients look for this code; some also for status 200 and the message.
    if (text === undefined) return refused("PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND", { status: 200 });
    return asText(text);
  }

  register({ text, register }: DocumentSource): void {
    if (register !== undefined && text.length <= maxPersistedLength) this.#persisted.set(register, text);
  }
}

/** The hash of an automatic persisted query, or the id of a trusted document: clients send both in the same field. */
function persistedHash(extensions: unknown): unknown {
  if (extensions === undefined || extensions === null) return undefined;
  const { persistedQuery } = Object(extensions) as { persistedQuery?: unknown };
  return (Object(persistedQuery) as { sha256Hash?: unknown }).sha256Hash;
}

function asText(text: string): DocumentSource {
  return { kind: "text", text, register: undefined };
}

/** id → document */
export type Manifest = ReadonlyMap<string, string>;

/**
 * `TRUSTED_DOCUMENTS`: only operations of a manifest are executed, sent by their id or as their exact text.
 *
 * @see https://www.apollographql.com/docs/graphos/platform/security/persisted-queries for the manifest and the codes
 */
export class TrustedDocuments {
  readonly #texts: ReadonlySet<string>;

  constructor(private readonly manifest: Manifest) {
    this.#texts = new Set(manifest.values());
  }

  /** The text of a request's document; refused if it is not in the manifest. */
  documentFor(query: string | undefined, id: string | undefined): string | Refused {
    if (query !== undefined) {
      if (this.#texts.has(query)) return query;
      return refused("This operation is not in the list of those that may run", "QUERY_NOT_IN_SAFELIST");
    }
    const text = id === undefined ? undefined : this.manifest.get(id);
    if (text !== undefined) return text;
    return refused("No operation of that id is in the list of those that may run", "PERSISTED_QUERY_NOT_IN_LIST");
  }
}
