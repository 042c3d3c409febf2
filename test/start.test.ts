// The process itself: what it says and how it ends when it cannot start.
import { describe, expect, it } from "@jest/globals";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

async function run(env: Readonly<Record<string, string>>): Promise<{ code: number | null; stderr: string }> {
  const main = new URL("../dist/main.js", import.meta.url).pathname;
  const child = spawn(process.execPath, [main], { env: { PORT: "0", ...env }, stdio: ["ignore", "ignore", "pipe"] });
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  await once(child, "close");
  return { code: child.exitCode, stderr };
}

describe("A store that cannot be opened at start", () => {
  it("ends the process with the reason, when the folder cannot be used", async () => {
    const folder = await mkdtemp(join(tmpdir(), "start-"));
    await writeFile(join(folder, "file"), "");

    const { code, stderr } = await run({ DATA_DIR: join(folder, "file") });

    expect(code).toBe(69);
    expect(stderr).toMatch(/^The gateway cannot start: the embedded store in .*file.store cannot be opened: ENOTDIR/);
    await rm(folder, { recursive: true });
  });

  it("ends the process where there can be no folder, and does not try for ever", async () => {
    const { code, stderr } = await run({ DATA_DIR: "/proc/data" });

    expect(code).toBe(69);
    expect(stderr).toMatch(/^The gateway cannot start: the embedded store in .proc.data.store cannot be opened: E/);
  });

  it("ends the process with the reason, and without the password, when Redis cannot be reached", async () => {
    const { code, stderr } = await run({ REDIS_URL: "redis://:CANARY-password@127.0.0.1:1" });

    expect(code).toBe(69);
    expect(stderr).toMatch(/^The gateway cannot start: Redis at 127.0.0.1:1 cannot be used: .*ECONNREFUSED/);
    expect(stderr).not.toContain("CANARY");
  });
});

describe("Settings of the store that make no sense", () => {
  it("are refused by name, without their values", async () => {
    const { code, stderr } = await run({ REDIS_URL: "http://CANARY", STORE_ENCRYPTION_KEY: "CANARY-too-short" });

    expect(code).toBe(78);
    expect(stderr).toContain("REDIS_URL: found something else, expected a URL such as redis://127.0.0.1:6379");
    expect(stderr).toContain("STORE_ENCRYPTION_KEY: found something else, expected at least 32 random characters");
    expect(stderr).not.toContain("CANARY");
  });
});
