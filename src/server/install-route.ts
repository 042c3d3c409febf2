/** `/wecom/install`: where an administrator starts to install the app, and comes back to. */
import { type Route, sendText } from "./exchange.js";

interface InstallAnswer {
  readonly status: number;
  readonly text: string;
  readonly location?: string;
}

export function installRoute(visit: (query: URLSearchParams) => Promise<InstallAnswer>): Route {
  return async (exchange) => {
    const { request, headers, search } = exchange;
    headers.push("cache-control", "no-store");
    if (request.method !== "GET") {
      headers.push("allow", "GET");
      sendText(exchange, 405, "text/plain; charset=utf-8", "");
      return;
    }
    const { status, text, location } = await visit(new URLSearchParams(search));
    if (location !== undefined) headers.push("location", location);
    sendText(exchange, status, "text/plain; charset=utf-8", text);
  };
}
