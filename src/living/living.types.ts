import { Directive, Field, ID, Int, ObjectType } from "type-graphql";
import { PageInfo } from "./living.connections.js";
import { CostsACall, IsKept, IsKeptAlong, NeedsScope } from "./living.directives.js";
import { LivingReplayStatus, LivingStatus, LivingType } from "./living.enums.js";
import { UnixTime } from "./living.scalars.js";

/** The fields of get_living_info with GraphQL's names; null if WeCom sends none, or an undocumented number. */
export interface LivingDetails {
  readonly theme: string | null;
  readonly description: string | null;
  readonly type: LivingType | null;
  readonly status: LivingStatus | null;
  readonly livingStart: number | null;
  readonly livingDuration: number | null;
  readonly reserveStart: number | null;
  readonly reserveLivingDuration: number | null;
  readonly anchor: WecomUser | null;
  readonly mainDepartment: number | null;
  readonly viewerNum: number | null;
  readonly commentNum: number | null;
  readonly micNum: number | null;
  readonly onlineCount: number | null;
  readonly subscribeCount: number | null;
  readonly openReplay: boolean | null;
  readonly replayStatus: LivingReplayStatus | null;
  readonly pushStreamUrl: string | null;
}

@Directive('@key(fields: "userid")')
@ObjectType({ description: "A member of the corp." })
export class WecomUser {
  @Field(() => ID, { description: "The member's userid; in a third-party app WeCom's encrypted one." })
  readonly userid: string;

  constructor(userid: string) {
    this.userid = userid;
  }
}

/** Fields are null if they were not read, or throw the error that prevented the read. */
@NeedsScope("living:read")
@CostsACall()
@IsKept(1)
@Directive('@key(fields: "livingid")')
@ObjectType({ description: "A WeCom living (直播): a reserved, running or past live stream." })
export class Living {
  @Field(() => ID, { description: "WeCom's id of the living." })
  readonly livingid: string;

  readonly #details: LivingDetails | Error | undefined;

  constructor(livingid: string, details?: LivingDetails | Error) {
    this.livingid = livingid;
    this.#details = details;
  }

  get #read(): Partial<LivingDetails> {
    if (this.#details instanceof Error) throw this.#details;
    return this.#details ?? {};
  }

  @Field(() => String, { nullable: true, description: "The title." })
  get theme() {
    return this.#read.theme;
  }

  @Field(() => String, { nullable: true, description: "The description." })
  get description() {
    return this.#read.description;
  }

  @Field(() => LivingType, {
    nullable: true,
    description: "The kind; null for one that this gateway does not know yet.",
  })
  get type() {
    return this.#read.type;
  }

  @Field(() => LivingStatus, { nullable: true, description: "The status; null for a status not known yet." })
  get status() {
    return this.#read.status;
  }

  @Field(() => UnixTime, { nullable: true, description: "The booked start; once it is over, the real one." })
  get livingStart() {
    return this.#read.livingStart;
  }

  @Field(() => Int, { nullable: true, description: "The booked length in seconds; once it is over, the real one." })
  get livingDuration() {
    return this.#read.livingDuration;
  }

  @Field(() => UnixTime, { nullable: true, description: "The booked start." })
  get reserveStart() {
    return this.#read.reserveStart;
  }

  @Field(() => Int, { nullable: true, description: "The booked length in seconds." })
  get reserveLivingDuration() {
    return this.#read.reserveLivingDuration;
  }

  @IsKeptAlong()
  @Field(() => WecomUser, { nullable: true, description: "The member who hosts it." })
  get anchor() {
    return this.#read.anchor;
  }

  @Field(() => Int, { nullable: true, description: "The number of the anchor's main department." })
  get mainDepartment() {
    return this.#read.mainDepartment;
  }

  @Field(() => Int, { nullable: true, description: "How many have watched." })
  get viewerNum() {
    return this.#read.viewerNum;
  }

  @Field(() => Int, { nullable: true, description: "How many have commented." })
  get commentNum() {
    return this.#read.commentNum;
  }

  @Field(() => Int, { nullable: true, description: "How many have spoken on the microphone." })
  get micNum() {
    return this.#read.micNum;
  }

  @Field(() => Int, { nullable: true, description: "How many are watching now." })
  get onlineCount() {
    return this.#read.onlineCount;
  }

  @Field(() => Int, { nullable: true, description: "How many have reserved." })
  get subscribeCount() {
    return this.#read.subscribeCount;
  }

  @Field(() => Boolean, { nullable: true, description: "Whether there is a replay." })
  get openReplay() {
    return this.#read.openReplay;
  }

  @Field(() => LivingReplayStatus, { nullable: true, description: "The status of the replay; null without one." })
  get replayStatus() {
    return this.#read.replayStatus;
  }

  /** A secret: `LivingFields.pushStreamUrl` decides who sees it. */
  get secretPushStreamUrl() {
    return this.#read.pushStreamUrl;
  }
}

@ObjectType({ description: "A living and its cursor in the connection." })
export class LivingEdge {
  @Field(() => String, { description: "Pass it as `after` to get the items that follow." })
  cursor!: string;

  readonly livingid!: string;
}

@ObjectType({ description: "Livings of a member, in WeCom's order, which is not documented." })
export class LivingConnection {
  @Field(() => [LivingEdge], { description: "The livings with their cursors." })
  edges!: LivingEdge[];

  @Field(() => PageInfo, { description: "The position of this page." })
  pageInfo!: PageInfo;
}
