// A gateway that is killed while a corp authorises its app.
import { describe, expect, it } from "@jest/globals";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { seededRandom, startSimulator } from "../../src/simulator/index.js";
import { freePort } from "../support/ports.js";
import { corps, providerEnv, providerSimulation, suiteId } from "../support/provider.js";
import { Replica } from "../support/replica.js";
import { parameter, say } from "./parts/form.js";

const kills = parameter("KILLS", { short: 4, long: 20 });
/** Each with a WeCom and a store of its own: most of it is waiting for processes that start. */
const atOnce = 4;
const random = seededRandom(7);
const [corpid] = corps;
const authorised = /a corp has authorised the app"/;
const ended = /a corp has authorised the app"|has to authorise the app again/;

describe(`A gateway that is killed at ${kills} random points of an authorisation`, () => {
  it("has the whole permanent code once WeCom has answered, and otherwise reports that it is lost", async () => {
    const moments = Array.from({ length: kills }, () => random() * 60);
    const ends: ("authorised" | "lost")[] = [];
    const waiting = moments.values();
    const killEach = async (): Promise<void> => {
      for (const afterMs of waiting) ends.push(await killAfter(afterMs));
    };
    await Promise.all(Array.from({ length: atOnce }, killEach));

    expect(ends).toHaveLength(kills);
    const lost = ends.filter((end) => end === "lost").length;
    say(`killed ${kills} times: ${lost} codes were on their way and had to be asked for again`);
  }, 300_000);
});

async function killAfter(ms: number): Promise<"authorised" | "lost"> {
  const port = await freePort();
  await using simulator = await startSimulator({ ...providerSimulation(port), latencyMs: 5 });
  const dataDir = await mkdtemp(join(tmpdir(), "killed-"));
  const upstream = { WECOM_BASE_URL: simulator.url };
  const env = { ...providerEnv(port), DATA_DIR: dataDir, ...upstream };
  const { callbacks, suites } = simulator;
  await using first = await Replica.start(env);
  suites.pushTicket(suiteId);
  await callbacks.idle();
  const authCode = suites.authorise(suiteId, corpid, { isPushed: false });
  const target = { url: `http://127.0.0.1:${port}/wecom/callback`, receiveid: suiteId, ...keys() };
  const message = {
    ...{ SuiteId: suiteId, AuthCode: authCode, InfoType: "create_auth" },
    TimeStamp: Math.floor(Date.now() / 1000),
  };
  const sealed = callbacks.seal(target, message);
  const answer = callbacks.post(sealed);
  await wait(ms);
  await first.kill();
  const wasTold = (await answer).status === 200;

  await using second = await Replica.start(env);
  // What WeCom was told is stored needs no repeat.
  if (!wasTold) {
    while ((await callbacks.post(sealed)).status !== 200) await wait(50);
  }
  const isReported = () => [first, second].some((replica) => replica.hasLogged(ended));
  // The first may have been killed after it had stored the permanent code, and before it could say so.
  const isAuthorisedSilently = async () => (await second.read(corpid)) === "ok" && !isReported();
  let isSilent = false;
  while (!isReported() && !(isSilent = await isAuthorisedSilently())) await wait(50);
  const exchanges = simulator.requestsTo("service/get_permanent_code");
  expect(exchanges.length).toBeLessThanOrEqual(2);
  const isAuthorised = isSilent || first.hasLogged(authorised) || second.hasLogged(authorised);
  if (isAuthorised) {
    // Not by a token from before: by the permanent code.
    simulator.invalidateTokens();
    expect(await second.read(corpid)).toBe("ok");
  } else {
    // WeCom carried the exchange out, and the answer reached a process that was dead.
    expect(exchanges.at(-1)).toMatchObject({ errcode: 40078 });
  }
  await second.kill();
  await rm(dataDir, { recursive: true });
  return isAuthorised ? "authorised" : "lost";
}

function keys(): { token: string; aesKey: string } {
  const { WECOM_CALLBACK_TOKEN: token, WECOM_CALLBACK_AES_KEY: aesKey } = providerEnv(0);
  return { token: token!, aesKey: aesKey! };
}
