// Signatures with which a page opens a living through WeCom's JS-SDK.
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { loadConfig } from "../../src/config.js";
import { Secret } from "../../src/observability/secret.js";
import { signatureOf } from "../../src/wecom/js-sdk.js";
import { corpid, fixedToken, type Gateway, startGateway } from "../support/gateway.js";
import { corps, startProvider, suiteId } from "../support/provider.js";
import { describeWithRedis, TestRedis } from "../support/redis.js";
import { expectedSignature } from "../support/signatures.js";

const page = "https://app.example.com/livings?id=1";
const env = { JSSDK_ORIGINS: "https://app.example.com,http://127.0.0.1:8080", WECOM_AGENT_ID: "1000014" };
const query = `query ($url: String!) {
  jsSdkSignature(url: $url) {
    corpid agentid config { timestamp nonceStr signature } agentConfig { timestamp nonceStr signature }
  }
}`;

const ticketFetches = ({ simulator }: Gateway) =>
  ["get_jsapi_ticket", "ticket/get"].map((api) => simulator.requestsTo(api).length);

describe("A signature", () => {
  const ticket = new Secret("sM4AOVdWfPE4DxkXGEs8VMCPGGVi4C3VM0P37wVUCFvkVAy_90u5h9nbSlYy3-Sl-HhTdfl2fzFy1AOcHKP7qg");
  const given = { nonceStr: "Wm3WZYTPz0wzccnW", timestamp: 1414587457 };

  it.each([
    ["http://mp.weixin.qq.com?params=value", "0f9de62fce790f9a083d5c99e95740ceb90c27ed"],
    ["http://mp.weixin.qq.com", "f4d90daf4b3bca3078ab155816175ba34c443a7b"],
  ])("is the one that WeCom documents for %s", (url, signature) => {
    expect(signatureOf(ticket, { ...given, url })).toBe(signature);
  });
});

describe("jsSdkSignature", () => {
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await startGateway({ env });
  });
  afterAll(() => gateway.close());

  it("signs the page for the corp and for the app, without its fragment", async () => {
    const { data, errors } = await gateway.run(query, { url: `${page}#top` });

    expect(errors).toEqual([]);
    const { config, agentConfig, ...app } = data!["jsSdkSignature"];
    expect(app).toEqual({ corpid, agentid: 1000014 });
    expect(config.signature).toBe(await expectedSignature(gateway, "get_jsapi_ticket?", config, page));
    expect(agentConfig.signature).toBe(
      await expectedSignature(gateway, "ticket/get?type=agent_config&", agentConfig, page),
    );
    expect(config.nonceStr).not.toBe(agentConfig.nonceStr);
  });

  it.each([
    ["https://app.example.com"],
    ["https://app.example.com?a=b"],
    ["http://127.0.0.1:8080/"],
    ["https://app.example.com/中文?q=一"],
  ])("signs %s", async (url) => {
    const { data } = await gateway.run(query, { url });

    const { config } = data!["jsSdkSignature"];
    expect(config.signature).toBe(await expectedSignature(gateway, "get_jsapi_ticket?", config, url));
  });

  it.each([
    ["http://app.example.com/"],
    ["https://app.example.com:8443/"],
    ["https://app.example.com.evil.example/"],
    ["https://evil.example/?https://app.example.com/"],
  ])("refuses the page %s, and names the setting", async (url) => {
    const { data, errors } = await gateway.run(query, { url });

    expect(data).toEqual({ jsSdkSignature: null });
    expect(errors[0]!.extensions).toEqual({ code: "ORIGIN_NOT_ALLOWED", setting: "JSSDK_ORIGINS" });
  });

  it.each([
    [""],
    ["/livings"],
    ["javascript:alert(1)"],
    ["file:///etc/passwd"],
    [" https://app.example.com/"],
    ["https://app.example.com/\n"],
    ["https:\\\\app.example.com/"],
    ["https://app.example.com@evil.example/"],
    ["https://user@app.example.com/"],
    [`https://app.example.com/${"a".repeat(2048)}`],
  ])("refuses what is no address of a page: %j", async (url) => {
    const { errors } = await gateway.run(query, { url });

    expect(errors[0]!.extensions).toEqual({ code: "BAD_USER_INPUT" });
  });

  it("refuses a caller without living:read, and one of another corp", async () => {
    const refused = await gateway.run(query, { url: page }, { "x-wecom-scopes": "living:write" });
    expect(refused.errors[0]!.extensions).toEqual({ code: "FORBIDDEN", scope: "living:read" });

    const foreign = await gateway.run(query, { url: page }, { "x-wecom-corpid": "ww0other" });
    expect(foreign.data).toEqual({ jsSdkSignature: null });
    expect(foreign.errors[0]!.extensions["code"]).toBe("LIVING_CONFIGURATION");
  });

  it("signs for the corp alone where no agentid is known", async () => {
    await using gateway = await startGateway({ env: { JSSDK_ORIGINS: env.JSSDK_ORIGINS } });

    const { data } = await gateway.run(query, { url: page });

    expect(data!["jsSdkSignature"]).toMatchObject({ agentid: null, agentConfig: null, config: {} });
    expect(ticketFetches(gateway)).toEqual([1, 0]);
  });

  it("names WECOM_CORP_ID where a fixed token's corp is not known", async () => {
    const token = { WECOM_ACCESS_TOKEN: fixedToken, WECOM_CORP_ID: "", WECOM_CORP_SECRET: "" };
    await using gateway = await startGateway({ env: { ...env, ...token } });

    const { errors } = await gateway.run(query, { url: page });

    expect(errors[0]!.extensions["code"]).toBe("LIVING_CONFIGURATION");
    expect(errors[0]!.message).toContain("WECOM_CORP_ID");
  });

  it.each([
    ["get_jsapi_ticket", 48002, "LIVING_PERMISSION"],
    ["ticket/get", 48002, "LIVING_PERMISSION"],
    ["ticket/get", 40013, "LIVING_CONFIGURATION"],
  ])("names the setting of the app that WeCom gives no ticket: %s, %i", async (api, errcode, code) => {
    await using gateway = await startGateway({ env });
    gateway.simulator.faults.inject({ kind: "errcode", errcode, api });

    const { data, errors } = await gateway.run(query, { url: page });

    const setting = "WECOM_CORP_SECRET";
    expect(data).toEqual({ jsSdkSignature: null });
    expect(errors[0]!.extensions).toMatchObject({ code, errcode, setting });
    expect(errors[0]!.message).toContain(setting);
  });

  it("names no setting where WeCom is only busy", async () => {
    await using gateway = await startGateway({ env });
    gateway.simulator.faults.inject({ kind: "errcode", errcode: 45009, api: "ticket/get" });

    const { errors } = await gateway.run(query, { url: page });

    expect(errors[0]!.extensions).toEqual({
      ...{ code: "LIVING_RATE_LIMIT", errcode: 45009, retryable: true },
      retryAfterSeconds: 60,
    });
  });
});

describe("jsSdkSignature of a provider's app", () => {
  it("has the agentid from the corp's authorisation, and each corp's own tickets", async () => {
    await using provider = await startProvider({ env: { JSSDK_ORIGINS: env.JSSDK_ORIGINS } });
    provider.simulator.suites.pushTicket(suiteId);
    await provider.settle();
    for (const corp of corps) {
      await provider.install(corp);
      const { data, errors } = await provider.run(query, { url: page }, { "x-wecom-corpid": corp });

      expect(errors).toEqual([]);
      expect(data!["jsSdkSignature"]).toMatchObject({ corpid: corp, agentid: 1000002, agentConfig: {} });
    }
    expect(ticketFetches(provider)).toEqual([2, 2]);
  });
});

describe("A ticket", () => {
  it("is kept until a tenth of its two hours is left, and then fetched once", async () => {
    let now = Date.parse("2026-01-01T00:00:00Z");
    await using gateway = await startGateway({ env, now: () => now, simulator: { now: () => now } });
    const sign = () => gateway.run(query, { url: page });
    await Promise.all(Array.from({ length: 50 }, sign));
    expect(ticketFetches(gateway)).toEqual([1, 1]);

    now += 6_400_000;
    await sign();
    expect(ticketFetches(gateway)).toEqual([1, 1]);

    now += 801_000;
    await Promise.all(Array.from({ length: 50 }, sign));
    expect(ticketFetches(gateway)).toEqual([2, 2]);
  });

  it("is not in the log, nor in any answer", async () => {
    await using gateway = await startGateway({ env });
    await gateway.run(query, { url: page });
    for (const api of ["get_jsapi_ticket?", "ticket/get?type=agent_config&"]) {
      const answer = await fetch(`${gateway.simulator.url}/cgi-bin/${api}access_token=${fixedToken}`);
      gateway.alsoSearch({ credential: ((await answer.json()) as { ticket: string }).ticket });
    }
    await gateway.fetch("/metrics");
    expect(gateway.logs.length).toBeGreaterThan(0);
  });
});

describeWithRedis("Three replicas", () => {
  it("fetch each ticket at most twice an hour for 10,000 signatures", async () => {
    let now = Date.parse("2026-01-01T00:00:00Z");
    const clock = { now: () => now };
    await using redis = await TestRedis.start();
    const options = { ...clock, env: { ...env, REDIS_URL: redis.url } };
    await using first = await startGateway({ ...options, simulator: clock });
    await using second = await startGateway({ ...options, upstreamUrl: first.simulator.url });
    await using third = await startGateway({ ...options, upstreamUrl: first.simulator.url });
    const aliases = Array.from({ length: 20 }, (_, at) => `s${at}: jsSdkSignature(url: $url) { config { signature } }`);
    const many = `query ($url: String!) { ${aliases.join(" ")} }`;

    // Ten hours, at each end of each, and all replicas at once.
    const answers = [];
    for (let round = 0; round < 20; round += 1) {
      const ops = Array.from({ length: 25 }, (_, at) => [first, second, third][at % 3]!.run(many, { url: page }));
      answers.push(...(await Promise.all(ops)));
      now += 1_800_000;
    }

    expect(answers.flatMap(({ data }) => Object.values(data!)).filter((value) => value !== null)).toHaveLength(10_000);
    for (const api of ["get_jsapi_ticket", "ticket/get"]) {
      const hours = first.simulator.requestsTo(api).map(({ at }) => Math.floor(at / 3_600_000));
      expect(hours.length).toBeGreaterThan(4);
      for (const hour of hours) expect(hours.filter((other) => other === hour).length).toBeLessThanOrEqual(2);
    }
  });
});

describe("JSSDK_ORIGINS", () => {
  it("allows no page unless it is set, and any while the simulator answers", () => {
    expect(loadConfig({ WECOM_CORP_ID: "ww", WECOM_CORP_SECRET: "s" }).jsSdkOrigins).toEqual([]);
    expect(loadConfig({}).jsSdkOrigins).toBe("any");
  });

  it.each(["https://app.example.com/", "app.example.com", "*"])("refuses %s", (JSSDK_ORIGINS) => {
    expect(() => loadConfig({ JSSDK_ORIGINS })).toThrow("JSSDK_ORIGINS");
  });
});
