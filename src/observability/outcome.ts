/** The outcome of a root field, as service levels count it. If a field has several errors, the worst counts. */
export type Outcome = "ok" | "refused" | "limited" | "failed" | "unknown";

const worst: readonly Outcome[] = ["ok", "refused", "limited", "unknown", "failed"];

export function worse(one: Outcome, other: Outcome): Outcome {
  return worst.indexOf(one) >= worst.indexOf(other) ? one : other;
}
