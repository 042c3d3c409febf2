import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "@jest/globals";

const folder = mkdtempSync(join(tmpdir(), "schema-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** What the check says of schema.graphql after a change. */
function check(from: string | RegExp, to: string) {
  const before = readFileSync("schema.graphql", "utf8");
  const after = before.replace(from, to);
  expect(after).not.toBe(before);
  const file = join(folder, "schema.graphql");
  writeFileSync(file, after);
  const { status, stderr } = spawnSync(process.execPath, ["scripts/check-breaking.mjs", "schema.graphql", file], {
    encoding: "utf8",
  });
  return { status, stderr };
}

describe("The check for breaking changes", () => {
  it("lets a field be added", () => {
    expect(check("  theme: String\n", "  theme: String\n  subtitle: String\n")).toEqual({ status: 0, stderr: "" });
  });

  it.each([
    ["a field is taken away", /  """[^"]*"""\n  onlineCount: Int\n/, "", "onlineCount"],
    ["an argument becomes required", "idempotencyKey: ID\n", "idempotencyKey: ID!\n", "idempotencyKey"],
    ["a union loses a member", " | LivingWecomError", "", "LivingWecomError"],
    ["an enum loses a value", /  """已过期[^\n]*\n  EXPIRED\n/, "", "EXPIRED"],
  ])("fails when %s", (_, from, to, named) => {
    const { status, stderr } = check(from, to);
    expect(status).toBe(1);
    expect(stderr).toMatch(new RegExp(`^breaking: .*${named}`, "m"));
  });
});
