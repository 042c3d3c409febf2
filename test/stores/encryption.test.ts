// Two replicas on one Redis, restarted one after the other with other settings, as a rolling deployment does. The tests run
// at once, for each has replicas of its own and waits for their starts.
import { expect, it } from "@jest/globals";
import { createClient } from "@redis/client";
import { createLogger } from "../../src/observability/logger.js";
import { type Simulator, startSimulator } from "../../src/simulator/index.js";
import { openRedisStore } from "../../src/stores/redis.js";
import { freePort } from "../support/ports.js";
import { corps, providerEnv, providerSimulation, suiteId } from "../support/provider.js";
import { describeWithRedis, TestRedis } from "../support/redis.js";
import { Replica } from "../support/replica.js";
import { Running } from "../support/running.js";

const [first, second] = ["1".repeat(32), "2".repeat(32)];
const [corpid] = corps;
const namespace = "wecom-living:";

/** Two replicas of a provider's app, to be restarted each by itself. */
class Deployment implements AsyncDisposable {
  readonly #replicas: (Replica | undefined)[] = [];

  private constructor(
    readonly simulator: Simulator,
    readonly redis: TestRedis,
    private readonly ports: readonly number[],
  ) {}

  static async start(keys: string): Promise<Deployment> {
    const ports = [await freePort(), await freePort()];
    const redis = await TestRedis.start();
    const deployment = new Deployment(await startSimulator(providerSimulation(ports[0]!)), redis, ports);
    for (const which of [0, 1]) await deployment.restart(which, keys);
    const { suites, callbacks } = deployment.simulator;
    suites.pushTicket(suiteId);
    await callbacks.idle();
    suites.authorise(suiteId, corpid);
    await deployment.untilLogged(/a corp has authorised the app"/);
    return deployment;
  }

  env(which: number, keys: string): Record<string, string> {
    const base = { ...providerEnv(this.ports[which]!), WECOM_BASE_URL: this.simulator.url, REDIS_URL: this.redis.url };
    return { ...base, STORE_ENCRYPTION_KEY: keys };
  }

  async restart(which: number, keys: string): Promise<void> {
    await this.#replicas[which]?.terminate();
    this.#replicas[which] = await Replica.start(this.env(which, keys));
  }

  /** One after the other; between and after, each reads with a token that the other one may have stored. */
  async roll(keys: string): Promise<void> {
    for (const which of [0, 1]) {
      await this.restart(which, keys);
      await this.expectToWork();
    }
  }

  async expectToWork(): Promise<void> {
    this.simulator.invalidateTokens();
    const before = this.fetched;
    expect(await Promise.all(this.#replicas.map((replica) => replica!.read(corpid)))).toEqual(["ok", "ok"]);
    expect(this.fetched).toBe(before + 1);
  }

  /** How many tokens WeCom has handed out for the corp. */
  get fetched(): number {
    return this.simulator.requestsTo("service/get_corp_token").filter(({ errcode }) => errcode === 0).length;
  }

  read(which: number): Promise<string> {
    return this.#replicas[which]!.read(corpid);
  }

  async untilLoggedBy(which: number, pattern: RegExp): Promise<void> {
    await this.#replicas[which]!.untilLogged(pattern);
  }

  async untilLogged(pattern: RegExp): Promise<void> {
    const [one, other] = this.#replicas;
    await one!.untilLogged(pattern, other!);
  }

  hasLogged(pattern: RegExp): boolean {
    return this.#replicas.some((replica) => replica!.hasLogged(pattern));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const replica of this.#replicas) await replica?.kill();
    await this.redis.stop();
    await this.simulator.close();
  }
}

/** What somebody finds who reads Redis: values of records, and members of queues. */
async function found({ url }: TestRedis): Promise<{ values: string[]; members: string[] }> {
  const client = await createClient({ url }).connect();
  const values: string[] = [];
  const members: string[] = [];
  for (const key of await client.keys(`${namespace}*`)) {
    if ((await client.type(key)) === "string") values.push((await client.get(key)) ?? "");
    else members.push(...(await client.zRange(key, 0, -1)));
  }
  client.destroy();
  return { values, members };
}

describeWithRedis("STORE_ENCRYPTION_KEY in a rolling deployment", () => {
  it.concurrent.each([
    ["switched on", "plaintext", first],
    ["changed", first, second],
  ])(
    "is %s in three steps, and at each both replicas read what the other writes",
    async (_what, old, next) => {
      await using deployment = await Deployment.start(old);
      await deployment.roll(`${old} ${next}`);
      await deployment.roll(`${next} ${old}`);
      // By the one that was restarted last.
      await deployment.untilLoggedBy(1, /all that is stored is encrypted with the first key/);
      await deployment.roll(next);

      const { values, members } = await found(deployment.redis);
      expect(values.filter((value) => !value.startsWith("sealed:"))).toEqual([]);
      // Digests, and nothing else.
      expect(members.filter((member) => !/^[\w-]{43}$/.test(member))).toEqual([]);
      expect(deployment.hasLogged(/no key of STORE_ENCRYPTION_KEY opens/)).toBe(false);
      // The permanent code from the beginning.
      expect(deployment.simulator.requestsTo("service/get_permanent_code")).toHaveLength(1);
    },
    180_000,
  );

  it.concurrent(
    "is not switched on at one blow: the new replica says what to do, and the old ones go on",
    async () => {
      await using deployment = await Deployment.start("");
      await using eager = new Running(["node", "dist/main.js"], { ...deployment.env(0, first), PORT: "0" });
      expect(await eager.exitCode).toBe(69);
      expect(eager.output).toMatch(
        /records are not encrypted with STORE_ENCRYPTION_KEY.*plaintext, after it until they are/,
      );
      await deployment.expectToWork();
    },
    60_000,
  );
});

describeWithRedis("A Redis that somebody else writes to", () => {
  it.concurrent(
    "gives no token that is in clear to WeCom, and no message that is in clear to anybody",
    async () => {
      await using deployment = await Deployment.start(first);
      await deployment.expectToWork();
      const redis = await openRedisStore(deployment.redis.url, { log: createLogger("silent") });
      const key = `token:suite:${suiteId}:corp:${corpid}`;
      const inAnHour = Date.now() + 3_600_000;
      await redis.set(key, JSON.stringify({ token: "planted", renewAtMs: inAnHour, endsAtMs: inAnHour }));
      for (const text of ["", "{", JSON.stringify(corpid), corpid, "sealed:", "sealed:AAAA"]) {
        for (const channel of [`suite:${suiteId}:changed`, "living-changed", "living-status-change", "call-limiter"]) {
          await redis.publish(channel, text);
        }
      }
      await deployment.untilLogged(/a message was passed over/);
      // Nobody forgot a token for it, so none is fetched.
      const { fetched } = deployment;
      expect(await deployment.read(1)).toBe("ok");
      expect(deployment.fetched).toBe(fetched);

      await deployment.restart(0, first);
      expect(await deployment.read(0)).toBe("ok");
      expect(await redis.get(key)).toMatch(/^sealed:/);
      expect(deployment.simulator.requests.map(({ query }) => query["access_token"])).not.toContain("planted");
      await redis.close();
    },
    60_000,
  );
});
