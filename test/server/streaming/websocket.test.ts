// The door of subscriptions: who may connect, how they sign in, and what is refused before an operation is looked at.
import { describe, expect, it } from "@jest/globals";
import { once } from "node:events";
import { connect } from "node:net";
import { type CloseEvent, WebSocket } from "ws";
import { corpid, type Gateway, startGateway } from "../../support/gateway.js";
import { jwtEnv, startIssuer } from "../../support/issuer.js";
import {
  callbackEnv,
  next,
  openSubscriptions,
  overEventStream,
  overWebSocket,
  rawSocket,
  statusChanges,
  tell,
  tellAll,
  untilOpen,
  webSocketUrl,
} from "../../support/subscribers.js";

const protocol = "graphql-transport-ws";
const ask = { query: "{ __typename }" };

/** Opens one by hand: "open", or the status of the refusal. */
async function open(url: string, headers: Record<string, string> = {}, protocols: string | string[] = protocol) {
  const socket = new WebSocket(url, protocols, { headers });
  return await new Promise<{ socket: WebSocket; outcome: "open" | number }>((resolve, reject) => {
    socket.once("open", () => {
      resolve({ socket, outcome: "open" });
    });
    socket.once("unexpected-response", (_request, response) => {
      response.resume();
      resolve({ socket, outcome: response.statusCode ?? 0 });
    });
    socket.once("error", reject);
  });
}

const closed = async (socket: WebSocket): Promise<readonly [number, string]> => {
  const [code, reason] = (await once(socket, "close")) as [number, Buffer];
  return [code, reason.toString()];
};

/** What an operation over a WebSocket that must not be let in comes to. */
const refusal = (subscriber: ReturnType<typeof overWebSocket>) =>
  next(subscriber.run(ask)).then(
    () => "let in",
    (error: unknown) => {
      const { code, reason } = error as CloseEvent;
      return [code, reason];
    },
  );

describe("A page in a browser", () => {
  it.each<[string, Record<string, string>, (gateway: Gateway) => string, "open" | number]>([
    ["of this very host may connect", { NODE_ENV: "production", AUTH_MODE: "none" }, ({ url }) => url, "open"],
    [
      "of another may not, in production",
      { NODE_ENV: "production", AUTH_MODE: "none" },
      () => "https://evil.example",
      403,
    ],
    ["of no origin at all may not", { NODE_ENV: "production", AUTH_MODE: "none" }, () => "null", 403],
    ["of an origin that is allowed may", { CORS_ORIGINS: "https://app.example" }, () => "https://app.example", "open"],
    ["of one that is not may not", { CORS_ORIGINS: "https://app.example" }, () => "https://evil.example", 403],
  ])("%s", async (_what, env, origin, expected) => {
    await using gateway = await startGateway({ env });
    const { socket, outcome } = await open(webSocketUrl(gateway), { origin: origin(gateway) });
    expect(outcome).toBe(expected);
    socket.terminate();
  });
});

describe("A WebSocket", () => {
  it("is at /graphql only", async () => {
    await using gateway = await startGateway();
    expect((await open(webSocketUrl(gateway).replace("graphql", "elsewhere"))).outcome).toBe(404);
  });

  it("speaks graphql-transport-ws only", async () => {
    await using gateway = await startGateway();
    const socket = new WebSocket(webSocketUrl(gateway), { headers: {} });
    expect(await closed(socket)).toEqual([4406, "Subprotocol not acceptable"]);
  });

  it("is closed by what is no message, and by one that is longer than a body may be", async () => {
    await using gateway = await startGateway({ env: { LIMIT_BODY_BYTES: "1000" } });
    const first = (await open(webSocketUrl(gateway))).socket;
    first.send("hello");
    expect(await closed(first)).toEqual([4400, "Invalid message received"]);
    const second = (await open(webSocketUrl(gateway))).socket;
    second.send(JSON.stringify({ type: "ping", payload: { long: "a".repeat(1000) } }));
    expect((await closed(second))[0]).toBe(1009);
  });

  it("is closed by a message in more pieces than a client makes of it: each keeps what was read with it", async () => {
    await using gateway = await startGateway();
    const inPieces = async (count: number) => {
      const { socket } = await open(webSocketUrl(gateway));
      socket.send('{"type":', { fin: false });
      for (let piece = 2; piece < count; piece += 1) socket.send(" ", { fin: false });
      socket.send('"ping"}', { fin: true });
      const answer = await Promise.race([once(socket, "message").then(([text]) => String(text)), closed(socket)]);
      socket.terminate();
      return answer;
    };

    expect(await inPieces(40)).toBe('{"type":"pong"}');
    expect(await inPieces(50)).toEqual([1008, ""]);
  });

  it("answers nothing before it is begun", async () => {
    await using gateway = await startGateway();
    const { socket } = await open(webSocketUrl(gateway));
    socket.send(JSON.stringify({ id: "1", type: "subscribe", payload: ask }));
    expect(await closed(socket)).toEqual([4401, "Unauthorized"]);
  });

  it("takes fifty operations at once", async () => {
    await using gateway = await startGateway({ env: callbackEnv });
    await using subscriber = overWebSocket(gateway);
    for (let count = 0; count < 50; count += 1)
      void subscriber
        .run({ query: statusChanges })
        .next()
        .catch(() => undefined);
    await untilOpen(gateway, 50);
    await expect(next(subscriber.run({ query: statusChanges }))).rejects.toMatchObject([
      { extensions: { code: "OPERATION_LIMIT_EXCEEDED" } },
    ]);
    expect(await openSubscriptions(gateway)).toBe(50);
  });

  it("lets what runs be answered when the gateway drains, and is closed then", async () => {
    const gateway = await startGateway();
    let isClosed = false;
    await using subscriber = overWebSocket(gateway, {}, { closed: () => (isClosed = true) });
    gateway.simulator.faults.inject({ api: "living/get_user_all_livingid", kind: "delay", delayMs: 1000 });
    const answer = next(subscriber.run({ query: '{ livings(anchorUserid: "zhangsan") { nodes { livingid } } }' }));
    while (gateway.simulator.requestsTo("gettoken").length === 0)
      await new Promise((resolve) => setTimeout(resolve, 5));
    const drained = gateway.close({ acceptForMs: 0 });
    expect(await answer).toEqual({ data: { livings: { nodes: [] } } });
    await drained;
    expect(isClosed).toBe(true);
  });
});

describe("A WebSocket under load", () => {
  it("is refused with 503, as an event stream is, when too many are open", async () => {
    await using gateway = await startGateway({ env: { ...callbackEnv, LIMIT_CONNECTIONS: "2" } });
    await using stream = overEventStream(gateway);
    void stream.run({ query: statusChanges }).next();
    await untilOpen(gateway, 1);
    const { socket } = await rawSocket(gateway);
    expect((await open(webSocketUrl(gateway))).outcome).toBe(503);
    const refused = await gateway.fetch("/graphql", {
      method: "POST",
      headers: { "content-type": "application/json", accept: "text/event-stream" },
      body: JSON.stringify(ask),
    });
    expect(refused).toMatchObject({ status: 503, text: expect.stringContaining("Too many connections") });
    socket.close();
    await once(socket, "close");
    let again = await open(webSocketUrl(gateway));
    while (again.outcome === 503) again = await open(webSocketUrl(gateway));
    expect(again.outcome).toBe("open");
    again.socket.terminate();
  });

  it("is cut when its client asks, and lets megabytes of answers lie", async () => {
    await using gateway = await startGateway();
    const { socket } = await open(webSocketUrl(gateway));
    const end = closed(socket);
    socket.pause();
    const ping = JSON.stringify({ type: "ping", payload: { long: "a".repeat(90_000) } });
    for (let count = 0; count < 1000 && socket.readyState === socket.OPEN; count += 1) {
      await new Promise((resolve) => {
        socket.send(ping, resolve);
      });
    }
    socket.resume();
    expect((await end)[0]).toBe(1006);
  });

  it("is cut when events for its client, who does not read, have come to megabytes", async () => {
    await using gateway = await startGateway({ env: callbackEnv });
    const { socket } = await open(webSocketUrl(gateway));
    socket.send(JSON.stringify({ type: "connection_init" }));
    await once(socket, "message");
    // 30 times some 50 kB for each event.
    const fields = Array.from({ length: 30 }, (_, index) => `a${index}: livingid`).join(" ");
    const query = `subscription { livingStatusChanged { ${fields} } }`;
    socket.send(JSON.stringify({ id: "1", type: "subscribe", payload: { query } }));
    await untilOpen(gateway, 1);
    socket.pause();
    for (let index = 0; (await openSubscriptions(gateway)) === 1; index += 1) {
      expect(index).toBeLessThan(200);
      await tell(gateway, { LivingId: `${index}-${"x".repeat(40_000)}`, Status: 1 });
    }
    socket.terminate();
  });

  it("is not cut when its client was slow for a while", async () => {
    await using gateway = await startGateway({ env: callbackEnv });
    await using raw = await rawSocket(gateway);
    raw.send({ id: "1", type: "subscribe", payload: { query: "subscription { livingStatusChanged { livingid } }" } });
    await untilOpen(gateway, 1);
    raw.socket.pause();
    const count = 300;
    await tellAll(
      gateway,
      Array.from({ length: count }, (_, index) => ({ LivingId: `l${index}`, Status: 1 })),
    );
    raw.socket.resume();
    for (let index = 0; index < count; index += 1) expect((await raw.next()).type).toBe("next");
  }, 60_000);
});

describe("A client that connects signs in", () => {
  it("with the headers of the request, or with connection_init where a browser cannot set any", async () => {
    await using issuer = await startIssuer();
    await using gateway = await startGateway({ env: jwtEnv(issuer) });
    const authorization = `Bearer ${await issuer.sign({ corpid })}`;
    for (const subscriber of [
      overWebSocket(gateway, { authorization }),
      overWebSocket(gateway, {}, { connectionParams: { Authorization: authorization } }),
      overWebSocket(gateway, {}, { connectionParams: { headers: { authorization } } }),
    ]) {
      expect(await next(subscriber.run(ask))).toEqual({ data: { __typename: "Query" } });
      await subscriber[Symbol.asyncDispose]();
    }
  });

  it("or is closed with 4403 and the reason", async () => {
    await using issuer = await startIssuer();
    await using gateway = await startGateway({ env: jwtEnv(issuer) });
    expect(await refusal(overWebSocket(gateway))).toEqual([4403, "A bearer token is needed"]);
    const old = await issuer.sign({ corpid, exp: Math.floor(Date.now() / 1000) - 60 });
    const authorization = `Bearer ${old}`;
    expect(await refusal(overWebSocket(gateway, { authorization }))).toEqual([4403, "The token has expired"]);
    expect(await refusal(overWebSocket(gateway, {}, { connectionParams: { authorization } }))).toEqual([
      4403,
      "The token has expired",
    ]);
  });

  it("or is asked to come later while no token can be verified", async () => {
    await using issuer = await startIssuer();
    issuer.behaviour = "fail";
    await using gateway = await startGateway({ env: jwtEnv(issuer) });
    const authorization = `Bearer ${await issuer.sign({ corpid })}`;
    expect(await refusal(overWebSocket(gateway, { authorization }))).toEqual([1013, "Tokens cannot be verified now"]);
  });

  it("and a client cannot add to what its router says of it", async () => {
    const secret = "CANARY-router-secret-of-32-bytes-and-more";
    const env = { ...callbackEnv, NODE_ENV: "production", AUTH_MODE: "router", ROUTER_SECRET: secret };
    await using gateway = await startGateway({ env });
    const fromRouter = { "router-authorization": secret, "x-wecom-scopes": "living:write" };
    await using passedOn = overWebSocket(gateway, fromRouter, {
      connectionParams: { "x-wecom-scopes": "living:read", headers: { "x-wecom-scopes": "living:read" } },
    });
    await expect(next(passedOn.run({ query: statusChanges }))).rejects.toMatchObject([
      { extensions: { code: "FORBIDDEN" } },
    ]);
    expect(
      await refusal(overWebSocket(gateway, {}, { connectionParams: { "x-wecom-scopes": "living:read" } })),
    ).toEqual([4403, "This subgraph answers its router only"]);
  });
});

describe("An event stream", () => {
  const get =
    (query: string, headers: Record<string, string> = {}) =>
    (gateway: Gateway) =>
      gateway.fetch(`/graphql?query=${encodeURIComponent(query)}`, {
        headers: { accept: "text/event-stream", ...headers },
      });
  const post = (query: string, headers: Record<string, string>) => (gateway: Gateway) =>
    gateway.fetch("/graphql", { method: "POST", headers, body: JSON.stringify({ query }) });
  const json = { "content-type": "application/json" };
  const mutation = 'mutation { cancelLiving(livingid: "L") { __typename } }';
  const subscription = "subscription { livingStatusChanged { livingid } }";
  const preflighted = { "apollo-require-preflight": "1" };

  it.each<[string, (gateway: Gateway) => ReturnType<Gateway["fetch"]>, number, string]>([
    ["is not for a page that was not asked first", get("{ __typename }"), 400, "cross-site request forgery"],
    [
      "is got by whoever says so",
      get("{ __typename }", preflighted),
      200,
      'event: next\ndata: {"data":{"__typename":"Query"}}',
    ],
    ["changes nothing by GET", get(mutation, preflighted), 200, "GET requests only support queries"],
    [
      "is not for a body that any page can send",
      post("{ __typename }", { "content-type": "text/plain", accept: "text/event-stream" }),
      400,
      "CSRF",
    ],
    [
      "is not for who would take JSON",
      post("{ __typename }", { ...json, accept: "text/event-stream, application/json" }),
      200,
      '{"data":{"__typename":"Query"}}',
    ],
    ["is what a subscription needs", post(subscription, json), 400, "accept: text/event-stream"],
    [
      "is what a subscription needs, by GET as well",
      get(subscription, { accept: "application/json", ...preflighted }),
      405,
      "GET requests only support query",
    ],
  ])("%s", async (_what, send, status, text) => {
    await using gateway = await startGateway({ env: callbackEnv });
    const answer = await send(gateway);
    expect(answer.text).toContain(text);
    expect(answer.status).toBe(status);
    expect(gateway.simulator.requestsTo("living/cancel")).toHaveLength(0);
  });

  it("is refused with 401 to clients that are not signed in", async () => {
    await using issuer = await startIssuer();
    await using gateway = await startGateway({ env: jwtEnv(issuer) });
    expect(await post("{ __typename }", { ...json, accept: "text/event-stream" })(gateway)).toMatchObject({
      status: 401,
    });
  });

  it("is no request whose time is measured", async () => {
    await using gateway = await startGateway({ env: callbackEnv });
    await post("{ __typename }", { ...json, accept: "text/event-stream" })(gateway);
    const { text } = await gateway.fetch("/metrics");
    expect(text).not.toContain('route="/graphql"');
  });
});

describe("A request that asks for a protocol that is not spoken here", () => {
  it("is answered as if it had not asked", async () => {
    await using gateway = await startGateway();
    const { port } = new URL(gateway.url);
    const body = JSON.stringify(ask);
    const socket = connect(Number(port), "127.0.0.1");
    const lines = [
      "POST /graphql HTTP/1.1",
      "host: 127.0.0.1",
      "connection: Upgrade, HTTP2-Settings",
      "upgrade: h2c",
      "http2-settings: AAMAAABkAAQCAAAAAAIAAAAA",
      "content-type: application/json",
      `content-length: ${body.length}`,
    ];
    socket.write(`${lines.join("\r\n")}\r\n\r\n${body}`);
    let answer = "";
    for await (const chunk of socket) {
      answer += String(chunk);
      if (answer.includes("}}")) break;
    }
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(answer).toContain('{"data":{"__typename":"Query"}}');
  });
});
