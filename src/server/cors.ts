/** Which browsers' origins may read our answers. @see https://fetch.spec.whatwg.org/#http-cors-protocol */
import type { IncomingMessage, ServerResponse } from "node:http";

export type CorsPolicy = "any" | readonly string[];

function isAllowed(policy: CorsPolicy, origin: string): boolean {
  return policy === "any" || policy.includes(origin);
}

export function varyByOrigin(policy: CorsPolicy, { headers }: IncomingMessage, response: ServerResponse): void {
  if (policy !== "any" && policy.length === 0) return;
  response.setHeader("vary", "origin");
  if (headers.origin === undefined || !isAllowed(policy, headers.origin)) return;
  response.setHeader("access-control-allow-origin", headers.origin);
  response.setHeader("access-control-expose-headers", "x-request-id, retry-after");
}

/** Answers a preflight request; false for an OPTIONS request that is none. */
export function preflight(policy: CorsPolicy, { headers }: IncomingMessage, response: ServerResponse): boolean {
  const { origin } = headers;
  if (origin === undefined || headers["access-control-request-method"] === undefined) return false;
  const requested = headers["access-control-request-headers"];
  response.writeHead(204, {
    vary: "origin, access-control-request-headers",
    ...(isAllowed(policy, origin) && {
      "access-control-allow-origin": origin,
      "access-control-allow-methods": "GET, POST",
      ...(requested !== undefined && { "access-control-allow-headers": requested }),
      "access-control-max-age": "600",
    }),
  });
  response.end();
  return true;
}
