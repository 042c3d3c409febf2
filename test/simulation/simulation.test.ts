// The real code of creates through thousands of histories with faults, in virtual time. `npm run test:simulation` is the long
// form. A failure prints the smallest plan that still breaks the rule; its seed gives the same history again.
import { describe, expect, it } from "@jest/globals";
import { violationsIn } from "./checker.js";
import { planFrom } from "./plan.js";
import { run, search, shrink } from "./run.js";
import { scenarios } from "./scenarios.js";

const histories = Number(process.env["SIMULATION_HISTORIES"] ?? 2000);
const firstSeed = Number(process.env["SIMULATION_SEED"] ?? 1);

describe("The rules of creates", () => {
  it.each(Object.keys(scenarios))("hold when %s", async (name) => {
    expect(violationsIn(await run(scenarios[name]!))).toEqual([]);
  });

  it(`hold in ${histories} histories of faults`, async () => {
    const { count, failures } = await search(firstSeed, (begun) => begun < histories);
    if (failures.length > 0) expect(await shrink(failures[0]!)).toBeUndefined();
    expect(count).toBe(histories);
  }, 300_000);
});

describe("A history", () => {
  it("is the same for the same seed", async () => {
    const told = async () =>
      (await run(planFrom(7))).asks.map(({ tag, toldAtMs, told: what }) => [tag, toldAtMs, what]);
    expect(await told()).toEqual(await told());
  });
});
