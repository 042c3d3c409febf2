/** Errors of mutations are data. These functions distinguish them from successes, for all mutations. */
import type { CreateLivingMutation, DeleteLivingReplayMutation } from "./generated/operations.js";
import introspection from "./generated/possible-types.js";

type Results = CreateLivingMutation["createLiving"] | DeleteLivingReplayMutation["deleteLivingReplay"];

/** Every error that a mutation can return, with the fields that this package's documents request. */
export type LivingError = Extract<Results, { message: string }>;
export type LivingErrorName = LivingError["__typename"];

const names: readonly string[] = introspection.possibleTypes.LivingError;

/**
 * Whether a mutation returned an error. Types that a newer gateway adds are recognised by the common fields.
 *
 * Narrows to the errors of that mutation, so that `switch (result.__typename)` can be exhaustive.
 */
export function isLivingError<Result extends { readonly __typename?: string | undefined }>(
  result: Result | null | undefined,
): result is Extract<Result, { message: string }> {
  if (result === null || result === undefined) return false;
  if (result.__typename !== undefined && names.includes(result.__typename)) return true;
  return "message" in result && "retryable" in result;
}
