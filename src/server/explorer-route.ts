/** `/graphiql`: an explorer that loads nothing from elsewhere, for networks that cannot reach Apollo's CDN. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { type Route, sendError } from "./exchange.js";

/** @param page made by the build, compressed; read at the first request, because it has about 2 MB */
export function explorerRoute(page: URL): Route {
  let read: Promise<{ zipped: Buffer; etag: string }> | undefined;
  return async (exchange) => {
    const { request, response, headers } = exchange;
    if (request.method !== "GET") {
      sendError(exchange, 405, "The explorer is a page: GET it", "BAD_REQUEST");
      return;
    }
    const { zipped, etag } = await (read ??= readPage(page));
    // Cached by the browser and revalidated each time, because another release has another page.
    headers.set("etag", etag).set("cache-control", "no-cache").set("vary", "accept-encoding");
    if (request.headers["if-none-match"] === etag) {
      response.writeHead(304, headers.toRaw()).end();
      return;
    }
    const takesZipped = /\bgzip\b/.test(request.headers["accept-encoding"]?.toString() ?? "");
    const body = takesZipped ? zipped : await promisify(gunzip)(zipped);
    if (takesZipped) headers.set("content-encoding", "gzip");
    headers.set("content-type", "text/html; charset=utf-8").set("content-length", String(body.length));
    response.writeHead(200, headers.toRaw()).end(body);
  };
}

async function readPage(page: URL): Promise<{ zipped: Buffer; etag: string }> {
  const zipped = await readFile(page);
  return { zipped, etag: `"${createHash("sha256").update(zipped).digest("base64url").slice(0, 22)}"` };
}

/** `/`: redirects browsers to the explorer that works without internet. */
export const toExplorer: Route = ({ response, headers }) => {
  response.writeHead(302, headers.set("location", "/graphiql").set("content-length", "0").toRaw()).end();
};
