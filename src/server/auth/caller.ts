/** The caller, as verified by the server in any `AUTH_MODE`. */
import { useridKey } from "../../lib/userid.js";
import type { Credentials } from "./credentials.js";

export interface Caller {
  readonly scopes: ReadonlySet<string>;
  /** The corp for which the caller acts; undefined if the credentials do not say it. */
  readonly corp: string | undefined;
  /** The caller's own userid at WeCom. */
  readonly userid: string | undefined;
  /** Identifies the caller for quotas and idempotency keys; undefined if callers are anonymous. */
  readonly identity: string | undefined;
  /** When these rights end: Unix milliseconds, or Infinity. A connection must not outlive them. */
  readonly expiresAtMs: number;
}

/** An answer to a request whose caller was rejected. */
export interface Refusal {
  readonly status: 401 | 503;
  readonly message: string;
  readonly code: "UNAUTHENTICATED" | "SERVICE_UNAVAILABLE";
  readonly headers: Readonly<Record<string, string>>;
}

export type Authentication =
  { readonly kind: "caller"; readonly caller: Caller } | { readonly kind: "refused"; readonly refusal: Refusal };

/** Runs before the body is read. It never throws, and is synchronous where possible: most tokens are in the cache. */
export type Authenticate = (credentials: Credentials) => Authentication | Promise<Authentication>;

export interface Authenticator {
  readonly authenticate: Authenticate;
  /** False until callers can be authenticated: an issuer's keys must have been fetched once. */
  isReady(): boolean;
  close(): void;
}

/** @param challenge the value of `WWW-Authenticate`, which RFC 9110 requires with a 401 */
export function unauthenticated(message: string, challenge: string): Authentication {
  const headers = { "www-authenticate": challenge };
  return { kind: "refused", refusal: { status: 401, message, code: "UNAUTHENTICATED", headers } };
}

/** A proxy may have joined two headers with a comma; no id contains one. */
export function isOneId(text: string): boolean {
  return text.length <= maxIdLength && !/[\s,]/.test(text);
}

/** WeCom's ids have at most 64 bytes, those of linked corps' members more. */
const maxIdLength = 128;

/** Userids are compared without regard to case, as WeCom does. A token's subject is never equal to a userid. */
export function identityOf(corp: string | undefined, name: { user: string } | { subject: string }): string {
  return JSON.stringify([corp, "user" in name ? `user:${useridKey(name.user)}` : `subject:${name.subject}`]);
}

/** OAuth separates scopes by spaces, some routers by commas. */
export function parseScopes(text: string): ReadonlySet<string> {
  return new Set(text.split(/[\s,]+/).filter(Boolean));
}
