// A Redis of the test's own, from the `redis-server` on this machine, on a port of its own and without files.
import { describe } from "@jest/globals";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { freePort } from "./ports.js";

const isInstalled = spawnSync("redis-server", ["--version"]).status === 0;

/** `describe`, where there is a Redis to test with. In CI its absence is a failure, elsewhere it is said and skipped. */
export const describeWithRedis: typeof describe | typeof describe.skip = (() => {
  if (isInstalled) return describe;
  if (process.env["CI"] === "true") throw new Error("redis-server is not installed, and in CI nothing is skipped");
  process.stderr.write("SKIPPED: tests with Redis, for want of redis-server (apt-get install redis-server)\n");
  return describe.skip;
})();

export class TestRedis implements AsyncDisposable {
  private constructor(
    readonly port: number,
    private server: ChildProcess,
  ) {}

  static async start(): Promise<TestRedis> {
    const port = await freePort();
    return new TestRedis(port, await run(port));
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** It hangs: connections stay, nothing is answered. */
  pause(): Promise<void> {
    this.server.kill("SIGSTOP");
    return Promise.resolve();
  }

  resume(): void {
    this.server.kill("SIGCONT");
  }

  async stop(): Promise<void> {
    if (this.server.exitCode !== null || this.server.signalCode !== null) return;
    this.server.kill("SIGKILL");
    await once(this.server, "exit");
  }

  /** Comes back on the same port, empty. */
  async restart(): Promise<void> {
    await this.stop();
    this.server = await run(this.port);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

async function run(port: number): Promise<ChildProcess> {
  const settings = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
  const server = spawn("redis-server", settings, { stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of server.stdout) {
    if (String(line).includes("Ready to accept connections")) break;
  }
  if (server.exitCode !== null) throw new Error(`redis-server exited with ${server.exitCode}`);
  return server;
}
