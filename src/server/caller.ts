/** Who is asking: what the server could verify, whatever way it was told. */
import type { IncomingHttpHeaders } from "node:http";

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
export type Authenticate = (headers: IncomingHttpHeaders) => Authentication | Promise<Authentication>;

/** @param challenge the value of `WWW-Authenticate`, which RFC 9110 wants with every 401 */
export function unauthenticated(message: string, challenge: string): Authentication {
  const headers = { "www-authenticate": challenge };
  return { kind: "refused", refusal: { status: 401, message, code: "UNAUTHENTICATED", headers } };
}

/** The claims in headers. They count only where the connection they came by is trusted. */
export function callerFromHeaders(headers: IncomingHttpHeaders, defaultScopes: ReadonlySet<string>): Caller {
  const scopes = single(headers["x-wecom-scopes"]);
  const corp = single(headers["x-wecom-corpid"]);
  const userid = single(headers["x-wecom-userid"]);
  return {
    scopes: scopes === undefined ? defaultScopes : parseScopes(scopes),
    corp,
    userid,
    identity: userid === undefined ? undefined : identityOf(corp, userid),
    expiresAt: Infinity,
  };
}

export function identityOf(corp: string | undefined, name: string): string {
  return JSON.stringify([corp, name]);
}

/** Scopes are separated by spaces in OAuth, by commas in what some routers make of a list. */
export function parseScopes(text: string): ReadonlySet<string> {
  return new Set(text.split(/[\s,]+/).filter(Boolean));
}

/** Node joins a header that came twice with a comma: no single corp or user can be read from it, so nobody is. */
function single(header: string | string[] | undefined): string | undefined {
  return typeof header === "string" && header.trim() !== "" ? header.trim() : undefined;
}
