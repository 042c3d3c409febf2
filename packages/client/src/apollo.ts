/** For Apollo Client: `new InMemoryCache({ possibleTypes, typePolicies })`. Plain data and functions, which import nothing of it. */
import introspection from "./generated/possible-types.js";

/**
 * The types that a fragment on an interface or union matches. Without it Apollo Client drops `... on LivingError {
 * message }` of your own documents. Those of this package do not depend on it.
 */
export const { possibleTypes } = introspection;

/** What is used of Apollo Client's `FieldFunctionOptions`. Their own type would need the package where only urql is used. */
interface FieldContext {
  readonly args: Readonly<Record<string, unknown>> | null;
  readonly readField: (name: string, from: never) => unknown;
  readonly toReference: (object: { __typename: string; livingid: string }) => unknown;
}

interface Connection {
  readonly edges?: readonly object[];
  readonly nodes?: readonly unknown[];
  readonly pageInfo?: {
    readonly endCursor?: unknown;
    readonly startCursor?: unknown;
    readonly hasPreviousPage?: unknown;
  };
}

/**
 * Appends each page to the one before. A first page starts the list again, so that `refetch` shows the current state.
 */
function mergePages(existing: Connection | undefined, incoming: Connection, context: FieldContext): Connection {
  const after = context.args?.["after"];
  if (!existing || after === undefined || after === null) return incoming;
  const { edges, nodes, pageInfo } = upTo(after, existing, context);
  return {
    ...incoming,
    ...(incoming.edges && { edges: [...(edges ?? []), ...incoming.edges] }),
    ...(incoming.nodes && { nodes: [...(nodes ?? []), ...incoming.nodes] }),
    ...(incoming.pageInfo && {
      pageInfo: {
        ...incoming.pageInfo,
        ...(pageInfo?.startCursor !== undefined && { startCursor: pageInfo.startCursor }),
        ...(pageInfo?.hasPreviousPage !== undefined && { hasPreviousPage: pageInfo.hasPreviousPage }),
      },
    }),
  };
}

/** The items before that cursor, so that a page that was requested twice is not shown twice. */
function upTo(after: unknown, existing: Connection, { readField }: FieldContext): Connection {
  if (existing.pageInfo?.endCursor === after) return existing;
  const index = existing.edges?.findIndex((edge) => readField("cursor", edge as never) === after) ?? -1;
  if (index < 0) return existing;
  const end = index + 1;
  return { ...existing, edges: existing.edges?.slice(0, end) ?? [], nodes: existing.nodes?.slice(0, end) ?? [] };
}

function connection(keyArgs: readonly string[] | false): { keyArgs: string[] | false; merge: typeof mergePages } {
  return { keyArgs: keyArgs && [...keyArgs], merge: mergePages };
}

/** Keys and pagination. Spread your own policies after it: `{ ...typePolicies, Query: { … } }`. */
export const typePolicies = {
  Living: { keyFields: ["livingid"], fields: { viewers: connection(false) } },
  // userids are compared without regard to case.
  WecomUser: {
    keyFields: ({ userid }: Readonly<Record<string, unknown>>) =>
      typeof userid === "string" ? `WecomUser:${userid.toLowerCase()}` : undefined,
    fields: { livings: connection(false) },
  },
  WecomExternalContact: { keyFields: ["externalUserid"] },
  Query: {
    fields: {
      livings: connection(["anchorUserid"]),
      /** A living that a list has read is taken from the cache. */
      living: {
        read: (existing: unknown, { args, toReference }: FieldContext) =>
          existing ?? toReference({ __typename: "Living", livingid: String(args?.["livingid"]) }),
      },
    },
  },
};
