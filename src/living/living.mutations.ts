import type { GraphQLResolveInfo } from "graphql";
import { Arg, Ctx, ID, Info, Mutation, Resolver } from "type-graphql";
import { type FieldPaths, type LivingFieldViolation, toLivingError } from "../errors.js";
import type { RequestContext } from "../request-context.js";
import { requireAnchor, requireAnchorOf, requireScope } from "./living.access.js";
import { type LivingWrite, recorded } from "./living.audit.js";
import { CostsACall, NeedsScope } from "./living.directives.js";
import { idempotencyKeyOf } from "./living.idempotency.js";
import { idViolations } from "./living.ids.js";
import { LivingInput, ModifyLivingInput } from "./living.inputs.js";
import { fieldPaths, fieldPathsOf, toCreateRequest, toModifyRequest } from "./living.mapping.js";
import {
  CancelLivingResult,
  CreateLivingResult,
  DeleteLivingReplayResult,
  inputError,
  type LivingResult,
  type LivingSuccessName,
  ModifyLivingResult,
} from "./living.results.js";
import { violationsOf } from "./living.validation.js";
import { WecomError } from "../wecom/errors.js";

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
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<LivingResult<"CreateLivingSuccess">> {
    const { caller, creates, call } = context;
    const { key, violations: keyViolations } = idempotencyKeyOf(idempotencyKey ?? undefined, context, info);
    const { anchorUserid } = input;
    const write = { action: "living.create", context, info, anchorUserid, key } as const;
    return await recorded(write, async () => {
      requireScope(caller, "living:write");
      requireAnchor(caller, anchorUserid);
      const violations = violationsOf(input);
      if (violations.length + keyViolations.length > 0) return inputError([...violations, ...keyViolations]);
      try {
        const { livingid } = await creates.create(toCreateRequest(input), key && { ...key, input }, call);
        return { __typename: "CreateLivingSuccess", livingid };
      } catch (error) {
        return toLivingError(error, fieldPathsOf(input));
      } finally {
        context.reader.forget();
      }
    });
  }

  @NeedsScope("living:write")
  @CostsACall()
  @Mutation(() => ModifyLivingResult, {
    description: "Changes a living that is still reserved and was made by this app.",
  })
  async modifyLiving(
    @Arg("livingid", () => ID, livingidArgument) livingid: string,
    @Arg("input", () => ModifyLivingInput, { description: "What is to be changed." }) input: ModifyLivingInput,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<LivingResult<"ModifyLivingSuccess">> {
    const { livings, creates, call } = context;
    const changed = Object.keys(input);
    return await change({ action: "living.modify", context, info, livingid, changed }, "ModifyLivingSuccess", {
      violations: violationsOf(input),
      paths: fieldPaths,
      send: () => livings.modify(toModifyRequest(livingid, input), call),
      forget: () => {
        creates.forgetBooking(call.corp, livingid);
      },
    });
  }

  @NeedsScope("living:write")
  @CostsACall()
  @Mutation(() => CancelLivingResult, {
    description: "Cancels a living that is still reserved and was made by this app.",
  })
  async cancelLiving(
    @Arg("livingid", () => ID, livingidArgument) livingid: string,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<LivingResult<"CancelLivingSuccess">> {
    return await change({ action: "living.cancel", context, info, livingid }, "CancelLivingSuccess", {
      send: () => context.livings.cancel(livingid, context.call),
    });
  }

  @NeedsScope("living:write")
  @CostsACall()
  @Mutation(() => DeleteLivingReplayResult, {
    description: "Deletes the replay of a living that was made by this app.",
  })
  async deleteLivingReplay(
    @Arg("livingid", () => ID, livingidArgument) livingid: string,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<LivingResult<"DeleteLivingReplaySuccess">> {
    return await change({ action: "living.replay.delete", context, info, livingid }, "DeleteLivingReplaySuccess", {
      send: () => context.livings.deleteReplayData(livingid, context.call),
    });
  }
}

interface LivingChange {
  /** Rules that the input breaks. */
  readonly violations?: readonly LivingFieldViolation[];
  /** Paths of the input fields that WeCom's errcodes can blame. */
  readonly paths?: FieldPaths;
  readonly send: () => Promise<void>;
  /** Other caches to update after a change that may have happened. */
  readonly forget?: () => void;
}

/** Checks, sends and records the change of a living that exists. */
async function change<Name extends LivingSuccessName>(
  write: LivingWrite & { readonly livingid: string },
  success: Name,
  { violations = [], paths, send, forget }: LivingChange,
): Promise<LivingResult<Name>> {
  const { context, livingid } = write;
  return await recorded(write, async () => {
    requireScope(context.caller, "living:write");
    const broken = [...idViolations("livingid", livingid), ...violations];
    if (broken.length > 0) return inputError(broken);
    try {
      await requireAnchorOf(livingid, context);
    } catch (error) {
      return toLivingError(error);
    }
    let hadNoEffect = false;
    try {
      await send();
      return { __typename: success, livingid };
    } catch (error) {
      hadNoEffect = error instanceof WecomError && !error.mayHaveTakenEffect;
      return toLivingError(error, paths);
    } finally {
      // Only then: a caller who may not change the living must not empty caches, here and in other replicas.
      if (!hadNoEffect) {
        context.reader.forget(livingid);
        forget?.();
      }
    }
  });
}
