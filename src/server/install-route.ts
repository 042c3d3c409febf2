/** `/wecom/install`: where an administrator starts the installation of the app, and returns to. */
import type { PlainAnswer } from "../lib/plain-answer.js";
import { type Route, sendText } from "./exchange.js";

export function installRoute(visit: (query: URLSearchParams) => Promise<PlainAnswer>): Route {
  return async (exchange) => {
    const { request, headers, search } = exchange;
    headers.set("cache-control", "no-store");
    if (request.method !== "GET") {
      headers.set("allow", "GET");
      sendText(exchange, 405, "text/plain; charset=utf-8", "");
      return;
    }
    const { status, text, location, reloadAfterSeconds } = await visit(new URLSearchParams(search));
    if (location !== undefined) headers.set("location", location);
    if (reloadAfterSeconds !== undefined) headers.set("refresh", String(reloadAfterSeconds));
    sendText(exchange, status, "text/plain; charset=utf-8", text);
  };
}
