/** What orchestrators and Prometheus ask. Liveness depends on nothing outside the process. */
import type { Metrics } from "../observability/metrics.js";
import { type Route, sendJson, sendText } from "./exchange.js";

export function probeRoutes(isDraining: () => boolean, metrics: Metrics): Readonly<Record<string, Route>> {
  return {
    "/health/live": (exchange) => {
      sendJson(exchange, 200, { status: "live" });
    },
    "/health/ready": (exchange) => {
      if (isDraining()) sendJson(exchange, 503, { status: "draining" });
      else sendJson(exchange, 200, { status: "ready" });
    },
    "/metrics": async (exchange) => {
      const { contentType, text } = await metrics.render();
      sendText(exchange, 200, contentType, text);
    },
  };
}
