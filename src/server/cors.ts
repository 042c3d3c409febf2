/** The origins whose pages may read our answers. @see https://fetch.spec.whatwg.org/#http-cors-protocol */
import type { IncomingHttpHeaders } from "node:http";
import type { Exchange } from "./exchange.js";

export type CorsPolicy = "any" | readonly string[];

function isAllowed(policy: CorsPolicy, origin: string): boolean {
  return policy === "any" || policy.includes(origin);
}

/**
 * Whether a page of that origin may open a WebSocket: an allowed origin, or this host. Browsers do not apply CORS to
 * WebSockets.
 */
export function mayConnect(policy: CorsPolicy, { origin, host }: IncomingHttpHeaders): boolean {
  if (origin === undefined || isAllowed(policy, origin)) return true;
  return URL.canParse(origin) && new URL(origin).host === host;
}

export function varyByOrigin(policy: CorsPolicy, { request, headers }: Exchange): void {
  if (policy !== "any" && policy.length === 0) return;
  headers.set("vary", "origin");
  const { origin } = request.headers;
  if (origin === undefined || !isAllowed(policy, origin)) return;
  headers.set("access-control-allow-origin", origin).set("access-control-expose-headers", "x-request-id, retry-after");
}

/** Answers a preflight request. @returns false for any other OPTIONS request */
export function preflight(policy: CorsPolicy, { request, response, headers }: Exchange): boolean {
  const { origin } = request.headers;
  if (origin === undefined || request.headers["access-control-request-method"] === undefined) return false;
  const requested = request.headers["access-control-request-headers"];
  headers.set("vary", "origin, access-control-request-headers");
  if (isAllowed(policy, origin)) {
    headers.set("access-control-allow-origin", origin).set("access-control-allow-methods", "GET, POST");
    if (requested !== undefined) headers.set("access-control-allow-headers", requested);
    headers.set("access-control-max-age", "600");
  }
  response.writeHead(204, headers.toRaw());
  response.end();
  return true;
}

/**
 * Whether a page of another origin needed a preflight to send it: the headers that Apollo Server's CSRF prevention accepts.
 *
 * @see https://www.apollographql.com/docs/apollo-server/security/cors
 */
export function isPreflighted(headers: IncomingHttpHeaders): boolean {
  return ["apollo-require-preflight", "x-apollo-operation-name"].some((name) => headers[name]);
}
