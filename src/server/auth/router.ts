import { createHash, timingSafeEqual } from "node:crypto";
import type { Secret } from "../../observability/secret.js";
import { type Authenticate, callerFromHeaders, unauthenticated } from "./caller.js";

const noScopes: ReadonlySet<string> = new Set();

/** `AUTH_MODE=router`: only the supergraph's router knows the secret, so its headers about the caller are trusted. */
export function authenticateRouter(secret: Secret): Authenticate {
  return (credentials) => {
    const given = credentials.get("router-authorization");
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
