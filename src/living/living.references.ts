/** How a livingid or a userid becomes an entity: for the fields of this subgraph and for the references of others. */
import { GraphQLError, type GraphQLResolveInfo } from "graphql";
import type { LivingContext } from "./context.js";
import { requireScope } from "./living.access.js";
import { asksForMoreThan } from "./living.selection.js";
import { Living, WecomUser } from "./living.types.js";

/**
 * Read only where a field is asked for that neither the livingid gives nor a call of its own.
 *
 * @throws {GraphQLError} `FORBIDDEN` when it would be read by somebody who may not
 */
export function resolveLiving(
  livingid: string,
  { caller, reader }: LivingContext,
  info: GraphQLResolveInfo,
): Living | Promise<Living> {
  if (!asksForMoreThan(["livingid", "viewers", "watchCode"], info)) return new Living(livingid);
  requireScope(caller, "living:read");
  return reader.living(livingid);
}

interface EntityType {
  readonly type: abstract new (...args: never[]) => object;
  resolveReference(
    keys: Readonly<Record<string, unknown>>,
    context: LivingContext,
    info: GraphQLResolveInfo,
  ): object | Promise<object>;
}

/** The types with `@key`, by name. */
export const entityTypes: Readonly<Record<string, EntityType>> = {
  Living: {
    type: Living,
    resolveReference: ({ livingid }, context, info) => {
      requireScope(context.caller, "living:read");
      return resolveLiving(requireKey("livingid", livingid), context, info);
    },
  },
  WecomUser: {
    type: WecomUser,
    resolveReference: ({ userid }, { caller }) => {
      requireScope(caller, "living:read");
      return new WecomUser(requireKey("userid", userid));
    },
  },
};

function requireKey(name: string, value: unknown): string {
  if (typeof value === "string" && value !== "") return value;
  throw new GraphQLError(`A reference needs its key ${name}: a string that is not empty`, {
    extensions: { code: "BAD_USER_INPUT" },
  });
}
