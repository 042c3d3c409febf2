import type { DocumentNode } from "graphql";

/**
 * A document that carries the types of its result and variables. It has the form that Apollo Client, urql and
 * graphql-request read types from (@graphql-typed-document-node/core), without the dependency.
 */
export interface TypedDocumentNode<
  Result = Record<string, unknown>,
  Variables = Record<string, unknown>,
> extends DocumentNode {
  /** Never there: it only carries the types. */
  __apiType?: (variables: Variables) => Result;
}
