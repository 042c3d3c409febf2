/** A subgraph that knows livings by their id only, and sends as many references to them as it is asked for. */
import "reflect-metadata";
import { Arg, Directive, Field, ID, ObjectType, Query, Resolver } from "type-graphql";
import { buildSubgraph } from "../../../src/graphql/subgraph.js";

@Directive('@key(fields: "livingid", resolvable: false)')
@ObjectType("Living")
class ListedLiving {
  @Field(() => ID)
  readonly livingid: string;

  constructor(livingid: string) {
    this.livingid = livingid;
  }
}

@Resolver()
class Playlists {
  @Query(() => [ListedLiving], { nullable: "items" })
  playlist(@Arg("livingids", () => [ID]) livingids: string[]): ListedLiving[] {
    return livingids.map((livingid) => new ListedLiving(livingid));
  }
}

export const playlist = buildSubgraph({
  header: 'extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])',
  resolvers: [Playlists],
  entityTypes: {
    Living: { type: ListedLiving, resolveReference: ({ livingid }) => new ListedLiving(String(livingid)) },
  },
});
