/**
 * Who may do what. The resolvers ask here, for nothing else stands before all of them: a reference from another subgraph
 * passes no middleware, and one around every field would slow down those that need none.
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

/** Without `living:admin`, a caller acts in their own name only. @throws {GraphQLError} `FORBIDDEN` */
export function requireAnchor({ scopes, userid }: RequestCaller, anchorUserid: string | undefined): void {
  if (scopes.has("living:admin")) return;
  if (userid !== undefined && anchorUserid !== undefined && isSameUserid(userid, anchorUserid)) return;
  throw forbidden("For another member's living this needs the scope living:admin", "living:admin");
}

/**
 * The same for a living that exists: who its anchor is has to be read, unless the caller may do everything.
 *
 * @throws {WecomError} when the living cannot be read, so that one of another corp is answered like one that is not there
 */
export async function requireAnchorOf(livingid: string, { caller, reader }: RequestContext): Promise<void> {
  if (caller.scopes.has("living:admin")) return;
  // Nobody's own: not worth a call.
  if (caller.userid === undefined) requireAnchor(caller, undefined);
  requireAnchor(caller, anchorOf(await reader.living(livingid)));
}

export function anchorOf(living: Living): string | undefined {
  return living.anchor?.userid;
}

function forbidden(message: string, scope: LivingScope): GraphQLError {
  return new GraphQLError(message, { extensions: { code: "FORBIDDEN", scope } });
}
