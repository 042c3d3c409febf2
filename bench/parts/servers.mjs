/** Starting, asking and ending the processes of the bench. */
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { request } from "node:http";
import { createServer } from "node:net";
import { once } from "node:events";
import { pinned } from "./machine.mjs";

/** Where everything goes that is written while measuring; not kept in git. */
export const results = new URL("../results/", import.meta.url).pathname;
mkdirSync(results, { recursive: true });

/** What the upstream's answer to a create contains, and so every right answer of a contender. */
export const livingid = "XXXX";

const startLimitMs = 30_000;

export function run([program, ...args], env) {
  try {
    execFileSync(program, args, { cwd: results, env: { ...process.env, ...env }, stdio: ["ignore", "ignore", "pipe"] });
  } catch (error) {
    const [reason] = String(error.stderr ?? error).split("\n");
    throw new Error(reason.replaceAll(/\S*\//g, ""), { cause: error });
  }
}

/** One of the bench's own processes; `ask` sends it an order and gives back its answer. */
export async function startHelper(file) {
  const [program, ...args] = pinned("load", [process.execPath, new URL(file, import.meta.url).pathname]);
  const child = spawn(program, args, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const [greeting] = await once(child, "message");
  return {
    greeting,
    ask: async (order) => {
      child.send(order);
      const [answer] = await once(child, "message");
      return answer;
    },
    stop: () => child.disconnect(),
  };
}

export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** @returns {Promise<{ status: number, text: string }>} */
function post({ port, path, headers }, body) {
  const length = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  const options = { host: "127.0.0.1", port, path, method: "POST", agent: false, headers: { ...headers, ...length } };
  return new Promise((resolve, reject) => {
    const outgoing = request(options, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (part) => {
        text += part;
      });
      answer.on("end", () => resolve({ status: answer.statusCode, text }));
      answer.on("error", reject);
    });
    outgoing.setTimeout(30_000, () => outgoing.destroy(new Error("no answer in 30 s")));
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

export class Server {
  /** From the start of the process to its first right answer, in ms. */
  startMs = NaN;

  constructor(contender, port, child) {
    this.contender = contender;
    this.port = port;
    this.child = child;
    this.path = contender.path ?? "/graphql";
    this.headers = contender.headers ?? {};
  }

  get pid() {
    return this.child.pid;
  }

  post(body = this.contender.body) {
    return post(this, body);
  }

  /** @param {{ extraArgs?: string[] }} [options] `extraArgs`: for Node itself, before the name of the program */
  static async start(contender, { port, upstream }, { extraArgs = [] } = {}) {
    const [runtime, ...rest] = contender.command;
    const [program, ...args] = pinned("server", [runtime, ...extraArgs, ...rest]);
    const { PATH, HOME } = process.env;
    // The store of the run before: its file counts as memory where it is looked at.
    rmSync(`${results}data`, { recursive: true, force: true });
    const startedAt = performance.now();
    const child = spawn(program, args, {
      cwd: results,
      stdio: "ignore",
      env: {
        ...{ PATH, HOME, NODE_ENV: "production", PORT: String(port), UPSTREAM: upstream },
        ...{ WECOM_BASE_URL: upstream, WECOM_ACCESS_TOKEN: "TOKEN" },
        ...contender.env,
      },
    });
    const server = new Server(contender, port, child);
    let last = "nothing";
    while (performance.now() - startedAt < startLimitMs) {
      if (child.exitCode !== null) throw new Error(`${contender.name} ended with status ${child.exitCode}`);
      try {
        const { text } = await server.post();
        if (text.includes(livingid)) {
          server.startMs = performance.now() - startedAt;
          return server;
        }
        last = text;
      } catch (error) {
        last = String(error);
      }
      await new Promise((resolve) => setTimeout(resolve, 4));
    }
    await server.stop();
    throw new Error(`${contender.name} gave no right answer within ${startLimitMs / 1000} s, but ${last}`);
  }

  async stop() {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, "exit");
    this.child.kill("SIGTERM");
    const force = setTimeout(() => this.child.kill("SIGKILL"), 3000);
    await ended;
    clearTimeout(force);
  }
}
