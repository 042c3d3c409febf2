// How long a new person needs for the first living with a cover in the example: `node scripts/time-example.mjs`. It clones what is
// committed, runs the README's two commands there, and walks through the app in Chromium at a person's pace, which is that of the
// keystroke-level model (Card, Moran, Newell 1980). Ends with 1 when it takes more than a minute from the printed link.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { chromium } from "playwright-core";

/** Seconds: a key of an average typist, pointing with the mouse, a click, from keyboard to mouse, a decision. */
const key = 0.28;
const point = 1.1;
const click = 0.2;
const home = 0.4;
const decide = 1.35;
/** Not of the model: to look over a page that is new. */
const read = 3;
const limitSeconds = 60;

const folder = mkdtempSync(join(tmpdir(), "newcomer-"));
const clone = join(folder, "clone");
const cover = join(folder, "cover.png");
const theme = "新品发布会";
const commands = /```sh\n(npm ci)\n(npm run example)\n```/;

const rows = [];
let startedAt = performance.now();
const seconds = () => (performance.now() - startedAt) / 1000;
const note = (step) => rows.push({ step, seconds: seconds() });
const pause = (...parts) => wait(parts.reduce((sum, part) => sum + part) * 1000);

async function walk(page, url) {
  await pause(decide, home, point, click);
  await page.goto(url);
  await page.getByRole("button", { name: "Zhang San" }).waitFor();
  note("open the printed link: the page is there");
  await pause(read, decide, point, click);
  await page.getByRole("button", { name: "Zhang San" }).click();
  const schedule = page.getByRole("link", { name: "Schedule a live stream" });
  await schedule.waitFor();
  note("choose who you are");
  await pause(read, decide, point, click);
  await schedule.click();
  const title = page.getByLabel("Title");
  await title.waitFor();
  note("press “Schedule a live stream”");
  await pause(read, decide, point, click, home);
  await title.click();
  // Pinyin, and one more key that takes the word.
  await pause(decide, "xinpinfabuhui ".length * key);
  await title.fill(theme);
  note("type a title");
  // The button, then in the dialog the file and "Open".
  await pause(decide, home, point, click, decide, point, click, point, click);
  await page.getByLabel("Cover").setInputFiles(cover);
  await page.getByText("The cover is uploaded.").waitFor();
  note("choose a cover: it is uploaded and shown");
  await pause(decide, point, click);
  await page.getByRole("button", { name: "Schedule", exact: true }).click();
  await page.getByRole("heading", { name: theme }).waitFor();
  note("press “Schedule”: the living is there");
}

async function drawCover(browser) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 720 } });
  await page.setContent('<body style="background: linear-gradient(#3274d9, #508642)">');
  writeFileSync(cover, await page.screenshot());
  await page.close();
}

/** The link that `npm run example` prints. */
async function linkOf(example) {
  let text = "";
  example.stdout.setEncoding("utf8").on("data", (part) => (text += part));
  for (;;) {
    const [, url] = /The example +(\S+)\n/.exec(text) ?? [];
    if (url) return url;
    await Promise.race([
      once(example.stdout, "data"),
      once(example, "exit").then(() => Promise.reject(new Error(`the example ended:\n${text}`))),
    ]);
  }
}

const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
const args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"];
const browser = await chromium.launch({ executablePath, args });
let example;
try {
  await drawCover(browser);
  execFileSync("git", ["clone", "--quiet", "--depth=1", `file://${process.cwd()}`, clone]);
  const [, install, start] = commands.exec(readFileSync(join(clone, "README.md"), "utf8"));
  execFileSync(install, { cwd: clone, shell: true, stdio: "ignore" });
  const installSeconds = seconds();
  startedAt = performance.now();
  await pause(start.length * key, decide);
  example = spawn(start, { cwd: clone, shell: true, detached: true, stdio: ["ignore", "pipe", "inherit"] });
  const url = await linkOf(example);
  note(`type \`${start}\`: it prints the link`);
  await walk(await browser.newPage({ locale: "en-GB" }), url);
  const linkAt = rows[0].seconds;
  process.stdout.write("| Step | s | Since the link |\n| --- | ---: | ---: |\n");
  for (const [index, { step, seconds: at }] of rows.entries()) {
    const took = at - (rows[index - 1]?.seconds ?? 0);
    process.stdout.write(`| ${step} | ${took.toFixed(1)} | ${index === 0 ? "" : (at - linkAt).toFixed(1)} |\n`);
  }
  const load = loadavg().map((average) => average.toFixed(1));
  process.stdout.write(`\nClone and \`${install}\` before: ${installSeconds.toFixed(0)} s. `);
  process.stdout.write(`${availableParallelism()} cores, load averages ${load.join(", ")}.\n`);
  if (rows.at(-1).seconds - linkAt > limitSeconds) process.exitCode = 1;
} finally {
  await browser.close();
  if (example?.exitCode === null) {
    process.kill(-example.pid, "SIGTERM");
    await once(example, "exit");
  }
  rmSync(folder, { recursive: true, force: true });
}
