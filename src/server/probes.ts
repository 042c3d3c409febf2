/** What orchestrators and Prometheus ask. Liveness depends on nothing outside the process. */
import type { Metrics } from "../observability/metrics.js";
import { type Route, sendJson, sendText } from "./listener.js";

export function probeRoutes(isDraining: () => boolean, metrics: Metrics): Readonly<Record<string, Route>> {
  return {
    "/health/live": ({ response }) => {
      sendJson(response, 200, { status: "live" });
    },
    "/health/ready": ({ response }) => {
      if (isDraining()) sendJson(response, 503, { status: "draining" });
      else sendJson(response, 200, { status: "ready" });
    },
    "/metrics": async ({ response }) => {
      const { contentType, text } = await metrics.render();
      sendText(response, 200, contentType, text);
    },
  };
}
