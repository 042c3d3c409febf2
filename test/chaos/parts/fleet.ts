// Gateways as processes of their own on one store, of which one after the other is killed and started again.
import { setTimeout as pause } from "node:timers/promises";
import { Replica } from "../../support/replica.js";

export class Fleet implements AsyncDisposable {
  readonly #replicas: Replica[];
  #isClosing = false;
  kills = 0;

  private constructor(
    replicas: readonly Replica[],
    private readonly env: Readonly<Record<string, string>>,
  ) {
    this.#replicas = [...replicas];
  }

  static async start(size: number, settings: Readonly<Record<string, string>>): Promise<Fleet> {
    const env = { HOST: addressOfOurOwn(), ...settings };
    return new Fleet(await Promise.all(Array.from({ length: size }, () => Replica.start(env))), env);
  }

  /** A killed one has its last URL until it is back. */
  get urls(): readonly string[] {
    return this.#replicas.map(({ url }) => url);
  }

  /** The `number`th read, of an anchor of its own: "ok", or the code of its error. */
  read(number: number): Promise<string> {
    return this.#replicas[number % this.#replicas.length]!.read(undefined, `a${number}`);
  }

  /** How many have ended without being killed. */
  get fallen(): number {
    return this.#replicas.filter(({ isRunning }) => !isRunning).length;
  }

  /**
   * Kills `count` times, each as soon as `share()`, the part of the work that is done, comes to its turn; and starts the
   * victim again at once.
   */
  async killAtRandom(count: number, share: () => number, random: () => number): Promise<void> {
    for (let kill = 0; kill < count; kill += 1) {
      const turn = (kill + random()) / count;
      while (share() < turn && !this.#isClosing) await pause(5);
      if (this.#isClosing) return;
      const victim = Math.floor(random() * this.#replicas.length);
      await this.#replicas[victim]!.kill();
      this.kills += 1;
      this.#replicas[victim] = await this.#startAgain();
    }
  }

  /** As an orchestrator does: what cannot start without its store is started again. */
  async #startAgain(): Promise<Replica> {
    for (;;) {
      try {
        return await Replica.start(this.env);
      } catch (error) {
        if (this.#isClosing) throw error;
        await pause(200);
      }
    }
  }

  /** Stops one for a while, with SIGSTOP; it goes on as if nothing had happened. */
  async standStill(ms: number, random: () => number): Promise<void> {
    const victim = this.#replicas[Math.floor(random() * this.#replicas.length)]!;
    victim.pause();
    await pause(ms);
    victim.resume();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosing = true;
    await Promise.all(this.#replicas.map((replica) => replica.kill()));
  }
}

/**
 * The port of a gateway that was killed may go to whatever starts next on this machine, and if that is a gateway, it will
 * answer our clients with livings of its own. Linux has millions of loopback addresses to be alone at.
 */
function addressOfOurOwn(): string {
  if (process.platform !== "linux") return "127.0.0.1";
  const part = () => 1 + Math.floor(Math.random() * 250);
  return `127.${part()}.${part()}.${part()}`;
}
