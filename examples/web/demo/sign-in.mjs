// Who is who in the demo, without a password. In an app of your own, your sign-in service signs such a token once a member
// has signed in with WeCom: docs/sign-in.md.
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { SignJWT } from "jose";

const people = JSON.parse(readFileSync(new URL("people.json", import.meta.url), "utf8"));
const issuer = "https://sign-in.example";
const audience = "wecom-living-gateway";
const validForSeconds = 900;

/** The settings of a gateway that trusts these tokens, and the function that signs them. */
export function createSignIn() {
  const secret = randomBytes(32).toString("hex");
  const sign = async (userid) => {
    const person = people.find((known) => known.userid === userid);
    if (!person) return undefined;
    const expiresAt = Math.floor(Date.now() / 1000) + validForSeconds;
    const token = await new SignJWT({ userid, scope: person.scope })
      .setProtectedHeader({ alg: "HS256" })
      .setIssuer(issuer)
      .setAudience(audience)
      .setExpirationTime(expiresAt)
      .sign(new TextEncoder().encode(secret));
    return { token, expiresAt };
  };
  const env = { AUTH_MODE: "jwt", AUTH_JWT_SECRET: secret, AUTH_ISSUER: issuer, AUTH_AUDIENCE: audience };
  return { env, sign };
}

/** A Vite plugin: `POST /demo/token?userid=…` on the app's own server. `links` go to the app with the token. */
export function signInRoute(sign, links) {
  const answer = async (request, response) => {
    response.setHeader("cache-control", "no-store");
    // Another site's page must not get a token.
    const isOwnPage = request.method === "POST" && request.headers["sec-fetch-site"] !== "cross-site";
    const userid = new URL(request.url, "http://app").searchParams.get("userid");
    const signed = isOwnPage ? await sign(userid) : undefined;
    response.writeHead(signed ? 200 : 403, { "content-type": "application/json" });
    response.end(JSON.stringify(signed ? { ...signed, ...links } : { error: "nobody of that userid is in the demo" }));
  };
  return {
    name: "demo-sign-in",
    configurePreviewServer: ({ middlewares }) => {
      middlewares.use("/demo/token", (request, response, next) => void answer(request, response).catch(next));
    },
  };
}
