/**
 * `npm run test:guards`: does any test notice when a guard is missing? Each is taken out of a copy of the code by a small
 * change of text, and the tests that are named for it must fail, after they have passed without the change.
 *
 *   --only NAME    one of the guards; may be repeated
 *
 * A change that fits no longer, because the code has moved on, is an error: it has to be written anew.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { guards } from "../test/chaos/guards.mjs";

const { values } = parseArgs({ options: { only: { type: "string", multiple: true } } });
const chosen = values.only;
const unknown = chosen?.filter((name) => !guards.some((guard) => guard.name === name)) ?? [];
if (unknown.length > 0) {
  throw new Error(`--only: found ${unknown.join(", ")}, expected some of ${guards.map(({ name }) => name).join(", ")}`);
}

const root = join(import.meta.dirname, "..");
const copy = mkdtempSync(join(tmpdir(), "guards-"));
const list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
const files = execFileSync("git", list, { cwd: root, encoding: "utf8" }).split("\0").filter(Boolean);
for (const path of files) if (existsSync(join(root, path))) cpSync(join(root, path), join(copy, path));
cpSync(join(root, "dist"), join(copy, "dist"), { recursive: true });
symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));

const results = join(copy, "results.json");
const rows = [];
const soundRuns = new Map();

try {
  for (const guard of guards) {
    if (chosen !== undefined && !chosen.includes(guard.name)) continue;
    process.stderr.write(`${guard.name}: `);
    const startedAt = performance.now();
    const verdict = check(guard);
    rows.push({ ...guard, ...verdict, seconds: Math.round((performance.now() - startedAt) / 1000) });
    process.stderr.write(`${verdict.found}\n`);
  }
} finally {
  rmSync(copy, { recursive: true });
}

console.log(["| Guard | Without it | Seconds |", "| --- | --- | --- |"].join("\n"));
for (const { name, found, seconds } of rows) console.log(`| ${name} | ${found} | ${seconds} |`);
const unnoticed = rows.filter(({ isNoticed }) => !isNoticed);
console.log(`\nA test fails without the guard: ${rows.length - unnoticed.length} of ${rows.length}`);
if (unnoticed.length > 0) process.exitCode = 1;

function check({ file, find, replace, test, only }) {
  const path = join(copy, file);
  const whole = readFileSync(path, "utf8");
  const places = whole.split(find).length - 1;
  if (places !== 1) return { isNoticed: false, found: `the change fits ${places} times into ${file}` };
  const sound = soundRun(test, only);
  if (sound.passed === 0 || sound.failed > 0) return { isNoticed: false, found: `${test} does not pass as it is` };
  try {
    writeFileSync(
      path,
      whole.replace(find, () => replace),
    );
    build(test);
    const broken = run(test, only);
    if (broken.passed + broken.failed === 0) return { isNoticed: false, found: `${test} cannot be run any more` };
    if (broken.failed === 0) return { isNoticed: false, found: "NO TEST FAILS" };
    return { isNoticed: true, found: `«${broken.first}» fails` };
  } finally {
    writeFileSync(path, whole);
    build(test);
  }
}

/** The same tests serve several guards. */
function soundRun(test, only) {
  const name = `${test} ${only ?? ""}`;
  const sound = soundRuns.get(name) ?? run(test, only);
  soundRuns.set(name, sound);
  return sound;
}

/**
 * What runs as a process of its own runs from dist: the bundle, and single modules. A change may leave something unused:
 * that is no reason not to try. The simulation starts no process.
 */
function build(test) {
  if (test.startsWith("test/simulation/")) return;
  spawnSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"], { cwd: copy });
  execFileSync(process.execPath, ["scripts/bundle.mjs"], { cwd: copy, stdio: ["ignore", "ignore", "inherit"] });
}

function run(test, only) {
  rmSync(results, { force: true });
  const options = ["--experimental-vm-modules", "--no-warnings", "node_modules/jest/bin/jest.js", "--rootDir", copy];
  const filter = only === undefined ? [] : ["-t", only];
  // What waits in vain for the guard would keep jest from ending.
  try {
    execFileSync(process.execPath, [...options, test, ...filter, "--forceExit", "--json", `--outputFile=${results}`], {
      cwd: copy,
      stdio: "ignore",
      timeout: 300_000,
    });
  } catch {
    // That tests fail is what is looked for; which ones stands in the file.
  }
  const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites, testResults } = JSON.parse(
    readFileSync(results, "utf8"),
  );
  // A file that does not even load tells nothing of the guard.
  if (numRuntimeErrorTestSuites > 0 && numFailedTests === 0) return { passed: 0, failed: 0 };
  const first = testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .find(({ status }) => status === "failed");
  return { passed: numPassedTests, failed: numFailedTests, first: first?.fullName };
}
