/** `/wecom/callback` and `/wecom/install`: pass requests of WeCom, or of a corp's administrator, to their handlers. */
import type { PlainAnswer } from "../lib/plain-answer.js";
import { readBody } from "./body.js";
import { type Route, sendText } from "./exchange.js";

export interface CallbackHandler {
  verify(query: URLSearchParams): PlainAnswer;
  receive(query: URLSearchParams, body: string): Promise<PlainAnswer>;
}

/** WeCom's documented messages have about 1 kB. */
const maxCallbackBytes = 64 * 1024;

export function callbackRoute(handler: CallbackHandler): Route {
  return async (exchange) => {
    const { request, headers, search } = exchange;
    const send = ({ status, text }: PlainAnswer): void => {
      sendText(exchange, status, "text/plain; charset=utf-8", text);
    };
    const query = new URLSearchParams(search);
    if (request.method === "GET") {
      send(handler.verify(query));
      return;
    }
    if (request.method !== "POST") {
      headers.set("allow", "GET, POST");
      send({ status: 405, text: "" });
      return;
    }
    const body = await readBody(request, maxCallbackBytes);
    switch (body.kind) {
      case "text":
        send(await handler.receive(query, body.text));
        return;
      case "too-long":
        headers.set("connection", "close");
        send({ status: 413, text: "" });
        return;
      case "not-utf8":
        send({ status: 400, text: "" });
        return;
      case "aborted":
    }
  };
}

/** Where an administrator starts the installation of the app, and returns to. */
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
