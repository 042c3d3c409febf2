/** The errors of mutations are data. These functions tell them from a success, whatever the mutation was. */
import type { CreateLivingMutation, DeleteLivingReplayMutation } from "./generated/operations.js";
import introspection from "./generated/possible-types.js";

type Results = CreateLivingMutation["createLiving"] | DeleteLivingReplayMutation["deleteLivingReplay"];

/** Every error that a mutation can answer with, with the fields that the documents of this package ask for. */
export type LivingError = Extract<Results, { message: string }>;
export type LivingErrorName = LivingError["__typename"];

const names: readonly string[] = introspection.possibleTypes.LivingError;

/**
 * Whether a mutation answered with an error. A member that a newer gateway adds is recognized by what every error has.
 *
 * Narrows to the errors of exactly that mutation, so that `switch (result.__typename)` can be exhaustive.
 */
export function isLivingError<Result extends { readonly __typename?: string | undefined }>(
  result: Result | null | undefined,
): result is Extract<Result, { message: string }> {
  if (result === null || result === undefined) return false;
  if (result.__typename !== undefined && names.includes(result.__typename)) return true;
  return "message" in result && "retryable" in result;
}
