/** The viewers of a living: members of the corp and external contacts, in one connection. */
import { Directive, Field, ID, Int, InterfaceType, ObjectType, registerEnumType } from "type-graphql";
import { PageInfo } from "./living.connections.js";
import { WecomUser } from "./living.types.js";

/** An entity that other subgraphs, such as a CRM's, extend. */
@Directive('@key(fields: "externalUserid")')
@Directive('@tag(name: "personal")')
@ObjectType({
  description: "Somebody outside the corp whom WeCom knows: a user of WeChat, or of WeCom in another corp.",
})
export class WecomExternalContact {
  @Field(() => ID, { description: "WeCom's external_userid." })
  readonly externalUserid: string;

  constructor(externalUserid: string) {
    this.externalUserid = externalUserid;
  }
}

/** VERSIONING.md promises six months. */
const instead = (field: string) => `Until 2027-06: use ${field} { externalUserid }.`;

@InterfaceType({
  description: "Somebody who watched a living.",
  resolveType: (viewer: LivingViewer) =>
    viewer instanceof LivingMemberViewer ? "LivingMemberViewer" : "LivingExternalViewer",
})
export abstract class LivingViewer {
  @Field(() => Int, { nullable: true, description: "How long they watched, in seconds." })
  watchTime!: number | null;

  @Field(() => Boolean, { nullable: true, description: "Whether they commented." })
  isComment!: boolean | null;

  @Field(() => Boolean, { nullable: true, description: "Whether they spoke on the microphone." })
  isMic!: boolean | null;

  @Field(() => WecomUser, {
    nullable: true,
    description: "The member who shared the card or code by which they came; only for lives that promote a product.",
  })
  invitor!: WecomUser | null;

  @Field(() => WecomExternalContact, {
    nullable: true,
    description:
      "The external contact who shared the card or code by which they came; only for lives that promote a product.",
  })
  invitorExternalContact!: WecomExternalContact | null;

  @Field(() => String, {
    nullable: true,
    deprecationReason: instead("invitorExternalContact"),
    description: "The external_userid of `invitorExternalContact`.",
  })
  invitorExternalUserid!: string | null;
}

@ObjectType({ implements: LivingViewer, description: "A member of the corp who watched." })
export class LivingMemberViewer extends LivingViewer {
  @Field(() => WecomUser, { description: "The member." })
  user!: WecomUser;
}

export enum LivingExternalViewerType {
  WECHAT = 1,
  WECOM = 2,
}

registerEnumType(LivingExternalViewerType, {
  name: "LivingExternalViewerType",
  description: "Where an external viewer comes from (WeCom's numbers 1 and 2).",
  valuesConfig: {
    WECHAT: { description: "A user of WeChat, WeCom's 1." },
    WECOM: { description: "A user of WeCom in another corp, WeCom's 2." },
  },
});

@ObjectType({ implements: LivingViewer, description: "Somebody from outside the corp who watched." })
export class LivingExternalViewer extends LivingViewer {
  @Field(() => WecomExternalContact, { description: "Who they are." })
  contact!: WecomExternalContact;

  @Field(() => ID, { deprecationReason: instead("contact"), description: "The external_userid of `contact`." })
  externalUserid!: string;

  @Field(() => LivingExternalViewerType, {
    nullable: true,
    description: "Where they come from; null for a number not known yet.",
  })
  type!: LivingExternalViewerType | null;

  @Field(() => String, { nullable: true, description: "Their name." })
  name!: string | null;
}

@ObjectType({ description: "A viewer and their cursor in the connection." })
export class LivingViewerEdge {
  @Field(() => String, { description: "Pass it as `after` to get the items that follow." })
  cursor!: string;

  @Field(() => LivingViewer, { description: "The viewer." })
  node!: LivingViewer;
}

@ObjectType({ description: "Who watched a living." })
export class LivingViewerConnection {
  @Field(() => [LivingViewerEdge], { description: "The viewers with their cursors." })
  edges!: LivingViewerEdge[];

  @Field(() => [LivingViewer], { description: "The viewers." })
  nodes!: LivingViewer[];

  @Field(() => PageInfo, { description: "The position of this page." })
  pageInfo!: PageInfo;
}

@Directive('@tag(name: "personal")')
@ObjectType({ description: "Who opened the shared card of a living, and who shared it." })
export class LivingShare {
  readonly livingid!: string;

  @Field(() => WecomUser, { nullable: true, description: "The member who opened it." })
  viewer!: WecomUser | null;

  @Field(() => WecomExternalContact, { nullable: true, description: "The external contact who opened it." })
  viewerExternalContact!: WecomExternalContact | null;

  @Field(() => String, {
    nullable: true,
    deprecationReason: instead("viewerExternalContact"),
    description: "The external_userid of `viewerExternalContact`.",
  })
  viewerExternalUserid!: string | null;

  @Field(() => WecomUser, { nullable: true, description: "The member who shared it." })
  invitor!: WecomUser | null;

  @Field(() => WecomExternalContact, { nullable: true, description: "The external contact who shared it." })
  invitorExternalContact!: WecomExternalContact | null;

  @Field(() => String, {
    nullable: true,
    deprecationReason: instead("invitorExternalContact"),
    description: "The external_userid of `invitorExternalContact`.",
  })
  invitorExternalUserid!: string | null;
}
