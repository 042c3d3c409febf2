/**
 * `npm run test:simulation`: histories until the time is over or a rule is broken.
 *
 *   --minutes N   default 10
 *   --seed N      the first; default: from the clock, and printed
 *   --only N      this seed alone, with what happens in it
 */
import { parseArgs } from "node:util";
import { violationsIn } from "./checker.js";
import { planFrom } from "./plan.js";
import { run, search, shrink } from "./run.js";

const { values } = parseArgs({
  options: { minutes: { type: "string", default: "10" }, seed: { type: "string" }, only: { type: "string" } },
});

if (values.only === undefined) await searchLong(Number(values.seed ?? Date.now() % 1e9), Number(values.minutes));
else await show(Number(values.only));

async function searchLong(firstSeed: number, minutes: number): Promise<void> {
  const startedAt = performance.now();
  const endsAt = startedAt + minutes * 60_000;
  let reportsAt = startedAt + 60_000;
  const { count, failures } = await search(firstSeed, (begun) => {
    if (performance.now() > reportsAt) {
      reportsAt += 60_000;
      console.log(`${begun} histories begun`);
    }
    return performance.now() < endsAt;
  });
  const seconds = (performance.now() - startedAt) / 1000;
  const rate = (count / seconds).toFixed(0);
  console.log(`${count} histories from seed ${firstSeed} in ${seconds.toFixed(0)} s, ${rate} a second`);
  if (failures.length === 0) return;
  process.exitCode = 1;
  for (const failure of failures) {
    const { plan, violations } = await shrink(failure);
    console.log(`seed ${failure.plan.seed}: ${JSON.stringify(violations)}\n  ${JSON.stringify(plan)}`);
  }
}

async function show(seed: number): Promise<void> {
  const history = await run(planFrom(seed));
  console.log(JSON.stringify(history.plan, undefined, 2));
  for (const { sentAtMs, tag, process: replica, fate, livingid } of history.wecom.attempts) {
    console.log(
      `${sentAtMs.toFixed(0)} ms: create ${tag} sent by ${replica.name}: ${JSON.stringify(fate)} ${livingid ?? ""}`,
    );
  }
  for (const { askedAtMs, toldAtMs, tag, told } of history.asks) {
    console.log(`${askedAtMs.toFixed(0)}–${toldAtMs.toFixed(0)} ms: create ${tag} was told ${JSON.stringify(told)}`);
  }
  console.log(history.counts, violationsIn(history));
}
