// Third-party and customised (代开发) apps, and everything that WeCom pushes: what the simulator promises about service/* and
// about callbacks. What arrives is opened here with node:crypto alone.

import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { createDecipheriv, randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import {
  type CallbackEndpoint,
  encryptMessage,
  seededRandom,
  signCallback,
  type Simulator,
  type SimulatorOptions,
  startSimulator,
} from "../../src/simulator/index.js";

const START = Date.parse("2024-05-01T08:00:00Z");
const BOOKING = { anchor_userid: "zhangsan", theme: "theme", living_start: START / 1000, living_duration: 1800 };
const AES_KEY = randomBytes(32).toString("base64").slice(0, 43);
const THIRD_PARTY = { suiteId: "wwsuite", suiteSecret: "suite-secret", agentid: 7 };
const CUSTOMISED = { suiteId: "dksuite", suiteSecret: "dk-secret", agentid: 8, isCustomised: true };

interface Received {
  method: string;
  url: URL;
  body: string;
  answer: (status: number, body?: string) => void;
}

let sim: Simulator;
let receiver: Server;
let received: Received[];
/** How the receiver reacts; by default as WeCom wants it. */
let react: (request: Received) => void;

async function start(options: SimulatorOptions = {}): Promise<void> {
  sim = await startSimulator({
    corps: [{ corpid: "wwcorp", apps: [{ agentid: 1, secret: "own" }] }],
    ...{ fixedTokens: ["TOKEN"], now: () => START, random: seededRandom(1), ...options },
  });
}

beforeEach(async () => {
  received = [];
  react = ({ answer }) => answer(200, "success");
  receiver = createServer((request, response) => void receive(request, response));
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
});

afterEach(async () => {
  await sim.close();
  receiver.close();
  receiver.closeAllConnections();
});

async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const item = {
    method: request.method ?? "",
    url: new URL(request.url ?? "", "http://receiver.invalid"),
    body: Buffer.concat(chunks).toString(),
    answer: (status: number, body?: string) => void response.writeHead(status).end(body),
  };
  received.push(item);
  react(item);
}

function endpoint(path = "/callback"): CallbackEndpoint {
  const { port } = receiver.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}${path}`, token: "callbackToken", aesKey: AES_KEY };
}

/** Checks the signature and the padding; returns the message and the receiveid that came with it. */
function open(encrypt: string, { url }: Received, aesKey = AES_KEY): { message: string; receiveid: string } {
  const [timestamp, nonce] = [url.searchParams.get("timestamp")!, url.searchParams.get("nonce")!];
  expect(url.searchParams.get("msg_signature")).toBe(signCallback("callbackToken", timestamp, nonce, encrypt));
  return decrypt(encrypt, aesKey);
}

function decrypt(encrypt: string, aesKey: string): { message: string; receiveid: string; prefix: Buffer } {
  const key = Buffer.from(`${aesKey}=`, "base64");
  const decipher = createDecipheriv("aes-256-cbc", key, key.subarray(0, 16)).setAutoPadding(false);
  const padded = Buffer.concat([decipher.update(encrypt, "base64"), decipher.final()]);
  const padBytes = padded.at(-1)!;
  expect(padBytes).toBeLessThanOrEqual(32);
  expect(padded.subarray(-padBytes)).toEqual(Buffer.alloc(padBytes, padBytes));
  const length = padded.readUInt32BE(16);
  return {
    message: padded.subarray(20, 20 + length).toString(),
    receiveid: padded.subarray(20 + length, -padBytes).toString(),
    prefix: padded.subarray(0, 16),
  };
}

function openXml(item: Received): { message: string; receiveid: string } {
  return open(/<Encrypt><!\[CDATA\[(.*?)\]\]><\/Encrypt>/.exec(item.body)![1]!, item);
}

interface Reply {
  errcode?: number;
  errmsg?: string;
  [field: string]: unknown;
}

async function call(method: string, api: string, body?: unknown): Promise<Reply> {
  const response = await fetch(`${sim.url}/cgi-bin/${api}`, { method, body: body ? JSON.stringify(body) : null });
  return response.json() as Promise<Reply>;
}

async function getSuiteToken(suite: { suiteId: string; suiteSecret: string } = THIRD_PARTY): Promise<string> {
  const { suiteId, suiteSecret } = suite;
  const ticket = sim.suites.pushTicket(suiteId);
  const request = { suite_id: suiteId, suite_secret: suiteSecret, suite_ticket: ticket };
  return String((await call("POST", "service/get_suite_token", request))["suite_access_token"]);
}

async function install(suite: typeof THIRD_PARTY, state = ""): Promise<{ token: string; reply: Reply }> {
  const token = await getSuiteToken(suite);
  const authCode = sim.suites.authorise(suite.suiteId, "wwcorp", { state });
  const reply = await call("POST", `service/get_permanent_code?suite_access_token=${token}`, { auth_code: authCode });
  expect(reply.errcode).toBe(0);
  return { token, reply };
}

async function create(accessToken: unknown): Promise<Reply> {
  return call("POST", `living/create?access_token=${String(accessToken)}`, BOOKING);
}

describe("service/get_suite_token", () => {
  it("answers a token without an errcode, and the same one while it is valid", async () => {
    await start({ suites: [THIRD_PARTY] });
    const ticket = sim.suites.pushTicket("wwsuite");
    const request = { suite_id: "wwsuite", suite_secret: "suite-secret", suite_ticket: ticket };
    const reply = await call("POST", "service/get_suite_token", request);
    expect(reply).toEqual({ suite_access_token: expect.any(String), expires_in: 7200 });
    expect(await call("POST", "service/get_suite_token", request)).toEqual(reply);
  });

  it.each([
    ["no suite_id", { suite_id: undefined }, 41021],
    ["no suite_secret", { suite_secret: undefined }, 41024],
    ["no suite_ticket", { suite_ticket: undefined }, 41023],
    ["an unknown suite", { suite_id: "wwx" }, 40083],
    ["a wrong secret", { suite_secret: "wrong" }, 40080],
    ["an unknown ticket", { suite_ticket: "wrong" }, 40085],
  ])("refuses %s", async (_, changes, errcode) => {
    await start({ suites: [THIRD_PARTY] });
    const ticket = sim.suites.pushTicket("wwsuite");
    const request = { suite_id: "wwsuite", suite_secret: "suite-secret", suite_ticket: ticket, ...changes };
    expect((await call("POST", "service/get_suite_token", request)).errcode).toBe(errcode);
  });

  it("takes a ticket for 30 minutes, and none of another suite", async () => {
    await start({ suites: [THIRD_PARTY, CUSTOMISED] });
    const request = { suite_id: "wwsuite", suite_secret: "suite-secret" };
    const theirs = sim.suites.pushTicket("dksuite");
    expect((await call("POST", "service/get_suite_token", { ...request, suite_ticket: theirs })).errcode).toBe(40085);
    const own = sim.suites.pushTicket("wwsuite");
    sim.clock.advance(30 * 60_000);
    expect((await call("POST", "service/get_suite_token", { ...request, suite_ticket: own })).errcode).toBe(40085);
  });
});

describe("a suite_access_token", () => {
  it("is 41022 when missing, 40082 when unknown or invalidated, 42009 when expired", async () => {
    await start({ suites: [THIRD_PARTY] });
    const path = "service/get_pre_auth_code";
    expect((await call("GET", path)).errcode).toBe(41022);
    expect((await call("GET", `${path}?suite_access_token=x`)).errcode).toBe(40082);
    const expired = await getSuiteToken();
    sim.clock.advance(7200_000);
    expect((await call("GET", `${path}?suite_access_token=${expired}`)).errcode).toBe(42009);
    const invalidated = await getSuiteToken();
    sim.invalidateTokens();
    expect((await call("GET", `${path}?suite_access_token=${invalidated}`)).errcode).toBe(40082);
  });
});

describe("installing a third-party app", () => {
  it("begins with a pre_auth_code that set_session_info takes while it is valid", async () => {
    await start({ suites: [THIRD_PARTY] });
    const query = `suite_access_token=${await getSuiteToken()}`;
    const reply = await call("GET", `service/get_pre_auth_code?${query}`);
    expect(reply).toMatchObject({ errcode: 0, errmsg: "ok", pre_auth_code: expect.any(String), expires_in: 1200 });
    const session = { pre_auth_code: reply["pre_auth_code"], session_info: { auth_type: 1 } };
    expect((await call("POST", `service/set_session_info?${query}`, session)).errcode).toBe(0);
    expect((await call("POST", `service/set_session_info?${query}`, { pre_auth_code: "x" })).errcode).toBe(40077);
    sim.clock.advance(1200_000);
    expect((await call("POST", `service/set_session_info?${query}`, session)).errcode).toBe(42007);
  });

  it("ends with a permanent code and a token that opens the living calls", async () => {
    await start({ suites: [THIRD_PARTY] });
    const { reply } = await install(THIRD_PARTY, "state1");
    expect(reply).toMatchObject({
      ...{ access_token: expect.any(String), expires_in: 7200, permanent_code: expect.any(String), state: "state1" },
      auth_corp_info: { corpid: "wwcorp" },
      auth_info: { agent: [{ agentid: 7, is_customized_app: false }] },
    });
    expect((await create(reply["access_token"])).errcode).toBe(0);
  });

  it("takes an auth_code once, within ten minutes, for its own suite", async () => {
    await start({ suites: [THIRD_PARTY, CUSTOMISED] });
    const path = `service/get_permanent_code?suite_access_token=${await getSuiteToken()}`;
    const used = sim.suites.authorise("wwsuite", "wwcorp");
    expect((await call("POST", path, { auth_code: used })).errcode).toBe(0);
    expect((await call("POST", path, { auth_code: used })).errcode).toBe(40078);
    const theirs = sim.suites.authorise("dksuite", "wwcorp");
    expect((await call("POST", path, { auth_code: theirs })).errcode).toBe(48003);
    const old = sim.suites.authorise("wwsuite", "wwcorp");
    sim.clock.advance(10 * 60_000);
    expect((await call("POST", path, { auth_code: old })).errcode).toBe(40078);
    expect((await call("POST", path, {})).errcode).toBe(41008);
  });

  it("answers no access_token in v2", async () => {
    await start({ suites: [THIRD_PARTY] });
    const path = `service/v2/get_permanent_code?suite_access_token=${await getSuiteToken()}`;
    const reply = await call("POST", path, { auth_code: sim.suites.authorise("wwsuite", "wwcorp") });
    expect(reply).toMatchObject({
      errcode: 0,
      permanent_code: expect.any(String),
      auth_corp_info: { corpid: "wwcorp" },
    });
    expect(reply).not.toHaveProperty("access_token");
  });
});

describe("service/get_corp_token", () => {
  it("turns a permanent code into the corp's token, without an errcode", async () => {
    await start({ suites: [THIRD_PARTY] });
    const { token, reply } = await install(THIRD_PARTY);
    const request = { auth_corpid: "wwcorp", permanent_code: reply["permanent_code"] };
    const corpToken = await call("POST", `service/get_corp_token?suite_access_token=${token}`, request);
    expect(corpToken).toEqual({ access_token: reply["access_token"], expires_in: 7200 });
  });

  it("refuses a wrong permanent code, and one whose authorisation was cancelled, together with its token", async () => {
    await start({ suites: [THIRD_PARTY] });
    const { token, reply } = await install(THIRD_PARTY);
    const path = `service/get_corp_token?suite_access_token=${token}`;
    const request = { auth_corpid: "wwcorp", permanent_code: reply["permanent_code"] };
    expect((await call("POST", path, { ...request, permanent_code: "wrong" })).errcode).toBe(40084);
    expect((await call("POST", path, { ...request, permanent_code: undefined })).errcode).toBe(41025);
    expect((await call("POST", path, { ...request, auth_corpid: undefined })).errcode).toBe(84054);
    sim.suites.cancelAuthorisation("wwsuite", "wwcorp");
    expect((await call("POST", path, request)).errcode).toBe(40084);
    expect((await create(reply["access_token"])).errcode).toBe(40014);
  });

  it("refuses the old permanent code once it was replaced", async () => {
    await start({ suites: [THIRD_PARTY] });
    const { token, reply } = await install(THIRD_PARTY);
    const query = `suite_access_token=${token}`;
    const authCode = sim.suites.resetPermanentCode("wwsuite", "wwcorp");
    const fresh = await call("POST", `service/get_permanent_code?${query}`, { auth_code: authCode });
    const codes = [reply["permanent_code"], fresh["permanent_code"]];
    const answers = [];
    for (const code of codes) {
      answers.push(
        await call("POST", `service/get_corp_token?${query}`, { auth_corpid: "wwcorp", permanent_code: code }),
      );
    }
    expect(answers.map(({ errcode }) => errcode)).toEqual([40084, undefined]);
  });
});

describe("a customised app", () => {
  it("uses its permanent code as the secret for gettoken", async () => {
    await start({ suites: [CUSTOMISED] });
    const { reply } = await install(CUSTOMISED);
    expect(reply).toMatchObject({ auth_info: { agent: [{ is_customized_app: true }] } });
    expect(reply).not.toHaveProperty("access_token");
    const token = await call("GET", `gettoken?corpid=wwcorp&corpsecret=${String(reply["permanent_code"])}`);
    expect((await create(token["access_token"])).errcode).toBe(0);
  });

  it("gets nothing but 48002 with a token from get_corp_token", async () => {
    await start({ suites: [CUSTOMISED] });
    const { token, reply } = await install(CUSTOMISED);
    const request = { auth_corpid: "wwcorp", permanent_code: reply["permanent_code"] };
    const corpToken = await call("POST", `service/get_corp_token?suite_access_token=${token}`, request);
    expect((await create(corpToken["access_token"])).errcode).toBe(48002);
  });

  it("is the only kind that gettoken serves", async () => {
    await start({ suites: [THIRD_PARTY] });
    const { reply } = await install(THIRD_PARTY);
    const token = await call("GET", `gettoken?corpid=wwcorp&corpsecret=${String(reply["permanent_code"])}`);
    expect(token.errcode).toBe(40001);
  });
});

describe("what WeCom pushes to a suite's command URL", () => {
  it("is the ticket, authorisations, their changes and their end, for the suite_id", async () => {
    await start({ suites: [{ ...THIRD_PARTY, commandCallback: endpoint() }] });
    const pushes: [() => unknown, (code: string) => string][] = [
      [
        () => sim.suites.pushTicket("wwsuite"),
        (ticket) => `${common("suite_ticket")}<SuiteTicket><![CDATA[${ticket}]]></SuiteTicket>`,
      ],
      [
        () => sim.suites.authorise("wwsuite", "wwcorp", { state: "s" }),
        (code) => `${withCode(code, "create_auth")}<State><![CDATA[s]]></State>`,
      ],
      [() => sim.suites.changeAuthorisation("wwsuite", "wwcorp"), () => `${common("change_auth")}${AUTH_CORP}`],
      [() => sim.suites.cancelAuthorisation("wwsuite", "wwcorp"), () => `${common("cancel_auth")}${AUTH_CORP}`],
      [() => sim.suites.resetPermanentCode("wwsuite", "wwcorp"), (code) => withCode(code, "reset_permanent_code")],
    ];
    for (const [push, expected] of pushes) {
      const code = String(push());
      await sim.callbacks.idle();
      const message = `<xml>${expected(code)}</xml>`;
      expect(openXml(received.at(-1)!)).toMatchObject({ message, receiveid: "wwsuite" });
    }
    expect(received).toHaveLength(5);
  });

  it("leaves out authorisations that began on the provider's own site", async () => {
    await start({ suites: [{ ...THIRD_PARTY, commandCallback: endpoint() }] });
    sim.suites.authorise("wwsuite", "wwcorp", { isPushed: false });
    await sim.callbacks.idle();
    expect(received).toEqual([]);
  });

  const SUITE = "<SuiteId><![CDATA[wwsuite]]></SuiteId>";
  const AUTH_CORP = "<AuthCorpId><![CDATA[wwcorp]]></AuthCorpId>";
  const typed = (type: string): string =>
    `<InfoType><![CDATA[${type}]]></InfoType><TimeStamp>${START / 1000}</TimeStamp>`;
  const common = (type: string): string => `${SUITE}${typed(type)}`;
  const withCode = (code: string, type: string): string =>
    `${SUITE}<AuthCode><![CDATA[${code}]]></AuthCode>${typed(type)}`;
});

describe("living_status_change", () => {
  const statusMessage = (livingid: string, status: number, agentid = 1): string =>
    "<xml><ToUserName><![CDATA[wwcorp]]></ToUserName><FromUserName><![CDATA[zhangsan]]></FromUserName>" +
    `<CreateTime>${START / 1000}</CreateTime><MsgType><![CDATA[event]]></MsgType>` +
    `<Event><![CDATA[living_status_change]]></Event><LivingId><![CDATA[${livingid}]]></LivingId>` +
    `<Status>${status}</Status><AgentID>${agentid}</AgentID></xml>`;

  it("is pushed when a living is reserved, starts, ends or is cancelled, for the corpid", async () => {
    const app = { agentid: 1, secret: "own", callback: endpoint() };
    await start({ corps: [{ corpid: "wwcorp", apps: [app] }] });
    const livingid = String((await create("TOKEN"))["livingid"]);
    const steps = [() => undefined, () => sim.livings.start(livingid), () => sim.livings.end(livingid)];
    for (const [status, step] of steps.entries()) {
      step();
      await sim.callbacks.idle();
      expect(openXml(received.at(-1)!)).toMatchObject({
        message: statusMessage(livingid, status),
        receiveid: "wwcorp",
      });
    }
    const cancelled = String((await create("TOKEN"))["livingid"]);
    await call("POST", "living/cancel?access_token=TOKEN", { livingid: cancelled });
    await sim.callbacks.idle();
    expect(received.map(openXml).map(({ message }) => message)).toContain(statusMessage(cancelled, 4));
    expect(received).toHaveLength(5);
  });

  it("is not pushed when a reservation expires", async () => {
    await start();
    const livingid = String((await create("TOKEN"))["livingid"]);
    sim.subscribe({ corpid: "wwcorp", agentid: 1 }, endpoint());
    sim.livings.expire(livingid);
    sim.clock.advance(86_400_000);
    await sim.callbacks.idle();
    expect(received).toEqual([]);
  });

  it("goes to an app that subscribes later, in JSON if it wants", async () => {
    await start();
    sim.subscribe({ corpid: "wwcorp", agentid: 1 }, { ...endpoint("/hook?tenant=1"), format: "json" });
    const { livingid } = await create("TOKEN");
    await sim.callbacks.idle();
    expect(received[0]?.url.searchParams.get("tenant")).toBe("1");
    const envelope = JSON.parse(received[0]!.body) as { tousername: string; agentid: string; encrypt: string };
    expect(envelope).toMatchObject({ tousername: "wwcorp", agentid: "1" });
    expect(JSON.parse(open(envelope.encrypt, received[0]!).message)).toMatchObject({
      ...{ Event: "living_status_change", LivingId: livingid, Status: 0 },
    });
  });

  it("goes to the data URL of a third-party app, for the corp that authorised it", async () => {
    await start({ suites: [{ ...THIRD_PARTY, dataCallback: endpoint() }] });
    const { reply } = await install(THIRD_PARTY);
    const livingid = String((await create(reply["access_token"]))["livingid"]);
    await sim.callbacks.idle();
    expect(received.map(openXml)).toMatchObject([{ message: statusMessage(livingid, 0, 7), receiveid: "wwcorp" }]);
  });
});

describe("a callback", () => {
  it("is sealed as the official sample is", async () => {
    await start();
    const [key, token] = ["jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C", "QDG6eK"];
    const echostr = "P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ==";
    expect(signCallback(token, "1409659589", "263014780", echostr)).toBe("5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3");
    const { prefix, message, receiveid } = decrypt(echostr, key);
    expect([message, receiveid]).toEqual(["1616140317555161061", "wx5823bf96d3bd56c7"]);
    expect(encryptMessage({ token, aesKey: key, receiveid }, message, prefix)).toBe(echostr);
  });

  it("is padded to 32 bytes whatever its length", async () => {
    await start();
    for (let length = 0; length < 40; length++) {
      const { body } = sim.callbacks.seal({ ...endpoint(), receiveid: "wwcorp" }, "x".repeat(length));
      const encrypt = /<Encrypt><!\[CDATA\[(.*?)\]\]><\/Encrypt>/.exec(body)![1]!;
      expect(Buffer.from(encrypt, "base64").length % 32).toBe(0);
      expect(decrypt(encrypt, AES_KEY)).toMatchObject({ message: "x".repeat(length), receiveid: "wwcorp" });
    }
  });

  it("is sent again, the same bytes, three times, until HTTP 200", async () => {
    await start();
    react = ({ answer }) => answer(received.length < 3 ? 500 : 200, "success");
    const message = { InfoType: "suite_ticket", SuiteTicket: "t" };
    const delivery = await sim.callbacks.send({ ...endpoint(), receiveid: "wwsuite", message });
    expect(delivery).toMatchObject({
      isDelivered: true,
      attempts: [{ status: 500 }, { status: 500 }, { status: 200 }],
    });
    expect(new Set(received.map(({ body, url }) => body + url.search)).size).toBe(1);
    received = [];
    react = ({ answer }) => answer(204);
    expect(await sim.callbacks.send({ ...endpoint(), receiveid: "wwsuite", message })).toMatchObject({
      isDelivered: false,
    });
    expect(received).toHaveLength(4);
    expect(sim.callbacks.deliveries().map(({ isDelivered }) => isDelivered)).toEqual([true, false]);
  });

  it("is given up at the timeout and sent again", async () => {
    await start({ callbackTimeoutMs: 1000 });
    react = ({ answer }) => received.length > 1 && answer(200);
    const delivery = await sim.callbacks.send({ ...endpoint(), receiveid: "wwcorp", message: { A: 1 } });
    expect(delivery).toMatchObject({ isDelivered: true, attempts: [{ error: expect.any(String) }, { status: 200 }] });
  });

  it("can be posted once, twice, or tampered with", async () => {
    await start();
    const sealed = sim.callbacks.seal({ ...endpoint(), receiveid: "wwcorp" }, { MsgType: "event" });
    await sim.callbacks.post(sealed);
    await sim.callbacks.post({ ...sealed, body: sealed.body.replace("<Encrypt>", "<Encrypt><!-- -->") });
    expect(received[0]?.body).toBe(sealed.body);
    expect(received[1]?.body).toContain("<!-- -->");
  });

  it("quotes what would end a CDATA section", async () => {
    await start();
    const { body } = sim.callbacks.seal({ ...endpoint(), receiveid: "wwcorp" }, { State: "a]]>b" });
    const { message } = decrypt(/<Encrypt><!\[CDATA\[(.*?)\]\]><\/Encrypt>/.exec(body)![1]!, AES_KEY);
    expect(message).toBe("<xml><State><![CDATA[a]]]]><![CDATA[>b]]></State></xml>");
  });
});

describe("verifying a callback URL", () => {
  it("succeeds when the bare plaintext comes back", async () => {
    await start();
    react = (item) => item.answer(200, open(item.url.searchParams.get("echostr")!, item).message);
    expect(await sim.callbacks.verifyUrl({ ...endpoint(), receiveid: "wwcorp" })).toMatchObject({ isVerified: true });
    expect(received[0]?.method).toBe("GET");
  });

  it.each([
    ["in quotes", (text: string) => JSON.stringify(text)],
    ["with a newline", (text: string) => `${text}\n`],
    ["with a byte order mark", (text: string) => `\ufeff${text}`],
    ["not at all", () => "success"],
  ])("fails when it comes back %s", async (_, spoil) => {
    await start();
    react = (item) => item.answer(200, spoil(open(item.url.searchParams.get("echostr")!, item).message));
    expect(await sim.callbacks.verifyUrl({ ...endpoint(), receiveid: "wwcorp" })).toMatchObject({ isVerified: false });
  });

  it("fails when it takes longer than the timeout, which is a second at most", async () => {
    await start({ callbackTimeoutMs: 30 });
    react = () => undefined;
    expect(await sim.callbacks.verifyUrl({ ...endpoint(), receiveid: "wwcorp" })).toMatchObject({ isVerified: false });
  });
});

describe("the control surface", () => {
  async function control(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
    const response = await fetch(`${sim.url}/simulator/${path}`, { method, body: body ? JSON.stringify(body) : null });
    expect(response.status).toBe(200);
    return response.json() as Promise<Record<string, unknown>>;
  }

  it("subscribes, sends, verifies, and lists what was delivered", async () => {
    await start();
    react = (item) =>
      item.answer(200, item.method === "GET" ? open(item.url.searchParams.get("echostr")!, item).message : "");
    await control("POST", "callbacks/subscribe", { ...endpoint(), corpid: "wwcorp", agentid: 1 });
    await create("TOKEN");
    const target = { ...endpoint(), receiveid: "wwcorp" };
    const sent = await control("POST", "callbacks/send", { ...target, message: { MsgType: "event", AgentID: 1 } });
    expect(sent).toMatchObject({ isDelivered: true });
    expect(await control("POST", "callbacks/verify", target)).toMatchObject({ isVerified: true });
    expect(await control("GET", "callbacks/deliveries")).toHaveLength(2);
  });

  it("pushes tickets and moves authorisations", async () => {
    await start({ suites: [{ ...THIRD_PARTY, commandCallback: endpoint() }] });
    const { suiteTicket } = await control("POST", "suite/wwsuite/ticket");
    const { authCode } = await control("POST", "suite/wwsuite/authorise", { corpid: "wwcorp" });
    expect([suiteTicket, authCode]).toEqual([expect.any(String), expect.any(String)]);
    await control("POST", "suite/wwsuite/change", { corpid: "wwcorp" });
    await control("POST", "suite/wwsuite/reset-permanent-code", { corpid: "wwcorp" });
    await control("POST", "suite/wwsuite/cancel", { corpid: "wwcorp" });
    expect(await control("GET", "callbacks/deliveries")).toHaveLength(5);
  });

  it("forgets authorisations and deliveries at a reset", async () => {
    await start({ suites: [THIRD_PARTY] });
    const { reply } = await install(THIRD_PARTY);
    await control("POST", "reset");
    const token = await getSuiteToken();
    const request = { auth_corpid: "wwcorp", permanent_code: reply["permanent_code"] };
    expect((await call("POST", `service/get_corp_token?suite_access_token=${token}`, request)).errcode).toBe(40084);
    expect(await control("GET", "callbacks/deliveries")).toEqual([]);
  });
});
