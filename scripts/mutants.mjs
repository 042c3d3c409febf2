/**
 * `npm run test:mutants`: does a test fail when the code is wrong? Stryker makes mutants of the code and runs the tests that
 * reach each of them. Reports are .mutants/<area>.html; docs/testing.md has the scores and what to do with a survivor.
 *
 *   --area a,b     areas of test/mutants/areas.mjs; default: all
 *   --file a,b     only these files, or lines of them: src/wecom/retry.ts:20-40
 *   --changed      only lines that differ from the branch main; fails when one mutant survives
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Stryker } from "@stryker-mutator/core";
import ts from "typescript";
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
let types;
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

/** Whether it would get past the build. Only survivors are looked at: to compile each mutant takes as long as its tests. */
function isTyped({ fileName, location: { start, end }, replacement }) {
  types ??= createTypes();
  const source = readFileSync(fileName, "utf8");
  const lines = source.split("\n");
  const offsetOf = ({ line, column }) =>
    lines.slice(0, line - 1).reduce((sum, { length }) => sum + length + 1, 0) + column - 1;
  types.mutated = {
    fileName,
    text: `${source.slice(0, offsetOf(start))}${replacement}${source.slice(offsetOf(end))}`,
    version: (types.mutated?.version ?? 0) + 1,
  };
  return types.service.getSemanticDiagnostics(fileName).length === 0;
}

/** TypeScript over `src`, in which one file may be replaced by its mutant. */
function createTypes() {
  const { config } = ts.readConfigFile(join(root, "tsconfig.build.json"), (path) => ts.sys.readFile(path));
  const { options, fileNames } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const created = { mutated: undefined };
  const mutantOf = (path) => (created.mutated?.fileName === path ? created.mutated : undefined);
  created.service = ts.createLanguageService({
    getCompilationSettings: () => options,
    getScriptFileNames: () => fileNames,
    getScriptVersion: (path) => String(mutantOf(path)?.version ?? 0),
    getScriptSnapshot: (path) => ts.ScriptSnapshot.fromString(mutantOf(path)?.text ?? ts.sys.readFile(path) ?? ""),
    getCurrentDirectory: () => root,
    getDefaultLibFileName: (of) => ts.getDefaultLibFilePath(of),
    fileExists: (path) => ts.sys.fileExists(path),
    readFile: (path) => ts.sys.readFile(path),
    readDirectory: (...given) => ts.sys.readDirectory(...given),
    directoryExists: (path) => ts.sys.directoryExists(path),
    getDirectories: (path) => ts.sys.getDirectories(path),
  });
  return created;
}

function isIn(area, range) {
  const [path] = range.split(":");
  return area.files.some((file) => (file.endsWith("/") ? path.startsWith(file) : path === file));
}

function patternOf(path, ending = "ts") {
  return path.endsWith("/") ? `${path}**/*.${ending}` : path;
}

/** Of `src`, as `path:first-last`; a file that git does not know yet, whole. */
function changedLines() {
  const git = (...options) => execFileSync("git", options, { cwd: join(import.meta.dirname, ".."), encoding: "utf8" });
  const diff = git("diff", "--unified=0", "--diff-filter=d", git("merge-base", "main", "HEAD").trim(), "--", "src");
  let path = "";
  const ranges = git("ls-files", "--others", "--exclude-standard", "src").split("\n").filter(Boolean);
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
    plugins: ["@stryker-mutator/jest-runner", join(root, "test/mutants/ignored.mjs")],
    ignorers: ["for-people"],
    testRunner: "jest",
    testRunnerNodeArgs: ["--experimental-vm-modules", "--no-warnings"],
    jest: {
      configFile: "jest.config.js",
      config: {
        ...jest,
        testTimeout: 5000,
        testMatch: area.tests.map((path) => `<rootDir>/${patternOf(path, "test.ts")}`),
      },
      enableFindRelatedTests: false,
    },
    coverageAnalysis: "perTest",
    // Tests have more workers than cores; one mutant at a time is measured more evenly.
    concurrency: 1,
    timeoutMS: 5000,
    tempDirName: join(tmpdir(), `mutants-${process.pid}`),
    ignorePatterns: ["bench/results", "data"],
    reporters: ["progress-append-only", "html", "json"],
    htmlReporter: { fileName: `.mutants/${report}.html` },
    jsonReporter: { fileName: `.mutants/${report}.json` },
    allowConsoleColors: false,
    disableTypeChecks: false,
  }).runMutationTest();

  const of = (...statuses) => results.filter(({ status }) => statuses.includes(status));
  const killed = of("Killed", "Timeout");
  const [survivors, without] = [of("Survived"), of("NoCoverage")].map((some) => some.filter(isTyped));
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
