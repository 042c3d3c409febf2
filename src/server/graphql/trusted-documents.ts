/**
 * `TRUSTED_DOCUMENTS`: only operations of a manifest are executed, sent by their id or as their exact text.
 *
 * @see https://www.apollographql.com/docs/graphos/platform/security/persisted-queries for the manifest and the codes
 */
import { type Refused, refused } from "./refused.js";

/** id → document */
export type Manifest = ReadonlyMap<string, string>;

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
