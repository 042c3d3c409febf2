// Makes a release of what is checked out: `npm run release -- 0.2.0 [--dry-run]`. Sets the version where it stands, gives the
// changelog's heading a date, takes the schema as the released one, commits and tags. It pushes and publishes nothing.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";

const args = process.argv.slice(2);
const isDry = args.includes("--dry-run");
const { version: current } = JSON.parse(readFileSync("package.json", "utf8"));
const [version = nextMinor(current)] = args.filter((arg) => !arg.startsWith("--"));
const problems = [];
const today = new Date().toISOString().slice(0, 10);

function nextMinor(from) {
  const [major, minor] = from.split(".").map(Number);
  return `${major}.${minor + 1}.0`;
}

const git = (...command) => execFileSync("git", command, { encoding: "utf8" }).trim();
const isHigher = () => version.localeCompare(current, "en", { numeric: true }) > 0;

/** File, what stands there, and what will. */
const edits = [
  ["package.json", `"version": "${current}"`, `"version": "${version}"`],
  ["packages/client/package.json", `"version": "${current}"`, `"version": "${version}"`],
  ["Dockerfile", `ARG VERSION=${current}`, `ARG VERSION=${version}`],
  ["deploy/kubernetes/kustomization.yaml", `newTag: ${current}`, `newTag: ${version}`],
  ["CHANGELOG.md", "## Unreleased\n", `## Unreleased\n\n## ${version} (${today})\n`],
];

if (!/^\d+\.\d+\.\d+$/.test(version)) problems.push(`${version} is no version`);
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
  const isMajor = Number(version.split(".")[0]) > Number(current.split(".")[0]);
  // Below 1.0.0 a minor release may break.
  if (!isMajor && Number(current.split(".")[0]) > 0) problems.push(`the schema breaks clients: ${error.stderr}`);
}

for (const problem of problems) process.stderr.write(`cannot release: ${problem}\n`);
if (problems.length > 0) process.exit(1);
for (const [file, before, after] of edits) {
  process.stdout.write(`${file}: ${before.trim()} → ${after.trim().replaceAll("\n", " ")}\n`);
  if (!isDry) writeFileSync(file, readFileSync(file, "utf8").replace(before, after));
}
process.stdout.write("package-lock.json: the same\n");
if (!isDry) execFileSync("npm", ["install", "--package-lock-only"], { stdio: "ignore" });
process.stdout.write("schema.released.graphql: as schema.graphql\n");
if (!isDry) writeFileSync("schema.released.graphql", readFileSync("schema.graphql"));
process.stdout.write(`git: commit «Release ${version}», tag v${version}\n`);
if (!isDry) {
  git("commit", "--all", "--message", `Release ${version}`);
  git("tag", "--annotate", `v${version}`, "--message", `Release ${version}`);
} else process.stdout.write("Nothing was changed: this was a dry run\n");
