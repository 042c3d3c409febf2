// A gateway that dies, or stands still, in the middle of a create: what it left is finished by another, once. All of it is
// waiting for somebody to be taken for dead, so the cases run side by side, each with a WeCom and a store of its own.
import { describe, expect, it } from "@jest/globals";
import { setTimeout as pause } from "node:timers/promises";
import { DEMO_CORP, type Effect, type Simulator, startSimulator } from "../../src/simulator/index.js";
import { Replica } from "../support/replica.js";
import { describeWithRedis } from "../support/redis.js";
import { bookingOfClick, type Click } from "./parts/clicks.js";
import { Clients } from "./parts/client.js";
import { isLong } from "./parts/form.js";
import { embeddedStore, redisStore, type StorePlace } from "./parts/stores.js";
import { attemptsByBooking } from "./parts/verdict.js";

const settleMs = 1000;

let clicks = 0;
const newClick = (): Click => ({
  key: `key ${++clicks}`,
  input: { anchorUserid: "zhangsan", theme: `theme ${clicks}`, livingStart: 4_102_444_800, livingDuration: 60 },
  habit: "asks-again",
});

class Stage implements AsyncDisposable {
  readonly #running: Replica[] = [];

  private constructor(
    readonly simulator: Simulator,
    private readonly store: StorePlace,
  ) {}

  static async set(store: () => Promise<StorePlace>): Promise<Stage> {
    return new Stage(await startSimulator(), await store());
  }

  async start(env: Readonly<Record<string, string>> = {}): Promise<Replica> {
    const replica = await Replica.start({
      ...{ WECOM_CORP_ID: DEMO_CORP.corpid, WECOM_CORP_SECRET: DEMO_CORP.apps[0].secret, ...this.store.env },
      ...{
        WECOM_BASE_URL: this.simulator.url,
        WECOM_TIMEOUT_MS: String(settleMs),
        WECOM_SETTLE_MS: String(settleMs),
        ...env,
      },
    });
    this.#running.push(replica);
    return replica;
  }

  /** The livingid, as told to a client who asks that replica until it is told. */
  async insist(replica: Replica, click: Click): Promise<string> {
    const clients = new Clients(() => [replica.url], Math.random, 30_000);
    const told: string[] = [];
    await clients.run([click], 1, ({ livingids }) => told.push(...livingids));
    await clients.close();
    return told.join();
  }

  /** Once, and whatever the answer. */
  askOnce(replica: Replica, click: Click): Promise<unknown> {
    const clients = new Clients(() => [replica.url], Math.random, 0);
    return clients.ask(click).finally(() => clients.close());
  }

  sent(click: Click): number {
    return attemptsByBooking(this.simulator.requestsTo("living/create")).get(bookingOfClick(click))?.length ?? 0;
  }

  async untilSent(click: Click): Promise<void> {
    while (this.sent(click) === 0) await pause(10);
  }

  /** The livingids of what was made of a click. */
  made({ input }: Click): string[] {
    const made = this.simulator.livings.all().filter(({ booking }) => booking.theme === input.theme);
    return made.map(({ livingid }) => livingid);
  }

  /** A create that WeCom never answers, by a gateway that is killed while it waits. */
  async dieOver(click: Click, effect: Effect): Promise<void> {
    this.simulator.faults.inject({ kind: "hang", api: "living/create", effect });
    const dying = await this.start();
    const asked = this.askOnce(dying, click);
    await this.untilSent(click);
    await dying.kill();
    await asked;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const replica of this.#running) {
      replica.resume();
      await replica.kill();
    }
    await this.simulator.close();
    await this.store[Symbol.asyncDispose]();
  }
}

function whatItLeft(store: () => Promise<StorePlace>): void {
  it.concurrent.each([
    ["found, when WeCom had carried it out", "applied", 1],
    ["sent again, when WeCom had not", "none", 2],
  ] as const)(
    "is %s, and told to whoever asks with the same key",
    async (_, effect, sends) => {
      await using stage = await Stage.set(store);
      const click = newClick();
      await stage.dieOver(click, effect);

      const told = await stage.insist(await stage.start(), click);

      expect(stage.made(click)).toEqual([told]);
      expect(stage.sent(click)).toBe(sends);
    },
    60_000,
  );

  it.concurrent(
    "is finished although nobody asks again",
    async () => {
      await using stage = await Stage.set(store);
      const click = newClick();
      await stage.dieOver(click, "none");

      await stage.start();

      while (stage.made(click).length === 0) await pause(20);
      expect(stage.sent(click)).toBe(2);
    },
    60_000,
  );
}

function whatAnotherHas(store: () => Promise<StorePlace>): void {
  it.concurrent(
    "is left alone while it only waits for its answer",
    async () => {
      await using stage = await Stage.set(store);
      const click = newClick();
      stage.simulator.faults.inject({ kind: "hang", api: "living/create", effect: { lateMs: settleMs + 1500 } });
      const patient = { WECOM_TIMEOUT_MS: "8000", WECOM_SETTLE_MS: "8000" };
      const [waiting, other] = [await stage.start(patient), await stage.start(patient)];
      const first = stage.askOnce(waiting, click);
      await stage.untilSent(click);

      const told = await stage.insist(other, click);

      await first;
      expect(stage.made(click)).toEqual([told]);
      expect(stage.sent(click)).toBe(1);
    },
    60_000,
  );

  it.concurrent(
    "is not sent any more by one that stood still and was taken for dead",
    async () => {
      await using stage = await Stage.set(store);
      const [before, click] = [newClick(), newClick()];
      // The click waits for the only place, which the one before it has for five seconds.
      stage.simulator.faults.inject({ kind: "delay", api: "living/create", delayMs: 5000 });
      const still = await stage.start({
        WECOM_MAX_IN_FLIGHT: "1",
        WECOM_TIMEOUT_MS: "20000",
        WECOM_SETTLE_MS: "20000",
      });
      const asked = [stage.askOnce(still, before)];
      await stage.untilSent(before);
      asked.push(stage.askOnce(still, click));
      await pause(300);
      still.pause();

      const told = await stage.insist(await stage.start(), click);
      still.resume();
      await Promise.all(asked);

      expect(stage.made(click)).toEqual([told]);
      expect(stage.sent(click)).toBe(1);
    },
    60_000,
  );
}

describe("What a dead gateway left in the embedded store", () => {
  whatItLeft(embeddedStore);
});

describeWithRedis("A create of another replica on the same Redis", () => {
  whatAnotherHas(redisStore);
});

// The way is the same, and the creates under fire go it in both stores: the short form takes the one that is always there.
if (isLong) {
  describeWithRedis("What a dead gateway left in Redis", () => {
    whatItLeft(redisStore);
  });
}
