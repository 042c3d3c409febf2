/**
 * Every gateway of the whole test run is searched when it is closed: replies, headers, logs, metrics and the process's
 * title, for every secret that it was given, fetched or sent (test/support/gateway.ts). Here: that the search finds them.
 */
import { describe, expect, it } from "@jest/globals";
import { CreateLivingDocument } from "../../packages/client/src/index.js";
import { corpid, refuseLeaks, startGateway } from "../support/gateway.js";
import { minimalInput } from "../support/inputs.js";
import { jwtEnv, startIssuer } from "../support/issuer.js";

describe("The search for leaks", () => {
  it("finds a value anywhere in an output", () => {
    expect(() => refuseLeaks(["fine", `{"x":"a CANARY-1 b"}`], ["CANARY-0", "CANARY-1"])).toThrow(/leaked CANARY-1/);
    expect(() => refuseLeaks(["fine"], ["CANARY-1"])).not.toThrow();
  });

  it.each<[string, (gateway: Awaited<ReturnType<typeof startGateway>>) => Promise<unknown>]>([
    // The 404 names the path: whatever a client puts there comes back to it, and so to the search.
    ["a secret setting", (gateway) => gateway.fetch("/CANARY-router-secret-of-32-bytes-and-more")],
    [
      "a credential that a caller sent",
      (gateway) => gateway.fetch(`/${"t".repeat(40)}`, { headers: { authorization: `Bearer ${"t".repeat(40)}` } }),
    ],
    ["a push URL that nobody asked for", (gateway) => gateway.fetch("/push.simulator.invalid")],
    ["the address that WeCom sees", (gateway) => gateway.fetch("/203.0.113.77")],
  ])("fails the gateway that gives away %s", async (_, giveAway) => {
    const secret = "CANARY-router-secret-of-32-bytes-and-more";
    const gateway = await startGateway({ env: { AUTH_MODE: "router", ROUTER_SECRET: secret } });
    await giveAway(gateway);

    await expect(gateway.close()).rejects.toThrow(/^leaked/);
  });

  it("fails the gateway that gives away an access_token it fetched", async () => {
    const gateway = await startGateway();
    await gateway.run(CreateLivingDocument, { input: minimalInput });
    const token = gateway.simulator.requestsTo("living/create")[0]!.query["access_token"]!;
    await gateway.fetch(`/${token.slice(0, 100)}`);

    await expect(gateway.close()).rejects.toThrow(/^leaked/);
  });
});

describe("A secret that is repeated by WeCom, or by a proxy in front of it", () => {
  const corpsecret = "CANARY-corpsecret-that-is-refused";

  it("is repeated no further", async () => {
    await using gateway = await startGateway({ env: { WECOM_CORP_SECRET: corpsecret } });
    const errmsg = `no such thing: /cgi-bin/gettoken?corpid=${corpid}&corpsecret=${corpsecret}`;
    gateway.simulator.faults.inject({ kind: "errcode", api: "gettoken", errcode: 40013, errmsg, times: 9 });
    await gateway.run(CreateLivingDocument, { input: minimalInput });

    expect(gateway.logs).toContainEqual(
      expect.objectContaining({ errmsg: errmsg.replace(corpsecret, "[secret]"), msg: "call to WeCom failed" }),
    );
  });
});

describe("With every secret in use and everything going wrong, nothing", () => {
  it("of them leaves the gateway", async () => {
    await using issuer = await startIssuer();
    await using gateway = await startGateway({ env: { ...jwtEnv(issuer), LOG_LEVEL: "debug" } });
    const token = await issuer.sign({ scope: "living:read living:write living:push living:admin" });
    const signedIn = { authorization: `Bearer ${token}` };
    const { livingid } = gateway.simulator.livings.reserve(
      { corpid, agentid: 1000014 },
      {
        anchorUserid: "u",
        theme: "t",
        description: "",
        startSeconds: 9_999_999_999,
        durationSeconds: 60,
        type: 4,
        remindSeconds: 0,
        imageMediaids: [],
      },
    );
    const read = `{ living(livingid: "${livingid}") { theme pushStreamUrl } }`;

    const { data } = await gateway.run(read, {}, signedIn);
    expect(data!["living"].pushStreamUrl).toContain("push.simulator.invalid");
    // What was read is kept for a moment, as long as nobody changes it.
    const readAnew = async () => {
      await gateway.run(
        `mutation { modifyLiving(livingid: "${livingid}", input: { theme: "t" }) { __typename } }`,
        {},
        signedIn,
      );
      await gateway.run(read, {}, signedIn);
    };
    for (const errcode of [40001, 60020, 42001, -1, 99999]) {
      gateway.simulator.faults.inject({ kind: "errcode", api: "living/get_living_info", errcode, times: 2 });
      await readAnew();
    }
    for (const kind of ["drop", "empty-body"] as const) {
      gateway.simulator.faults.clear();
      gateway.simulator.faults.inject({ kind, api: "living/get_living_info", times: 1 });
      await readAnew();
    }
    await gateway.run(read, {}, { authorization: `Bearer ${token}x` });
    expect(gateway.logs.length).toBeGreaterThan(5);
    // What is not a secret but somebody's business stays out of the logs too.
    expect(JSON.stringify(gateway.logs)).not.toMatch(/authorization|Bearer|eyJ/);
  });
});
