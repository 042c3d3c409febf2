// Signs a member of the corp in on a page inside WeCom, and gives that page the token that the gateway takes.
import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { SignJWT } from "jose";

const {
  WECOM_BASE_URL = "https://qyapi.weixin.qq.com",
  WECOM_CORP_ID,
  WECOM_CORP_SECRET,
  WECOM_AGENT_ID,
} = process.env;
const { AUTH_JWT_SECRET, AUTH_ISSUER, AUTH_AUDIENCE, PUBLIC_URL, PORT = "4100" } = process.env;

async function ask(api, query) {
  const answer = await (await fetch(`${WECOM_BASE_URL}/cgi-bin/${api}?${new URLSearchParams(query)}`)).json();
  if (answer.errcode) throw new Error(`${api} answered errcode ${answer.errcode}`);
  return answer;
}

let token = { text: "", endsAt: 0 };
async function accessToken() {
  if (Date.now() >= token.endsAt) {
    const answer = await ask("gettoken", { corpid: WECOM_CORP_ID, corpsecret: WECOM_CORP_SECRET });
    token = { text: answer.access_token, endsAt: Date.now() + answer.expires_in * 900 };
  }
  return token.text;
}

/** Where WeCom asks who it is. The state comes back with the code, and must be that of the same browser. */
function toWecom(response) {
  const state = randomBytes(16).toString("hex");
  const app = { appid: WECOM_CORP_ID, agentid: WECOM_AGENT_ID, redirect_uri: `${PUBLIC_URL}/signed-in` };
  const query = new URLSearchParams({ ...app, response_type: "code", scope: "snsapi_base", state });
  response.setHeader("set-cookie", `state=${state}; HttpOnly; Secure; SameSite=Lax; Path=/; Max-Age=300`);
  response.setHeader("location", `https://open.weixin.qq.com/connect/oauth2/authorize?${query}#wechat_redirect`);
  response.writeHead(302).end();
}

async function signedIn(request, response, { code, state }) {
  if (!state || !request.headers.cookie?.split("; ").includes(`state=${state}`)) throw new Error("begin at /sign-in");
  const { userid } = await ask("auth/getuserinfo", { access_token: await accessToken(), code });
  // Whoever is not of the corp has an openid and no userid.
  if (!userid) throw new Error("this is for members of the corp");
  const jwt = await new SignJWT({ corpid: WECOM_CORP_ID, userid, scope: "living:read living:write" })
    .setProtectedHeader({ alg: "HS256" })
    .setIssuer(AUTH_ISSUER)
    .setAudience(AUTH_AUDIENCE)
    .setExpirationTime("1h")
    .sign(new TextEncoder().encode(AUTH_JWT_SECRET));
  const page = `<script>sessionStorage.setItem("token", "${jwt}"); location.replace("/");</script>`;
  response.writeHead(200, { "content-type": "text/html", "cache-control": "no-store" }).end(page);
}

const server = createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, "http://here");
  try {
    if (pathname === "/sign-in") toWecom(response);
    else if (pathname === "/signed-in") await signedIn(request, response, Object.fromEntries(searchParams));
    else response.writeHead(404).end();
  } catch (error) {
    response.writeHead(403, { "content-type": "text/plain" }).end(error.message);
  }
});
server.listen(Number(PORT), "127.0.0.1", () => console.log(`sign-in on port ${server.address().port}`));
