/** `AUTH_MODE`: who is calling. By a router's headers, or without authentication, here; by a token, in `jwt.ts`. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { Logger } from "../../observability/logger.js";
import type { Secret } from "../../observability/secret.js";
import {
  type Authenticate,
  type Authentication,
  type Authenticator,
  type Caller,
  identityOf,
  isOneId,
  parseScopes,
  unauthenticated,
} from "./caller.js";
import type { CredentialName, Credentials } from "./credentials.js";
import { authenticateJwt, type JwtSettings } from "./jwt.js";

export type AuthSettings =
  | {
      readonly mode: "none";
      /** Whether `x-wecom-scopes` and `x-wecom-userid` count: only if `AUTH_MODE=none` was set explicitly. */
      readonly trustsHeaders: boolean;
    }
  | { readonly mode: "router"; readonly secret: Secret }
  | ({ readonly mode: "jwt" } & JwtSettings);

/** The headers in which a trusted router identifies the caller. */
const claimHeaders = ["x-wecom-corpid", "x-wecom-userid", "x-wecom-scopes"] as const;

/** The headers that identify the caller, by mode. Others are ignored, however often they occur. */
const headersOf: Readonly<Record<AuthSettings["mode"], readonly CredentialName[]>> = {
  none: claimHeaders,
  router: ["router-authorization", ...claimHeaders],
  jwt: ["authorization"],
};
const challengeOf = { none: "Router", router: "Router", jwt: "Bearer" } as const;

export function createAuthenticator(settings: AuthSettings, log: Logger, now: () => number): Authenticator {
  const { mode } = settings;
  const authenticator = authenticatorOf(settings, log, now);
  return {
    ...authenticator,
    authenticate: (credentials) => {
      const repeated = headersOf[mode].find((name) => credentials.repeated.has(name));
      if (repeated === undefined) return authenticator.authenticate(credentials);
      return unauthenticated(`The header ${repeated} must come once`, challengeOf[mode]);
    },
  };
}

function authenticatorOf(settings: AuthSettings, log: Logger, now: () => number): Authenticator {
  const isReady = (): boolean => true;
  const close = (): void => undefined;
  switch (settings.mode) {
    case "none":
      return { authenticate: authenticateNobody(settings), isReady, close };
    case "router":
      return { authenticate: authenticateRouter(settings.secret), isReady, close };
    case "jwt":
      return authenticateJwt(settings, log, now);
  }
}

const noScopes: ReadonlySet<string> = new Set();

/** `AUTH_MODE=router`: only the supergraph's router knows the secret, so its headers about the caller are trusted. */
function authenticateRouter(secret: Secret): Authenticate {
  return (credentials) => {
    const given = credentials.values.get("router-authorization");
    if (given === undefined) return unauthenticated("This subgraph answers its router only", "Router");
    // Digests have equal lengths, so that the comparison reveals nothing about the secret's length.
    const found = digest(given);
    const isRight = secret.revealAll().some((expected) => timingSafeEqual(found, digest(expected)));
    if (!isRight) return unauthenticated("The router's secret is wrong", "Router");
    return callerFromHeaders(credentials, noScopes);
  };
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

const openScopes: ReadonlySet<string> = new Set(["living:read", "living:write", "living:admin"]);

/**
 * `AUTH_MODE=none`: every caller has all scopes but `living:push`. If the mode was set explicitly, the headers of a router
 * count, so that permissions can be tried out. If it is only the default, only the corp's header counts: otherwise any process
 * on this machine could give itself more scopes.
 */
function authenticateNobody({ trustsHeaders }: { readonly trustsHeaders: boolean }): Authenticate {
  return (credentials) => {
    const answer = callerFromHeaders(credentials, openScopes);
    if (trustsHeaders || answer.kind === "refused") return answer;
    return { kind: "caller", caller: { ...answer.caller, scopes: openScopes, userid: undefined, identity: undefined } };
  };
}

/** Reads the caller from headers. Use it only if the sender is trusted. */
function callerFromHeaders(credentials: Credentials, defaultScopes: ReadonlySet<string>): Authentication {
  const valueOf = (name: CredentialName): string | undefined => credentials.values.get(name)?.trim() || undefined;
  const scopes = valueOf("x-wecom-scopes");
  const corp = valueOf("x-wecom-corpid");
  const userid = valueOf("x-wecom-userid");
  for (const [name, id] of [
    ["x-wecom-corpid", corp],
    ["x-wecom-userid", userid],
  ] as const) {
    if (id !== undefined && !isOneId(id)) return unauthenticated(`The header ${name} must hold one id`, "Router");
  }
  const caller: Caller = {
    scopes: scopes === undefined ? defaultScopes : parseScopes(scopes),
    corp,
    userid,
    identity: userid === undefined ? undefined : identityOf(corp, { user: userid }),
    expiresAtMs: Infinity,
  };
  return { kind: "caller", caller };
}
