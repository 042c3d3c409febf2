// Three gateways as processes of their own, one WeCom, and what they ask it for together.
import { expect, it } from "@jest/globals";
import { DEMO_CORP, type Simulator, startSimulator } from "../../../src/simulator/index.js";
import { describeWithRedis, TestRedis } from "../../support/redis.js";
import { Replica } from "../../support/replica.js";

const env = {
  WECOM_CORP_ID: DEMO_CORP.corpid,
  WECOM_CORP_SECRET: DEMO_CORP.apps[0].secret,
  // The machine may be busy: what is counted here is calls, not milliseconds.
  WECOM_TIMEOUT_MS: "240000",
  WECOM_SETTLE_MS: "240000",
};

class Fleet implements AsyncDisposable {
  private constructor(
    readonly simulator: Simulator,
    private readonly replicas: readonly Replica[],
  ) {}

  static async start(more: Readonly<Record<string, string>>): Promise<Fleet> {
    const simulator = await startSimulator();
    const settings = { ...env, WECOM_BASE_URL: simulator.url, ...more };
    return new Fleet(simulator, await Promise.all([1, 2, 3].map(() => Replica.start(settings))));
  }

  /** Reads through all replicas at once: how many came to what. */
  async read(count: number): Promise<Record<string, number>> {
    const outcomes: Record<string, number> = {};
    await Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const outcome = await this.replicas[index % 3]!.read();
        outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      }),
    );
    return outcomes;
  }

  get fetches(): number {
    return this.simulator.requestsTo("gettoken").length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const replica of this.replicas) await replica.kill();
    await this.simulator.close();
  }
}

/** WeCom gives the token up while 1,000 reads are under way: @returns the fetches that it took to be well again. */
async function fetchesAfterInvalidation(fleet: Fleet): Promise<number> {
  const before = fleet.fetches;
  fleet.simulator.invalidateTokens();
  expect(await fleet.read(1000)).toEqual({ ok: 1000 });
  return fleet.fetches - before;
}

async function expectOneFetchEach(fleet: Fleet): Promise<void> {
  expect(await fleet.read(300)).toEqual({ ok: 300 });
  expect(fleet.fetches).toBe(1);
  for (let round = 0; round < 2; round += 1) expect(await fetchesAfterInvalidation(fleet)).toBe(1);
  const refused = fleet.simulator.requests.filter(({ errcode }) => errcode === 40014);
  expect(refused.length).toBeGreaterThan(2);
}

describeWithRedis("Three replicas on one Redis", () => {
  it("fetch a token once, and once more for each time that WeCom gives it up under 1,000 reads", async () => {
    await using redis = await TestRedis.start();
    await using fleet = await Fleet.start({ REDIS_URL: redis.url });
    await expectOneFetchEach(fleet);
  }, 120_000);

  it.each([
    ["hangs", "pause"],
    ["is gone", "stop"],
  ] as const)(
    "go on when it %s: each fetches for itself, and no client sees an error",
    async (_what, breakIt) => {
      await using redis = await TestRedis.start();
      await using fleet = await Fleet.start({ REDIS_URL: redis.url });
      expect(await fleet.read(30)).toEqual({ ok: 30 });
      await redis[breakIt]();

      for (let round = 0; round < 2; round += 1) {
        const fetches = await fetchesAfterInvalidation(fleet);
        expect(fetches).toBeGreaterThanOrEqual(1);
        expect(fetches).toBeLessThanOrEqual(3);
      }
    },
    120_000,
  );
});
