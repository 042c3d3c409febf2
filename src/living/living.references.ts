/** Turns a livingid or a userid into an entity, for fields of this subgraph and for references from others. */
import type { GraphQLResolveInfo } from "graphql";
import type { RequestContext } from "../request-context.js";
import { requireScope } from "./living.access.js";
import { requireId } from "./living.ids.js";
import { asksForMoreThan } from "./living.selection.js";
import { Living, WecomUser } from "./living.types.js";
import { WecomExternalContact } from "./living.viewers.js";

/**
 * Reads the living only if a field is requested that needs it: neither the livingid nor a field with a call of its own.
 *
 * @throws {GraphQLError} `FORBIDDEN` when it would be read by somebody who may not
 */
export function resolveLiving(
  livingid: string,
  { caller, reader }: RequestContext,
  info: GraphQLResolveInfo,
): Living | Promise<Living> {
  if (!asksForMoreThan(["livingid", "viewers", "watchCode"], info)) return new Living(livingid);
  requireScope(caller, "living:read");
  return reader.living(livingid);
}

type Keys = Readonly<Record<string, unknown>>;

/** The types with `@key`, by name. */
export const entityTypes = {
  Living: {
    type: Living,
    resolveReference: ({ livingid }: Keys, context: RequestContext, info: GraphQLResolveInfo) => {
      requireScope(context.caller, "living:read");
      return resolveLiving(requireId("livingid", livingid), context, info);
    },
  },
  WecomUser: {
    type: WecomUser,
    resolveReference: ({ userid }: Keys, { caller }: RequestContext) => {
      requireScope(caller, "living:read");
      return new WecomUser(requireId("userid", userid));
    },
  },
  WecomExternalContact: {
    type: WecomExternalContact,
    resolveReference: ({ externalUserid }: Keys, { caller }: RequestContext) => {
      requireScope(caller, "living:read");
      return new WecomExternalContact(requireId("externalUserid", externalUserid));
    },
  },
};
