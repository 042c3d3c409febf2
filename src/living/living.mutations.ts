import type { GraphQLResolveInfo } from "graphql";
import { Arg, Ctx, ID, Info, Mutation, Resolver } from "type-graphql";
import { toLivingError } from "../errors.js";
import type { LivingContext } from "./context.js";
import { requireAnchor, requireAnchorOf, requireScope } from "./living.access.js";
import { CostsACall, NeedsScope } from "./living.directives.js";
import { idempotencyKeyOf } from "./living.idempotency.js";
import { LivingInput, ModifyLivingInput } from "./living.inputs.js";
import { fieldPaths, toCreateRequest, toModifyRequest } from "./living.mapping.js";
import {
  CancelLivingResult,
  CreateLivingResult,
  DeleteLivingReplayResult,
  inputError,
  type LivingResult,
  ModifyLivingResult,
} from "./living.results.js";
import { violationsOf } from "./living.validation.js";

const livingidArgument = { description: "WeCom's id of the living." };

@Resolver()
export class LivingMutations {
  @NeedsScope("living:write")
  @CostsACall()
  @Mutation(() => CreateLivingResult, {
    description:
      "Reserves a living at WeCom: one for each idempotencyKey. Without a key it is sent once, and never again by itself.",
  })
  async createLiving(
    @Arg("input", () => LivingInput, { description: "What is to be reserved." }) input: LivingInput,
    @Arg("idempotencyKey", () => ID, {
      nullable: true,
      description:
        "Chosen by the client, one for each living that it means to create: 1 to 255 characters. For 24 hours the same key creates one living, however often it is sent. The header Idempotency-Key does the same for an operation with one createLiving.",
    })
    idempotencyKey: string | null | undefined,
    @Ctx() context: LivingContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<LivingResult<"CreateLivingSuccess">> {
    const { caller, creates, call } = context;
    requireScope(caller, "living:write");
    requireAnchor(caller, input.anchorUserid);
    const { key, violations: keyViolations } = idempotencyKeyOf(idempotencyKey ?? undefined, context, info);
    const violations = violationsOf(input);
    if (violations.length + keyViolations.length > 0) return inputError([...violations, ...keyViolations]);
    try {
      const { livingid } = await creates.create(toCreateRequest(input), key, call);
      return { __typename: "CreateLivingSuccess", livingid };
    } catch (error) {
      return toLivingError(error, fieldPaths);
    }
  }

  @NeedsScope("living:write")
  @CostsACall()
  @Mutation(() => ModifyLivingResult, {
    description: "Changes a living that is still reserved and was made by this app.",
  })
  async modifyLiving(
    @Arg("livingid", () => ID, livingidArgument) livingid: string,
    @Arg("input", () => ModifyLivingInput, { description: "What is to be changed." }) input: ModifyLivingInput,
    @Ctx() context: LivingContext,
  ): Promise<LivingResult<"ModifyLivingSuccess">> {
    const { caller, livings, creates, reader, call } = context;
    requireScope(caller, "living:write");
    const violations = violationsOf(input);
    if (violations.length > 0) return inputError(violations);
    try {
      await requireAnchorOf(livingid, context);
      await livings.modify(toModifyRequest(livingid, input), call);
      return { __typename: "ModifyLivingSuccess", livingid };
    } catch (error) {
      return toLivingError(error, fieldPaths);
    } finally {
      reader.forget(livingid);
      creates.forgetBooking(call.corp, livingid);
    }
  }

  @NeedsScope("living:write")
  @CostsACall()
  @Mutation(() => CancelLivingResult, {
    description: "Cancels a living that is still reserved and was made by this app.",
  })
  async cancelLiving(
    @Arg("livingid", () => ID, livingidArgument) livingid: string,
    @Ctx() context: LivingContext,
  ): Promise<LivingResult<"CancelLivingSuccess">> {
    const { caller, livings, reader, call } = context;
    requireScope(caller, "living:write");
    try {
      await requireAnchorOf(livingid, context);
      await livings.cancel(livingid, call);
      return { __typename: "CancelLivingSuccess", livingid };
    } catch (error) {
      return toLivingError(error);
    } finally {
      reader.forget(livingid);
    }
  }

  @NeedsScope("living:write")
  @CostsACall()
  @Mutation(() => DeleteLivingReplayResult, {
    description: "Deletes the replay of a living that was made by this app.",
  })
  async deleteLivingReplay(
    @Arg("livingid", () => ID, livingidArgument) livingid: string,
    @Ctx() context: LivingContext,
  ): Promise<LivingResult<"DeleteLivingReplaySuccess">> {
    const { caller, livings, reader, call } = context;
    requireScope(caller, "living:write");
    try {
      await requireAnchorOf(livingid, context);
      await livings.deleteReplayData(livingid, call);
      return { __typename: "DeleteLivingReplaySuccess", livingid };
    } catch (error) {
      return toLivingError(error);
    } finally {
      reader.forget(livingid);
    }
  }
}
