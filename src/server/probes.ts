/** Probes, metrics and details, for orchestrators, Prometheus and operators. `/health/live` depends on this process only. */
import { within } from "../lib/within.js";
import type { Metrics } from "../observability/metrics.js";
import { type Route, sendJson, sendText } from "./exchange.js";

type Routes = Readonly<Record<string, Route>>;

/** `/health/ready` answers 503 unless `ready`. WeCom and the store do not count: all replicas would be taken out at once. */
export type Readiness = "ready" | "draining" | "waiting for the issuer's keys";

/** @param problem what the operator has to mend, though requests are accepted; undefined: nothing that is known */
export function probeRoutes(readiness: () => Readiness, problem: () => string | undefined, metrics: Metrics): Routes {
  return {
    "/health/live": (exchange) => {
      sendJson(exchange, 200, { status: "live" });
    },
    "/health/ready": (exchange) => {
      const status = readiness();
      const reason = problem();
      sendJson(exchange, status === "ready" ? 200 : 503, { status, ...(reason !== undefined && { reason }) });
    },
    "/metrics": async (exchange) => {
      const { contentType, text } = await metrics.render();
      sendText(exchange, 200, contentType, text);
    },
  };
}

/** How long a part may take to report its state. */
const detailLimitMs = 1000;

/** `/health/details`, on the admin port only: always 200, with the state of each part, or why it could not report it. */
export function detailRoutes(parts: Readonly<Record<string, () => unknown>>): Routes {
  return {
    "/health/details": async (exchange) => {
      const details = Object.entries(parts).map(async ([name, ask]) => [name, await answerOf(ask)] as const);
      sendJson(exchange, 200, Object.fromEntries(await Promise.all(details)));
    },
  };
}

async function answerOf(ask: () => unknown): Promise<unknown> {
  try {
    const answer = Promise.resolve(ask());
    return await within(detailLimitMs, answer, { error: `no answer within ${detailLimitMs} ms` });
  } catch (error) {
    return { error: error instanceof Error ? error.message : "unknown" };
  }
}
