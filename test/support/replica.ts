// A gateway as a process of its own, to be run beside others and to be killed.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { request } from "undici";

const main = fileURLToPath(new URL("../../dist/main.js", import.meta.url));
const query = `query ($anchor: ID!) { livings(anchorUserid: $anchor) { nodes { livingid } } }`;

export class Replica implements AsyncDisposable {
  private constructor(
    readonly url: string,
    private readonly child: ChildProcess,
    private readonly output: readonly string[],
  ) {}

  /** @param env nothing of this process's environment is added but PORT, if it is not given */
  static async start(env: Readonly<Record<string, string>>): Promise<Replica> {
    const child = spawn(process.execPath, [main], {
      env: { PORT: "0", ...env },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const output: string[] = [];
    const url = await new Promise<string>((resolve, reject) => {
      let isListening = false;
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        output.push(text);
        if (isListening) return; // A long run logs too much to be searched again at every line.
        const found = /"msg":"listening on (\S+)\/graphql"/.exec(output.join(""))?.[1];
        if (found === undefined) return;
        isListening = true;
        resolve(found);
      });
      child.once("exit", () => {
        reject(new Error(output.join("")));
      });
    });
    return new Replica(url, child, output);
  }

  /** A read: "ok", or the code of its error. */
  async read(corpid?: string, anchor = "zhangsan"): Promise<string> {
    const response = await request(`${this.url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", ...(corpid !== undefined && { "x-wecom-corpid": corpid }) },
      body: JSON.stringify({ query, variables: { anchor } }),
    });
    const { errors } = (await response.body.json()) as { errors?: { extensions: { code: string } }[] };
    return errors?.[0]?.extensions.code ?? "ok";
  }

  hasLogged(pattern: RegExp): boolean {
    return pattern.test(this.output.join(""));
  }

  /** @param others whose log counts as well */
  async untilLogged(pattern: RegExp, ...others: readonly Replica[]): Promise<void> {
    while (![this, ...others].some((replica) => replica.hasLogged(pattern))) await wait(20);
  }

  get pid(): number {
    return this.child.pid!;
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** @returns its exit code once it has ended, or null when a signal ended it */
  async exited(): Promise<number | null> {
    if (this.isRunning) await once(this.child, "exit");
    return this.child.exitCode;
  }

  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** It stands still, as in a machine that is suspended. */
  pause(): void {
    this.child.kill("SIGSTOP");
  }

  resume(): void {
    this.child.kill("SIGCONT");
  }

  /** As an orchestrator stops it: @returns its exit code, or null when a signal ended it */
  async terminate(): Promise<number | null> {
    await this.#end("SIGTERM");
    return this.child.exitCode;
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (!this.isRunning) return;
    this.child.kill(signal);
    await once(this.child, "exit");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}
