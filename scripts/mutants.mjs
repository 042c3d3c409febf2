/**
 * `npm run test:mutants`: does a test fail when the code is wrong? Stryker makes mutants of the code and runs the tests that
 * reach each of them. Reports are .mutants/<area>.html; docs/testing.md has the scores and what to do with a survivor.
 *
 *   --area a,b     areas of test/mutants/areas.mjs; default: all
 *   --file a,b     only these files, or lines of them: src/wecom/retry.ts:20-40
 *   --changed      only lines that differ from the branch main; fails when one mutant survives
 */
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Stryker } from "@stryker-mutator/core";
import jest from "../jest.config.js";
import { areas } from "../test/mutants/areas.mjs";

const { values } = parseArgs({
  options: { area: { type: "string" }, file: { type: "string" }, changed: { type: "boolean" } },
});
const names = values.area?.split(",") ?? areas.map(({ name }) => name);
const unknown = names.filter((name) => !areas.some((area) => area.name === name));
if (unknown.length > 0)
  throw new Error(`--area: found ${unknown.join(", ")}, expected some of ${areas.map(({ name }) => name).join(", ")}`);
const wanted = values.changed ? changedLines() : values.file?.split(",");
const uncovered = wanted?.filter((range) => !areas.some((area) => isIn(area, range))) ?? [];

const root = join(import.meta.dirname, "..");
process.chdir(root);
mkdirSync(".mutants", { recursive: true });
const rows = [];
for (const area of areas.filter(({ name }) => names.includes(name))) {
  const mutate = wanted?.filter((range) => isIn(area, range)) ?? area.files.map((path) => patternOf(path));
  if (mutate.length > 0) rows.push({ area, ...(await scoreOf(area, mutate)) });
}

console.log("\n| Area | Killed | Survived | Without a test | Ignored | Score | Seconds |");
console.log("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
for (const { area, killed, survived, uncovered, ignored, score, seconds } of rows)
  console.log(
    `| ${area.name} | ${killed} | ${survived} | ${uncovered} | ${ignored} | ${score.toFixed(1)} % | ${seconds} |`,
  );
for (const { survivors } of rows) for (const line of survivors) console.log(line);
for (const range of uncovered) console.log(`${range} is in no area of test/mutants/areas.mjs`);
const isBelow = ({ area, score }) => score < (wanted ? 100 : (area.score ?? 85));
if (rows.some(isBelow)) process.exitCode = 1;

function isIn(area, range) {
  const [path] = range.split(":");
  return area.files.some((file) => (file.endsWith("/") ? path.startsWith(file) : path === file));
}

function patternOf(path, ending = "ts") {
  return path.endsWith("/") ? `${path}**/*.${ending}` : path;
}

/** Of `src`, as `path:first-last`. */
function changedLines() {
  const git = (...options) => execFileSync("git", options, { cwd: join(import.meta.dirname, ".."), encoding: "utf8" });
  const diff = git("diff", "--unified=0", "--diff-filter=d", git("merge-base", "main", "HEAD").trim(), "--", "src");
  let path = "";
  const ranges = [];
  for (const line of diff.split("\n")) {
    if (line.startsWith("+++ b/")) path = line.slice("+++ b/".length);
    const [, first, count = "1"] = /^@@ \S+ \+(\d+)(?:,(\d+))? @@/.exec(line) ?? [];
    if (first && count !== "0") ranges.push(`${path}:${first}-${Number(first) + Number(count) - 1}`);
  }
  return ranges;
}

async function scoreOf(area, mutate) {
  const report = area.name.replaceAll("/", "-");
  const startedAt = performance.now();
  const results = await new Stryker({
    mutate,
    plugins: [
      "@stryker-mutator/jest-runner",
      "@stryker-mutator/typescript-checker",
      join(root, "test/mutants/ignored.mjs"),
    ],
    ignorers: ["for-people"],
    checkers: ["typescript"],
    tsconfigFile: "tsconfig.build.json",
    testRunner: "jest",
    testRunnerNodeArgs: ["--experimental-vm-modules", "--no-warnings"],
    jest: {
      configFile: "jest.config.js",
      config: { ...jest, testMatch: area.tests.map((path) => `<rootDir>/${patternOf(path, "test.ts")}`) },
      enableFindRelatedTests: false,
    },
    coverageAnalysis: area.isProcess ? "off" : "perTest",
    ...(area.isProcess ? { buildCommand: "node scripts/bundle.mjs" } : {}),
    // Tests have two workers on two cores; one mutant at a time is measured more evenly.
    concurrency: 1,
    timeoutMS: 10_000,
    tempDirName: join(tmpdir(), `mutants-${process.pid}`),
    ignorePatterns: ["bench/results", "data"],
    reporters: ["progress-append-only", "html", "json"],
    htmlReporter: { fileName: `.mutants/${report}.html` },
    jsonReporter: { fileName: `.mutants/${report}.json` },
    allowConsoleColors: false,
    disableTypeChecks: false,
  }).runMutationTest();

  const of = (...statuses) => results.filter(({ status }) => statuses.includes(status));
  const [killed, survivors, without] = [of("Killed", "Timeout"), of("Survived"), of("NoCoverage")];
  const counted = killed.length + survivors.length + without.length;
  return {
    killed: killed.length,
    survived: survivors.length,
    uncovered: without.length,
    ignored: of("Ignored").length,
    score: counted === 0 ? 100 : (100 * killed.length) / counted,
    seconds: Math.round((performance.now() - startedAt) / 1000),
    survivors: [...survivors, ...without].map(
      ({ fileName, location, mutatorName, replacement }) =>
        `${fileName.slice(root.length + 1)}:${location.start.line}:${location.start.column} ${mutatorName}: ${replacement?.replaceAll(/\s+/g, " ").slice(0, 100)}`,
    ),
  };
}
