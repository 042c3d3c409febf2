import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { print } from "graphql";
import type { Fault } from "../../src/simulator/index.js";
import { CancelLivingDocument, ModifyLivingDocument, ReadLivingDocument } from "../../packages/client/src/index.js";
import { corpid, type Gateway, startGateway } from "../support/gateway.js";
import { LivingCache } from "../../src/living/living.cache.js";
import { LivingStatus } from "../../src/living/living.enums.js";
import type { LivingDetails } from "../../src/living/living.types.js";
import { Deadline } from "../../src/wecom/deadline.js";
import { booking } from "../support/inputs.js";
import { freePort } from "../support/ports.js";
import { describeWithRedis, TestNetwork, TestRedis } from "../support/redis.js";
import { until } from "../support/until.js";

const app = { corpid, agentid: 1000014 };
const start = Date.parse("2030-01-01T00:00:00Z");
const callbackKeys = { token: "CANARYcallbackToken", aesKey: "CANARYaesKey".padEnd(43, "x") };

let clock: number;
let dataDir: string;
let gateway: Gateway;
let livingid: string;
beforeEach(async () => {
  clock = start;
  dataDir = await mkdtemp(join(tmpdir(), "cache-"));
  gateway = await startGateway({ env: environment(), now: () => clock, simulator: { now: () => clock } });
  livingid = reserve({ startSeconds: start / 1000 + 86_400 });
});
afterEach(async () => {
  await gateway.close();
  await rm(dataDir, { recursive: true });
});

const environment = () => ({
  DATA_DIR: dataDir,
  WECOM_CALLBACK_TOKEN: callbackKeys.token,
  WECOM_CALLBACK_AES_KEY: callbackKeys.aesKey,
});
const reserve = (more: Partial<typeof booking> = {}) =>
  gateway.simulator.livings.reserve(app, { ...booking, anchorUserid: "zhangsan", theme: "theme", ...more }).livingid;
const reads = () => gateway.simulator.requestsTo("living/get_living_info").length;
const read = async (from = gateway) => {
  const { data, errors } = await from.run(ReadLivingDocument, { livingid });
  expect(errors).toEqual([]);
  return data!.living!;
};
/** How long it is answered without WeCom. */
const secondsKept = async (step = 0.5) => {
  await read();
  const before = reads();
  const since = clock;
  while (reads() === before) {
    clock += step * 1000;
    await read();
  }
  return (clock - since) / 1000;
};

describe("A living that was read a moment ago", () => {
  it("is read again after five seconds when it is reserved, after one about its start and while it runs", async () => {
    expect(await secondsKept()).toBe(5);

    clock = start + 86_400_000 - 30_000;
    expect(await secondsKept()).toBe(1);

    gateway.simulator.livings.start(livingid);
    expect(await secondsKept()).toBe(1);
  });

  it("is read again after five minutes when it is over for an hour, or cancelled", async () => {
    gateway.simulator.livings.start(livingid);
    clock += 600_000;
    gateway.simulator.livings.end(livingid);
    expect(await secondsKept()).toBe(5);
    clock += 3_600_000;
    expect(await secondsKept(10)).toBe(300);

    livingid = reserve();
    gateway.simulator.livings.cancel(livingid);
    expect(await secondsKept(10)).toBe(300);
  });

  it("is read again after seconds while its replay is being made", async () => {
    gateway.simulator.livings.start(livingid);
    gateway.simulator.livings.end(livingid, "generating");
    clock += 7_200_000;
    expect(await secondsKept()).toBe(5);
  });

  it("is read again after a mutation, by whichever replica", async () => {
    await using other = await startGateway({
      ...{ env: environment(), now: () => clock },
      upstreamUrl: gateway.simulator.url,
    });
    expect([(await read()).theme, (await read(other)).theme]).toEqual(["theme", "theme"]);

    await gateway.run(ModifyLivingDocument, { livingid, input: { theme: "changed" } });

    expect((await read()).theme).toBe("changed");
    await until(async () => (await read(other)).theme === "changed");
  });

  it("is read again after its replay was deleted, by another request", async () => {
    gateway.simulator.livings.start(livingid);
    gateway.simulator.livings.end(livingid, "ready");
    clock += 7_200_000;
    expect((await read()).replayStatus).toBe("READY");

    await gateway.run(`mutation { deleteLivingReplay(livingid: "${livingid}") { __typename } }`);

    expect((await read()).replayStatus).toBe("DELETED");
  });

  it("is read again after WeCom said that its status changed", async () => {
    await read();
    gateway.simulator.livings.start(livingid);
    expect((await read()).status).toBe("RESERVED");

    const event = { ToUserName: corpid, FromUserName: "zhangsan", CreateTime: 1, MsgType: "event", AgentID: 1 };
    const target = { url: `${gateway.url}/wecom/callback`, receiveid: corpid, ...callbackKeys };
    const sealed = gateway.simulator.callbacks.seal(target, {
      ...event,
      ...{ Event: "living_status_change", LivingId: livingid, Status: 1 },
    });
    expect(await gateway.simulator.callbacks.post(sealed)).toMatchObject({ status: 200 });

    await until(async () => (await read()).status === "LIVE");
  });

  it("is not kept when it was changed while it was being read", async () => {
    gateway.simulator.faults.inject({ kind: "delay", delayMs: 300, api: "living/get_living_info" });
    const before = read();
    await until(() => reads() === 1);
    await gateway.run(CancelLivingDocument, { livingid });
    expect((await before).status).toBe("RESERVED");

    expect((await read()).status).toBe("CANCELLED");
  });

  it("is neither shown to who may not see it, nor to another corp", async () => {
    await read();
    const query = `{ living(livingid: "${livingid}") { theme } }`;
    const answer = async (headers: Record<string, string>) =>
      (await gateway.run(query, {}, headers)).errors.map(({ extensions }) => extensions["code"]);

    expect(await answer({ "x-wecom-scopes": "living:write" })).toEqual(["FORBIDDEN"]);
    expect(await answer({ "x-wecom-corpid": "wwother" })).toEqual(["LIVING_CONFIGURATION"]);
    expect(await answer({})).toEqual([]);
  });

  it("makes room for newer ones", async () => {
    const first = livingid;
    await read();
    for (let page = 0; page < 20; page += 1) {
      await gateway.run("query ($refs: [_Any!]!) { _entities(representations: $refs) { ... on Living { theme } } }", {
        refs: Array.from({ length: 100 }, () => ({ __typename: "Living", livingid: reserve({ startSeconds: 4e9 }) })),
      });
    }
    const before = reads();
    livingid = first;
    await read();
    expect(reads()).toBe(before + 1);
  });
});

describe("Reads of one living at the same time", () => {
  it("are one call, for 300 of them", async () => {
    gateway.simulator.faults.inject({ kind: "delay", delayMs: 100, api: "living/get_living_info" });
    const answers = await Promise.all(Array.from({ length: 300 }, () => read()));

    expect(new Set(answers.map(({ theme }) => theme))).toEqual(new Set(["theme"]));
    expect(reads()).toBe(1);
  }, 60_000);

  it("are one call for each second, for 40 clients that ask all the time while it is live", async () => {
    gateway.simulator.livings.start(livingid);
    for (let step = 0; step < 8; step += 1) {
      await Promise.all(Array.from({ length: 40 }, () => read()));
      clock += 500;
    }

    expect(reads()).toBe(4);
  }, 60_000);

  it("go on for the others when the one that came first leaves", async () => {
    gateway.simulator.faults.inject({ kind: "delay", delayMs: 1000, api: "living/get_living_info" });
    const client = new AbortController();
    const body = JSON.stringify({ query: `{ living(livingid: "${livingid}") { theme } }` });
    const headers = { "content-type": "application/json" };
    const first = gateway
      .fetch("/graphql", { method: "POST", headers, body, signal: client.signal })
      .catch(() => "left");
    await until(() => reads() === 1);
    const second = read();
    // It has joined when what was asked after it is answered.
    await gateway.run(`{ livings(anchorUserid: "zhangsan") { edges { cursor } } }`);
    client.abort();

    expect([await first, (await second).theme, reads()]).toEqual(["left", "theme", 1]);
  });

  it("are not refused to others because the one that came first has made too many calls", async () => {
    const secret = "CANARY-router-secret-of-32-bytes-and-more";
    const as = (userid: string) => ({
      ...{ "router-authorization": secret, "x-wecom-scopes": "living:read", "x-wecom-userid": userid },
    });
    await using limited = await startGateway({
      env: { AUTH_MODE: "router", ROUTER_SECRET: secret, LIMIT_CALLS_PER_MINUTE: "1" },
      upstreamUrl: gateway.simulator.url,
    });
    await limited.run(`{ livings(anchorUserid: "u") { edges { cursor } } }`, {}, as("busy"));

    const answers = await Promise.all(
      ["busy", "busy", "other"].map((userid) => limited.run(ReadLivingDocument, { livingid }, as(userid))),
    );

    expect(answers.map(({ errors }) => errors.length)).toEqual([1, 1, 0]);
  });
});

describe("An operation that writes", () => {
  it("reads what it has written: the second of two creates sees both livings", async () => {
    const create = (alias: string) =>
      `${alias}: createLiving(input: { anchorUserid: "zhangsan", theme: "${alias}", livingStart: 4102444800, livingDuration: 60 }) {
        ... on CreateLivingSuccess { living { anchor { livings { edges { cursor } } } } }
      }`;
    const { data, errors } = await gateway.run(`mutation { ${create("first")} ${create("second")} }`);

    expect(errors).toEqual([]);
    const count = (alias: string) => data![alias].living.anchor.livings.edges.length;
    // And the one that was there before.
    expect([count("first"), count("second")]).toEqual([2, 3]);
  });
});

describeWithRedis("A replica that does not hear the others", () => {
  it("keeps nothing that it cannot know to be true, and keeps livings again afterwards", async () => {
    await using redis = await TestRedis.start();
    await using network = await TestNetwork.to(redis.port);
    const replica = (REDIS_URL: string) =>
      startGateway({ env: { REDIS_URL }, now: () => clock, upstreamUrl: gateway.simulator.url });
    await using deaf = await replica(network.url);
    await using other = await replica(redis.url);
    gateway.simulator.livings.start(livingid);
    gateway.simulator.livings.end(livingid, "ready");
    clock += 7_200_000;
    expect((await read(deaf)).replayStatus).toBe("READY");
    const before = reads();
    await read(deaf);
    expect(reads()).toBe(before);

    network.leadTo(await freePort());
    network.cut();
    await until(async () => {
      await read(deaf);
      return reads() > before;
    });
    await other.run(`mutation { deleteLivingReplay(livingid: "${livingid}") { __typename } }`);
    expect((await read(deaf)).replayStatus).toBe("DELETED");

    network.leadTo(redis.port);
    await until(async () => {
      const count = reads();
      await read(deaf);
      return reads() === count;
    });
    expect((await read(deaf)).replayStatus).toBe("DELETED");
  });
});

/** A cache alone. @param now the machine's clock, which can be set */
const cacheBy = (now: () => number) =>
  new LivingCache({
    now,
    steady: () => clock,
    changes: { publish: () => undefined },
    metrics: { countCachedRead: () => undefined },
  });
/** @param theme what is read, unless the cache knows another */
const themeIn = async (cache: LivingCache, theme: Promise<string>): Promise<string | null> => {
  const call = { corp: corpid, deadline: new Deadline(60_000), log: {} as never };
  const read = async () => ({ theme: await theme, status: LivingStatus.CANCELLED }) as LivingDetails;
  return (await cache.get(livingid, call, read)).details.theme;
};

describe("A living that was read while the machine's clock was wrong", () => {
  it("is as old as it is, whatever the clock is set to", async () => {
    let aheadMs = 3_600_000;
    const cache = cacheBy(() => clock + aheadMs);
    cache.hear(true);
    await themeIn(cache, Promise.resolve("first"));
    aheadMs = 0;
    clock += 299_000;
    expect(await themeIn(cache, Promise.resolve("second"))).toBe("first");
    // The clock says again what it said then.
    clock += 3_600_000 - 299_000;

    expect(await themeIn(cache, Promise.resolve("third"))).toBe("third");
  });
});

describe("A read that was under way when the others' changes could not be heard", () => {
  it("is not joined by who comes afterwards", async () => {
    const cache = cacheBy(() => clock);
    const themes: (string | null)[] = [];
    const get = async (theme: Promise<string>) => themes.push(await themeIn(cache, theme));
    let answer = (_theme: string): void => undefined;
    cache.hear(true);
    const before = get(new Promise((resolve) => (answer = resolve)));
    const same = get(Promise.resolve("not read"));
    cache.hear(false);
    cache.hear(true);
    await get(Promise.resolve("after"));
    answer("before");
    await Promise.all([before, same]);

    expect(themes).toEqual(["after", "before", "before"]);
    await get(Promise.resolve("not read"));
    expect(themes.at(-1)).toBe("after");
  });
});

describe("While WeCom is away", () => {
  const ask = async (query: string, extensions?: object) => {
    const { text } = await gateway.fetch("/graphql", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query, variables: { livingid }, extensions }),
    });
    return JSON.parse(text);
  };

  it.each<[string, Fault]>([
    ["drops connections", { kind: "drop" }],
    ["is busy", { kind: "errcode", errcode: -1 }],
    ["takes no more calls", { kind: "errcode", errcode: 45009 }],
    ["is a proxy's 502", { kind: "http", status: 502 }],
  ])("an old answer is given, and said to be old, for ten minutes: it %s", async (_, fault) => {
    const fresh = await ask(print(ReadLivingDocument));
    gateway.simulator.faults.inject({ ...fault, api: "living/get_living_info", times: 0 });
    expect(await ask(print(ReadLivingDocument))).toEqual(fresh);
    clock += 599_000;

    const { headers } = await gateway.run(ReadLivingDocument, { livingid });
    expect(headers.get("cache-control")).toBe("no-store");
    const stale = { ...fresh, extensions: { stale: [livingid] } };
    expect(await ask(print(ReadLivingDocument))).toEqual(stale);
    expect(await ask(print(ReadLivingDocument), {})).toEqual(stale);

    clock += 1000;
    expect(await ask(print(ReadLivingDocument))).toMatchObject({ data: { living: null }, errors: [{}] });
  });

  it("every old answer of an operation is said to be old, and no other", async () => {
    const other = reserve({ startSeconds: start / 1000 + 86_400 });
    const both = `{ a: living(livingid: "${livingid}") { theme } b: living(livingid: "${other}") { theme } }`;
    await ask(both);
    clock += 60_000;
    gateway.simulator.faults.inject({ kind: "drop", api: "living/get_living_info", times: 0 });
    const { data, extensions } = await ask(both);

    expect(data).toEqual({ a: { theme: "theme" }, b: { theme: "theme" } });
    expect(new Set(extensions.stale)).toEqual(new Set([livingid, other]));
  });

  it.each([40058, 48002, 92008, 40001])("a refusal is told all the same: %d", async (errcode) => {
    await read();
    clock += 60_000;
    gateway.simulator.faults.inject({ kind: "errcode", errcode, api: "living/get_living_info" });

    expect(await ask(print(ReadLivingDocument))).toMatchObject({ data: { living: null }, errors: [{}] });
  });

  it("what was changed is not answered as it was before", async () => {
    await read();
    await gateway.run(`mutation { cancelLiving(livingid: "${livingid}") { __typename } }`);
    gateway.simulator.faults.inject({ kind: "drop", api: "living/get_living_info", times: 0 });

    expect(await ask(print(ReadLivingDocument))).toMatchObject({ data: { living: null }, errors: [{}] });
  });
});
