/** The gateway as a process of its own: what it prints, how it takes signals, the status that it ends with. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export const checkout = fileURLToPath(new URL("../..", import.meta.url));
export const gatewayCommand = ["node", "dist/main.js"];

export class Running implements AsyncDisposable {
  output = "";
  readonly exitCode: Promise<number | null>;
  readonly #child;

  constructor(command: readonly string[], env: Readonly<Record<string, string>>, cwd = checkout) {
    const { PATH, HOME } = process.env;
    this.#child = spawn(command[0]!, command.slice(1), {
      cwd,
      env: { PATH, HOME, PORT: "0", ...env },
      // A process group of its own, by which to find whatever it leaves behind.
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        this.output += text;
        this.#child.emit("printed");
      });
    }
    this.exitCode = once(this.#child, "close").then(([code]) => code as number | null);
  }

  /** @throws when the process ends without having printed it */
  async printed(pattern: RegExp): Promise<string> {
    const end = this.exitCode.then(() => "end");
    for (;;) {
      const found = pattern.exec(this.output);
      if (found) return found[1] ?? found[0];
      if ((await Promise.race([once(this.#child, "printed"), end])) === "end") throw new Error(this.output);
    }
  }

  async post(body: string): Promise<unknown> {
    const url = await this.printed(/"msg":"listening on ([^"]+)"/);
    const response = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
    return response.json();
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** To the process that was started alone, as an orchestrator does. */
  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  get hasProcesses(): boolean {
    try {
      return process.kill(-this.#child.pid!, 0);
    } catch {
      return false;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.hasProcesses) process.kill(-this.#child.pid!, "SIGKILL");
    await this.exitCode;
  }
}
