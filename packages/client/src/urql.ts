/** For urql: `new Client({ ...urqlOptions, url, exchanges })`, with `cacheExchange(graphcacheOptions)` among the exchanges. */
import introspection from "./generated/possible-types.js";

/**
 * urql sends queries by GET by default, which the gateway refuses without a header, because any page could send them
 * (CSRF).
 */
export const urqlOptions = { preferGetMethod: false } as const;

type Fields = Readonly<Record<string, unknown>>;
const text = (value: unknown): string | null => (typeof value === "string" ? value : null);
const embedded = (): null => null;

/** Graphcache's key of an object. Null: it is embedded in its parent. */
const keys = {
  Living: ({ livingid }: Fields) => text(livingid),
  // userids are compared without regard to case.
  WecomUser: ({ userid }: Fields) => text(userid)?.toLowerCase() ?? null,
  WecomExternalContact: ({ externalUserid }: Fields) => text(externalUserid),
  ...Object.fromEntries(
    [
      ...["LivingConnection", "LivingEdge", "LivingViewerConnection", "LivingViewerEdge", "PageInfo", "LivingShare"],
      ...["LivingMemberViewer", "LivingExternalViewer", "LivingStatusChange", "LivingInputViolation"],
    ].map((name) => [name, embedded]),
  ),
};

/**
 * For Graphcache. Without `possibleTypes` it drops the fields of `... on LivingError`. In development it still warns of
 * union members without fields in the answer ("The field at `living` is `undefined`"), which is harmless.
 */
export const graphcacheOptions = { keys, possibleTypes: introspection.possibleTypes };
