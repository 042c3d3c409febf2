// `npm run release`, in a small copy of this checkout that is a repository of its own.
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { checkout } from "../support/running.js";

const versioned = [
  "package.json",
  "package-lock.json",
  "packages/client/package.json",
  "Dockerfile",
  "deploy/kubernetes/kustomization.yaml",
];
const inFiles = [...versioned, "schema.graphql", "schema.released.graphql"];

let folder: string;
const read = (file: string) => readFileSync(join(folder, file), "utf8");
const write = (file: string, text: string) => {
  writeFileSync(join(folder, file), text);
};
const git = (...args: string[]) => {
  const identity = ["-c", "user.name=releaser", "-c", "user.email=releaser@example.com"];
  return execFileSync("git", [...identity, ...args], { cwd: folder, encoding: "utf8" }).trim();
};
const release = (...args: string[]) => {
  const env = { ...process.env, GIT_CONFIG_GLOBAL: join(folder, ".git/identity") };
  const options = { cwd: folder, encoding: "utf8", env } as const;
  return spawnSync(process.execPath, ["scripts/release.mjs", ...args], options);
};
/** As if the last release had been this one. */
const releasedBefore = (version: string) => {
  const { version: current } = JSON.parse(read("package.json")) as { version: string };
  for (const file of versioned) write(file, read(file).replaceAll(current, version));
  git("commit", "--all", "--allow-empty", "--message", `Release ${version}`);
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "release-"));
  for (const file of inFiles) cpSync(join(checkout, file), join(folder, file));
  symlinkSync(join(checkout, "scripts"), join(folder, "scripts"));
  write("CHANGELOG.md", "# Changelog\n\n## Unreleased\n\n- A living can have a note.\n");
  git("init", "--quiet");
  write(".git/identity", "[user]\n  name = releaser\n  email = releaser@example.com\n");
  git("add", "--all");
  git("commit", "--message", "A repository");
  releasedBefore("0.1.0");
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe("npm run release -- --dry-run", () => {
  it("says what would change in which file, and changes nothing", () => {
    const { status, stdout, stderr } = release("1.0.0-rc.1", "--dry-run");

    expect([status, stderr]).toEqual([0, ""]);
    for (const file of [...versioned, "CHANGELOG.md", "schema.released.graphql"]) expect(stdout).toContain(`${file}: `);
    expect(stdout).toContain("git: commit «Release 1.0.0-rc.1», tag v1.0.0-rc.1");
    expect(git("status", "--porcelain")).toBe("");
    expect(git("tag")).toBe("");
  });

  it.each([
    ["0.1.0", "0.2.0"],
    ["1.0.0-rc.2", "1.0.0"],
  ])("takes, without a version, the one that follows %s: %s", (current, next) => {
    if (current !== "0.1.0") releasedBefore(current);

    expect(release("--dry-run").stdout).toContain(`tag v${next}\n`);
  });

  it.each([
    ["0.1.0", "0.1.0", "0.1.0 is not higher than 0.1.0"],
    ["1.0.0", "1.0.0-rc.3", "1.0.0-rc.3 is not higher than 1.0.0"],
    ["1.0.0-rc.10", "1.0.0-rc.9", "1.0.0-rc.9 is not higher than 1.0.0-rc.10"],
    ["0.1.0", "1.0", "1.0 is no version: 1.2.3 or 1.2.3-rc.4"],
    ["0.1.0", "--dryrun", "--dryrun is no option"],
  ])("after %s refuses %s", (current, version, reason) => {
    if (current !== "0.1.0") releasedBefore(current);
    const { status, stderr } = release(version, "--dry-run");

    expect([status, stderr]).toEqual([1, `cannot release: ${reason}\n`]);
  });

  it("refuses a changelog that has nothing new, and a schema that breaks clients of a release", () => {
    releasedBefore("1.0.0");
    write("CHANGELOG.md", "# Changelog\n\n## Unreleased\n\n## 1.0.0 (2026-12-01)\n\n- All.\n");
    write("schema.graphql", read("schema.graphql").replace(/  """[^"]*"""\n  onlineCount: Int\n/, ""));
    const { status, stderr } = release("1.1.0", "--dry-run");

    expect(status).toBe(1);
    expect(stderr).toContain("cannot release: the changelog has nothing new\n");
    expect(stderr).toMatch(/^cannot release: the schema breaks clients: breaking: .*onlineCount/m);
  });
});

describe("npm run release", () => {
  it("sets the version everywhere, dates the changelog, takes the schema as released, commits and tags", () => {
    write("schema.graphql", `${read("schema.graphql")}\ntype Note {\n  text: String\n}\n`);
    git("commit", "--all", "--message", "Add a type");
    const { status, stderr } = release("1.0.0-rc.1");

    expect([status, stderr]).toEqual([0, ""]);
    for (const file of versioned) expect([file, read(file).includes("1.0.0-rc.1")]).toEqual([file, true]);
    expect(read("CHANGELOG.md")).toMatch(/^## Unreleased\n\n## 1\.0\.0-rc\.1 \(\d{4}-\d\d-\d\d\)\n\n- A living/m);
    expect(read("schema.released.graphql")).toBe(read("schema.graphql"));
    expect(git("log", "-1", "--format=%s")).toBe("Release 1.0.0-rc.1");
    expect(git("describe", "--exact-match")).toBe("v1.0.0-rc.1");
    expect(git("status", "--porcelain")).toBe("");
  });

  it("is not made of changes that are not committed", () => {
    write("Dockerfile", `${read("Dockerfile")}# more\n`);

    expect(release("0.2.0").stderr).toBe("cannot release: there are changes that are not committed\n");
    expect(git("tag")).toBe("");
  });
});
