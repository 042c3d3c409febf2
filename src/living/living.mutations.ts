import { Arg, Ctx, ID, Mutation, Resolver } from "type-graphql";
import { toLivingError } from "../errors.js";
import type { LivingContext } from "./context.js";
import { LivingInput } from "./living.inputs.js";
import { createFieldPaths, toCreateRequest } from "./living.mapping.js";
import { CreateLivingResult, type CreateLivingValue, inputError } from "./living.results.js";
import { violationsOf } from "./living.validation.js";

@Resolver()
export class LivingMutations {
  @Mutation(() => CreateLivingResult, { description: "Reserves a living at WeCom. Sent at most once." })
  async createLiving(
    @Arg("input", () => LivingInput, { description: "What is to be reserved." }) input: LivingInput,
    @Arg("idempotencyKey", () => ID, {
      nullable: true,
      description: "Chosen by the client, one for each living that it means to create: 1 to 255 characters.",
    })
    _idempotencyKey: string | undefined,
    @Ctx() { livings, call }: LivingContext,
  ): Promise<CreateLivingValue> {
    const violations = violationsOf(input);
    if (violations.length > 0) return inputError(violations);
    try {
      const { livingid } = await livings.create(toCreateRequest(input), call);
      return { __typename: "CreateLivingSuccess", livingid };
    } catch (error) {
      return toLivingError(error, createFieldPaths);
    }
  }
}
