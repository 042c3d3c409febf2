import type { GraphQLResolveInfo } from "graphql";
import { Arg, Ctx, FieldResolver, ID, Info, Query, Resolver, Root } from "type-graphql";
import type { LivingContext } from "./context.js";
import { CreateLivingSuccess } from "./living.results.js";
import { resolveLiving } from "./living.references.js";
import { Living } from "./living.types.js";

@Resolver()
export class LivingQueries {
  @Query(() => Living, {
    nullable: true,
    description: "A living of this corp; null, with an error, when it cannot be read.",
  })
  living(
    @Arg("livingid", () => ID, { description: "WeCom's id of the living." }) livingid: string,
    @Ctx() { reader }: LivingContext,
  ): Promise<Living> {
    return reader.read(livingid);
  }
}

@Resolver(() => CreateLivingSuccess)
export class CreateLivingSuccessFields {
  /** The living was made whether or not it can be read now, so a failure is told by the fields that need it. */
  @FieldResolver(() => Living)
  async living(
    @Root() { livingid }: CreateLivingSuccess,
    @Ctx() context: LivingContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Living> {
    try {
      return await resolveLiving(livingid, context, info);
    } catch (error) {
      return new Living(livingid, error instanceof Error ? error : new Error(String(error)));
    }
  }
}
