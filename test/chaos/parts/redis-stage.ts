// A Redis behind a network for each gateway, and a second one that follows it and takes over.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import { TestNetwork, TestRedis } from "../../support/redis.js";

export class RedisStage implements AsyncDisposable {
  private constructor(
    private first: TestRedis,
    private second: TestRedis,
    readonly networks: readonly TestNetwork[],
  ) {}

  static async set(networks: number): Promise<RedisStage> {
    const [first, second] = [await TestRedis.start(), await TestRedis.start()];
    await follow(second, first);
    const ways = Array.from({ length: networks }, () => TestNetwork.to(first.port));
    return new RedisStage(first, second, await Promise.all(ways));
  }

  cut(): void {
    for (const network of this.networks) network.cut();
  }

  async hang(ms: number): Promise<void> {
    await this.first.pause();
    await wait(ms);
    this.first.resume();
  }

  async goHalfOpen(ms: number): Promise<void> {
    for (const network of this.networks) network.vanish();
    await wait(ms);
    for (const network of this.networks) network.heal();
  }

  async empty(): Promise<void> {
    await command(this.first, "FLUSHALL");
  }

  /** What has not reached the follower is lost. @param behindMs for so long it has got nothing */
  async failOver(behindMs = 0): Promise<void> {
    if (behindMs > 0) {
      // A follower alone, or the first would send it at once what it has missed.
      await command(this.second, "REPLICAOF", "NO", "ONE");
      await wait(behindMs);
    }
    await command(this.second, "REPLICAOF", "NO", "ONE");
    for (const network of this.networks) network.leadTo(this.second.port);
    [this.first, this.second] = [this.second, this.first];
    this.cut();
    await follow(this.second, this.first);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const network of this.networks) await network[Symbol.asyncDispose]();
    await Promise.all([this.first.stop(), this.second.stop()]);
  }
}

/** On return it has all that the other has. */
async function follow(follower: TestRedis, leader: TestRedis): Promise<void> {
  await command(follower, "REPLICAOF", "127.0.0.1", String(leader.port));
  while (!(await command(follower, "INFO", "replication")).includes("master_link_status:up")) await wait(20);
}

async function command({ port }: TestRedis, ...words: string[]): Promise<string> {
  const cli = spawn("redis-cli", ["-p", String(port), ...words], { stdio: ["ignore", "pipe", "ignore"] });
  let output = "";
  cli.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  await once(cli, "close");
  return output;
}
