/** `/wecom/install`: where an administrator starts to install the app, and comes back to. */
import { type Route, sendText } from "./listener.js";

interface InstallAnswer {
  readonly status: number;
  readonly text: string;
  readonly location?: string;
}

export function installRoute(visit: (query: URLSearchParams) => Promise<InstallAnswer>): Route {
  return async ({ request, response, search }) => {
    response.setHeader("cache-control", "no-store");
    if (request.method !== "GET") {
      response.setHeader("allow", "GET");
      sendText(response, 405, "text/plain; charset=utf-8", "");
      return;
    }
    const { status, text, location } = await visit(new URLSearchParams(search));
    if (location !== undefined) response.setHeader("location", location);
    sendText(response, status, "text/plain; charset=utf-8", text);
  };
}
