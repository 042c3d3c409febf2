import { createHash, timingSafeEqual } from "node:crypto";
import type { Secret } from "../../observability/secret.js";
import { type Authenticate, callerFromHeaders, unauthenticated } from "./caller.js";

const noScopes: ReadonlySet<string> = new Set();

/** `AUTH_MODE=router`: only the supergraph's router knows the secret, so what it says of the caller is believed. */
export function authenticateRouter(secret: Secret): Authenticate {
  const expected = digest(secret.reveal());
  return (credentials) => {
    const given = credentials.get("router-authorization");
    if (given === undefined) return unauthenticated("This subgraph answers its router only", "Router");
    // Digests have one length, so that the comparison tells nothing of the secret's.
    if (!timingSafeEqual(digest(given), expected)) return unauthenticated("The router's secret is wrong", "Router");
    return callerFromHeaders(credentials, noScopes);
  };
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
