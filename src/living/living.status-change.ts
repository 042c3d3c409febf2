import { Field, ID, ObjectType } from "type-graphql";
import { LivingStatus } from "./living.enums.js";
import { UnixTime } from "./living.scalars.js";
import { WecomUser } from "./living.types.js";

@ObjectType({ description: "A change of a living's status, as WeCom reported it." })
export class LivingStatusChange {
  @Field(() => ID, { description: "WeCom's id of the living." })
  livingid!: string;

  @Field(() => LivingStatus, {
    nullable: true,
    description: "The new status; null for a status not known yet. Do not wait for EXPIRED: WeCom seldom reports it.",
  })
  status!: LivingStatus | null;

  @Field(() => WecomUser, { nullable: true, description: "The member whom WeCom names beside it: its anchor." })
  anchor!: WecomUser | null;

  @Field(() => UnixTime, { description: "When it changed, by WeCom's clock." })
  changedAt!: number;
}
