/** Who is asking: what the server could verify, whatever way it was told. */
import { useridKey } from "../../lib/userid.js";
import type { CredentialName, Credentials } from "./credentials.js";

export interface Caller {
  readonly scopes: ReadonlySet<string>;
  /** The corp for which the caller acts; undefined where nothing says it. */
  readonly corp: string | undefined;
  /** The caller's own userid at WeCom. */
  readonly userid: string | undefined;
  /** Tells callers apart where calls are counted; undefined where they cannot be told apart. */
  readonly identity: string | undefined;
  /** When these rights end, in milliseconds of the clock; Infinity where they do not. A connection must not outlive it. */
  readonly expiresAt: number;
}

/** Why a request is answered without being read. */
export interface Refusal {
  readonly status: 401 | 503;
  readonly message: string;
  readonly code: "UNAUTHENTICATED" | "SERVICE_UNAVAILABLE";
  readonly headers: Readonly<Record<string, string>>;
}

export type Authentication =
  { readonly kind: "caller"; readonly caller: Caller } | { readonly kind: "refused"; readonly refusal: Refusal };

/** Runs before the body is read. It never throws, and answers at once where it can: most requests bring a known token. */
export type Authenticate = (credentials: Credentials) => Authentication | Promise<Authentication>;

export interface Authenticator {
  readonly authenticate: Authenticate;
  /** False until what callers are told apart by is there: an issuer's keys were fetched once. */
  isReady(): boolean;
  close(): void;
}

/** @param challenge the value of `WWW-Authenticate`, which RFC 9110 wants with every 401 */
export function unauthenticated(message: string, challenge: string): Authentication {
  const headers = { "www-authenticate": challenge };
  return { kind: "refused", refusal: { status: 401, message, code: "UNAUTHENTICATED", headers } };
}

/** The headers by which a trusted router names the caller. */
export const claimHeaders = ["x-wecom-corpid", "x-wecom-userid", "x-wecom-scopes"] as const;

/** The claims in headers. They count only where the connection they came by is trusted. */
export function callerFromHeaders(credentials: Credentials, defaultScopes: ReadonlySet<string>): Authentication {
  const valueOf = (name: CredentialName): string | undefined => credentials.get(name)?.trim() || undefined;
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
    expiresAt: Infinity,
  };
  return { kind: "caller", caller };
}

/** Whatever stands between here and the router may have joined two headers with a comma; no id has one. */
function isOneId(text: string): boolean {
  return text.length <= maxIdLength && !/[\s,]/.test(text);
}

/** WeCom's own have at most 64 bytes, those of linked corps' members more. */
export const maxIdLength = 128;

/** A member is the same in any spelling: WeCom's userids have no regard to case. A token's subject is nobody's userid. */
export function identityOf(corp: string | undefined, name: { user: string } | { subject: string }): string {
  return JSON.stringify([corp, "user" in name ? `user:${useridKey(name.user)}` : `subject:${name.subject}`]);
}

/** Scopes are separated by spaces in OAuth, by commas in what some routers make of a list. */
export function parseScopes(text: string): ReadonlySet<string> {
  return new Set(text.split(/[\s,]+/).filter(Boolean));
}
