/** Fields that need a call to WeCom, or more than their object holds. */
import type { GraphQLResolveInfo } from "graphql";
import { Arg, Ctx, Directive, FieldResolver, Info, Resolver, Root } from "type-graphql";
import type { RequestContext } from "../request-context.js";
import { anchorOf, requireAnchor, requireAnchorOf, requireScope } from "./living.access.js";
import { After, First, readPage } from "./living.connections.js";
import { CostsACall, IsKept, IsPaged, NeedsScope } from "./living.directives.js";
import { requireId } from "./living.ids.js";
import { toViewers } from "./living.mapping.js";
import { resolveLiving } from "./living.references.js";
import { LivingMutationSuccess } from "./living.results.js";
import { LivingStatusChange } from "./living.status-change.js";
import { Living, LivingConnection, LivingEdge, WecomUser } from "./living.types.js";
import { LivingShare, LivingViewerConnection } from "./living.viewers.js";

interface PageArguments {
  readonly first: number;
  readonly after: string | null | undefined;
}

/** WeCom's own maximum for a page of livings. */
const maxLivingids = 100;

/** WeCom returns ids only. A living is read if one of its fields is requested. */
export async function livingsOf(
  argument: string,
  userid: string,
  page: PageArguments,
  { caller, reader, limits }: RequestContext,
): Promise<LivingConnection> {
  requireScope(caller, "living:read");
  requireId(argument, userid);
  const { items, pageInfo } = await readPage({
    api: "living/get_user_all_livingid",
    owner: ["livings", userid],
    maxFirst: limits.first,
    ...page,
    fetch: async (cursor, wanted) => {
      const { livingid_list: ids, next_cursor: nextKey } = await reader.livingids(
        userid,
        cursor,
        Math.min(wanted, maxLivingids),
      );
      return { items: ids, nextKey };
    },
  });
  return { edges: items.map(({ item, cursor }) => ({ livingid: item, cursor })), pageInfo };
}

@Resolver(() => LivingConnection)
class LivingConnectionFields {
  @FieldResolver(() => [Living], {
    nullable: "items",
    description: "The livings; one that cannot be read is null, with an error at its path.",
  })
  nodes(
    @Root() { edges }: LivingConnection,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): (Living | Promise<Living>)[] {
    return edges.map(({ livingid }) => resolveLiving(livingid, context, info));
  }
}

@Resolver(() => LivingEdge)
class LivingEdgeFields {
  @FieldResolver(() => Living, {
    nullable: true,
    description: "The living; null, with an error, when it cannot be read.",
  })
  node(
    @Root() { livingid }: LivingEdge,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Living | Promise<Living> {
    return resolveLiving(livingid, context, info);
  }
}

@Resolver(() => LivingMutationSuccess)
class LivingMutationSuccessFields {
  /** The mutation succeeded whether or not the living can be read, so a read failure is an error of the fields below. */
  @FieldResolver(() => Living, {
    description: "The living; read from WeCom only where more than its livingid is asked for.",
  })
  async living(
    @Root() { livingid }: LivingMutationSuccess,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Living> {
    try {
      return await resolveLiving(livingid, context, info);
    } catch (error) {
      return new Living(livingid, error instanceof Error ? error : new Error(String(error)));
    }
  }
}

@Resolver(() => LivingShare)
class LivingShareFields {
  @FieldResolver(() => Living, {
    nullable: true,
    description: "The living; null, with an error, when it cannot be read.",
  })
  living(
    @Root() { livingid }: LivingShare,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Living | Promise<Living> {
    return resolveLiving(livingid, context, info);
  }
}

@Resolver(() => LivingStatusChange)
class LivingStatusChangeFields {
  @FieldResolver(() => Living, {
    nullable: true,
    description:
      "The living, read from WeCom only where more than its livingid is asked for; null, with an error, when it cannot be read.",
  })
  living(
    @Root() { livingid }: LivingStatusChange,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Living | Promise<Living> {
    return resolveLiving(livingid, context, info);
  }
}

@Resolver(() => WecomUser)
class WecomUserFields {
  @NeedsScope("living:read")
  @CostsACall()
  @IsPaged()
  @FieldResolver(() => LivingConnection, { nullable: true, description: "The livings that the member hosts." })
  livings(
    @Root() { userid }: WecomUser,
    @First() first: number,
    @After() after: string | undefined,
    @Ctx() context: RequestContext,
  ): Promise<LivingConnection> {
    return livingsOf("userid", userid, { first, after }, context);
  }
}

@Resolver(() => Living)
class LivingFields {
  @CostsACall()
  @IsPaged()
  @Directive('@tag(name: "personal")')
  @FieldResolver(() => LivingViewerConnection, {
    nullable: true,
    description: "Who watched: members first within each of WeCom's pages.",
  })
  async viewers(
    @Root() { livingid }: Living,
    @First() first: number,
    @After() after: string | undefined,
    @Ctx() context: RequestContext,
  ): Promise<LivingViewerConnection> {
    const { caller, reader, limits } = context;
    requireScope(caller, "living:read");
    await requireAnchorOf(livingid, context);
    const { items, pageInfo } = await readPage({
      api: "living/get_watch_stat",
      owner: ["viewers", livingid],
      first,
      maxFirst: limits.first,
      after,
      fetch: async (key) => {
        const page = await reader.watchStat(livingid, key);
        return { items: toViewers(page, reader.onUnknownCode), nextKey: page.next_key };
      },
    });
    const edges = items.map(({ item, cursor }) => ({ node: item, cursor }));
    return { edges, nodes: edges.map(({ node }) => node), pageInfo };
  }

  /** Needs `living:read` only, because WeCom lets any member share a living, and the code reveals nothing about viewers. */
  @CostsACall()
  @IsKept(0)
  @FieldResolver(() => String, {
    nullable: true,
    description:
      "A code with which one WeChat user can watch in WeChat, as often as they like for 5 minutes: open the mini-program wx7424030d69bde86e (username gh_25e071b83ee0) at pages/watch/index?living_code=CODE, for the replay with &replay=1.",
  })
  async watchCode(
    @Root() { livingid }: Living,
    @Arg("openid", () => String, { description: "The openid of the WeChat user." }) openid: string,
    @Ctx() { caller, livings, call }: RequestContext,
  ): Promise<string> {
    requireScope(caller, "living:read");
    return await livings.getLivingCode(livingid, requireId("openid", openid), call);
  }

  @NeedsScope("living:push")
  @IsKept(0)
  @Directive('@tag(name: "secret")')
  @FieldResolver(() => String, {
    nullable: true,
    description:
      "Where an encoder pushes the stream: a secret, for callers with the scope living:push. Only for an EVENT that has not started.",
  })
  pushStreamUrl(@Root() living: Living, @Ctx() { caller }: RequestContext): string | null | undefined {
    requireScope(caller, "living:push");
    requireAnchor(caller, anchorOf(living));
    return living.secretPushStreamUrl;
  }
}

export const fieldResolvers = [
  LivingConnectionFields,
  LivingEdgeFields,
  LivingFields,
  LivingMutationSuccessFields,
  LivingShareFields,
  LivingStatusChangeFields,
  WecomUserFields,
];
