/** The idempotency key of a createLiving: its argument, or the request's header if the operation has one createLiving. */
import { type GraphQLResolveInfo, Kind, type SelectionSetNode } from "graphql";
import type { LivingFieldViolation } from "../errors.js";
import type { IdempotencyKey } from "../wecom/create-once/create-once.js";
import type { RequestContext } from "../request-context.js";

const path = "idempotencyKey";
const none: readonly LivingFieldViolation[] = [];

export function idempotencyKeyOf(
  argument: string | undefined,
  { caller, idempotencyKey: header }: Pick<RequestContext, "caller" | "idempotencyKey">,
  info: GraphQLResolveInfo,
): { key: Omit<IdempotencyKey, "input"> | undefined; violations: readonly LivingFieldViolation[] } {
  const key = argument ?? header;
  if (key === undefined) return { key, violations: none };
  const violations: LivingFieldViolation[] = [];
  const { length } = Array.from(key);
  if (length < 1 || length > 255) {
    violations.push({ path, message: "idempotencyKey must have 1 to 255 characters", constraint: "hasCharacters" });
  }
  if (header !== undefined && argument !== undefined && argument !== header) {
    const message = "The header Idempotency-Key and the argument idempotencyKey must not differ";
    violations.push({ path, message, constraint: "isOneKey" });
  }
  if (header !== undefined && countOf(info) > 1) {
    const message = "The header Idempotency-Key is for an operation with one createLiving; give each an idempotencyKey";
    violations.push({ path, message, constraint: "isForOneCreate" });
  }
  return { key: { key, caller: caller.identity }, violations };
}

/** How often the operation selects the field; selections under `@skip` count. */
function countOf({ fieldName, operation, fragments }: GraphQLResolveInfo): number {
  const names = new Set<string>();
  const collect = ({ selections }: SelectionSetNode): void => {
    for (const selection of selections) {
      if (selection.kind === Kind.INLINE_FRAGMENT) collect(selection.selectionSet);
      else if (selection.kind === Kind.FRAGMENT_SPREAD) {
        const fragment = fragments[selection.name.value];
        if (fragment) collect(fragment.selectionSet);
      } else if (selection.name.value === fieldName) names.add(selection.alias?.value ?? fieldName);
    }
  };
  collect(operation.selectionSet);
  return names.size;
}
