/**
 * Authorization. The resolvers call it, because nothing else runs before all of them: a reference from another subgraph
 * passes no middleware, and middleware around every field would slow down fields that need none.
 */
import { GraphQLError } from "graphql";
import type { RequestCaller, RequestContext } from "../request-context.js";
import { isSameUserid } from "../lib/userid.js";
import type { LivingScope } from "./living.directives.js";
import type { Living } from "./living.types.js";

/** @throws {GraphQLError} `FORBIDDEN`, with the scope that is missing */
export function requireScope({ scopes }: RequestCaller, scope: LivingScope): void {
  if (!scopes.has(scope)) throw forbidden(`This needs the scope ${scope}`, scope);
}

/** Without `living:admin`, a caller may act on their own livings only. @throws {GraphQLError} `FORBIDDEN` */
export function requireAnchor({ scopes, userid }: RequestCaller, anchorUserid: string | undefined): void {
  if (scopes.has("living:admin")) return;
  if (userid !== undefined && anchorUserid !== undefined && isSameUserid(userid, anchorUserid)) return;
  throw forbidden("For another member's living this needs the scope living:admin", "living:admin");
}

/**
 * The same for an existing living. Its anchor has to be read, unless the caller has `living:admin`.
 *
 * @throws {WecomError} when the living cannot be read: a living of another corp gets the same answer as one that does not exist
 */
export async function requireAnchorOf(livingid: string, { caller, reader }: RequestContext): Promise<void> {
  if (caller.scopes.has("living:admin")) return;
  // A caller without a userid owns no living: no call is needed.
  if (caller.userid === undefined) requireAnchor(caller, undefined);
  requireAnchor(caller, anchorOf(await reader.living(livingid)));
}

export function anchorOf(living: Living): string | undefined {
  return living.anchor?.userid;
}

function forbidden(message: string, scope: LivingScope): GraphQLError {
  return new GraphQLError(message, { extensions: { code: "FORBIDDEN", scope } });
}
