/** Headless Chromium, from the system's packages: `apt-get install chromium`. */
import { existsSync } from "node:fs";
import { describe } from "@jest/globals";
import { type Browser, chromium } from "playwright-core";

const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

/** Skipped, and said so, where there is no Chromium; in CI its lack is a failure. */
export const describeInBrowser = existsSync(executablePath) || process.env["CI"] === "true" ? describe : skipped();

function skipped() {
  process.stderr.write(`${executablePath} is missing: tests in a browser are skipped (apt-get install chromium)\n`);
  return describe.skip;
}

export const launch = (): Promise<Browser> =>
  chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"] });
