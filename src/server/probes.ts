/** What orchestrators, Prometheus and whoever is on call ask. Liveness depends on nothing outside the process. */
import type { Metrics } from "../observability/metrics.js";
import { type Route, sendJson, sendText } from "./exchange.js";

type Routes = Readonly<Record<string, Route>>;

/** What readiness tells: 503 but for `ready`. Neither WeCom nor the store counts: all replicas would be gone at once. */
export type Readiness = "ready" | "draining" | "waiting for the issuer's keys";

export function probeRoutes(readiness: () => Readiness, metrics: Metrics): Routes {
  return {
    "/health/live": (exchange) => {
      sendJson(exchange, 200, { status: "live" });
    },
    "/health/ready": (exchange) => {
      const status = readiness();
      sendJson(exchange, status === "ready" ? 200 : 503, { status });
    },
    "/metrics": async (exchange) => {
      const { contentType, text } = await metrics.render();
      sendText(exchange, 200, contentType, text);
    },
  };
}

/** How long a part may take to say how it is. */
const detailLimitMs = 1000;

/** `/health/details`: always 200, each part as it says itself, or why it does not. On the admin port only. */
export function detailRoutes(parts: Readonly<Record<string, () => unknown>>): Routes {
  return {
    "/health/details": async (exchange) => {
      const details = Object.entries(parts).map(async ([name, ask]) => [name, await answerOf(ask)] as const);
      sendJson(exchange, 200, Object.fromEntries(await Promise.all(details)));
    },
  };
}

async function answerOf(ask: () => unknown): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise((resolve) => {
    timer = setTimeout(resolve, detailLimitMs, { error: `no answer within ${detailLimitMs} ms` });
  });
  try {
    return await Promise.race([(async () => await ask())(), tooLate]);
  } catch (error) {
    return { error: error instanceof Error ? error.message : "unknown" };
  } finally {
    clearTimeout(timer);
  }
}
