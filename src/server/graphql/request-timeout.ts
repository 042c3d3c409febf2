import type { IncomingHttpHeaders } from "node:http";

/**
 * What Envoy, and a router that is told to, says of its own timeLimit.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter
 */
const header = "x-envoy-expected-rq-timeout-ms";

/** Milliseconds: what the header says where it is shorter; what is no whole number above 0 says nothing. */
export function requestTimeoutMs(headers: IncomingHttpHeaders, longestMs: number): number {
  const given = headers[header];
  if (typeof given !== "string" || !/^[1-9]\d{0,8}$/.test(given)) return longestMs;
  return Math.min(Number(given), longestMs);
}
