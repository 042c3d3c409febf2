// A Redis of the test's own, from the `redis-server` on this machine, on a port of its own and without files.
import { describe } from "@jest/globals";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
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
    private readonly settings: readonly string[],
    private server: ChildProcess,
  ) {}

  /** @param settings further ones, as on the command line of `redis-server` */
  static async start(settings: readonly string[] = []): Promise<TestRedis> {
    const port = await freePort();
    return new TestRedis(port, settings, await run(port, settings));
  }

  static async startSentinel(configFile: string): Promise<TestRedis> {
    const port = await freePort();
    const settings = [configFile, "--sentinel"];
    return new TestRedis(port, settings, await run(port, settings));
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
    this.server = await run(this.port, this.settings);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

async function run(port: number, more: readonly string[]): Promise<ChildProcess> {
  const place = ["--port", String(port), "--bind", "127.0.0.1"];
  // A replica writes a file that it loads from its master.
  const replicas = ["--repl-diskless-load", "swapdb", "--dir", tmpdir(), "--dbfilename", `redis-${port}.rdb`];
  const isSentinel = more.includes("--sentinel");
  const settings = isSentinel
    ? [...more, ...place]
    : [...place, "--save", "", "--appendonly", "no", ...replicas, ...more];
  const server = spawn("redis-server", settings, { stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of server.stdout) {
    if (/Ready to accept connections|\+monitor master/.test(String(line))) break;
  }
  server.stdout.resume();
  if (server.exitCode !== null) throw new Error(`redis-server exited with ${server.exitCode}`);
  return server;
}

/** Stands between a client and a server, and breaks the connections in the ways that networks do. */
export class TestNetwork implements AsyncDisposable {
  readonly #pairs = new Set<[Socket, Socket]>();
  #isHalfOpen = false;

  private constructor(
    readonly port: number,
    private readonly server: Server,
    private target: number,
  ) {}

  static async to(target: number): Promise<TestNetwork> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const network = new TestNetwork((server.address() as AddressInfo).port, server, target);
    server.on("connection", (client) => {
      network.#join(client, connect(network.target, "127.0.0.1"));
    });
    return network;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get connections(): number {
    return this.#pairs.size;
  }

  /** Where new connections go, as after a failover. */
  leadTo(target: number): void {
    this.target = target;
  }

  /** Nothing arrives any more, on connections that look healthy. New ones stay without an answer as well. */
  vanish(): void {
    this.#isHalfOpen = true;
  }

  /** New connections work; those that went half open stay so. */
  heal(): void {
    this.#isHalfOpen = false;
    this.#pairs.clear();
  }

  cut(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    this.server.close();
    await once(this.server, "close").catch(() => undefined);
  }

  #join(client: Socket, server: Socket): void {
    const pair: [Socket, Socket] = [client, server];
    this.#pairs.add(pair);
    for (const [from, to] of [pair, [server, client] as const]) {
      from.on("data", (bytes) => this.#pairs.has(pair) && !this.#isHalfOpen && to.write(bytes));
      from.on("error", () => undefined);
      from.on("close", () => {
        this.#pairs.delete(pair);
        to.destroy();
      });
    }
  }
}
