/**
 * The results of mutations. Errors that a caller can act on are data: routers redact `errors[]`, but data reaches
 * clients untouched. `errors.ts` creates the values; this file describes them to GraphQL.
 */
import {
  type ClassType,
  createUnionType,
  Field,
  ID,
  Int,
  InterfaceType,
  ObjectType,
  registerEnumType,
} from "type-graphql";
import { UnixTime } from "./living.scalars.js";
import type { LivingErrorName, LivingErrorResult, LivingFieldViolation } from "../errors.js";

/** Ties each class to the plain value that `errors.ts` creates, so that they cannot diverge. */
type ValueOf<Name extends LivingErrorName> = Omit<Extract<LivingErrorResult, { __typename: Name }>, "__typename">;

@InterfaceType({
  description: "The fields of every error of a living mutation; `... on LivingError` is always enough.",
  resolveType: (value: LivingErrorResult) => value.__typename,
})
export abstract class LivingError {
  @Field(() => String, { description: "What went wrong, in English." })
  message!: string;

  @Field(() => Boolean, { description: "Whether the same request may succeed later, without a change by anybody." })
  retryable!: boolean;

  @Field(() => Int, { nullable: true, description: "WeCom's errcode, where it was WeCom that refused." })
  errcode?: number;
}

@ObjectType({ description: "A rule that a field of the input breaks." })
export class LivingInputViolation implements LivingFieldViolation {
  @Field(() => String, { description: "Where in the input: `theme`, `activityDetail.imageList`." })
  path!: string;

  @Field(() => String, { description: "What is asked for, in English. Never the value that was given." })
  message!: string;

  @Field(() => String, { description: "The rule's name, for programs: `hasCharacters`, `min`, `errcode40007`." })
  constraint!: string;
}

@ObjectType({
  implements: LivingError,
  description:
    "The input breaks a documented rule. Nothing was sent to WeCom, unless an errcode says that WeCom found it.",
})
export class LivingInputError extends LivingError implements ValueOf<"LivingInputError"> {
  @Field(() => [LivingInputViolation], { description: "Every violation at once; empty when WeCom names no field." })
  fields!: LivingInputViolation[];
}

export enum LivingMissingThing {
  LIVING = "LIVING",
  USER = "USER",
  OTHER = "OTHER",
}

registerEnumType(LivingMissingThing, {
  name: "LivingMissingThing",
  description: "What was not found.",
  valuesConfig: {
    LIVING: { description: "The living, or this corp has none of that id." },
    USER: { description: "The member." },
    OTHER: { description: "Something else that the request names." },
  },
});

@ObjectType({ implements: LivingError, description: "There is no such member or living, or the app cannot see it." })
export class LivingNotFoundError extends LivingError implements ValueOf<"LivingNotFoundError"> {
  @Field(() => LivingMissingThing, { description: "What is missing." })
  missing!: `${LivingMissingThing}`;
}

@ObjectType({
  implements: LivingError,
  description:
    "The living is in a state that does not allow this: started, cancelled, or its replay cannot be deleted.",
})
export class LivingStateError extends LivingError implements ValueOf<"LivingStateError"> {}

@ObjectType({ implements: LivingError, description: "The app may not do this to this living or this member." })
export class LivingPermissionError extends LivingError implements ValueOf<"LivingPermissionError"> {}

@ObjectType({
  implements: LivingError,
  description: "Too many calls, by WeCom's count or by ours. Nothing was changed.",
})
export class LivingRateLimitError extends LivingError implements ValueOf<"LivingRateLimitError"> {
  @Field(() => Int, { description: "When to come back, in seconds." })
  retryAfterSeconds!: number;
}

@ObjectType({
  implements: LivingError,
  description: "WeCom is busy, or WeCom or the gateway's store cannot be reached. Certainly nothing was changed.",
})
export class LivingUnavailableError extends LivingError implements ValueOf<"LivingUnavailableError"> {
  @Field(() => Int, { description: "When to come back, in seconds." })
  retryAfterSeconds!: number;
}

@ObjectType({
  implements: LivingError,
  description:
    "The request was sent and its answer was lost: it may have been carried out. Without an idempotency key it is never sent again; with one, the same request finds out and finishes it.",
})
export class LivingOutcomeUnknownError extends LivingError implements ValueOf<"LivingOutcomeUnknownError"> {
  @Field(() => String, { description: "How to find out, in English." })
  howToFindOut!: string;
}

@ObjectType({
  implements: LivingError,
  description:
    "WeCom refuses the gateway's own credentials, address or licence: for its operator to mend, never the caller.",
})
export class LivingConfigurationError extends LivingError implements ValueOf<"LivingConfigurationError"> {}

@ObjectType({ implements: LivingError, description: "Any other errcode of WeCom's." })
export class LivingWecomError extends LivingError implements ValueOf<"LivingWecomError"> {
  @Field(() => String, { description: "WeCom's own words, without the address that it adds to them." })
  errmsg!: string;

  @Field(() => String, { description: "WeCom's page about this errcode." })
  docsUrl!: string;
}

@ObjectType({ description: "The image is uploaded." })
export class UploadLivingImageSuccess {
  @Field(() => ID, { description: "WeCom's media_id: what createLiving takes." })
  mediaid!: string;

  @Field(() => UnixTime, { description: "Until when it can be used." })
  expiresAt!: number;
}

/** The common part of all successes; the resolver of `living` reads the living if it is requested. */
@InterfaceType({ description: "What became of a living.", resolveType: (value: LivingSuccess) => value.__typename })
export abstract class LivingMutationSuccess {
  @Field(() => ID, { description: "WeCom's id of the living." })
  livingid!: string;
}

@ObjectType({ implements: LivingMutationSuccess, description: "The living is reserved." })
export class CreateLivingSuccess extends LivingMutationSuccess {}

@ObjectType({ implements: LivingMutationSuccess, description: "The living is changed." })
export class ModifyLivingSuccess extends LivingMutationSuccess {}

@ObjectType({ implements: LivingMutationSuccess, description: "The living is cancelled." })
export class CancelLivingSuccess extends LivingMutationSuccess {}

@ObjectType({ implements: LivingMutationSuccess, description: "The replay is deleted." })
export class DeleteLivingReplaySuccess extends LivingMutationSuccess {}

export type LivingSuccessName =
  "CreateLivingSuccess" | "ModifyLivingSuccess" | "CancelLivingSuccess" | "DeleteLivingReplaySuccess";

export interface LivingSuccess<Name extends LivingSuccessName = LivingSuccessName> {
  readonly __typename: Name;
  readonly livingid: string;
}

export type LivingResult<Name extends LivingSuccessName> = LivingSuccess<Name> | LivingErrorResult;

const everyError = [
  LivingInputError,
  LivingNotFoundError,
  LivingPermissionError,
  LivingRateLimitError,
  LivingUnavailableError,
  LivingOutcomeUnknownError,
  LivingConfigurationError,
  LivingWecomError,
] as const;

/** @param mutation in upper camel case */
function resultOf<Members extends readonly ClassType[]>(mutation: string, members: Members) {
  return createUnionType({
    name: `${mutation}Result`,
    description: `What became of ${mutation.replace(/^./, (letter) => letter.toLowerCase())}.`,
    types: () => members,
    resolveType: (value: unknown) => (value as LivingSuccess | LivingErrorResult).__typename,
  });
}

export const CreateLivingResult = resultOf("CreateLiving", [CreateLivingSuccess, ...everyError]);
export const ModifyLivingResult = resultOf("ModifyLiving", [ModifyLivingSuccess, LivingStateError, ...everyError]);
export const CancelLivingResult = resultOf("CancelLiving", [CancelLivingSuccess, LivingStateError, ...everyError]);
export const DeleteLivingReplayResult = resultOf("DeleteLivingReplay", [
  ...[DeleteLivingReplaySuccess, LivingStateError],
  ...everyError,
]);
export const UploadLivingImageResult = resultOf("UploadLivingImage", [UploadLivingImageSuccess, ...everyError]);

export function inputError(fields: LivingFieldViolation[]): LivingErrorResult {
  const paths = [...new Set(fields.map(({ path }) => path))].join(", ");
  return {
    __typename: "LivingInputError",
    message: `The input breaks WeCom's rules: ${paths}`,
    retryable: false,
    fields,
  };
}
