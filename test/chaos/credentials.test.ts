/**
 * Corps install the app and use it, over two replicas and a Redis that is cut, hangs (SIGSTOP), is emptied, goes half open
 * and fails over meanwhile.
 * At the end every corp has the permanent code that WeCom means, whichever replica is asked, but for those whose answer
 * from WeCom reached nobody: their number is told, and nobody was killed here, so it is none.
 */
import { expect, it } from "@jest/globals";
import { setTimeout as wait } from "node:timers/promises";
import { seededRandom, startSimulator } from "../../src/simulator/index.js";
import { freePort } from "../support/ports.js";
import { providerEnv, providerSimulation, suiteId } from "../support/provider.js";
import { describeWithRedis } from "../support/redis.js";
import { Replica } from "../support/replica.js";
import { parameter, say } from "./parts/form.js";
import { RedisStage } from "./parts/redis-stage.js";

const installations = parameter("INSTALLATIONS", { short: 16, long: 1000 });
const seed = parameter("SEED", { short: 16, long: 16 });
const atOnce = 8;
const disturbances = ["cut", "hang", "empty", "go half open", "fail over"] as const;

async function disturb(stage: RedisStage, how: (typeof disturbances)[number]): Promise<void> {
  if (how === "cut") stage.cut();
  else if (how === "hang") await stage.hang(1500);
  // Longer than a connection that only looks healthy is left alone.
  else if (how === "go half open") await stage.goHalfOpen(4000);
  else if (how === "empty") await stage.empty();
  else await stage.failOver();
}

/** As WeCom and a browser do: again, until it is taken. */
async function insist(send: () => Promise<{ status?: number }>): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    if ((await send()).status === 200) return;
    await wait(100);
  }
  throw new Error("a callback was not taken for 20 seconds");
}

const title = `${installations} installations over two replicas, with Redis cut, hung, emptied, half open and failed over (seed ${seed})`;
describeWithRedis(title, () => {
  it(
    "lose no permanent code, leave none that is older, and lock no corp out",
    async () => {
      const random = seededRandom(seed);
      const corps = Array.from({ length: installations }, (_, index) => `wwcorp${index}`);
      const ports = [await freePort(), await freePort()];
      await using simulator = await startSimulator({
        ...{ ...providerSimulation(ports[0]!), corps: corps.map((corpid) => ({ corpid, apps: [] })), latencyMs: 5 },
        assumptions: { expiredTokenErrcode: 40014 },
      });
      await using stage = await RedisStage.set(2);
      const env = { WECOM_BASE_URL: simulator.url, WECOM_TIMEOUT_MS: "8000" };
      const start = (index: number) =>
        Replica.start({ ...providerEnv(ports[index]!), ...env, REDIS_URL: stage.networks[index]!.url });
      await using one = await start(0);
      await using other = await start(1);
      const replicas = [one, other];
      const { WECOM_CALLBACK_TOKEN: token, WECOM_CALLBACK_AES_KEY: aesKey } = providerEnv(0);
      const tell = (message: Record<string, string | number>) =>
        insist(() => {
          const url = `http://127.0.0.1:${ports[random() < 0.5 ? 0 : 1]}/wecom/callback`;
          const target = { url, token: token!, aesKey: aesKey!, receiveid: suiteId };
          return simulator.callbacks.post(simulator.callbacks.seal(target, message));
        });
      const at = () => Math.floor(Date.now() / 1000);
      simulator.suites.pushTicket(suiteId);
      await simulator.callbacks.idle();

      let begun = 0;
      const installAndUse = async (): Promise<void> => {
        for (let corp = corps[begun++]; corp !== undefined; corp = corps[begun++]) {
          const AuthCode = simulator.suites.authorise(suiteId, corp, { isPushed: false });
          await tell({ SuiteId: suiteId, AuthCode, InfoType: "create_auth", TimeStamp: at() });
          // Some authorise again before the first is finished, through either replica.
          if (random() < 0.2) {
            const again = simulator.suites.authorise(suiteId, corp, { isPushed: false });
            await tell({ SuiteId: suiteId, AuthCode: again, InfoType: "create_auth", TimeStamp: at() });
          }
          await replicas[random() < 0.5 ? 0 : 1]!.read(corp);
          if (random() < 0.02) simulator.invalidateTokens();
        }
      };
      const installing = Promise.all(Array.from({ length: atOnce }, installAndUse));
      const counts = new Map<string, number>();
      let isOver = false as boolean;
      const disturbing = (async () => {
        for (let turn = 0; !isOver || turn < disturbances.length; turn += 1) {
          const how = disturbances[turn % disturbances.length]!;
          await disturb(stage, how);
          counts.set(how, (counts.get(how) ?? 0) + 1);
          await wait(1000);
        }
      })();
      await installing.finally(() => (isOver = true));
      await disturbing;

      simulator.invalidateTokens();
      const lockedOut = new Set<string>();
      for (const corp of corps) {
        for (const replica of replicas) {
          let outcome = "";
          for (let tries = 0; tries < 150 && (outcome = await replica.read(corp)) !== "ok"; tries += 1) await wait(200);
          if (outcome !== "ok") lockedOut.add(`${corp} ${outcome}`);
        }
      }
      say(`${installations} installations, disturbed: ${JSON.stringify(Object.fromEntries(counts))}`);
      const { requestCounts } = simulator;
      say(
        `exchanges ${requestCounts["service/get_permanent_code"]}, fetches ${requestCounts["service/get_corp_token"]}`,
      );
      expect([...lockedOut]).toEqual([]);
      // Refused may be said of a code whose exchange a failover has lost: its permanent code is there all the same.
      const isLost = /the answer to an auth_code was lost|could not be exchanged in time/;
      expect(replicas.some((replica) => replica.hasLogged(isLost))).toBe(false);
    },
    installations * 2000 + 180_000,
  );
});
