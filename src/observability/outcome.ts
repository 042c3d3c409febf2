/** How a root field was answered, as service levels count it. Of several errors the worst decides. */
export type Outcome = "ok" | "refused" | "limited" | "failed" | "unknown";

const worst: readonly Outcome[] = ["ok", "refused", "limited", "unknown", "failed"];

export function worse(one: Outcome, other: Outcome): Outcome {
  return worst.indexOf(one) >= worst.indexOf(other) ? one : other;
}
