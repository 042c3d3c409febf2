// WeCom's events as subscriptions: what both ways of subscribing promise.
import { describe, expect, it } from "@jest/globals";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeWithRedis, TestRedis } from "../support/redis.js";
import { Replica } from "../support/replica.js";
import { corpid, type Gateway, type GatewayOptions, startGateway } from "../support/gateway.js";
import { booking } from "../support/inputs.js";
import { jwtEnv, startIssuer } from "../support/issuer.js";
import {
  callbackEnv,
  type Connect,
  next,
  openSubscriptions,
  overEventStream,
  overWebSocket,
  type RawSocket,
  rawSocket,
  statusChanges,
  subscribeAtWecom,
  tell,
  tellAll,
  untilOpen,
} from "../support/subscribers.js";

const start = (env: Record<string, string> = {}, options: GatewayOptions = {}): Promise<Gateway> =>
  startGateway({ ...options, env: { ...callbackEnv, ...env } });

const routerSecret = "CANARY-router-secret-of-32-bytes-and-more";
const routerEnv = { NODE_ENV: "production", AUTH_MODE: "router", ROUTER_SECRET: routerSecret };
const asReader = { "router-authorization": routerSecret, "x-wecom-scopes": "living:read" };

const ways: [string, Connect][] = [
  ["a WebSocket", overWebSocket],
  ["an event stream", overEventStream],
];

describe.each(ways)("Subscribed over %s", (_way, connect) => {
  it("a living's status changes arrive as they happen, from WeCom's own callbacks", async () => {
    await using gateway = await start();
    subscribeAtWecom(gateway);
    await using subscriber = connect(gateway);
    const changes = subscriber.run({ query: statusChanges });
    await untilOpen(gateway, 1);

    const { livings } = gateway.simulator;
    const since = Math.floor(gateway.simulator.clock.nowMs() / 1000);
    const { livingid } = livings.reserve({ corpid, agentid: 1000014 }, booking);
    const reserved = await next(changes);
    livings.start(livingid);
    const started = await next(changes);
    livings.end(livingid);
    const ended = await next(changes);

    const told = [reserved, started, ended].map(({ data }) => data.livingStatusChanged);
    expect(told.map(({ status }) => status)).toEqual(["RESERVED", "LIVE", "ENDED"]);
    expect(told[0]).toMatchObject({ livingid, anchor: { userid: "zhangsan" } });
    expect(told[0].changedAt).toBeGreaterThanOrEqual(since);
    expect(told[2].changedAt).toBeLessThanOrEqual(Math.floor(gateway.simulator.clock.nowMs() / 1000));
  });

  it("the living is read again for each event, and only if more than its livingid is requested", async () => {
    await using gateway = await start();
    await using subscriber = connect(gateway);
    const { livingid } = gateway.simulator.livings.reserve({ corpid, agentid: 1000014 }, booking);
    const cheap = subscriber.run({ query: "subscription { livingStatusChanged { living { livingid } } }" });
    await untilOpen(gateway, 1);
    await tell(gateway, { LivingId: livingid, Status: 0 });
    expect(await next(cheap)).toEqual({ data: { livingStatusChanged: { living: { livingid } } } });
    expect(gateway.simulator.requestsTo("living/get_living_info")).toHaveLength(0);

    const dear = subscriber.run({ query: "subscription { livingStatusChanged { living { status } } }" });
    await untilOpen(gateway, 2);
    gateway.simulator.livings.start(livingid);
    await tell(gateway, { LivingId: livingid, Status: 1 });
    expect(await next(dear)).toEqual({ data: { livingStatusChanged: { living: { status: "LIVE" } } } });
    gateway.simulator.livings.end(livingid);
    await tell(gateway, { LivingId: livingid, Status: 2 });
    expect(await next(dear)).toEqual({ data: { livingStatusChanged: { living: { status: "ENDED" } } } });
    expect(gateway.simulator.requestsTo("living/get_living_info")).toHaveLength(2);
  });

  it("a living that cannot be read is null, with a coded error, and the subscription goes on", async () => {
    await using gateway = await start();
    await using subscriber = connect(gateway);
    const changes = subscriber.run({ query: "subscription { livingStatusChanged { livingid living { theme } } }" });
    await untilOpen(gateway, 1);

    await tell(gateway, { LivingId: "nobody's", Status: 1 });
    const { data, errors } = await next(changes);
    expect(data).toEqual({ livingStatusChanged: { livingid: "nobody's", living: null } });
    expect(errors).toMatchObject([
      { path: ["livingStatusChanged", "living"], extensions: { errcode: expect.any(Number) } },
    ]);
    await tell(gateway, { LivingId: "another", Status: 1 });
    expect((await next(changes)).data.livingStatusChanged.livingid).toBe("another");
  });

  it("only events that match the filter arrive: a living's, an anchor's, never another corp's", async () => {
    await using gateway = await start();
    await using subscriber = connect(gateway);
    const ofLiving = subscriber.run({ query: statusChanges, variables: { livingid: "two" } });
    const ofAnchor = subscriber.run({ query: statusChanges, variables: { anchorUserid: "LiSi" } });
    const ofBoth = subscriber.run({ query: statusChanges, variables: { livingid: "two", anchorUserid: "lisi" } });
    const ofAll = subscriber.run({ query: statusChanges });
    await untilOpen(gateway, 4);

    await tell(gateway, { LivingId: "two", Status: 1, ToUserName: "wwother", FromUserName: "lisi" });
    await tell(gateway, { LivingId: "one", Status: 1 });
    await tell(gateway, { LivingId: "two", Status: 1 });
    await tell(gateway, { LivingId: "three", Status: 1, FromUserName: "lisi" });
    await tell(gateway, { LivingId: "two", Status: 2, FromUserName: "lisi" });

    const take = async (changes: typeof ofAll, count: number) => {
      const told: string[] = [];
      while (told.length < count) {
        const { livingid, status } = (await next(changes)).data.livingStatusChanged;
        told.push(`${livingid} ${status}`);
      }
      return told;
    };
    expect(await take(ofAll, 4)).toEqual(["one LIVE", "two LIVE", "three LIVE", "two ENDED"]);
    expect(await take(ofLiving, 2)).toEqual(["two LIVE", "two ENDED"]);
    expect(await take(ofAnchor, 2)).toEqual(["three LIVE", "two ENDED"]);
    expect(await take(ofBoth, 1)).toEqual(["two ENDED"]);
  });

  it("a client that leaves leaves nothing behind", async () => {
    await using gateway = await start();
    {
      await using subscriber = connect(gateway);
      const changes = subscriber.run({ query: statusChanges });
      void subscriber.run({ query: statusChanges });
      await untilOpen(gateway, 2);
      await changes.return?.();
      await untilOpen(gateway, 1);
    }
    await untilOpen(gateway, 0);
  });

  it("ends when the gateway drains, at once and so that clients connect again", async () => {
    const gateway = await start();
    await using subscriber = connect(gateway);
    const changes = subscriber.run({ query: statusChanges });
    await untilOpen(gateway, 1);
    const ended = expect(changes.next()).rejects.toBeDefined();
    const closed = gateway.close({ acceptForMs: 1500 });
    await ended;
    // It still answers whoever asks.
    expect(await gateway.fetch("/health/ready")).toMatchObject({ status: 503 });
    await closed;
  });
});

describe.each(ways)("Events over %s", (_way, connect) => {
  it("a status that is not known is null, and logged once", async () => {
    await using gateway = await start();
    await using subscriber = connect(gateway);
    const changes = subscriber.run({ query: statusChanges });
    await untilOpen(gateway, 1);

    for (const LivingId of ["one", "two"]) {
      await tell(gateway, { LivingId, Status: 9 });
      expect((await next(changes)).data.livingStatusChanged).toMatchObject({ livingid: LivingId, status: null });
    }
    await tell(gateway, { LivingId: "one", Status: 3, CreateTime: 1_700_000_001 });
    expect((await next(changes)).data.livingStatusChanged).toMatchObject({ status: "EXPIRED" });
    expect(gateway.logs.filter(({ code }) => code === 9)).toHaveLength(1);
  });

  it("an event older than the last one of the same living is dropped", async () => {
    await using gateway = await start();
    await using subscriber = connect(gateway);
    const changes = subscriber.run({ query: statusChanges });
    await untilOpen(gateway, 1);

    await tell(gateway, { LivingId: "one", Status: 2, CreateTime: 1_700_000_100 });
    // WeCom sends again what was not answered in time.
    await tell(gateway, { LivingId: "one", Status: 1, CreateTime: 1_700_000_050 });
    await tell(gateway, { LivingId: "two", Status: 1, CreateTime: 1_700_000_000 });

    const told = [await next(changes), await next(changes)].map(({ data }) => data.livingStatusChanged);
    expect(told.map(({ livingid, status }) => [livingid, status])).toEqual([
      ["one", "ENDED"],
      ["two", "LIVE"],
    ]);
  });

  it("a burst of a thousand events reaches a reader whole, and in order", async () => {
    await using gateway = await start();
    await using subscriber = connect(gateway);
    const changes = subscriber.run({ query: "subscription { livingStatusChanged { livingid } }" });
    await untilOpen(gateway, 1);
    const heard: string[] = [];
    const reading = (async () => {
      while (heard.length < 1000) heard.push((await next(changes)).data.livingStatusChanged.livingid);
    })();
    await tellAll(
      gateway,
      Array.from({ length: 1000 }, (_, index) => ({ LivingId: `l${index}`, Status: 1 })),
    );
    await reading;
    expect(new Set(heard).size).toBe(1000);

    for (let index = 0; index < 20; index += 1) await tell(gateway, { LivingId: `m${index}`, Status: 1 });
    for (let index = 0; index < 20; index += 1) {
      expect((await next(changes)).data.livingStatusChanged.livingid).toBe(`m${index}`);
    }
  }, 60_000);

  it("events that have to be read at WeCom wait for each other, and stay in order", async () => {
    await using gateway = await start();
    await using subscriber = connect(gateway);
    const changes = subscriber.run({ query: "subscription { livingStatusChanged { livingid living { theme } } }" });
    await untilOpen(gateway, 1);
    // The first takes longest.
    gateway.simulator.faults.inject({ api: "living/get_living_info", kind: "delay", delayMs: 500, times: 1 });
    for (let index = 0; index < 150; index += 1) await tell(gateway, { LivingId: `l${index}`, Status: 1 });
    for (let index = 0; index < 150; index += 1) {
      expect((await next(changes)).data.livingStatusChanged.livingid).toBe(`l${index}`);
    }
  });
});

describe.each(ways)("Requested over %s", (_way, connect) => {
  it("no events arrive without the scope living:read, or for a corp that is not served", async () => {
    await using gateway = await start(routerEnv);
    const refusedFor = async (headers: Record<string, string>) => {
      await using subscriber = connect(gateway, headers);
      const outcome = await next(subscriber.run({ query: statusChanges })).catch((error: unknown) => ({
        errors: error,
      }));
      return outcome.errors;
    };
    expect(await refusedFor({ ...asReader, "x-wecom-scopes": "living:write living:admin" })).toMatchObject([
      { message: "This needs the scope living:read", extensions: { code: "FORBIDDEN" } },
    ]);
    expect(await refusedFor({ ...asReader, "x-wecom-corpid": "wwother" })).toMatchObject([
      { extensions: { code: "LIVING_CONFIGURATION" } },
    ]);
    expect(await openSubscriptions(gateway)).toBe(0);
  });

  it("a subscription is refused where no callback can come in", async () => {
    await using gateway = await startGateway();
    await using subscriber = connect(gateway);
    const outcome = await next(subscriber.run({ query: statusChanges })).catch((error: unknown) => ({ errors: error }));
    expect(outcome.errors).toMatchObject([
      { message: expect.stringContaining("WECOM_CALLBACK_TOKEN"), extensions: { code: "LIVING_CONFIGURATION" } },
    ]);
  });

  it("what a document may be is bounded as it is for any other request", async () => {
    await using gateway = await start({ LIMIT_ALIASES: "1", INTROSPECTION: "off" });
    await using subscriber = connect(gateway);
    const refused = async (query: string) => {
      const outcome = await next(subscriber.run({ query })).catch((error: unknown) => ({ errors: error }));
      return outcome.errors;
    };
    const two = "subscription { livingStatusChanged { a: livingid b: livingid } }";
    expect(await refused(two)).toMatchObject([{ extensions: { code: "OPERATION_LIMIT_EXCEEDED", limit: "aliases" } }]);
    expect(await refused("subscription { livingStatusChangedd { livingid } }")).toMatchObject([
      { message: expect.not.stringContaining("Did you mean"), extensions: { code: "GRAPHQL_VALIDATION_FAILED" } },
    ]);
    expect(await refused("{ __schema { queryType { name } } }")).toMatchObject([
      { message: "Introspection is switched off here" },
    ]);
    expect(await refused("subscription {")).toMatchObject([{ extensions: { code: "GRAPHQL_PARSE_FAILED" } }]);
    expect(await openSubscriptions(gateway)).toBe(0);
  });

  it("only trusted documents run, by their text or their id", async () => {
    const folder = await mkdtemp(join(tmpdir(), "manifest-"));
    const path = join(folder, "manifest.json");
    const operations = [{ id: "changes", name: "Changes", type: "subscription", body: statusChanges }];
    await writeFile(path, JSON.stringify({ format: "apollo-persisted-query-manifest", version: 1, operations }));
    await using gateway = await start({ TRUSTED_DOCUMENTS: path });
    await using subscriber = connect(gateway);
    const byText = subscriber.run({ query: statusChanges });
    const byId = subscriber.run({ extensions: { persistedQuery: { version: 1, sha256Hash: "changes" } } });
    await untilOpen(gateway, 2);
    await tell(gateway, { LivingId: "one", Status: 1 });
    for (const changes of [byText, byId]) expect((await next(changes)).data.livingStatusChanged.livingid).toBe("one");

    const other = "subscription { livingStatusChanged { livingid } }";
    const outcome = await next(subscriber.run({ query: other })).catch((error: unknown) => ({ errors: error }));
    expect(outcome.errors).toMatchObject([{ extensions: { code: "QUERY_NOT_IN_SAFELIST" } }]);
    await rm(folder, { recursive: true });
  });

  it("queries and mutations are answered as well, one context for each", async () => {
    await using gateway = await start();
    await using subscriber = connect(gateway);
    const input = { anchorUserid: "zhangsan", theme: "theme", livingStart: 4_102_444_800, livingDuration: 3600 };
    const create = `mutation ($input: LivingInput!) {
      createLiving(input: $input) { ... on CreateLivingSuccess { livingid living { theme } } } }`;
    const { data } = await next(subscriber.run({ query: create, variables: { input } }));
    expect(data.createLiving.living).toEqual({ theme: "theme" });
    const { livingid } = data.createLiving;
    const read = { query: `{ living(livingid: "${livingid}") { theme } }` };
    for (const theme of ["first", "second"]) {
      // Each takes effect: neither what is kept of the living is to answer, nor what an earlier operation read.
      const modify = `mutation { modifyLiving(livingid: "${livingid}", input: { theme: "${theme}" }) { __typename } }`;
      expect((await next(subscriber.run({ query: modify }))).data.modifyLiving.__typename).toBe("ModifyLivingSuccess");
      expect(await next(subscriber.run(read))).toEqual({ data: { living: { theme } } });
    }
    expect(gateway.simulator.requestsTo("living/get_living_info").length).toBeGreaterThanOrEqual(3);
  });
});

async function expectToHearEachOther(env: Record<string, string>): Promise<void> {
  await using one = await start(env);
  await using other = await start(env);
  await using subscriber = overWebSocket(one);
  await using second = overEventStream(one);
  const heard = [subscriber.run({ query: statusChanges }), second.run({ query: statusChanges })];
  await untilOpen(one, 2);

  await tell(other, { LivingId: "told-elsewhere", Status: 1 });

  for (const changes of heard) expect((await next(changes)).data.livingStatusChanged.livingid).toBe("told-elsewhere");
}

describe("An event that WeCom sent to one replica", () => {
  it("reaches who has subscribed at another, through the embedded store", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "replicas-"));
    await expectToHearEachOther({ DATA_DIR: dataDir });
    await rm(dataDir, { recursive: true });
  });
});

describeWithRedis("An event that WeCom sent to one replica, with Redis", () => {
  it("reaches who has subscribed at another", async () => {
    await using redis = await TestRedis.start();
    await expectToHearEachOther({ REDIS_URL: redis.url });
  });

  it("may have been missed while Redis was away: who waits is ended with an error that says so", async () => {
    await using redis = await TestRedis.start();
    await using gateway = await start({ REDIS_URL: redis.url });
    await using streams = overEventStream(gateway);
    await using sockets = overWebSocket(gateway);
    const waiting = [streams.run({ query: statusChanges }), sockets.run({ query: statusChanges })];
    const outcomes = waiting.map((changes) =>
      next(changes).then(
        ({ errors }) => errors,
        (errors: unknown) => errors,
      ),
    );
    await untilOpen(gateway, 2);
    await redis.stop();
    for (const outcome of outcomes) {
      expect(await outcome).toMatchObject([
        { message: expect.stringContaining("missed"), extensions: { code: "EVENTS_MISSED", retryable: true } },
      ]);
    }
    await untilOpen(gateway, 0);
    // Although the channel was heard before.
    for (const subscriber of [streams, sockets]) {
      const refused = await next(subscriber.run({ query: statusChanges })).then(
        ({ errors }) => errors,
        (errors: unknown) => errors,
      );
      expect(refused).toMatchObject([{ extensions: { code: "EVENTS_UNAVAILABLE" } }]);
    }
    await redis.restart();
    for (;;) {
      const changes = sockets.run({ query: statusChanges });
      const first = changes.next().catch(() => "refused" as const);
      const opened = untilOpen(gateway, 1).then(() => "open" as const);
      if ((await Promise.race([first, opened])) !== "open") continue;
      await tell(gateway, { LivingId: "after", Status: 1 });
      expect(await first).toMatchObject({ value: { data: { livingStatusChanged: { livingid: "after" } } } });
      break;
    }
  }, 60_000);

  it("cannot be waited for while Redis is away, which is said", async () => {
    await using redis = await TestRedis.start();
    await using gateway = await start({ REDIS_URL: redis.url });
    await using subscriber = overEventStream(gateway);
    await redis.stop();
    expect((await next(subscriber.run({ query: statusChanges }))).errors).toMatchObject([
      { message: "Events cannot be received right now", extensions: { code: "EVENTS_UNAVAILABLE", retryable: true } },
    ]);
    await redis.restart();
    // The client of Redis tries again with pauses.
    for (;;) {
      const first = subscriber.run({ query: statusChanges }).next();
      const opened = untilOpen(gateway, 1).then(() => "open" as const);
      if ((await Promise.race([first, opened])) === "open") break;
    }
  }, 60_000);
});

describe("Subscribers who ask for the same with the same rights", () => {
  const asking = (gateway: Gateway, headers: Record<string, string> = {}) => rawSocket(gateway, { headers });
  const subscribe = (id: string, query: string) => ({ id, type: "subscribe", payload: { query } });
  const withStatus = "subscription { livingStatusChanged { living { status } } }";

  it("cost one read of WeCom for each event, however many they are and over whatever transport", async () => {
    await using gateway = await start({ LIMIT_OPERATIONS_PER_SOCKET: "200" });
    await using socket = await asking(gateway);
    await using other = await asking(gateway);
    await using stream = overEventStream(gateway);
    const { livingid } = gateway.simulator.livings.reserve({ corpid, agentid: 1000014 }, booking);
    for (let id = 0; id < 200; id += 1) {
      socket.send(subscribe(`${id}`, withStatus));
      other.send(subscribe(`other-${id}`, withStatus));
    }
    const streamed = stream.run({ query: withStatus });
    const first = streamed.next();
    await untilOpen(gateway, 401);
    for (const [status, of] of ["RESERVED", "LIVE"].entries()) {
      if (of === "LIVE") gateway.simulator.livings.start(livingid);
      await tell(gateway, { LivingId: livingid, Status: status });
      const payload = { data: { livingStatusChanged: { living: { status: of } } } };
      for (let id = 0; id < 200; id += 1) {
        expect(await socket.next()).toEqual({ id: `${id}`, type: "next", payload });
        expect(await other.next()).toEqual({ id: `other-${id}`, type: "next", payload });
      }
      expect((await (status === 0 ? first : streamed.next())).value).toEqual(payload);
      expect(gateway.simulator.requestsTo("living/get_living_info")).toHaveLength(status + 1);
    }
  });

  it("share nothing with those who have other rights, or are somebody else where that matters", async () => {
    await using gateway = await start(routerEnv);
    const scopes = (more: string) => ({ ...asReader, "x-wecom-scopes": `living:read ${more}` });
    const anchor = { ...scopes("living:push"), "x-wecom-userid": "zhangsan" };
    const somebody = { ...scopes("living:push"), "x-wecom-userid": "lisi" };
    const query = "subscription { livingStatusChanged { livingid living { pushStreamUrl } } }";
    const callers = [scopes(""), somebody, anchor, somebody, scopes("living:push living:admin"), anchor];
    const { livingid } = gateway.simulator.livings.reserve({ corpid, agentid: 1000014 }, { ...booking, type: 4 });
    const sockets: RawSocket[] = [];
    for (const headers of callers) {
      const socket = await asking(gateway, headers);
      socket.send(subscribe("1", query));
      await untilOpen(gateway, sockets.push(socket));
    }
    for (let round = 0; round < 2; round += 1) {
      await tell(gateway, { LivingId: livingid, Status: round });
      const seen = [];
      for (const socket of sockets) {
        const { payload } = await socket.next();
        const url: unknown = payload.data.livingStatusChanged.living.pushStreamUrl;
        seen.push(typeof url === "string" ? "url" : payload.errors[0].extensions.code);
      }
      expect(seen).toEqual(["FORBIDDEN", "FORBIDDEN", "url", "FORBIDDEN", "url", "url"]);
    }
    for (const socket of sockets) await socket[Symbol.asyncDispose]();
  });

  it("share the quota: each call counts against one of them, in rotation", async () => {
    await using gateway = await start({ ...routerEnv, LIMIT_CALLS_PER_MINUTE: "2" });
    const query = "subscription { livingStatusChanged { livingid living { theme } } }";
    const sockets: RawSocket[] = [];
    for (const userid of ["zhangsan", "lisi"]) {
      const socket = await asking(gateway, { ...asReader, "x-wecom-userid": userid });
      socket.send(subscribe("1", query));
      sockets.push(socket);
    }
    await untilOpen(gateway, 2);
    const codes = [];
    for (let index = 0; index < 5; index += 1) {
      await tell(gateway, { LivingId: `l${index}`, Status: 1 });
      const [one, other] = [await sockets[0]!.next(), await sockets[1]!.next()];
      expect(one).toEqual(other);
      codes.push(one.payload.errors[0].extensions.code);
    }
    // WeCom knows none of these livings; it was asked twice for each of the two.
    expect(gateway.simulator.requestsTo("living/get_living_info")).toHaveLength(4);
    expect(codes[4]).toBe("LIVING_RATE_LIMIT");
    for (const socket of sockets) await socket[Symbol.asyncDispose]();
  });

  it("get only events from after they subscribed", async () => {
    await using gateway = await start();
    await using early = await asking(gateway);
    await using late = await asking(gateway);
    const query = "subscription { livingStatusChanged { livingid living { theme } } }";
    early.send(subscribe("1", query));
    await untilOpen(gateway, 1);
    gateway.simulator.faults.inject({ api: "living/get_living_info", kind: "delay", delayMs: 300, times: 1 });
    await tell(gateway, { LivingId: "one", Status: 1 });
    late.send(subscribe("1", query));
    await untilOpen(gateway, 2);
    await tell(gateway, { LivingId: "two", Status: 1 });
    const told = async (socket: RawSocket) => (await socket.next()).payload.data.livingStatusChanged.livingid as string;
    expect([await told(early), await told(early), await told(late)]).toEqual(["one", "two", "two"]);
  });
});

describe("As it starts without settings", () => {
  it("the simulator pushes by itself, and plain fetch is enough to receive events", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "demo-"));
    await using gateway = await Replica.start({ DATA_DIR: dataDir });
    const post = (query: string, headers: Record<string, string> = {}) =>
      fetch(`${gateway.url}/graphql`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: JSON.stringify({ query }),
      });
    const stream = await post("subscription { livingStatusChanged { status } }", { accept: "text/event-stream" });
    await post(`mutation { createLiving(input: {
      anchorUserid: "zhangsan", theme: "theme", livingStart: 1600000000, livingDuration: 60 }) { __typename } }`);
    let text = "";
    const decoder = new TextDecoder();
    for await (const chunk of stream.body!) {
      text += decoder.decode(chunk);
      if (text.includes("}}\n\n")) break;
    }
    expect(stream.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    expect(text).toBe(':\n\nevent: next\ndata: {"data":{"livingStatusChanged":{"status":"RESERVED"}}}\n\n');
    await gateway.kill();
    await rm(dataDir, { recursive: true });
  });
});

describe("Signed in by a token", () => {
  it.each<[string, Connect]>([
    ["a WebSocket", overWebSocket],
    ["an event stream", overEventStream],
  ])("%s is open until the token ends, although nothing happens on it", async (way, connect) => {
    await using issuer = await startIssuer();
    await using gateway = await start(jwtEnv(issuer));
    // 30 seconds of skew are granted: this one is good for less than five seconds more, enough to connect on a busy machine.
    const token = await issuer.sign({ corpid, exp: Math.floor(Date.now() / 1000) - 25 });
    await using subscriber = connect(gateway, { authorization: `Bearer ${token}` });
    const changes = subscriber.run({ query: statusChanges });
    const outcome = await changes.next().then(
      ({ value }) => value as { errors: unknown },
      (error: unknown) => error,
    );
    const expected =
      way === "a WebSocket"
        ? { code: 4403, reason: "The token has expired" }
        : { errors: [{ message: "The token has expired", extensions: { code: "UNAUTHENTICATED" } }] };
    expect(outcome).toMatchObject(expected);
    await untilOpen(gateway, 0);
  });
});
