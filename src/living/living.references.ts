/** Turns a livingid or a userid into an entity, for fields of this subgraph and for references from others. */
import { type FieldNode, type GraphQLResolveInfo, Kind, type SelectionSetNode } from "graphql";
import type { RequestContext } from "../request-context.js";
import { requireScope } from "./living.access.js";
import { requireId } from "./living.ids.js";
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

/**
 * Whether a field's selection has more than the named fields. Fields under `@skip` and `@include` count as requested: at
 * worst, a living is read needlessly.
 */
function asksForMoreThan(names: readonly string[], { fieldNodes, fragments }: GraphQLResolveInfo): boolean {
  const free = new Set(["__typename", ...names]);
  const needsMore = (selections: SelectionSetNode | undefined): boolean =>
    selections?.selections.some((selection) => {
      switch (selection.kind) {
        case Kind.FIELD:
          return !free.has(selection.name.value);
        case Kind.INLINE_FRAGMENT:
          return needsMore(selection.selectionSet);
        case Kind.FRAGMENT_SPREAD:
          return needsMore(fragments[selection.name.value]?.selectionSet);
      }
    }) ?? false;
  return fieldNodes.some((node: FieldNode) => needsMore(node.selectionSet));
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
