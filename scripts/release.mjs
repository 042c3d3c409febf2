// Makes a release of what is checked out: `npm run release -- 1.0.0-rc.1 [--dry-run]`. Sets the version where it stands, gives
// the changelog's heading a date, takes the schema as the released one, commits and tags. It pushes and publishes nothing.
// Without a version: the next minor one, or the one that a release candidate was for.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";

const args = process.argv.slice(2);
const isDry = args.includes("--dry-run");
const { version: current } = JSON.parse(readFileSync("package.json", "utf8"));
const [version = following(current)] = args.filter((arg) => !arg.startsWith("--"));
const problems = args.filter((arg) => arg.startsWith("--") && arg !== "--dry-run").map((arg) => `${arg} is no option`);
const today = new Date().toISOString().slice(0, 10);

/** @returns major, minor, patch, the candidate's number (of a release: Infinity); undefined: no version */
function partsOf(text) {
  const parts = /^(\d+)\.(\d+)\.(\d+)(?:-rc\.(\d+))?$/.exec(text)?.slice(1);
  return parts?.map((part = "Infinity") => Number(part));
}

function following(from) {
  const [major, minor, patch, candidate] = partsOf(from);
  return candidate === Infinity ? `${major}.${minor + 1}.0` : `${major}.${minor}.${patch}`;
}

const git = (...command) => execFileSync("git", command, { encoding: "utf8" }).trim();

function isHigher() {
  const before = partsOf(current);
  const after = partsOf(version);
  const at = after.findIndex((part, index) => part !== before[index]);
  return at >= 0 && after[at] > before[at];
}

/** File, what stands there, and what will. */
const edits = [
  ["package.json", `"version": "${current}"`, `"version": "${version}"`],
  ["packages/client/package.json", `"version": "${current}"`, `"version": "${version}"`],
  ["Dockerfile", `ARG VERSION=${current}`, `ARG VERSION=${version}`],
  ["deploy/kubernetes/kustomization.yaml", `newTag: ${current}`, `newTag: ${version}`],
  ["CHANGELOG.md", "## Unreleased\n", `## Unreleased\n\n## ${version} (${today})\n`],
];

if (!partsOf(version)) problems.push(`${version} is no version: 1.2.3 or 1.2.3-rc.4`);
else if (!isHigher()) problems.push(`${version} is not higher than ${current}`);
if (!isDry && git("status", "--porcelain") !== "") problems.push("there are changes that are not committed");
if (git("tag", "--list", `v${version}`) !== "") problems.push(`the tag v${version} exists`);
for (const [file, before] of edits) {
  if (!readFileSync(file, "utf8").includes(before)) problems.push(`${file} does not have ${JSON.stringify(before)}`);
}
if (!/^## Unreleased\n\n- /m.test(readFileSync("CHANGELOG.md", "utf8"))) problems.push("the changelog has nothing new");
try {
  execFileSync("node", ["scripts/check-breaking.mjs"], { stdio: ["ignore", "ignore", "pipe"] });
} catch (error) {
  const [major, , , candidate] = partsOf(current);
  // Below 1.0.0 a minor release may break, and one candidate the one before it.
  const mayBreak = major === 0 || candidate !== Infinity || Number(version.split(".")[0]) > major;
  if (!mayBreak) problems.push(`the schema breaks clients: ${error.stderr}`);
}

for (const problem of problems) process.stderr.write(`cannot release: ${problem}\n`);
if (problems.length > 0) process.exit(1);
for (const [file, before, after] of edits) {
  process.stdout.write(`${file}: ${before.trim()} → ${after.trim().replaceAll("\n", " ")}\n`);
  if (!isDry) writeFileSync(file, readFileSync(file, "utf8").replace(before, after));
}
process.stdout.write("package-lock.json: the same\n");
if (!isDry) {
  const lock = JSON.parse(readFileSync("package-lock.json", "utf8"));
  lock.version = lock.packages[""].version = version;
  writeFileSync("package-lock.json", `${JSON.stringify(lock, null, 2)}\n`);
}
process.stdout.write("schema.released.graphql: as schema.graphql\n");
if (!isDry) writeFileSync("schema.released.graphql", readFileSync("schema.graphql"));
process.stdout.write(`git: commit «Release ${version}», tag v${version}\n`);
if (!isDry) {
  git("commit", "--all", "--message", `Release ${version}`);
  git("tag", "--annotate", `v${version}`, "--message", `Release ${version}`);
} else process.stdout.write("Nothing was changed: this was a dry run\n");
