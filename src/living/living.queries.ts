import { Arg, Ctx, ID, Query, Resolver } from "type-graphql";
import type { RequestContext } from "../request-context.js";
import { requireScope } from "./living.access.js";
import { After, First } from "./living.connections.js";
import { CostsACall, IsPaged, NeedsScope } from "./living.directives.js";
import { livingsOf } from "./living.fields.js";
import { requireId } from "./living.ids.js";
import { toShare } from "./living.mapping.js";
import { Living, LivingConnection } from "./living.types.js";
import { LivingShare } from "./living.viewers.js";

@Resolver()
export class LivingQueries {
  @NeedsScope("living:read")
  @Query(() => Living, {
    nullable: true,
    description: "A living of this corp; null, with an error, when it cannot be read.",
  })
  async living(
    @Arg("livingid", () => ID, { description: "WeCom's id of the living." }) livingid: string,
    @Ctx() { caller, reader }: RequestContext,
  ): Promise<Living> {
    requireScope(caller, "living:read");
    return await reader.living(requireId("livingid", livingid));
  }

  @NeedsScope("living:read")
  @CostsACall()
  @IsPaged()
  @Query(() => LivingConnection, { description: "The livings that a member hosts." })
  livings(
    @Arg("anchorUserid", () => ID, { description: "The userid of the member." }) anchorUserid: string,
    @First() first: number,
    @After() after: string | undefined,
    @Ctx() context: RequestContext,
  ): Promise<LivingConnection> {
    return livingsOf("anchorUserid", anchorUserid, { first, after }, context);
  }

  @NeedsScope("living:read")
  @CostsACall()
  @Query(() => LivingShare, {
    nullable: true,
    description: "Who opened the shared card of a living that promotes a product. The code is valid for 5 minutes.",
  })
  async livingShare(
    @Arg("wwShareCode", () => String, { description: "The code in the path by which the mini-program was opened." })
    wwShareCode: string,
    @Ctx() { caller, livings, call }: RequestContext,
  ): Promise<LivingShare> {
    requireScope(caller, "living:read");
    return toShare(await livings.getLivingShareInfo(requireId("wwShareCode", wwShareCode), call));
  }
}
