import type { IncomingHttpHeaders } from "node:http";

/**
 * The time limit that Envoy, or a router that is configured so, sets for its request.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter
 */
const header = "x-envoy-expected-rq-timeout-ms";

/**
 * Milliseconds: the header's value if it is shorter than the gateway's own limit; values that are not positive integers
 * are ignored.
 */
export function requestTimeoutMs(headers: IncomingHttpHeaders, longestMs: number): number {
  const given = headers[header];
  if (typeof given !== "string" || !/^[1-9]\d{0,8}$/.test(given)) return longestMs;
  return Math.min(Number(given), longestMs);
}
