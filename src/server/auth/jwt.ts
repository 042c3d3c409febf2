/**
 * `AUTH_MODE=jwt`: a bearer token that its issuer signed for this gateway. A valid token is cached for a minute, so that
 * its signature is not verified for every request.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8725 what goes wrong with JWTs
 * @see https://www.rfc-editor.org/rfc/rfc6750#section-3 the error response
 */
import { hash } from "node:crypto";
import { errors, type JWTPayload, jwtVerify, type JWTVerifyGetKey, type JWTVerifyOptions } from "jose";
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
import { BoundedMap } from "../../lib/bounded-map.js";
import { KeysUnavailable, remoteKeys } from "./remote-keys.js";

export interface JwtSettings {
  readonly keys: { readonly kind: "jwks"; readonly url: URL } | { readonly kind: "secret"; readonly secret: Secret };
  readonly issuer: string;
  readonly audience: string;
  readonly corpClaim: string;
  readonly userClaim: string;
}

/** Either kind, never both: a public key must not be used as a shared secret. */
const algorithms = {
  jwks: ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"],
  secret: ["HS256"],
};
const clockSkewSeconds = 30;
const cachedForMs = 60_000;
const maxCached = 10_000;

export function authenticateJwt(settings: JwtSettings, log: Logger, now: () => number): Authenticator {
  const { keys } = settings;
  const remote = keys.kind === "jwks" ? remoteKeys({ url: keys.url, log, now }) : undefined;
  const verified = new BoundedMap<string, { authentication: Authentication; untilMs: number }>(maxCached);

  const verify = async (token: string, digest: string): Promise<Authentication> => {
    try {
      const payload = await verifyWithAny(token, remote ? [remote.getKey] : keysOf(keys), {
        algorithms: algorithms[keys.kind],
        issuer: settings.issuer,
        audience: settings.audience,
        clockTolerance: clockSkewSeconds,
        currentDate: new Date(now()),
        requiredClaims: ["exp"],
      });
      const caller = callerFromClaims(payload, settings);
      const authentication: Authentication = { kind: "caller", caller };
      verified.set(digest, { authentication, untilMs: Math.min(caller.expiresAtMs, now() + cachedForMs) });
      return authentication;
    } catch (error) {
      if (error instanceof KeysUnavailable) return keysUnavailable;
      log.debug({ reason: error instanceof errors.JOSEError ? error.code : "malformed" }, "token refused");
      const words = error instanceof errors.JWTExpired ? "The token has expired" : "The token is not valid";
      const message = error instanceof UnusableClaim ? error.message : words;
      return unauthenticated(message, `Bearer error="invalid_token", error_description="${words}"`);
    }
  };

  const authenticate: Authenticate = (credentials) => {
    const authorization = credentials.values.get("authorization") ?? "";
    // The digest, not the token: a memory dump must not contain usable tokens.
    const digest = hash("sha256", authorization, "base64");
    const known = verified.get(digest);
    if (known && now() < known.untilMs) return known.authentication;
    const token = /^bearer +([\w-]+\.[\w-]+\.[\w-]+) *$/i.exec(authorization)?.[1];
    if (token === undefined) return unauthenticated("A bearer token is needed", "Bearer");
    return verify(token, digest);
  };
  return { authenticate, isReady: () => remote?.areFetched() ?? true, close: () => remote?.close() };
}

function keysOf(keys: JwtSettings["keys"]): JWTVerifyGetKey[] {
  const values = keys.kind === "secret" ? keys.secret.revealAll() : [];
  return values.map((value) => () => new TextEncoder().encode(value));
}

/** @throws what the last key fails with */
async function verifyWithAny(
  token: string,
  [key, ...others]: readonly JWTVerifyGetKey[],
  options: JWTVerifyOptions,
): Promise<JWTPayload> {
  try {
    return (await jwtVerify(token, key as JWTVerifyGetKey, options)).payload;
  } catch (error) {
    if (others.length === 0 || !(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
    return await verifyWithAny(token, others, options);
  }
}

const keysUnavailable: Authentication = {
  kind: "refused",
  refusal: {
    status: 503,
    message: "Tokens cannot be verified now",
    code: "SERVICE_UNAVAILABLE",
    headers: { "retry-after": "30" },
  },
};

function callerFromClaims(claims: JWTPayload, { corpClaim, userClaim }: JwtSettings): Caller {
  const corp = idClaim(claims, corpClaim);
  const userid = idClaim(claims, userClaim);
  const subject = textClaim(claims, "sub");
  return {
    scopes: new Set([...scopesOf(claims["scope"]), ...scopesOf(claims["scp"])]),
    corp,
    userid,
    identity: userid === undefined ? subject && identityOf(corp, { subject }) : identityOf(corp, { user: userid }),
    expiresAtMs: ((claims.exp as number) + clockSkewSeconds) * 1000,
  };
}

class UnusableClaim extends Error {}

/**
 * A claim that is present but is not an id must not count as absent: the caller would act for the only configured corp.
 *
 * @throws {UnusableClaim}
 */
function idClaim(claims: JWTPayload, name: string): string | undefined {
  const id = Object.hasOwn(claims, name) ? claims[name] : undefined;
  if (id === undefined || id === null || id === "") return undefined;
  if (typeof id !== "string" || !isOneId(id)) throw new UnusableClaim(`The token's claim ${name} must hold one id`);
  return id;
}

function textClaim(claims: JWTPayload, name: string): string | undefined {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** `scope` is a string in RFC 8693; `scp` is a list or a string, depending on the issuer. */
function scopesOf(claim: unknown): Iterable<string> {
  if (typeof claim === "string") return parseScopes(claim);
  return Array.isArray(claim) ? claim.filter((scope) => typeof scope === "string") : [];
}
