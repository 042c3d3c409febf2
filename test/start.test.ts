// The process itself: what it says and how it ends when it cannot start.
import { afterAll, describe, expect, it } from "@jest/globals";
import { execFileSync } from "node:child_process";
import { createServer, type Server } from "node:net";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { gatewayCommand, Running } from "./support/running.js";

async function run(env: Readonly<Record<string, string>>): Promise<{ code: number | null; stderr: string }> {
  await using gateway = new Running(gatewayCommand, { DATA_DIR: await emptyFolder(), ...env });
  const code = await gateway.exitCode;
  // Log lines are JSON: what is left is what it says to whoever started it.
  return { code, stderr: gateway.output.replace(/^\{.*\}\n/gm, "") };
}

const folders: string[] = [];
async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "start-"));
  folders.push(folder);
  return folder;
}
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

async function listening(server: Server, host = "127.0.0.1"): Promise<number> {
  server.listen(0, host);
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

describe("An address that cannot be listened on", () => {
  it("ends the process with one sentence that names the port and the setting", async () => {
    await using taken = createServer();
    const port = await listening(taken);

    const { code, stderr } = await run({ PORT: String(port) });

    expect(stderr).toBe(`The gateway cannot start: port ${port} of 127.0.0.1 is in use (PORT)\n`);
    expect(code).toBe(69);
  });

  it.each([
    ["192.0.2.1", "this machine has no address 192.0.2.1 (HOST)"],
    ["2001:db8::1", "this machine has no address 2001:db8::1 (HOST)"],
    ["nowhere.invalid", "nowhere.invalid has no address (HOST)"],
  ])("ends the process when HOST is %s", async (HOST, reason) => {
    const { code, stderr } = await run({ HOST });

    expect(stderr).toBe(`The gateway cannot start: ${reason}\n`);
    expect(code).toBe(69);
  });

  it.each(["http://127.0.0.1", "[::1]", "127.0.0.1:4000", "a b"])(
    "is refused as a setting when HOST is %s",
    async (HOST) => {
      const { code, stderr } = await run({ HOST });

      expect(stderr).toContain(`HOST: found ${JSON.stringify(HOST)}, expected an address such as 127.0.0.1 or ::1`);
      expect(code).toBe(78);
    },
  );
});

describe("A signal while the gateway starts", () => {
  /** Accepts connections and never answers. */
  const silent = () => createServer((socket) => socket.on("error", () => undefined).resume());

  it.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)("%s ends it with 0, however early it comes", async (signal) => {
    const statuses = new Map<number, number | null>();
    for (const afterMs of [0, 60, 150, 300]) {
      await using gateway = await starting();
      expect(await gateway.printed(/hears .*/)).toBe("hears at once");
      await wait(afterMs);
      gateway.signal(signal);
      statuses.set(afterMs, await gateway.exitCode);
    }

    expect([...statuses].filter(([, status]) => status !== 0)).toEqual([]);
  });

  it("ends a start that hangs at the second signal, and without one soon after the first", async () => {
    await using redis = silent();
    const env = { REDIS_URL: `redis://127.0.0.1:${await listening(redis)}` };
    await using once = await starting(env);
    await using twice = await starting(env);
    await Promise.all([once, twice].map((gateway) => gateway.printed(/hears/)));
    await wait(500);
    const startedAt = performance.now();
    once.signal("SIGTERM");
    twice.signal("SIGTERM");
    await wait(100);
    twice.signal("SIGTERM");

    expect(await twice.exitCode).toBe(0);
    expect(once.hasProcesses).toBe(true);
    expect(await once.exitCode).toBe(0);
    // A start that nobody stops may take 30 s, and ends with another status.
    expect(performance.now() - startedAt).toBeLessThan(25_000);
  });
});

describe("An audit log that cannot be written at start", () => {
  it.each([
    ["a folder", () => Promise.resolve(tmpdir()), "EISDIR"],
    ["nowhere", () => Promise.resolve("/nowhere/audit.log"), "ENOENT"],
    ["a pipe that nobody reads", pipe, "ENXIO"],
  ])("ends the process with the reason: it is %s", async (_, path, reason) => {
    const { code, stderr } = await run({ AUDIT_LOG_FILE: await path() });

    expect(stderr).toMatch(new RegExp(`^The gateway cannot start: the audit log cannot be opened: ${reason}.*\n$`));
    expect(code).toBe(69);
  });

  async function pipe(): Promise<string> {
    const path = join(await emptyFolder(), "pipe");
    execFileSync("mkfifo", [path]);
    return path;
  }
});

describe("A start that hangs", () => {
  /** The 30 seconds that a start may take are over at SIGUSR2. */
  const hook = `
    const { setTimeout: inTime } = globalThis;
    globalThis.setTimeout = (run, ms, ...rest) => {
      if (ms === 30_000) process.once("SIGUSR2", run);
      return inTime(run, ms, ...rest);
    };
  `;
  const start = async (env: Readonly<Record<string, string>>) => {
    const DATA_DIR = await emptyFolder();
    const path = join(DATA_DIR, "hook.cjs");
    await writeFile(path, hook);
    return new Running(gatewayCommand, { DATA_DIR, NODE_OPTIONS: `--require ${path}`, ...env });
  };

  it("ends after 30 s with one sentence that says what it has waited for", async () => {
    await using redis = createServer((socket) => socket.on("error", () => undefined).resume());
    const connected = once(redis, "connection");
    await using gateway = await start({ REDIS_URL: `redis://127.0.0.1:${await listening(redis)}` });
    await connected;
    gateway.signal("SIGUSR2");

    expect(await gateway.exitCode).toBe(69);
    expect(gateway.output).toBe("The gateway cannot start: it has waited 30 s for the store\n");
  });

  it("is one without the issuer's keys, too", async () => {
    const auth = { AUTH_MODE: "jwt", AUTH_JWKS_URL: "http://127.0.0.1:1/keys", AUTH_ISSUER: "i", AUTH_AUDIENCE: "a" };
    await using gateway = await start(auth);
    await gateway.printed(/"msg":"listening on/);
    gateway.signal("SIGUSR2");

    expect(await gateway.exitCode).toBe(69);
    expect(gateway.output).toMatch(
      /\nThe gateway cannot start: it has waited 30 s for the issuer's keys \(AUTH_JWKS_URL\)\n$/,
    );
  });
});

/** Prints when the first one listens for SIGTERM, and whether anything big had been loaded before. */
const reportsHearing = `
  const { readFileSync, writeSync } = require("node:fs");
  process.once("newListener", function report(name) {
    if (name !== "SIGTERM") return process.once("newListener", report);
    const isLate = readFileSync("/proc/self/maps", "utf8").includes("lmdb");
    // Not now: the listener is added after this one has returned, and SIGINT's after that.
    queueMicrotask(() => writeSync(1, isLate ? "hears late\\n" : "hears at once\\n"));
  });
`;

async function starting(env: Readonly<Record<string, string>> = {}): Promise<Running> {
  const folder = await emptyFolder();
  const hook = join(folder, "hook.cjs");
  await writeFile(hook, reportsHearing);
  return new Running(gatewayCommand, { DATA_DIR: folder, NODE_OPTIONS: `--require ${hook}`, ...env });
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
    expect(stderr).toContain("STORE_ENCRYPTION_KEY: found something else, expected at least 32 random characters,");
    expect(stderr).not.toContain("CANARY");
  });
});
