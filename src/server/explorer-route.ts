/** `/graphiql`: an explorer that loads nothing from elsewhere, for networks that cannot reach Apollo's CDN. */
import { readFile } from "node:fs/promises";
import { type Route, sendError, sendText } from "./exchange.js";

/** @param page made by the build; read at the first request, because it has about 9 MB */
export function explorerRoute(page: URL): Route {
  let html: Promise<string> | undefined;
  return async (exchange) => {
    if (exchange.request.method !== "GET") {
      sendError(exchange, 405, "The explorer is a page: GET it", "BAD_REQUEST");
      return;
    }
    html ??= readFile(page, "utf8");
    sendText(exchange, 200, "text/html; charset=utf-8", await html);
  };
}
