/** An issuer of tokens with its keys behind a real socket, whose host can go away. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from "jose";

export const issuerName = "https://issuer.example/";
export const audience = "wecom-living-gateway";

export interface Issuer extends AsyncDisposable {
  readonly jwksUrl: string;
  readonly publicJwk: JWK;
  /** What the host does with the next requests. */
  behaviour: "answer" | "fail" | "redirect";
  /** How often the keys were fetched. */
  readonly fetches: number;
  /** Signs with another key from now on, under another `kid`; `publish` puts it beside the old ones. */
  rotate(kid: string, options?: { publish: boolean }): Promise<void>;
  /** A token that is good, but for what `claims` and `header` change. A claim that is undefined is left out. */
  sign(claims?: Record<string, unknown>, header?: Record<string, unknown>): Promise<string>;
}

/** @param nowMs the clock by which tokens are good for ten minutes */
export async function startIssuer(nowMs: () => number = Date.now): Promise<Issuer> {
  const keys: JWK[] = [];
  let current: { kid: string; privateKey: CryptoKey };
  let fetches = 0;
  const add: Issuer["rotate"] = async (kid, { publish } = { publish: true }) => {
    const { publicKey, privateKey } = await generateKeyPair("RS256", { extractable: true });
    if (publish) keys.push({ ...(await exportJWK(publicKey)), kid, alg: "RS256", use: "sig" });
    current = { kid, privateKey };
  };
  await add("first");
  const server = createServer(({ url }, response) => {
    fetches += 1;
    if (issuer.behaviour === "fail") response.writeHead(500).end();
    else if (issuer.behaviour === "redirect" && url !== "/elsewhere")
      response.writeHead(302, { location: "/elsewhere" }).end();
    else response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ keys }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const issuer: Issuer = {
    jwksUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`,
    publicJwk: keys[0]!,
    behaviour: "answer",
    get fetches() {
      return fetches;
    },
    rotate: add,
    sign: (claims = {}, header = {}) =>
      new SignJWT(goodClaims(nowMs(), claims))
        .setProtectedHeader({ alg: "RS256", kid: current.kid, ...header })
        .sign(current.privateKey),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return issuer;
}

export function goodClaims(nowMs: number, changes: Record<string, unknown> = {}): JWTPayload {
  const now = Math.floor(nowMs / 1000);
  const claims: Record<string, unknown> = {
    iss: issuerName,
    aud: audience,
    sub: "user-1",
    exp: now + 600,
    iat: now,
    scope: "living:read living:write",
    userid: "zhangsan",
    ...changes,
  };
  return Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined));
}

export function jwtEnv(issuer: Issuer): Record<string, string> {
  return {
    NODE_ENV: "production",
    AUTH_MODE: "jwt",
    AUTH_JWKS_URL: issuer.jwksUrl,
    AUTH_ISSUER: issuerName,
    AUTH_AUDIENCE: audience,
  };
}
