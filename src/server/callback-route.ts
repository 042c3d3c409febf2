/** `/wecom/callback`: passes WeCom's messages to the handler, and sends its answer. */
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
