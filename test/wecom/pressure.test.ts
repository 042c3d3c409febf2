import { createServer } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import type { AddressInfo } from "node:net";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { type Fault, type SimulatorOptions, startSimulator } from "../../src/simulator/index.js";
import { CreateLivingDocument, ReadLivingDocument } from "../../packages/client/src/index.js";
import { livingidsQuery } from "../support/documents.js";
import { corpid, type Gateway, type GatewayOptions, startGateway } from "../support/gateway.js";
import { booking, minimalInput } from "../support/inputs.js";
import { describeWithRedis, TestRedis } from "../support/redis.js";
import { until } from "../support/until.js";

const patience = "x-envoy-expected-rq-timeout-ms";

const create = async (gateway: Gateway, headers: Record<string, string> = {}) => {
  const { data } = await gateway.run(CreateLivingDocument, { input: minimalInput }, headers);
  return data!.createLiving;
};

const createMany = (gateway: Gateway, count: number) =>
  Promise.all(Array.from({ length: count }, () => create(gateway)));

const named = <T extends { __typename: string }>(results: readonly T[], name: string) =>
  results.filter(({ __typename }) => __typename === name);

const readMany = (gateway: Gateway, ids: readonly string[], headers: Record<string, string> = {}) =>
  gateway.run(
    "query ($refs: [_Any!]!) { _entities(representations: $refs) { ... on Living { theme } } }",
    { refs: ids.map((livingid) => ({ __typename: "Living", livingid })) },
    headers,
  );

const reserve = ({ simulator }: Gateway, count: number) =>
  Array.from(
    { length: count },
    () => simulator.livings.reserve({ corpid, agentid: 1000014 }, { ...booking, anchorUserid: "zhangsan" }).livingid,
  );

const sent = ({ simulator }: Gateway, api: string) => simulator.requestsTo(api).length;

const metric = async (gateway: Gateway, line: RegExp) =>
  Number(line.exec((await gateway.fetch("/metrics")).text)?.[1] ?? 0);

/** A gateway that has its token, and a clock that it shares with WeCom. */
const startTimed = async ({ simulator, ...options }: GatewayOptions & { simulator?: SimulatorOptions } = {}) => {
  const clock = { now: Date.parse("2030-01-01T00:00:00Z") };
  const now = () => clock.now;
  const gateway = await startGateway({ ...options, now, simulator: { now, ...simulator } });
  await gateway.run(livingidsQuery, { anchorUserid: "warm" });
  gateway.simulator.forgetRequests();
  return { gateway, clock, [Symbol.asyncDispose]: () => gateway.close() };
};

describe("A deadline", () => {
  const hanging = async (timeoutMs: string) => {
    const gateway = await startGateway({ env: { WECOM_TIMEOUT_MS: timeoutMs } });
    await gateway.run(livingidsQuery, { anchorUserid: "warm" });
    gateway.simulator.faults.inject({ kind: "hang", api: "living/*", times: 0 });
    return gateway;
  };

  it("is as short as the router says that it waits", async () => {
    await using gateway = await hanging("5000");
    const ended: string[] = [];
    const long = create(gateway).then(() => ended.push("without a header"));

    const { __typename: name } = await create(gateway, { [patience]: "1000" });

    expect([name, ended]).toEqual(["LivingOutcomeUnknownError", []]);
    await long;
  });

  it.each(["60000", "0", "-5", "1e1", "soon", "99999999999999999999"])("is not made longer by %s", async (value) => {
    await using gateway = await hanging("1000");

    expect(await create(gateway, { [patience]: value })).toMatchObject({ __typename: "LivingOutcomeUnknownError" });
  });
});

describe("A client that leaves", () => {
  const leave = async (gateway: Gateway, query: string, isSent: () => boolean | Promise<boolean>) => {
    const client = new AbortController();
    const body = JSON.stringify({ query });
    const answer = gateway
      .fetch("/graphql", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
        signal: client.signal,
      })
      .catch(() => undefined);
    await until(isSent);
    client.abort();
    await answer;
  };
  const waiting = (gateway: Gateway, api: string) =>
    metric(gateway, new RegExp(`wecom_calls_waiting\\{api="living/${api}"\\} (\\d+)`));

  it("ends its reads, those that are sent and those that wait", async () => {
    await using gateway = await startGateway({ env: { WECOM_MAX_IN_FLIGHT: "1", WECOM_TIMEOUT_MS: "60000" } });
    await gateway.run(livingidsQuery, { anchorUserid: "warm" });
    const [first, second, third] = reserve(gateway, 3) as [string, string, string];
    gateway.simulator.faults.inject({ kind: "hang", api: "living/get_living_info" });

    await leave(
      gateway,
      `{ a: living(livingid: "${first}") { theme } b: living(livingid: "${second}") { theme } }`,
      async () => (await waiting(gateway, "get_living_info")) === 1,
    );

    expect((await gateway.run(ReadLivingDocument, { livingid: third })).data!.living).toMatchObject({
      status: "RESERVED",
    });
    expect(gateway.simulator.requestsTo("living/get_living_info").map(({ query }) => query["livingid"])).toEqual([
      first,
      third,
    ]);
  });

  it("does not end its creates, neither one that is sent nor one that waits", async () => {
    await using gateway = await startGateway({ env: { WECOM_MAX_IN_FLIGHT: "1", WECOM_TIMEOUT_MS: "60000" } });
    await gateway.run(livingidsQuery, { anchorUserid: "warm" });
    gateway.simulator.faults.inject({ kind: "delay", api: "living/create", delayMs: 300 });
    const mutation = (theme: string) =>
      `mutation { createLiving(input: { anchorUserid: "zhangsan", theme: "${theme}", livingStart: 4102444800, livingDuration: 60 }) { __typename } }`;

    await Promise.all([
      leave(gateway, mutation("sent"), () => sent(gateway, "living/create") === 1),
      leave(gateway, mutation("waiting"), async () => (await waiting(gateway, "create")) === 1),
    ]);

    await until(
      async () =>
        (await metric(gateway, /wecom_call_duration_seconds_count\{api="living\/create",outcome="ok"\} (\d+)/)) === 2,
    );
  });
});

describe("A read that fails in passing", () => {
  let gateway: Gateway;
  let livingid: string;
  beforeEach(async () => {
    gateway = await startGateway();
    await gateway.run(livingidsQuery, { anchorUserid: "warm" });
    [livingid] = reserve(gateway, 1) as [string];
  });
  afterEach(() => gateway.close());
  const read = async (headers = {}) => (await gateway.run(ReadLivingDocument, { livingid }, headers)).data!.living;

  it.each<[string, Fault]>([
    ["system busy", { kind: "errcode", errcode: -1 }],
    ["too many at once", { kind: "errcode", errcode: 45033 }],
    ["a dropped connection", { kind: "drop" }],
    ["a proxy's 502", { kind: "http", status: 502 }],
    ["half an answer", { kind: "truncated-json" }],
  ])("is repeated at most twice: %s", async (_, fault) => {
    gateway.simulator.faults.inject({ ...fault, api: "living/get_living_info", times: 2 });
    expect(await read()).toMatchObject({ livingid });
    expect(sent(gateway, "living/get_living_info")).toBe(3);

    gateway.simulator.forgetRequests();
    [livingid] = reserve(gateway, 1) as [string];
    gateway.simulator.faults.inject({ ...fault, api: "living/get_living_info", times: 0 });
    expect(await read()).toBeNull();
    expect(sent(gateway, "living/get_living_info")).toBe(3);
  });

  it("is not repeated when its deadline is near", async () => {
    gateway.simulator.faults.inject({ kind: "errcode", errcode: -1, api: "living/get_living_info", times: 0 });

    expect(await read({ [patience]: "45" })).toBeNull();
    expect(sent(gateway, "living/get_living_info")).toBeLessThanOrEqual(1);
  });

  it.each([40058, 48002, 60011, 92008])("is not repeated after a refusal: %d", async (errcode) => {
    gateway.simulator.faults.inject({ kind: "errcode", errcode, api: "living/get_living_info", times: 0 });

    expect(await read()).toBeNull();
    expect(sent(gateway, "living/get_living_info")).toBe(1);
  });

  it("is repeated only as long as few of the calls were repetitions", async () => {
    gateway.simulator.faults.inject({ kind: "errcode", errcode: -1, api: "living/get_living_info", times: 0 });

    await readMany(gateway, reserve(gateway, 100));

    // A hundred, a tenth of them again, and ten to begin with.
    expect(sent(gateway, "living/get_living_info")).toBeLessThanOrEqual(120);
    expect(sent(gateway, "living/get_living_info")).toBeGreaterThan(100);
  });
});

describe("Ten times more than WeCom can take", () => {
  it("is refused at once but for what WeCom can take, and none of the refused is sent", async () => {
    await using gateway = await startGateway({
      env: { WECOM_MAX_IN_FLIGHT: "4", WECOM_TIMEOUT_MS: "16000" },
      simulator: { latencyMs: 100 },
    });
    await createMany(gateway, 20);
    gateway.simulator.forgetRequests();

    // The first hundred are a burst; who comes when they have waited for a while meets a queue that is too long.
    const first = createMany(gateway, 100);
    await pause(300);
    const results = [...(await createMany(gateway, 300)), ...(await first)];

    const refused = named(results, "LivingRateLimitError");
    expect(named(results, "CreateLivingSuccess").length).toBeGreaterThanOrEqual(20);
    expect(refused.length).toBeGreaterThanOrEqual(100);
    expect(sent(gateway, "living/create")).toBe(400 - refused.length);
    for (const error of refused)
      expect(error).toMatchObject({ retryable: true, retryAfterSeconds: expect.any(Number) });
    expect(await metric(gateway, /wecom_calls_refused_total\{api="living\/create",reason="queue"\} (\d+)/)).toBe(
      refused.length,
    );
  });

  it("does not refuse ten clients that read a page of 100 livings each", async () => {
    await using gateway = await startGateway({ simulator: { latencyMs: 20 } });
    const pages = Array.from({ length: 10 }, () => reserve(gateway, 100));

    const answers = await Promise.all(pages.map((ids) => readMany(gateway, ids)));

    for (const { errors } of answers) expect(errors).toEqual([]);
    expect(sent(gateway, "living/get_living_info")).toBe(1000);
  });

  it("lets operations take turns: one read does not wait for a hundred", async () => {
    await using gateway = await startGateway({ env: { WECOM_MAX_IN_FLIGHT: "2" }, simulator: { latencyMs: 10 } });
    const ended: string[] = [];
    const [livingid] = reserve(gateway, 1) as [string];
    const page = readMany(gateway, reserve(gateway, 100)).then(() => ended.push("page"));
    await until(() => sent(gateway, "living/get_living_info") >= 2);

    await gateway.run(ReadLivingDocument, { livingid }).then(() => ended.push("one"));
    await page;

    expect(ended).toEqual(["one", "page"]);
  });

  it("is not sent what would come too late for its deadline", async () => {
    await using gateway = await startGateway({ env: { WECOM_MAX_IN_FLIGHT: "2" }, simulator: { latencyMs: 50 } });
    await createMany(gateway, 10);
    await readMany(gateway, reserve(gateway, 40));
    gateway.simulator.forgetRequests();

    const { errors } = await readMany(gateway, reserve(gateway, 100), { [patience]: "500" });

    // Two at once, ten times one after the other.
    expect(sent(gateway, "living/get_living_info")).toBeLessThanOrEqual(24);
    expect(errors.filter(({ extensions }) => extensions["code"] === "LIVING_RATE_LIMIT").length).toBeGreaterThan(60);
  });
});

describe("45009", () => {
  const limited = { __typename: "LivingRateLimitError", retryable: true };

  it("closes that API for a minute, in which nothing is sent; the first call after it opens it", async () => {
    await using timed = await startTimed({ simulator: { rateLimits: { perCorpPerMinute: 5 } } });
    const { gateway, clock } = timed;
    expect(named(await createMany(gateway, 5), "CreateLivingSuccess")).toHaveLength(5);
    expect(await create(gateway)).toMatchObject({ ...limited, errcode: 45009 });
    gateway.simulator.forgetRequests();

    clock.now += 20_000;
    for (const result of await createMany(gateway, 20))
      expect(result).toMatchObject({ ...limited, retryAfterSeconds: 40 });
    clock.now += 39_900;
    await createMany(gateway, 20);
    expect(sent(gateway, "living/create")).toBe(0);
    expect(await metric(gateway, /wecom_gates_shut\{api="living\/create",reason="closed"\} (\d+)/)).toBe(1);
    expect((await gateway.run(livingidsQuery, { anchorUserid: "other" })).errors).toEqual([]);

    clock.now += 200;
    expect(await create(gateway)).toMatchObject({ __typename: "CreateLivingSuccess" });
    expect(named(await createMany(gateway, 4), "CreateLivingSuccess")).toHaveLength(4);
  });

  it("closes it for the hour when it comes again after the minute, with one call a minute that tries", async () => {
    await using timed = await startTimed({ simulator: { rateLimits: { perCorpPerHour: 5 } } });
    const { gateway, clock } = timed;
    await createMany(gateway, 6);
    gateway.simulator.forgetRequests();

    for (let minute = 1; minute < 60; minute += 1) {
      clock.now += 60_000;
      await createMany(gateway, 5);
      expect(sent(gateway, "living/create")).toBe(minute);
      expect(await create(gateway)).toMatchObject({ ...limited, retryAfterSeconds: 3600 - 60 * minute });
    }
    clock.now += 60_000;
    expect(await create(gateway)).toMatchObject({ __typename: "CreateLivingSuccess" });
  });

  it("is known to all replicas, and to one that starts later; one of them tries", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "gates-"));
    const { gateway: first, clock } = await startTimed({
      env: { DATA_DIR: dataDir },
      simulator: { rateLimits: { perCorpPerMinute: 5 } },
    });
    const other = { env: { DATA_DIR: dataDir }, upstreamUrl: first.simulator.url, now: () => clock.now };
    const second = await startGateway(other);
    const shut = (gateway: Gateway) =>
      metric(gateway, /wecom_gates_shut\{api="living\/create",reason="closed"\} (\d+)/);

    await createMany(first, 6);
    await until(async () => (await shut(second)) === 1);
    const third = await startGateway(other);
    expect(await shut(third)).toBe(1);
    first.simulator.forgetRequests();
    expect(await create(second)).toMatchObject(limited);
    expect(await create(third)).toMatchObject(limited);
    expect(sent(first, "living/create")).toBe(0);

    clock.now += 60_100;
    first.simulator.faults.inject({ kind: "delay", api: "living/create", delayMs: 500 });
    await Promise.all([first, second, third].map((gateway) => createMany(gateway, 5)));
    expect(sent(first, "living/create")).toBe(1);
    await until(async () => (await shut(first)) + (await shut(second)) + (await shut(third)) === 0);

    for (const gateway of [third, second, first]) await gateway.close();
    await rm(dataDir, { recursive: true });
  });
});

describeWithRedis("45009, where the machines' clocks differ", () => {
  it.each([300_000, -300_000])(
    "closes the API for the same minute on another replica, %d ms ahead",
    async (aheadMs) => {
      await using redis = await TestRedis.start();
      const env = { REDIS_URL: redis.url };
      await using timed = await startTimed({ env });
      const { gateway, clock } = timed;
      const now = () => clock.now + aheadMs;
      await using other = await startGateway({ env, now, upstreamUrl: gateway.simulator.url });
      await other.run(livingidsQuery, { anchorUserid: "warm" });
      gateway.simulator.faults.inject({ kind: "errcode", errcode: 45009, api: "living/create" });
      expect(await create(gateway)).toMatchObject({ errcode: 45009 });
      await until(
        async () => (await metric(other, /wecom_gates_shut\{api="living\/create",reason="closed"\} (\d+)/)) === 1,
      );

      expect(await create(other)).toMatchObject({ __typename: "LivingRateLimitError", retryAfterSeconds: 60 });
      expect(sent(gateway, "living/create")).toBe(1);
      clock.now += 60_100;
      expect(await create(other)).toMatchObject({ __typename: "CreateLivingSuccess" });
    },
  );
});

describeWithRedis("45009, without the store", () => {
  it("is tried by one call all the same", async () => {
    await using redis = await TestRedis.start();
    await using timed = await startTimed({
      env: { REDIS_URL: redis.url },
      simulator: { rateLimits: { perCorpPerMinute: 5 }, latencyMs: 100 },
    });
    const { gateway, clock } = timed;
    const readSome = (count: number) =>
      Promise.all(Array.from({ length: count }, () => gateway.run(livingidsQuery, { anchorUserid: "other" })));
    await readSome(10);
    await redis.stop();
    gateway.simulator.forgetRequests();

    clock.now += 61_000;
    await readSome(10);

    expect(sent(gateway, "living/get_user_all_livingid")).toBe(1);
  });
});

describe("45033", () => {
  it("lowers how many are sent at once, until hardly any is refused, and time raises it again", async () => {
    await using timed = await startTimed({
      // Long enough for a busy machine to send more than three meanwhile.
      simulator: { latencyMs: 150, maxConcurrentPerApi: 3 },
      env: { WECOM_MAX_IN_FLIGHT: "12" },
    });
    const { gateway, clock } = timed;
    const refusedOf = () => gateway.simulator.requests.filter(({ errcode }) => errcode === 45033).length;

    const first = await createMany(gateway, 60);
    expect(first.filter((result) => "errcode" in result && result.errcode === 45033).length).toBe(refusedOf());
    // Twelve at once, then six, then three.
    expect(refusedOf()).toBeLessThanOrEqual(24);
    gateway.simulator.forgetRequests();
    await createMany(gateway, 20);
    expect(refusedOf()).toBe(0);

    clock.now += 1000;
    await create(gateway);
    clock.now += 1000;
    await create(gateway);
    await createMany(gateway, 20);
    expect(refusedOf()).toBeGreaterThan(0);
  });
});

describe("A WeCom that nobody answers at", () => {
  const unavailable = { __typename: "LivingUnavailableError", retryable: true };

  it("is not asked any more after five failures, then by one call, which finds it back", async () => {
    const closed = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => closed.once("listening", resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    const clock = { now: Date.now() };
    await using gateway = await startGateway({
      upstreamUrl: `http://127.0.0.1:${port}`,
      now: () => clock.now,
      env: { WECOM_CORP_ID: "", WECOM_CORP_SECRET: "", WECOM_ACCESS_TOKEN: "CANARY-token" },
    });
    for (let round = 0; round < 5; round += 1) expect(await create(gateway)).toMatchObject(unavailable);
    await using back = await startSimulator({ port, fixedTokens: ["CANARY-token"] });

    const refused = await createMany(gateway, 10);
    for (const result of refused) expect(result).toMatchObject({ ...unavailable, retryAfterSeconds: 1 });
    expect((await gateway.run(livingidsQuery, { anchorUserid: "other" })).errors).toHaveLength(1);
    expect(back.requests).toEqual([]);

    clock.now += 1000;
    expect(named(await createMany(gateway, 10), "CreateLivingSuccess")).toHaveLength(1);
    expect(back.requests).toHaveLength(1);
    expect(named(await createMany(gateway, 10), "CreateLivingSuccess")).toHaveLength(10);
  });

  it("hangs for one API: that one is not called any more, the others are", async () => {
    await using timed = await startTimed({ env: { WECOM_TIMEOUT_MS: "1000" } });
    const { gateway, clock } = timed;
    gateway.simulator.faults.inject({ kind: "hang", api: "living/create", times: 6 });
    expect(named(await createMany(gateway, 5), "LivingOutcomeUnknownError")).toHaveLength(5);

    for (const result of await createMany(gateway, 10)) expect(result).toMatchObject(unavailable);
    expect(sent(gateway, "living/create")).toBe(5);
    expect((await gateway.run(livingidsQuery, { anchorUserid: "other" })).errors).toEqual([]);

    // The one that tries finds it still hanging.
    clock.now += 750;
    expect(named(await createMany(gateway, 10), "LivingUnavailableError")).toHaveLength(9);
    clock.now += 749;
    expect(await create(gateway)).toMatchObject({ ...unavailable, retryAfterSeconds: 1 });
    clock.now += 1;
    expect(await create(gateway)).toMatchObject({ __typename: "CreateLivingSuccess" });
    expect(named(await createMany(gateway, 10), "CreateLivingSuccess")).toHaveLength(10);
  });

  it("hangs before there is a connection: no API is blamed for what was not sent", async () => {
    // To TLS it says nothing.
    const silent = createServer((socket) => socket.on("error", () => undefined).resume()).listen(0, "127.0.0.1");
    await new Promise((resolve) => silent.once("listening", resolve));
    const gateway = await startGateway({
      upstreamUrl: `https://127.0.0.1:${(silent.address() as AddressInfo).port}`,
      env: { WECOM_CORP_ID: "", WECOM_CORP_SECRET: "", WECOM_ACCESS_TOKEN: "CANARY-token" },
    });
    for (let round = 0; round < 6; round += 1)
      expect(await create(gateway, { [patience]: "50" })).toMatchObject(unavailable);

    expect(await metric(gateway, /wecom_gates_shut\{api="living\/create",reason="unreachable"\} (\d+)/)).toBe(0);
    await gateway.close();
    silent.close();
  });

  it("is not given up because clients are impatient", async () => {
    await using timed = await startTimed({ env: { WECOM_TIMEOUT_MS: "5000" } });
    const { gateway } = timed;
    gateway.simulator.faults.inject({ kind: "hang", api: "living/create", times: 8 });
    await Promise.all(Array.from({ length: 8 }, () => create(gateway, { [patience]: "1500" })));
    expect(sent(gateway, "living/create")).toBe(8);

    expect(await create(gateway)).toMatchObject({ __typename: "CreateLivingSuccess" });
  });
});

describe("More calls than WeCom allows", () => {
  const callLimits = {
    perCorpAndMinute: 20,
    perCorpAndHour: 30,
    perAddressAndMinute: 1000,
    perAddressAndHour: 1000,
  };

  it("in a minute or an hour are not sent, and the error says when to retry", async () => {
    await using timed = await startTimed({ callLimits });
    const { gateway, clock } = timed;

    const refused = named(await createMany(gateway, 25), "LivingRateLimitError");
    expect(sent(gateway, "living/create")).toBe(20);
    expect(refused).toHaveLength(5);
    for (const error of refused) expect(error).toMatchObject({ retryable: true, retryAfterSeconds: 65 });
    expect((await gateway.run(livingidsQuery, { anchorUserid: "other" })).errors).toEqual([]);

    clock.now += 64_000;
    expect(await create(gateway)).toMatchObject({ retryAfterSeconds: 1 });
    clock.now += 1000;
    await createMany(gateway, 25);
    expect(sent(gateway, "living/create")).toBe(30);
    expect(await create(gateway)).toMatchObject({ retryAfterSeconds: 65 * 60 - 65 });
    clock.now += 65 * 60_000;
    expect(await create(gateway)).toMatchObject({ __typename: "CreateLivingSuccess" });
  });

  it("are not sent, whatever waits: eight clients over and over, two calls in flight, forty a minute", async () => {
    await using gateway = await startGateway({
      env: { WECOM_MAX_IN_FLIGHT: "2", WECOM_CALLS_PER_MINUTE: "40" },
      simulator: { latencyMs: 5 },
    });
    const client = async () => {
      for (let index = 0; index < 30; index += 1) await create(gateway);
    };
    await Promise.all(Array.from({ length: 8 }, client));

    expect(sent(gateway, "living/create")).toBe(40);
  });

  it("from one address are not sent, and each corp leaves as many free as it has used", async () => {
    await using timed = await startTimed({ callLimits: { ...callLimits, perAddressAndMinute: 14 } });
    const { gateway } = timed;

    await createMany(gateway, 20);
    expect(sent(gateway, "living/create")).toBe(7);
  });

  it("are counted over all replicas", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "gates-"));
    const { gateway: first, clock } = await startTimed({ callLimits, env: { DATA_DIR: dataDir } });
    const second = await startGateway({
      ...{ callLimits, now: () => clock.now },
      env: { DATA_DIR: dataDir },
      upstreamUrl: first.simulator.url,
    });
    await createMany(first, 20);

    let own = 0;
    while ((await create(second)).__typename !== "LivingRateLimitError") {
      own += 1;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    expect(own).toBeLessThan(20);

    await second.close();
    await first.close();
    await rm(dataDir, { recursive: true });
  });
});
