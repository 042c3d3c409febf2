/**
 * Hive Gateway in front of this one: `hive-gateway supergraph supergraph.graphql -c gateway.config.ts`.
 *
 * With `ROUTER_SECRET` (here `AUTH_MODE=router`) it verifies its clients' tokens and says who is calling; without it
 * (`AUTH_MODE=jwt`) it passes the token on. Either way nothing that a client says of itself is believed.
 *
 * @see https://the-guild.dev/graphql/hive/docs/gateway
 */
import { createRemoteJWKSet, type JWTPayload, jwtVerify } from "jose";

/** Passed on as they are: they say nothing of who is calling. */
const passedOn = ["idempotency-key", "x-envoy-expected-rq-timeout-ms", "x-request-id"];

let keys: ReturnType<typeof createRemoteJWKSet> | undefined;

/** The claims of the client's token; undefined for one that is not good, or none. */
export async function verifiedClaims(client: Headers): Promise<JWTPayload | undefined> {
  const { AUTH_JWKS_URL = "", AUTH_ISSUER = "", AUTH_AUDIENCE = "" } = process.env;
  // Two tokens come joined with a comma, and then neither counts.
  const token = /^Bearer (\S+)$/i.exec(client.get("authorization") ?? "")?.[1];
  if (token === undefined || AUTH_JWKS_URL === "") return undefined;
  keys ??= createRemoteJWKSet(new URL(AUTH_JWKS_URL));
  const expected = { issuer: AUTH_ISSUER, audience: AUTH_AUDIENCE, requiredClaims: ["exp"] };
  return await jwtVerify(token, keys, expected).then(
    ({ payload }) => payload,
    () => undefined,
  );
}

/** What a subgraph is sent: made from nothing, so that no other header of the client's passes. */
export function headersFor(
  subgraphName: string,
  client: Headers,
  claims: JWTPayload | undefined,
): Record<string, string> {
  const headers: Record<string, string> = {};
  const set = (name: string, value: unknown): void => {
    if (typeof value === "string") headers[name] = value;
  };
  for (const name of passedOn) set(name, client.get(name));
  if (subgraphName !== "living") return headers;
  // It subscribes by GET, which is answered only to who is no page in a browser.
  set("apollo-require-preflight", "1");
  const { ROUTER_SECRET } = process.env;
  if (!ROUTER_SECRET) {
    set("authorization", client.get("authorization"));
    return headers;
  }
  // Only `living` may see the secret that makes it believe these.
  set("router-authorization", ROUTER_SECRET);
  set("x-wecom-corpid", claims?.["corpid"]);
  set("x-wecom-userid", claims?.["userid"]);
  set("x-wecom-scopes", claims?.["scope"]);
  return headers;
}

export const gatewayConfig = {
  genericAuth: {
    mode: "resolve-only" as const,
    resolveUserFn: ({ request }: { request: Request }) => verifiedClaims(request.headers),
  },
  propagateHeaders: {
    fromClientToSubgraphs: (from: { request: Request; subgraphName: string; context: object }) =>
      // `resolveUserFn` has put it there.
      headersFor(from.subgraphName, from.request.headers, (from.context as { currentUser?: JWTPayload }).currentUser),
  },
  // The errors of `living` are fit for clients as they are: everything else was masked there.
  maskedErrors: false,
};
