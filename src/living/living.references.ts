/** How a livingid or a userid becomes an entity: for the fields of this subgraph and for the references of others. */
import { GraphQLError, type GraphQLResolveInfo } from "graphql";
import type { LivingContext } from "./context.js";
import { asksForMoreThan } from "./living.selection.js";
import { Living, WecomUser } from "./living.types.js";

/** Read only where a field is asked for that neither the livingid gives nor a call of its own. */
export function resolveLiving(
  livingid: string,
  { reader }: LivingContext,
  info: GraphQLResolveInfo,
): Living | Promise<Living> {
  return asksForMoreThan(["livingid", "viewers", "watchCode"], info) ? reader.living(livingid) : new Living(livingid);
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
    resolveReference: ({ livingid }, context, info) => resolveLiving(requireKey("livingid", livingid), context, info),
  },
  WecomUser: {
    type: WecomUser,
    resolveReference: ({ userid }) => new WecomUser(requireKey("userid", userid)),
  },
};

function requireKey(name: string, value: unknown): string {
  if (typeof value === "string" && value !== "") return value;
  throw new GraphQLError(`A reference needs its key ${name}: a string that is not empty`, {
    extensions: { code: "BAD_USER_INPUT" },
  });
}
