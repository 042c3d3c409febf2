// graphql-transport-ws, message by message, as its PROTOCOL.md has it; and what a connection owns.
import { describe, expect, it } from "@jest/globals";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { setTimeout } from "node:timers/promises";
import { corpid, type Gateway, startGateway } from "../../support/gateway.js";
import { type Issuer, jwtEnv, startIssuer } from "../../support/issuer.js";
import {
  callbackEnv,
  openSubscriptions,
  type RawSocket,
  rawSocket,
  tell,
  untilOpen,
} from "../../support/subscribers.js";

const start = (env: Record<string, string> = {}) => startGateway({ env: { ...callbackEnv, ...env } });
const init = { type: "connection_init" };
const subscribe = (id: string, query = "subscription { livingStatusChanged { livingid } }") => ({
  id,
  type: "subscribe",
  payload: { query },
});
const complete = (id: string) => ({ id, type: "complete" });
const changed = (id: string, livingid: string) => ({
  id,
  type: "next",
  payload: { data: { livingStatusChanged: { livingid } } },
});
const slowRead = '{ livings(anchorUserid: "zhangsan") { nodes { livingid } } }';
const slowDown = (gateway: Gateway, delayMs: number) => {
  gateway.simulator.faults.inject({ api: "living/get_user_all_livingid", kind: "delay", delayMs });
};
/** A ping is answered behind all that was sent before it. */
const untilHandled = async (socket: RawSocket) => {
  socket.send({ type: "ping", payload: { last: true } });
  const before: any[] = [];
  for (;;) {
    const message = await socket.next();
    if (message.type === "pong") return before;
    before.push(message);
  }
};

describe("A connection that begins", () => {
  it("is closed with 4401 by an operation before it is acknowledged", async () => {
    await using gateway = await start();
    await using socket = await rawSocket(gateway, { signsIn: false });
    socket.send(subscribe("1"));
    expect(await socket.closed).toEqual([4401, "Unauthorized"]);
  });

  it("is closed with 4401 by an operation while it is being signed in", async () => {
    await using issuer = await startIssuer();
    await using gateway = await start(jwtEnv(issuer));
    const authorization = `Bearer ${await issuer.sign({ corpid })}`;
    await using socket = await rawSocket(gateway, { signsIn: false, headers: { authorization } });
    socket.send(init, subscribe("1"));
    expect(await socket.closed).toEqual([4401, "Unauthorized"]);
  });

  it("is closed with 4429 by a second init", async () => {
    await using gateway = await start();
    await using socket = await rawSocket(gateway);
    socket.send(init);
    expect(await socket.closed).toEqual([4429, "Too many initialisation requests"]);
  });

  it("is closed with 4429 by a second init while the first is looked at", async () => {
    await using issuer = await startIssuer();
    await using gateway = await start(jwtEnv(issuer));
    const authorization = `Bearer ${await issuer.sign({ corpid })}`;
    await using socket = await rawSocket(gateway, { signsIn: false, headers: { authorization } });
    socket.send(init, init);
    expect(await socket.closed).toEqual([4429, "Too many initialisation requests"]);
  });

  it("is closed with 4408 when no init comes", async () => {
    await using gateway = await start();
    const startedAt = performance.now();
    await using socket = await rawSocket(gateway, { signsIn: false });
    socket.send({ type: "ping" });
    expect(await socket.closed).toEqual([4408, "Connection initialisation timeout"]);
    // Three seconds; without them it would stay.
    expect(performance.now() - startedAt).toBeLessThan(20_000);
  });
});

describe("A connection", () => {
  it("is acknowledged, and answers pings, with their payload, before and after", async () => {
    await using gateway = await start();
    await using socket = await rawSocket(gateway, { signsIn: false });
    socket.send({ type: "ping" });
    expect(await socket.next()).toEqual({ type: "pong" });
    socket.send(init);
    expect(await socket.next()).toEqual({ type: "connection_ack" });
    socket.send({ type: "ping", payload: { my: "payload" } }, { type: "pong" }, { type: "pong", payload: {} });
    expect(await socket.next()).toEqual({ type: "pong", payload: { my: "payload" } });
    expect(await untilHandled(socket)).toEqual([]);
  });

  it.each<[string, unknown]>([
    ["no JSON", "hello"],
    ["null", "null"],
    ["a list", []],
    ["no type", {}],
    ["a type of the past", { type: "connection_terminate" }],
    ["a type of Object's", { type: "constructor" }],
    ["an init whose payload is text", { type: "connection_init", payload: "token" }],
    ["an init whose payload is a list", { type: "connection_init", payload: [] }],
    ["a ping whose payload is a number", { type: "ping", payload: 1 }],
    ["a subscribe without id", { type: "subscribe", payload: { query: "{ __typename }" } }],
    ["a subscribe with an empty id", { id: "", type: "subscribe", payload: { query: "{ __typename }" } }],
    ["a subscribe whose id is a number", { id: 1, type: "subscribe", payload: { query: "{ __typename }" } }],
    ["a subscribe whose id is a page", { id: "a".repeat(300), type: "subscribe", payload: { query: "{ x }" } }],
    ["a subscribe without payload", { id: "1", type: "subscribe" }],
    ["a subscribe without query", { id: "1", type: "subscribe", payload: {} }],
    ["a subscribe whose variables are a list", { id: "1", type: "subscribe", payload: { query: "x", variables: [] } }],
    ["a subscribe whose name is a list", { id: "1", type: "subscribe", payload: { query: "x", operationName: [] } }],
    ["a subscribe whose extensions are text", { id: "1", type: "subscribe", payload: { query: "x", extensions: "" } }],
    ["a complete without id", { type: "complete" }],
    ["an answer", { id: "1", type: "next", payload: {} }],
  ])("is closed with 4400 by %s", async (_what, message) => {
    await using gateway = await start();
    await using socket = await rawSocket(gateway);
    socket.send(message as object);
    expect(await socket.closed).toEqual([4400, "Invalid message received"]);
  });

  it("is closed with 4400 by bytes that are not said to be text", async () => {
    await using gateway = await start();
    await using socket = await rawSocket(gateway);
    socket.socket.send(Buffer.from('{"type":"ping"}'));
    expect(await socket.closed).toEqual([4400, "Invalid message received"]);
  });

  it("is all that ends by a message that is nested deeper than can be written", async () => {
    await using gateway = await start();
    await using socket = await rawSocket(gateway);
    await using other = await rawSocket(gateway);
    socket.send(`{"type":"ping","payload":{"deep":${"[".repeat(40_000)}${"]".repeat(40_000)}}}`);
    expect(await socket.closed).toEqual([4400, "Invalid message received"]);
    expect(await untilHandled(other)).toEqual([]);
    expect(gateway.logs.filter(({ msg }) => msg === "WebSocket message failed")).toEqual([]);
  });

  it("is closed with 4409 by a second operation of one id, however long the id", async () => {
    await using gateway = await start();
    await using one = await rawSocket(gateway);
    one.send(subscribe("not-unique"), subscribe("not-unique"));
    expect(await one.closed).toEqual([4409, "Subscriber for not-unique already exists"]);
    await using other = await rawSocket(gateway);
    const id = "界".repeat(200);
    other.send(subscribe(id));
    await untilOpen(gateway, 1);
    other.send(subscribe(id));
    expect((await other.closed)[0]).toBe(4409);
    await untilOpen(gateway, 0);
  });

  it("ignores a complete of what it does not know", async () => {
    await using gateway = await start();
    await using socket = await rawSocket(gateway);
    socket.send(complete("1"), complete("__proto__"));
    expect(await untilHandled(socket)).toEqual([]);
  });

  it("takes ids that are names of Object's", async () => {
    await using gateway = await start();
    await using socket = await rawSocket(gateway);
    socket.send(subscribe("__proto__", "{ __typename }"), subscribe("constructor", "{ __typename }"));
    const answers = [await socket.next(), await socket.next(), await socket.next(), await socket.next()];
    expect(answers.map(({ id, type }) => `${type} ${id}`).sort()).toEqual([
      "complete __proto__",
      "complete constructor",
      "next __proto__",
      "next constructor",
    ]);
  });
});

describe("An operation", () => {
  it("is answered once and completed, and its id is free again", async () => {
    await using gateway = await start();
    await using socket = await rawSocket(gateway);
    for (let time = 0; time < 2; time += 1) {
      socket.send(subscribe("1", "{ __typename }"));
      expect(await socket.next()).toEqual({ id: "1", type: "next", payload: { data: { __typename: "Query" } } });
      expect(await socket.next()).toEqual({ id: "1", type: "complete" });
    }
  });

  it("that is not valid gets an error, and no complete", async () => {
    await using gateway = await start();
    await using socket = await rawSocket(gateway);
    socket.send(subscribe("1", "{ nothing }"));
    expect(await socket.next()).toMatchObject({
      id: "1",
      type: "error",
      payload: [{ extensions: { code: "GRAPHQL_VALIDATION_FAILED" } }],
    });
    expect(await untilHandled(socket)).toEqual([]);
  });

  it("is not answered any more once its client has completed it", async () => {
    await using gateway = await start();
    await using socket = await rawSocket(gateway);
    slowDown(gateway, 200);
    socket.send(subscribe("1", slowRead));
    while (gateway.simulator.requestsTo("living/get_user_all_livingid").length === 0) await setTimeout(5);
    socket.send(complete("1"));
    await setTimeout(400);
    expect(await untilHandled(socket)).toEqual([]);
  });

  it("does not answer under an id that is another operation's by now", async () => {
    await using gateway = await start();
    await using socket = await rawSocket(gateway);
    slowDown(gateway, 200);
    socket.send(subscribe("1", slowRead), complete("1"), subscribe("1"));
    await untilOpen(gateway, 1);
    await setTimeout(400);
    expect(await untilHandled(socket)).toEqual([]);
    await tell(gateway, { LivingId: "one", Status: 1 });
    expect(await socket.next()).toEqual(changed("1", "one"));
  });
});

describe("A connection's streams", () => {
  it("are ended by their complete, even before they have begun", async () => {
    await using gateway = await start();
    await using socket = await rawSocket(gateway);
    socket.send(subscribe("1"), complete("1"), subscribe("1"));
    await untilHandled(socket);
    await untilOpen(gateway, 1);
    await setTimeout(50);
    expect(await openSubscriptions(gateway)).toBe(1);

    await tell(gateway, { LivingId: "one", Status: 1 });
    expect(await socket.next()).toEqual(changed("1", "one"));
    socket.send(complete("1"));
    expect(await untilHandled(socket)).toEqual([]);
    await untilOpen(gateway, 0);
    await tell(gateway, { LivingId: "two", Status: 1 });
    expect(await untilHandled(socket)).toEqual([]);
  });

  it("are all ended when it closes, in whatever state they are", async () => {
    await using gateway = await start();
    for (let round = 0; round < 5; round += 1) {
      const socket = await rawSocket(gateway);
      for (let count = 0; count < 500; count += 1) socket.send(subscribe("1"), complete("1"));
      socket.send(subscribe("1"));
      if (round % 2 === 0) await untilHandled(socket);
      await socket[Symbol.asyncDispose]();
    }
    await untilOpen(gateway, 0);
    await setTimeout(100);
    expect(await openSubscriptions(gateway)).toBe(0);
  });

  it("end a moment after its client has said goodbye, though it keeps the line open", async () => {
    await using gateway = await start();
    await using socket = await rawSocket(gateway);
    socket.send(subscribe("1"));
    await untilOpen(gateway, 1);
    // It would end the line when the server does.
    (socket.socket as unknown as { _socket: Socket })._socket.pause();
    socket.socket.close(1000);
    const startedAt = performance.now();
    await untilOpen(gateway, 0);
    // The library that speaks the protocol would wait for 30 s.
    expect(performance.now() - startedAt).toBeLessThan(20_000);
  });

  it("are as many as LIMIT_OPERATIONS_PER_SOCKET says, exactly", async () => {
    await using gateway = await start({ LIMIT_OPERATIONS_PER_SOCKET: "3" });
    await using socket = await rawSocket(gateway);
    const refused = (id: string) => ({
      id,
      type: "error",
      payload: [
        {
          message: "Too many operations are open on this connection: at most 3",
          extensions: { code: "OPERATION_LIMIT_EXCEEDED", limit: "operationsPerSocket" },
        },
      ],
    });
    socket.send(...["1", "2", "3", "4"].map((id) => subscribe(id)));
    expect(await socket.next()).toEqual(refused("4"));
    await untilOpen(gateway, 3);
    socket.send(complete("2"), subscribe("5"), subscribe("6"));
    expect(await socket.next()).toEqual(refused("6"));
    await untilOpen(gateway, 3);
  });

  it("count with what still runs although its client has completed it", async () => {
    await using gateway = await start({ LIMIT_OPERATIONS_PER_SOCKET: "2" });
    await using socket = await rawSocket(gateway);
    slowDown(gateway, 300);
    socket.send(subscribe("1", slowRead), complete("1"), subscribe("2", slowRead), complete("2"), subscribe("3"));
    expect(await socket.next()).toMatchObject({ id: "3", type: "error" });
  });
});

describe("A caller's rights", () => {
  it("are over for whatever begins after their end", async () => {
    let ahead = 0;
    await using issuer = await startIssuer();
    await using gateway = await startGateway({
      env: { ...callbackEnv, ...jwtEnv(issuer) },
      now: () => Date.now() + ahead,
    });
    const authorization = `Bearer ${await issuer.sign({ corpid, scope: "living:write living:admin" })}`;
    gateway.alsoSearch({ credential: authorization.slice(7) });
    await using socket = await rawSocket(gateway, { headers: { authorization } });
    ahead = 3_600_000;
    socket.send(subscribe("1", 'mutation { cancelLiving(livingid: "L") { __typename } }'));
    expect(await socket.closed).toEqual([4403, "The token has expired"]);
    expect(gateway.simulator.requestsTo("living/cancel")).toHaveLength(0);
  });
});

describe("Sockets that have not signed in", () => {
  it("do not take the places of those that have", async () => {
    await using gateway = await start({ LIMIT_CONNECTIONS: "2" });
    const silent: RawSocket[] = [];
    for (let count = 0; count < 40; count += 1) silent.push(await rawSocket(gateway, { signsIn: false }));
    await using one = await rawSocket(gateway);
    await using other = await rawSocket(gateway);
    for (const socket of [one, other]) {
      socket.send(subscribe("1", "{ __typename }"));
      expect(await socket.next()).toMatchObject({ type: "next" });
    }
    // The oldest went first: at any time there are few.
    expect(await silent[0]!.closed).toEqual([4408, "Connection initialisation timeout"]);
    for (const socket of silent) await socket[Symbol.asyncDispose]();
  });
});

describe("Sockets that are being signed in", () => {
  it("are few as well, however long the issuer takes to answer", async () => {
    const issuer = createServer(() => undefined).listen(0, "127.0.0.1");
    await once(issuer, "listening");
    const jwksUrl = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}/`;
    await using gateway = await start({ ...jwtEnv({ jwksUrl } as Issuer), LIMIT_CONNECTIONS: "2" });
    const header = Buffer.from(JSON.stringify({ alg: "RS256", kid: "first" })).toString("base64url");
    const headers = { authorization: `Bearer ${header}.e30.e30` };
    const sockets: RawSocket[] = [];
    for (let count = 0; count < 20; count += 1) {
      const socket = await rawSocket(gateway, { signsIn: false, headers });
      socket.send(init);
      sockets.push(socket);
    }
    expect(await sockets[0]!.closed).toEqual([4408, "Connection initialisation timeout"]);
    for (const socket of sockets) await socket[Symbol.asyncDispose]();
    issuer.closeAllConnections();
    issuer.close();
  });
});

describe("A caller", () => {
  it("has a bounded number of connections, of both kinds together", async () => {
    await using issuer = await startIssuer();
    await using gateway = await start({ ...jwtEnv(issuer), LIMIT_CONNECTIONS_PER_CALLER: "2" });
    const authorization = `Bearer ${await issuer.sign({ corpid, userid: "zhangsan" })}`;
    gateway.alsoSearch({ credential: authorization.slice(7) });
    const headers = { authorization };
    const first = await rawSocket(gateway, { headers });
    const second = await rawSocket(gateway, { headers });
    await using third = await rawSocket(gateway, { headers, signsIn: false });
    third.send(init);
    expect(await third.closed).toEqual([1013, "Too many connections of this caller are open"]);
    const stream = await gateway.fetch("/graphql", {
      method: "POST",
      headers: { ...headers, "content-type": "application/json", accept: "text/event-stream" },
      body: JSON.stringify({ query: "{ __typename }" }),
    });
    expect(stream).toMatchObject({ status: 429, text: expect.stringContaining("Too many connections of this caller") });

    await first[Symbol.asyncDispose]();
    const another = { authorization: `Bearer ${await issuer.sign({ corpid, userid: "lisi" })}` };
    const other = await rawSocket(gateway, { headers: another });
    await setTimeout(50);
    const again = await rawSocket(gateway, { headers });
    for (const socket of [second, other, again]) await socket[Symbol.asyncDispose]();
  });
});
