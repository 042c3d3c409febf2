/** Who is calling: each header that says it counts once, and no two kinds of names meet. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { print } from "graphql";
import { CreateLivingDocument } from "../../../packages/client/src/index.js";
import { corpid, type Gateway, startGateway } from "../../support/gateway.js";
import { booking, minimalInput } from "../../support/inputs.js";
import { type Issuer, jwtEnv, startIssuer } from "../../support/issuer.js";
import { sendRaw, statusesOf } from "../../support/raw-http.js";
import { subscriberOver } from "../../support/sockets.js";
import { until } from "../../support/until.js";

const secret = "CANARY-router-secret-of-32-bytes-and-more";
const livings = `{ livings(anchorUserid: "zhangsan") { edges { cursor } } }`;

/** A POST of an operation with exactly these header lines. */
const post = async (gateway: Gateway, lines: readonly string[], query = livings, variables = {}) => {
  const body = JSON.stringify({ query, variables });
  const head = ["POST /graphql HTTP/1.1", "host: x", "connection: close", "content-type: application/json", ...lines];
  const received = await sendRaw(
    gateway.url,
    `${head.join("\r\n")}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  gateway.alsoSearch({ received });
  return { status: statusesOf(received)[0], received };
};

describe("A request in router mode", () => {
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await startGateway({ env: { NODE_ENV: "production", AUTH_MODE: "router", ROUTER_SECRET: secret } });
  });
  afterAll(() => gateway.close());
  const good = [`router-authorization: ${secret}`, `x-wecom-corpid: ${corpid}`, "x-wecom-userid: zhangsan"];
  const scopes = "x-wecom-scopes: living:read";

  it("is let in with one of each", async () => {
    const { status, received } = await post(gateway, [...good, scopes]);

    expect(status).toBe(200);
    expect(received).toContain('"data":{"livings"');
  });

  it.each([
    ["x-wecom-scopes", "living:admin"],
    ["X-WECOM-SCOPES", "living:read"],
    ["X-Wecom-Scopes", ""],
    ["x-wecom-corpid", corpid],
    ["x-wecom-corpid", "another"],
    ["x-wecom-userid", "lisi"],
    ["x-wecom-userid", "zhangsan"],
    ["router-authorization", secret],
    ["Router-Authorization", "a guess"],
  ])("is refused with a second %s: %s", async (name, value) => {
    const before = gateway.simulator.requests.length;
    for (const lines of [
      [...good, scopes, `${name}: ${value}`],
      [`${name}: ${value}`, ...good, scopes],
    ]) {
      const { status, received } = await post(gateway, lines);

      expect(status).toBe(401);
      expect(received).toContain(`The header ${name.toLowerCase()} must come once`);
      expect(received).toMatch(/www-authenticate: Router/i);
    }
    expect(gateway.simulator.requests).toHaveLength(before);
  });

  it("is refused with a second one behind two thousand other headers", async () => {
    const others = Array.from({ length: 2100 }, () => "a:");
    const { status } = await post(gateway, [...good, scopes, ...others, "x-wecom-scopes: living:admin"]);

    expect(status).toBe(401);
  });

  it.each([
    ["two userids that were joined", "x-wecom-userid: zhangsan, lisi"],
    ["a userid that is too long", `x-wecom-userid: ${"u".repeat(129)}`],
    ["two corps that were joined", `x-wecom-corpid: ${corpid},other`],
  ])("is refused with %s", async (_, line) => {
    const name = line.split(":")[0]!;
    const others = good.filter((header) => !header.startsWith(name));

    expect((await post(gateway, [...others, scopes, line])).status).toBe(401);
  });

  it("may bring headers that say nothing here as often as it likes", async () => {
    const more = ["authorization: Bearer a", "authorization: Bearer b", "x-request-id: a", "x-request-id: b"];

    expect((await post(gateway, [...good, scopes, ...more])).status).toBe(200);
  });

  it("is the anchor in any spelling of the userid", async () => {
    const { livingid } = gateway.simulator.livings.reserve({ corpid, agentid: 1000014 }, booking);
    const cancel = `mutation { cancelLiving(livingid: "${livingid}") { __typename } }`;
    const lines = [`router-authorization: ${secret}`, "x-wecom-scopes: living:write"];

    expect((await post(gateway, [...lines, "x-wecom-userid: lisi"], cancel)).received).toContain("FORBIDDEN");
    expect((await post(gateway, [...lines, "x-wecom-userid: ZhangSan"], cancel)).received).toContain(
      "CancelLivingSuccess",
    );
  });

  it.each([
    ["flat", { "router-authorization": secret, "x-wecom-scopes": "living:read", "X-Wecom-Scopes": "living:admin" }],
    ["below headers", { headers: { "router-authorization": secret, "Router-Authorization": secret } }],
    ["a list", { "router-authorization": secret, "x-wecom-corpid": ["another"] }],
    ["a number", { "router-authorization": secret, "x-wecom-corpid": 7 }],
  ])(
    "over a WebSocket is refused with two of one in connection_init, or with what is no text: %s",
    async (_, payload) => {
      expect(await subscriberOver(gateway, payload)).toBe(4403);
      expect(await subscriberOver(gateway, { "router-authorization": secret })).toBe("acknowledged");
    },
  );
});

describe("A request with a token", () => {
  let issuer: Issuer;
  let gateway: Gateway;
  beforeAll(async () => {
    issuer = await startIssuer();
    gateway = await startGateway({ env: jwtEnv(issuer) });
  });
  afterAll(async () => {
    await gateway.close();
    await issuer[Symbol.asyncDispose]();
  });

  it("is refused with a second one, whichever is good", async () => {
    const good = `authorization: Bearer ${await issuer.sign()}`;

    expect((await post(gateway, [good])).status).toBe(200);
    for (const lines of [
      [good, good],
      [good, "Authorization: Bearer x"],
      ["authorization: Basic x", good],
    ]) {
      expect((await post(gateway, lines)).status).toBe(401);
    }
  });

  it.each<[string, unknown]>([
    ["userid", "u".repeat(129)],
    ["userid", ["zhangsan"]],
    ["userid", 7],
    ["userid", "zhangsan,lisi"],
    ["userid", "zhangsan "],
    ["corpid", ["another"]],
    ["corpid", { is: "another" }],
    ["corpid", 7],
    ["corpid", false],
    ["corpid", "another\n"],
  ])("is refused where its %s is no id, and not taken for one without: %j", async (name, value) => {
    const before = gateway.simulator.requests.length;
    const token = await issuer.sign({ [name]: value });
    const { status, received } = await post(gateway, [`authorization: Bearer ${token}`]);

    expect(status).toBe(401);
    expect(received).toContain(`The token's claim ${name} must hold one id`);
    expect(gateway.simulator.requests).toHaveLength(before);
  });

  it.each([null, ""])("may have claims that say nothing: %j", async (nothing) => {
    const token = await issuer.sign({ corpid: nothing, userid: nothing });

    expect((await post(gateway, [`authorization: Bearer ${token}`])).received).toContain('"data":{"livings"');
  });

  it("of a service whose subject is a member's userid is not taken for the member", async () => {
    const admin = "living:read living:write living:admin";
    const create = async (claims: Record<string, unknown>) => {
      const token = await issuer.sign({ scope: admin, ...claims });
      const variables = { input: minimalInput, idempotencyKey: "the same key" };
      const { received } = await post(
        gateway,
        [`authorization: Bearer ${token}`],
        print(CreateLivingDocument),
        variables,
      );
      return /"livingid":"([^"]+)"/.exec(received)?.[1];
    };
    const ofMember = await create({ sub: "x", userid: "zhangsan" });
    const ofService = await create({ sub: "zhangsan", userid: undefined });

    expect(ofMember).toBeDefined();
    expect(ofService).toBeDefined();
    expect(ofService).not.toBe(ofMember);
    expect(await create({ sub: "y", userid: "ZHANGSAN" })).toBe(ofMember);
    expect(await create({ sub: "user:zhangsan", userid: undefined })).not.toBe(ofMember);
  });
});

describe("Readiness", () => {
  it("waits for the issuer's keys, which are tried for without a caller, and is not lost with them", async () => {
    await using issuer = await startIssuer();
    issuer.behaviour = "fail";
    await using gateway = await startGateway({ env: jwtEnv(issuer) });
    const ready = () => gateway.fetch("/health/ready");
    await until(() => issuer.fetches > 0);

    expect(await ready()).toMatchObject({ status: 503, text: '{"status":"waiting for the issuer\'s keys"}' });
    expect((await gateway.fetch("/health/live")).status).toBe(200);

    issuer.behaviour = "answer";
    while ((await ready()).status !== 200) await new Promise((resolve) => setTimeout(resolve, 50));
    issuer.behaviour = "fail";

    expect((await ready()).status).toBe(200);
  });
});
