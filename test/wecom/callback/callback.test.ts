import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import wecom from "@wecom/crypto";
import { createLogger } from "../../../src/observability/logger.js";
import { Secret } from "../../../src/observability/secret.js";
import type { Store } from "../../../src/stores/store.js";
import { CallbackReceiver } from "../../../src/wecom/callback/receiver.js";
import { corpid, type Gateway, startGateway } from "../../support/gateway.js";

const token = "CANARYcallbackToken";
const aesKey = "CANARYaesKey".padEnd(43, "x");
const env = { WECOM_CALLBACK_TOKEN: token, WECOM_CALLBACK_AES_KEY: aesKey };
const status = { ToUserName: corpid, FromUserName: "zhangsan", CreateTime: 1, MsgType: "event" };
const livingEvent = { ...status, Event: "living_status_change", LivingId: "l1", Status: 1, AgentID: 1 };

let gateway: Gateway;
let target: { url: string; token: string; aesKey: string; receiveid: string };
beforeAll(async () => {
  gateway = await startGateway({ env });
  target = { url: `${gateway.url}/wecom/callback`, token, aesKey, receiveid: corpid };
});
afterAll(() => gateway.close());

const seal = (message: Parameters<typeof gateway.simulator.callbacks.seal>[1] = livingEvent, changes = {}) =>
  gateway.simulator.callbacks.seal({ ...target, ...changes }, message);
const post = (sealed: ReturnType<typeof seal>) => gateway.simulator.callbacks.post(sealed);
async function counted(outcome: string): Promise<number> {
  const { text } = await gateway.fetch("/metrics");
  return Number(new RegExp(`^wecom_callbacks_total{outcome="${outcome}"} (\\d+)$`, "m").exec(text)?.[1] ?? 0);
}

/** As WeCom's own package signs: at any time, whatever that is. */
function signed(timestamp: string, message = "echo", nonce = "nonce") {
  const encrypt = wecom.encrypt(aesKey, message, corpid);
  const signature = wecom.getSignature(token, timestamp, nonce, encrypt);
  const query = new URLSearchParams({ msg_signature: signature, timestamp, nonce });
  return { path: `/wecom/callback?${query.toString()}`, signature, encrypt };
}

describe("Saving the callback URL in WeCom's console", () => {
  it("is answered where a plus sign of the message was not escaped", async () => {
    const timestamp = String(Math.floor(Date.now() / 1000));
    let request = signed(timestamp);
    while (!request.encrypt.includes("+")) request = signed(timestamp);
    const path = `${request.path}&echostr=${request.encrypt.replaceAll("/", "%2F").replaceAll("=", "%3D")}`;

    expect(await gateway.fetch(path)).toMatchObject({ status: 200, text: "echo" });
  });

  it("is answered with the bare plaintext", async () => {
    const { isVerified } = await gateway.simulator.callbacks.verifyUrl(target);
    expect(isVerified).toBe(true);
  });

  it.each([
    ["another token", { token: "other" }],
    ["another key", { aesKey: "A".repeat(43) }],
    ["another corp", { receiveid: "wwother" }],
  ])("is refused with %s", async (_what, changes) => {
    expect(await gateway.simulator.callbacks.verifyUrl({ ...target, ...changes })).toMatchObject({
      status: 403,
      body: "",
    });
  });

  it.each([
    ["in XML", livingEvent, "xml"],
    ["in JSON", livingEvent, "json"],
    ["that no reader of events takes", "<xml><Open>", "xml"],
    ["in JSON after a space", ' {"SuiteTicket":"CANARY-ticket"}', "json"],
  ] as const)(
    "does not decrypt a captured message %s that is sent again as echostr",
    async (_what, message, format) => {
      const captured = seal(message, { format });
      const encrypt = /[A-Za-z0-9+/]{60,}={0,2}/.exec(captured.body)![0];
      const before = await counted("not-an-echo");

      const path = captured.url.slice(gateway.url.length);
      const answer = await gateway.fetch(`${path}&echostr=${encodeURIComponent(encrypt)}`);

      expect(answer).toMatchObject({ status: 403, text: "" });
      expect(await counted("not-an-echo")).toBe(before + 1);
    },
  );
});

describe("A callback", () => {
  it.each(["xml", "json"] as const)("is taken in %s, and answered 200 with nothing", async (format) => {
    const before = await counted("handled");
    const answer = await post(seal({ ...livingEvent, LivingId: `in-${format}` }, { format }));
    expect(answer).toMatchObject({ status: 200, body: "" });
    expect(await counted("handled")).toBe(before + 1);
  });

  it("is handled once when it comes twice, and answered 200 both times", async () => {
    const repeated = seal({ ...livingEvent, LivingId: "twice" });
    const handled = await counted("handled");
    expect(await post(repeated)).toMatchObject({ status: 200 });
    expect(await post(repeated)).toMatchObject({ status: 200 });
    // WeCom may encrypt the repeat anew.
    expect(await post(seal({ ...livingEvent, LivingId: "twice" }))).toMatchObject({ status: 200 });
    expect(await counted("handled")).toBe(handled + 1);
    expect(await counted("repeated")).toBe(2);
  });

  it("is answered 200 and logged when its event is unknown, whatever it holds", async () => {
    const nested = `<xml><ToUserName><![CDATA[${corpid}]]></ToUserName><MsgType><![CDATA[event]]></MsgType>
      <Event><![CDATA[scan]]></Event><Scan><Item><Type>qr</Type></Item><Item/></Scan><Text>a &lt; b</Text></xml>`;
    const before = await counted("unknown");
    expect(await post(seal(nested))).toMatchObject({ status: 200 });
    expect(await counted("unknown")).toBe(before + 1);
    expect(gateway.logs).toContainEqual(
      expect.objectContaining({ msg: "an event that this gateway does not use", event: "scan" }),
    );
  });

  it.each([
    ["a status of two digits", { Status: 10 }],
    ["no status", { Status: "" }],
    ["no livingid", { LivingId: "" }],
  ])("is taken for unknown with %s: sending it again would not help", async (_what, changes) => {
    const [handled, unknown] = [await counted("handled"), await counted("unknown")];
    expect(await post(seal({ ...livingEvent, ...changes }))).toMatchObject({ status: 200 });
    expect([await counted("handled"), await counted("unknown")]).toEqual([handled, unknown + 1]);
  });

  it("is neither of WeCom's requests with another method", async () => {
    expect(await gateway.fetch("/wecom/callback", { method: "PUT" })).toMatchObject({ status: 405 });
  });
});

describe("A forged, outdated or misdirected callback", () => {
  it("is refused with 403 and counted when its signature is wrong", async () => {
    const sealed = seal();
    const forged = { ...sealed, url: sealed.url.replace(/msg_signature=../, "msg_signature=00") };
    const before = await counted("bad-signature");
    expect(await post(forged)).toMatchObject({ status: 403, body: "" });
    expect(await post({ ...sealed, url: target.url })).toMatchObject({ status: 403 });
    expect(await counted("bad-signature")).toBe(before + 2);
  });

  it("is logged once a minute for each reason when it is refused, however many are sent", async () => {
    let now = Date.now();
    await using patient = await startGateway({ env, now: () => now });
    const post = (path: string) => patient.fetch(`/wecom/callback${path}`, { method: "POST", body: "" });
    const refusals = () =>
      patient.logs.filter(({ msg }) => msg === "a callback was refused").map(({ level, refusal }) => [level, refusal]);
    const old = `?msg_signature=${"0".repeat(40)}&timestamp=1`;

    for (let sent = 0; sent < 5; sent += 1) await Promise.all([post(""), post(old)]);
    expect(refusals()).toEqual([
      ["warn", "bad-signature"],
      ["warn", "too-old"],
    ]);

    now += 60_000;
    await Promise.all([post(""), post("")]);
    expect(refusals()).toHaveLength(3);
  });

  it.each([
    ["too old", -301_000],
    ["from the future", 301_000],
  ])("is refused with 403 when it is %s", async (_what, ms) => {
    const before = await counted("too-old");
    gateway.simulator.clock.advance(ms);
    const sealed = seal();
    gateway.simulator.clock.advance(-ms);
    expect(await post(sealed)).toMatchObject({ status: 403 });
    expect(await counted("too-old")).toBe(before + 1);
  });

  it("is refused by its query alone when that cannot be WeCom's: the body is not even read as XML", async () => {
    const query = `?msg_signature=${"0".repeat(39)}&timestamp=${Math.floor(Date.now() / 1000)}&nonce=n`;
    const before = await counted("bad-signature");
    expect(await gateway.fetch(`/wecom/callback${query}`, { method: "POST", body: "<xml>" })).toMatchObject({
      status: 403,
    });
    expect(await counted("bad-signature")).toBe(before + 1);
  });

  it("is refused with 403 when its time is no number, however well it is signed", async () => {
    const before = await counted("too-old");
    const { encrypt, ...url } = signed("soon");
    const body = JSON.stringify({ encrypt });
    expect(await gateway.fetch(url.path, { method: "POST", body })).toMatchObject({ status: 403 });
    expect(await counted("too-old")).toBe(before + 1);
  });

  it.each(["1e9", "0x6b000000", " ", ""].map((shape) => [shape]))(
    "is refused with 403 when its time is written as «%s», however well it is signed",
    async (shape) => {
      await using other = await startGateway({ env, now: () => Number(shape) * 1000 });
      const { encrypt, path } = signed(shape, JSON.stringify({ ...livingEvent, CreateTime: Number(shape) }));
      const answer = await other.fetch(path, { method: "POST", body: JSON.stringify({ encrypt }) });
      expect(answer).toMatchObject({ status: 403 });
    },
  );

  it("is refused with 403 when it is meant for another corp, or for a suite", async () => {
    const before = await counted("wrong-receiveid");
    expect(await post(seal(livingEvent, { receiveid: "wwother" }))).toMatchObject({ status: 403 });
    expect(await post(seal({ SuiteId: "wwsuite", InfoType: "suite_ticket", SuiteTicket: "t" }))).toMatchObject({
      status: 403,
    });
    expect(await counted("wrong-receiveid")).toBe(before + 2);
  });

  it("is refused with 403 when it was encrypted with another key", async () => {
    expect(await post(seal(livingEvent, { aesKey: "A".repeat(43) }))).toMatchObject({ status: 403 });
    expect(await counted("bad-encryption")).toBeGreaterThanOrEqual(1);
  });
});

describe("A callback that was captured, and is sent again with another time, which the signature does not tell apart", () => {
  const sentAt = Math.floor(Date.now() / 10_000) * 10 + 1;
  const later = sentAt + 3600;
  const message = JSON.stringify({ ...livingEvent, CreateTime: sentAt });

  it.each([
    ["its nonce", String(later), String(sentAt)],
    // 1795000001 + 795003601 is read as 179500000 + 1795003601.
    ["parts of both", String(later).slice(1), String(sentAt).slice(0, -1)],
  ])("is refused with 403 when it takes %s for the time", async (_what, nonce, otherNonce) => {
    let now = sentAt * 1000;
    await using other = await startGateway({ env, now: () => now });
    const captured = signed(String(sentAt), message, nonce);
    const body = JSON.stringify({ encrypt: captured.encrypt });
    expect(await other.fetch(captured.path, { method: "POST", body })).toMatchObject({ status: 200 });

    now = later * 1000;
    const query = { msg_signature: captured.signature, timestamp: String(later), nonce: otherNonce };
    const path = `/wecom/callback?${new URLSearchParams(query).toString()}`;
    expect(await other.fetch(path, { method: "POST", body })).toMatchObject({ status: 403 });
  });

  it("is taken when WeCom delivers it late, and its nonce merely looks like a time", async () => {
    await using other = await startGateway({ env, now: () => later * 1000 });
    const { path, encrypt } = signed(String(later), message, String(sentAt - 301));
    const answer = await other.fetch(path, { method: "POST", body: JSON.stringify({ encrypt }) });
    expect(answer).toMatchObject({ status: 200 });
  });
});

describe("A malformed or oversized callback", () => {
  it.each([
    ["nothing", ""],
    ["plain text", "hello"],
    ["a JSON array", "[]"],
    ["JSON without the message", "{}"],
    ["half of XML", "<xml><Encrypt>abc</Encrypt>"],
    ["XML with a DTD", `<!DOCTYPE xml [<!ENTITY e "x">]><xml><Encrypt>&e;</Encrypt></xml>`],
    ["XML with an entity of its own", "<xml><Encrypt>&e;</Encrypt></xml>"],
    ["XML with a processing instruction", "<?xml version='1.0'?><?php ?><xml><Encrypt>a</Encrypt></xml>"],
    ["XML with attributes", `<xml a="b"><Encrypt>a</Encrypt></xml>`],
    ["two XML documents", "<xml><Encrypt>a</Encrypt></xml><xml></xml>"],
    ["XML without end", "<xml>".repeat(10_000)],
    ["invalid UTF-8", Buffer.from([0x3c, 0xff, 0xfe])],
  ])("is refused with 400 when its body is %s", async (_what, body) => {
    const answer = await gateway.fetch(seal().url.slice(gateway.url.length), { method: "POST", body });
    expect(answer).toMatchObject({ status: 400, text: "" });
  });

  it("is refused with 400 when what was encrypted is neither XML nor JSON", async () => {
    expect(await post(seal("success"))).toMatchObject({ status: 400 });
  });

  it("is refused with 413 when it is longer than 64 KB, and taken when it is that long", async () => {
    const [head, tail] = ["<xml><A>", "</A></xml>"];
    const body = (length: number) => head + "a".repeat(length - head.length - tail.length) + tail;
    const path = seal().url.slice(gateway.url.length);
    expect(await gateway.fetch(path, { method: "POST", body: body(65_537) })).toMatchObject({ status: 413 });
    // Read and understood; what is missing is the message.
    expect(await gateway.fetch(path, { method: "POST", body: body(65_536) })).toMatchObject({ status: 400 });
  });
});

describe("A callback while the store hangs", () => {
  it("is answered 503 in time, so that WeCom sends it again", async () => {
    const hanging = { get: () => new Promise<never>(() => undefined) } as Partial<Store> as Store;
    const receiver = new CallbackReceiver({
      ...{ token: new Secret(token), aesKey: new Secret(aesKey), receiver: { kind: "corp", corpid }, store: hanging },
      ...{ metrics: { countCallback: () => undefined }, log: createLogger("silent"), now: () => Date.now() },
      handlerTimeoutMs: 20,
      handle: () => Promise.resolve(),
    });
    const { path, encrypt } = signed(String(Math.floor(Date.now() / 1000)), JSON.stringify(livingEvent));
    const query = new URLSearchParams(path.split("?")[1]);

    expect(await receiver.receive(query, JSON.stringify({ encrypt }))).toEqual({ status: 503, text: "" });
  });
});

describe("The callback URL without its settings", () => {
  it("does not exist", async () => {
    await using other = await startGateway();
    expect(await other.fetch("/wecom/callback")).toMatchObject({ status: 404 });
  });
});
