/**
 * The inputs and their rules. A rule rejects only what WeCom documents as an error, never what is merely unlikely.
 *
 * @see https://developer.work.weixin.qq.com/document/path/93637
 */
import { ArrayMaxSize, IsOptional, Min, ValidateNested } from "class-validator";
import { Field, ID, InputType, Int } from "type-graphql";
import { LivingType } from "./living.enums.js";
import { UnixTime } from "./living.scalars.js";
import { HasBytes, HasCharacters, IsWecomText } from "./living.validation.js";

@InputType({ description: "The detail page of an EVENT." })
export class LivingActivityDetailInput {
  @IsOptional()
  @IsWecomText()
  @Field(() => String, { nullable: true, description: "The introduction. WeCom documents no limit." })
  description?: string | null;

  @IsOptional()
  @IsWecomText({ each: true })
  @ArrayMaxSize(5)
  @Field(() => [String], {
    nullable: true,
    description: "At most 5 media_ids of uploaded images. (WeCom itself would drop a sixth without a word.)",
  })
  imageList?: string[] | null;
}

@InputType({ description: "The body of WeCom's living/create, field for field." })
export class LivingInput {
  @HasCharacters({ min: 1, max: 64 })
  @IsWecomText()
  @Field(() => ID, { description: "The userid of the member who hosts it: 1 to 64 characters, visible to the app." })
  anchorUserid!: string;

  @HasCharacters({ min: 1, max: 20 })
  @IsWecomText()
  @Field(() => String, { description: "The title: 1 to 20 characters (Unicode code points)." })
  theme!: string;

  @Field(() => UnixTime, { description: "When it starts." })
  livingStart!: number;

  @Min(1)
  @Field(() => Int, { description: "How long it lasts, in seconds: at least 1." })
  livingDuration!: number;

  @IsOptional()
  @HasCharacters({ max: 100 })
  @IsWecomText()
  @Field(() => String, {
    nullable: true,
    description:
      "At most 100 characters (Unicode code points). Shown for every type but EVENT, which has activityDetail.",
  })
  description?: string | null;

  @Field(() => LivingType, { nullable: true, description: "The kind; WeCom takes GENERAL when it is left out." })
  type?: LivingType | null;

  @Field(() => Int, { nullable: true, description: "Only for old third-party suites with several apps." })
  agentid?: number | null;

  @IsOptional()
  @Min(0)
  @Field(() => Int, {
    nullable: true,
    description: "How long before the start to remind, in seconds; WeCom's default is 0.",
  })
  remindTime?: number | null;

  @IsOptional()
  @IsWecomText()
  @Field(() => String, { nullable: true, description: "EVENT: the media_id of the cover image (valid for 3 days)." })
  activityCoverMediaid?: string | null;

  @IsOptional()
  @IsWecomText()
  @Field(() => String, {
    nullable: true,
    description: "EVENT: the media_id of the share card's image (valid for 3 days).",
  })
  activityShareMediaid?: string | null;

  @IsOptional()
  @ValidateNested()
  @Field(() => LivingActivityDetailInput, { nullable: true, description: "EVENT: its detail page." })
  activityDetail?: LivingActivityDetailInput | null;
}

/**
 * The limits are those of modify's page: it counts bytes, create's counts characters.
 *
 * @see https://developer.work.weixin.qq.com/document/path/93640
 */
@InputType({ description: "What is to be changed of a reserved living: only the fields given are sent." })
export class ModifyLivingInput {
  @IsOptional()
  @HasBytes({ max: 60 })
  @IsWecomText()
  @Field(() => String, { nullable: true, description: "The title: at most 60 bytes in UTF-8." })
  theme?: string | null;

  @Field(() => UnixTime, { nullable: true, description: "When it starts." })
  livingStart?: number | null;

  @IsOptional()
  @Min(1)
  @Field(() => Int, { nullable: true, description: "How long it lasts, in seconds: at least 1." })
  livingDuration?: number | null;

  @Field(() => LivingType, { nullable: true, description: "The kind." })
  type?: LivingType | null;

  @IsOptional()
  @HasBytes({ max: 300 })
  @IsWecomText()
  @Field(() => String, { nullable: true, description: "At most 300 bytes in UTF-8." })
  description?: string | null;

  @IsOptional()
  @Min(0)
  @Field(() => Int, {
    nullable: true,
    description:
      "How long before the start to remind, in seconds. Whether WeCom keeps the old value when it is left out is not documented.",
  })
  remindTime?: number | null;
}
