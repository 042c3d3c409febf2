import { spawnSync } from "node:child_process";
import { describe, expect, it } from "@jest/globals";

const bench = (...options: string[]) =>
  spawnSync(process.execPath, ["bench/run.mjs", "--rounds", "0", ...options], { encoding: "utf8" });

// How fast something is, is told by whoever measures: nothing here depends on it.
describe("npm run bench", () => {
  it("finds that the gateway does the job that the floor does", () => {
    const { stderr, status } = bench("--only", "floor,gateway");

    expect(stderr).toContain("floor: sends WeCom the documented body, reports an errcode");
    expect(stderr).toContain("gateway: sends WeCom the documented body, reports an errcode");
    expect(status).toBe(0);
  }, 120_000);

  it("names what can be measured when asked for something else", () => {
    const { stderr, status } = bench("--only", "flor");

    expect(stderr).toContain("--only: found flor, expected some of floor, control, gateway");
    expect(status).toBe(1);
  });
});
