/**
 * `TRUSTED_DOCUMENTS`: only the operations of a manifest run, named by their id or sent as they stand there.
 *
 * @see https://www.apollographql.com/docs/graphos/platform/security/persisted-queries for the manifest and the codes
 */
import { GraphQLError } from "graphql";
import { persistedHash } from "./graphql-request.js";

/** id → document */
export type Manifest = ReadonlyMap<string, string>;

export class TrustedDocuments {
  readonly #texts: ReadonlySet<string>;

  constructor(private readonly manifest: Manifest) {
    this.#texts = new Set(manifest.values());
  }

  /** The document that a request may run. @throws {GraphQLError} when it is none of the manifest's */
  documentFor({ query, extensions }: { readonly query?: unknown; readonly extensions?: unknown }): string {
    if (typeof query === "string") {
      if (this.#texts.has(query)) return query;
      throw refused("This operation is not in the list of those that may run", "QUERY_NOT_IN_SAFELIST");
    }
    const id = persistedHash(extensions);
    const document = typeof id === "string" ? this.manifest.get(id) : undefined;
    if (document !== undefined) return document;
    throw refused("No operation of that id is in the list of those that may run", "PERSISTED_QUERY_NOT_IN_LIST");
  }
}

function refused(message: string, code: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code } });
}
