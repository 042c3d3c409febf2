// What happens in a history, all of it decided before it begins: so that a part can be left out and the rest stays as it is.
import { randomFrom } from "./world.js";
import type { Fate, WecomAssumptions } from "./simulated-wecom.js";

export interface Ask {
  readonly atMs: number;
  /** Undefined: without a key. Asks with the same number have the same key. */
  readonly key: number | undefined;
  /** Which of the replicas that there are then. */
  readonly replica: number;
  /** Asks with the same number want the same living; without this, all are booked alike. */
  readonly theme?: string;
  /** Spelt otherwise than usual. */
  readonly anchor?: string;
}

export type Happening =
  | { readonly kind: "kill" | "restart"; readonly atMs: number; readonly replica: number }
  | { readonly kind: "stop"; readonly atMs: number; readonly replica: number; readonly forMs: number }
  | { readonly kind: "store-slow" | "reads-fail"; readonly atMs: number; readonly forMs: number }
  /** It refuses connections, or does not answer. */
  | { readonly kind: "store-away"; readonly atMs: number; readonly forMs: number; readonly isRefusing: boolean }
  | { readonly kind: "store-emptied" | "anchor-deleted"; readonly atMs: number }
  /** Back to what it was so long before. */
  | { readonly kind: "store-rolled-back"; readonly atMs: number; readonly toMs: number }
  /** Its machine's clock is set, or another machine's takes its place. */
  | { readonly kind: "store-clock-back"; readonly atMs: number; readonly byMs: number }
  /** In WeCom's own app: to the newest living there is. */
  | { readonly kind: "user-cancels" | "user-modifies"; readonly atMs: number }
  | { readonly kind: "user-books-alike"; readonly atMs: number };

export interface Plan {
  /** Decides the latencies. */
  readonly seed: number;
  readonly replicas: number;
  readonly spelling: WecomAssumptions["spelling"];
  readonly asks: readonly Ask[];
  /** Of the creates in the order in which they are sent; later ones are answered. */
  readonly fates: readonly Fate[];
  readonly happenings: readonly Happening[];
  /** Keys that nobody asks for again when the faults are over. */
  readonly abandoned: readonly number[];
}

export const timeoutMs = 1600;
export const settleMs = 2000;
export const keyLifetimeMs = 20_000;
/** By then the first replicas have found out that they share a new store; all times of a plan count from here. */
export const startsAtMs = 2100;
/** After this nothing goes wrong any more. */
export const faultsUntilMs = 3000;
/** Then all replicas run, and whoever wants a living asks until the outcome is known. */
export const calmFromMs = startsAtMs + faultsUntilMs + 400;

export function planFrom(seed: number): Plan {
  const random = randomFrom(seed);
  const chance = (share: number) => random() < share;
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
  const up = (to: number) => Math.floor(random() * to);
  const times = <T>(count: number, make: () => T): T[] => Array.from({ length: count }, make);

  const replicas = 1 + up(3);
  const replica = () => up(replicas);
  const asks: Ask[] = [];
  const keys = 1 + up(3);
  const isSpread = chance(0.3);
  for (let key = 0; key < keys; key += 1) {
    const own = { ...(chance(0.2) && { theme: `theme ${key}` }), ...(chance(0.3) && { anchor: "zhangsan" }) };
    const firstMs = isSpread ? up(faultsUntilMs) : up(300);
    asks.push({ atMs: firstMs, key, replica: replica(), ...own });
    for (let count = up(4); count > 0; count -= 1) {
      const repeat = { atMs: firstMs + (chance(0.3) ? up(50) : up(faultsUntilMs)), key, replica: replica(), ...own };
      asks.push(chance(0.05) ? { ...repeat, theme: "another" } : repeat);
    }
  }
  for (let count = chance(0.4) ? 1 + up(2) : 0; count > 0; count -= 1) {
    asks.push({ atMs: chance(0.5) ? up(400) : up(faultsUntilMs), key: undefined, replica: replica() });
  }
  const fate = (): Fate => {
    if (chance(0.3)) return { kind: "ok", answerMs: chance(0.2) ? up(timeoutMs) : up(30), isDoubled: chance(0.2) };
    if (chance(0.12)) return { kind: "refused", errcode: pick([60011, 45033, 42001]) };
    const how = pick(["reset", "hang", "busy", "gateway", "half"] as const);
    return { kind: "lost", how, effect: pick(["none", "at-once", "late"] as const), share: random() };
  };
  const happenings: Happening[] = [];
  const atMs = () => up(chance(0.4) ? 400 : faultsUntilMs);
  if (chance(0.35)) {
    for (const each of times(1 + up(2), () => ({ atMs: atMs(), replica: replica() }))) {
      happenings.push({ kind: "kill", ...each });
      happenings.push({ kind: "restart", atMs: each.atMs + up(1500), replica: each.replica });
    }
  }
  if (chance(0.3)) happenings.push({ kind: "stop", atMs: atMs(), replica: replica(), forMs: up(timeoutMs + settleMs) });
  if (chance(0.2)) happenings.push({ kind: "store-away", atMs: atMs(), forMs: up(1500), isRefusing: chance(0.5) });
  if (chance(0.15)) happenings.push({ kind: "store-slow", atMs: atMs(), forMs: up(1500) });
  if (chance(0.2)) happenings.push({ kind: "reads-fail", atMs: atMs(), forMs: up(3000) });
  if (chance(0.1)) happenings.push({ kind: "store-emptied", atMs: atMs() });
  else if (chance(0.1)) {
    const toMs = atMs();
    const backAtMs = Math.min(toMs + up(1500), faultsUntilMs);
    happenings.push({ kind: "store-rolled-back", toMs, atMs: backAtMs });
    if (chance(0.5)) happenings.push({ kind: "store-clock-back", atMs: backAtMs, byMs: up(500) });
  }
  if (chance(0.1)) happenings.push({ kind: "store-clock-back", atMs: atMs(), byMs: up(500) });
  if (chance(0.05)) happenings.push({ kind: "anchor-deleted", atMs: atMs() });
  for (const kind of ["user-cancels", "user-modifies", "user-books-alike"] as const) {
    if (chance(0.06)) happenings.push({ kind, atMs: atMs() });
  }
  return {
    ...{ seed, replicas, asks, happenings },
    spelling: pick(["as-given", "as-given", "lower", "as-registered"] as const),
    fates: times(up(5), fate),
    abandoned: chance(0.15) ? [up(keys)] : [],
  };
}

/** Smaller plans, each without one thing. */
export function* smaller(plan: Plan): Generator<Plan> {
  for (const part of ["happenings", "asks", "fates", "abandoned"] as const) {
    for (const index of plan[part].keys()) yield { ...plan, [part]: plan[part].toSpliced(index, 1) };
  }
  for (const index of plan.fates.keys()) {
    const fates = plan.fates.with(index, { kind: "ok", answerMs: 5 });
    if (plan.fates[index]!.kind !== "ok") yield { ...plan, fates };
  }
  if (plan.replicas > 1) yield { ...plan, replicas: plan.replicas - 1 };
  if (plan.spelling !== "as-given") yield { ...plan, spelling: "as-given" };
}
