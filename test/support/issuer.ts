/** An issuer of tokens with its keys behind a real socket, whose host can go away. */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from "jose";

export const issuerName = "https://issuer.example/";
export const audience = "wecom-living-gateway";

export interface Issuer extends AsyncDisposable {
  readonly jwksUrl: string;
  readonly publicJwk: JWK;
  /** What the host does with the next requests: `forget` has no keys, `refuse` neither, but a status that says so. */
  behaviour: "answer" | "fail" | "redirect" | "hang" | "forget" | "refuse";
  /** How often the keys were fetched. */
  readonly fetches: number;
  /** How many requests hang now. */
  readonly hanging: number;
  /** Answers them. */
  release(): void;
  /** Signs with another key from now on, under another `kid`; `publish` puts it beside the old ones. */
  rotate(kid: string, options?: { publish: boolean; alg?: string }): Promise<void>;
  /** A token that is good, but for what `claims` and `header` change. A claim that is undefined is left out. */
  sign(claims?: Record<string, unknown>, header?: Record<string, unknown>): Promise<string>;
}

/** @param nowMs the clock by which tokens are good for ten minutes */
export async function startIssuer(nowMs: () => number = Date.now): Promise<Issuer> {
  const keys: JWK[] = [];
  let current: { kid: string; alg: string; privateKey: CryptoKey };
  let fetches = 0;
  const hanging = new Set<ServerResponse>();
  const add: Issuer["rotate"] = async (kid, { publish, alg = "RS256" } = { publish: true }) => {
    const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
    if (publish) keys.push({ ...(await exportJWK(publicKey)), kid, alg, use: "sig" });
    current = { kid, alg, privateKey };
  };
  const answer = (response: ServerResponse): void => {
    const { behaviour } = issuer;
    const isEmpty = behaviour === "forget" || behaviour === "refuse";
    const status = { fail: 500, refuse: 503 }[behaviour as string] ?? 200;
    response.writeHead(status, { "content-type": "application/json" });
    response.end(behaviour === "fail" ? undefined : JSON.stringify({ keys: isEmpty ? [] : keys }));
  };
  await add("first");
  const server = createServer(({ url }, response) => {
    fetches += 1;
    if (issuer.behaviour === "hang") hanging.add(response.once("close", () => hanging.delete(response)));
    else if (issuer.behaviour === "redirect" && url !== "/elsewhere")
      response.writeHead(302, { location: "/elsewhere" }).end();
    else answer(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const issuer: Issuer = {
    jwksUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`,
    publicJwk: keys[0]!,
    behaviour: "answer",
    get fetches() {
      return fetches;
    },
    get hanging() {
      return hanging.size;
    },
    release: () => {
      hanging.forEach(answer);
    },
    rotate: add,
    sign: (claims = {}, header = {}) =>
      new SignJWT(goodClaims(nowMs(), claims))
        .setProtectedHeader({ alg: current.alg, kid: current.kid, ...header })
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
