// docs/sign-in.md: from WeCom's code to a token that the gateway takes, with the program that the page shows.
import { expect, it } from "@jest/globals";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { audience, issuerName, jwtEnv, startIssuer } from "../support/issuer.js";
import { corpid, startGateway } from "../support/gateway.js";
import { Running } from "../support/running.js";

const secret = "CANARY-jwt-secret-of-32-bytes-and-more";
const program = readFileSync(new URL("../../deploy/example/sign-in.mjs", import.meta.url), "utf8");

/** The two calls that a sign-in makes, as WeCom's pages have them. */
async function startWecom() {
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url!, "http://wecom");
    const answer = {
      "/cgi-bin/gettoken": { errcode: 0, errmsg: "ok", access_token: "CANARY-access-token", expires_in: 7200 },
      "/cgi-bin/auth/getuserinfo": {
        member: { errcode: 0, errmsg: "ok", userid: "zhangsan" },
        stranger: { errcode: 0, errmsg: "ok", openid: "oAbc" },
      }[searchParams.get("code")!] ?? { errcode: 40029, errmsg: "invalid code" },
    }[pathname];
    response.end(JSON.stringify(answer));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.close() };
}

it("is the program that docs/sign-in.md shows", () => {
  expect(readFileSync(new URL("../../docs/sign-in.md", import.meta.url), "utf8")).toContain(program);
});

it("gives a member a token with which they act in their own name, and nobody else one", async () => {
  const wecom = await startWecom();
  await using issuer = await startIssuer();
  const { AUTH_JWKS_URL: _, ...auth } = jwtEnv(issuer);
  await using gateway = await startGateway({ env: { ...auth, AUTH_JWT_SECRET: secret } });
  await using running = new Running(["node", "deploy/example/sign-in.mjs"], {
    ...{ PORT: "0", PUBLIC_URL: "https://app.example.com", WECOM_BASE_URL: wecom.url },
    ...{ WECOM_CORP_ID: corpid, WECOM_CORP_SECRET: "s", WECOM_AGENT_ID: "1000014" },
    ...{ AUTH_JWT_SECRET: secret, AUTH_ISSUER: issuerName, AUTH_AUDIENCE: audience },
  });
  const url = `http://127.0.0.1:${await running.printed(/port (\d+)/)}`;

  const begun = await fetch(`${url}/sign-in`, { redirect: "manual" });
  const asked = new URL(begun.headers.get("location")!);
  expect(asked.origin + asked.pathname).toBe("https://open.weixin.qq.com/connect/oauth2/authorize");
  expect(Object.fromEntries(asked.searchParams)).toMatchObject({
    ...{ appid: corpid, agentid: "1000014", response_type: "code", scope: "snsapi_base" },
    redirect_uri: "https://app.example.com/signed-in",
  });
  const state = asked.searchParams.get("state")!;
  const [cookie = ""] = begun.headers.get("set-cookie")!.split(";");
  const comeBack = (code: string, headers: Record<string, string> = { cookie }) =>
    fetch(`${url}/signed-in?code=${code}&state=${state}`, { headers });

  const page = await (await comeBack("member")).text();
  const [, token = ""] = /"token", "([\w.-]+)"/.exec(page)!;
  const read = (anchorUserid: string) =>
    gateway.run(
      `mutation { createLiving(input: { anchorUserid: "${anchorUserid}", theme: "t", livingStart: 1, livingDuration: 1 }) { __typename } }`,
      {},
      { authorization: `Bearer ${token}` },
    );
  expect((await read("zhangsan")).data).toEqual({ createLiving: { __typename: "CreateLivingSuccess" } });
  expect((await read("lisi")).errors[0]!.extensions).toMatchObject({ code: "FORBIDDEN", scope: "living:admin" });

  expect((await comeBack("stranger")).status).toBe(403);
  expect((await comeBack("used")).status).toBe(403);
  expect((await comeBack("member", {})).status).toBe(403);
  expect((await comeBack("member", { cookie: "state=of-another-browser" })).status).toBe(403);
  wecom.close();
});
