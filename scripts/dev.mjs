// `npm run dev`: the gateway, built and started again whenever a file in src/ has changed. What does not compile is said, and
// the gateway that runs goes on.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { watch } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const settleMs = 200;

let gateway;
let isBusy = false;
let isStale = true;
let timer;

async function restart() {
  if (isBusy) return;
  isBusy = true;
  while (isStale) {
    isStale = false;
    const { status } = spawnSync("npm", ["run", "--silent", "build"], { cwd: root, stdio: "inherit" });
    if (status !== 0 || isStale) continue;
    if (gateway?.exitCode === null && gateway.signalCode === null) {
      gateway.kill("SIGTERM");
      await once(gateway, "exit");
    }
    gateway = spawn(process.execPath, ["--enable-source-maps", "dist/main.js"], { cwd: root, stdio: "inherit" });
  }
  isBusy = false;
}

const watcher = watch(`${root}src`, { recursive: true }, () => {
  isStale = true;
  clearTimeout(timer);
  timer = setTimeout(restart, settleMs);
});

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    watcher.close();
    clearTimeout(timer);
    // A terminal sends SIGINT to both; the second one of two changes nothing.
    if (gateway?.exitCode === null && gateway.signalCode === null)
      gateway.once("exit", () => process.exit(0)).kill("SIGTERM");
    else process.exit(0);
  });
}
await restart();
