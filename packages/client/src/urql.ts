/** For urql: `new Client({ ...urqlOptions, url, exchanges })`, with `cacheExchange(graphcacheOptions)` among the exchanges. */
import introspection from "./generated/possible-types.js";

/** urql sends queries by GET by default, which the gateway refuses without a header: any page could send them (CSRF). */
export const urqlOptions = { preferGetMethod: false } as const;

type Fields = Readonly<Record<string, unknown>>;
const text = (value: unknown): string | null => (typeof value === "string" ? value : null);
const embedded = (): null => null;

/** How Graphcache names what it keeps. Null: it belongs to the object that it stands in. */
const keys = {
  Living: ({ livingid }: Fields) => text(livingid),
  // userids identify people without regard to case.
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
 * members of a union that did not come ("The field at `living` is `undefined`"): nothing is lost.
 */
export const graphcacheOptions = { keys, possibleTypes: introspection.possibleTypes };
