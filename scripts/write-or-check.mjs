import { readFile, writeFile } from "node:fs/promises";

/** Writes a generated file; with --check on the command line, fails when the file is not what it would write. */
export async function writeOrCheck(path, text, command) {
  const file = new URL(`../${path}`, import.meta.url);
  if (!process.argv.includes("--check")) {
    await writeFile(file, text);
    return;
  }
  const found = await readFile(file, "utf8").catch(() => "");
  if (found === text) return;
  process.stderr.write(`${path} is not up to date: run ${command} and commit the result\n`);
  process.exitCode = 1;
}
