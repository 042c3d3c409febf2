// Many histories in turns, in one process; a plan that breaks a rule is made as small as it can be while it still does.
import { type Violation, violationsIn } from "./checker.js";
import { type History, HistoryRun } from "./history.js";
import { type Plan, planFrom, smaller } from "./plan.js";

const atOnce = 8;
const maxSteps = 200_000;

export interface Failure {
  readonly plan: Plan;
  readonly violations: readonly Violation[];
}

/** Runs histories as long as `next` gives plans; calls back with what each came to. */
export function runAll(next: () => Plan | undefined, onEnd: (history: History) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const running: { run: HistoryRun; steps: number }[] = [];
    const turn = (): void => {
      try {
        while (running.length < atOnce) {
          const plan = next();
          if (!plan) break;
          running.push({ run: new HistoryRun(plan), steps: 0 });
        }
        if (running.length === 0) {
          resolve();
          return;
        }
        for (let index = running.length - 1; index >= 0; index -= 1) {
          const each = running[index]!;
          each.steps += 1;
          if (each.steps < maxSteps && each.run.step()) continue;
          running.splice(index, 1);
          onEnd(each.run.history);
        }
        setImmediate(turn);
      } catch (error) {
        reject(new Error("the simulation is broken", { cause: error }));
      }
    };
    turn();
  });
}

export async function run(plan: Plan): Promise<History> {
  const histories: History[] = [];
  const plans = [plan];
  await runAll(
    () => plans.shift(),
    (history) => histories.push(history),
  );
  return histories[0]!;
}

/** @param onFailure is called for the first of each rule */
export async function search(
  firstSeed: number,
  isToGoOn: (count: number) => boolean,
): Promise<{ count: number; failures: Failure[] }> {
  let seed = firstSeed;
  let count = 0;
  const failures: Failure[] = [];
  await runAll(
    () => (failures.length < 5 && isToGoOn(seed - firstSeed) ? planFrom(seed++) : undefined),
    (history) => {
      count += 1;
      const violations = violationsIn(history);
      if (violations.length > 0) failures.push({ plan: history.plan, violations });
    },
  );
  return { count, failures };
}

/** The same rule broken with less. */
export async function shrink({ plan, violations }: Failure): Promise<Failure> {
  let smallest: Failure = { plan, violations };
  for (;;) {
    let isSmaller = false;
    for (const candidate of smaller(smallest.plan)) {
      const found = violationsIn(await run(candidate));
      if (!found.some(({ rule }) => rule === violations[0]!.rule)) continue;
      smallest = { plan: candidate, violations: found };
      isSmaller = true;
      break;
    }
    if (!isSmaller) return smallest;
  }
}
