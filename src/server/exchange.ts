/** One HTTP request with its response, as routes get it, and functions that answer it. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { batchedWrite } from "../lib/batch.js";
import type { Logger } from "../observability/logger.js";
import type { AnswerHeaders } from "./answer-headers.js";
import type { RequestTarget } from "./request-target.js";

export interface Exchange extends RequestTarget {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: string;
  readonly log: Logger;
  /** The headers of the answer. */
  readonly headers: AnswerHeaders;
  /** The answer is a stream, which lasts as long as its subscription. */
  isStream?: true;
}

export type Route = (exchange: Exchange) => void | Promise<void>;

export function sendJson(exchange: Exchange, status: number, body: unknown): void {
  sendText(exchange, status, "application/json; charset=utf-8", JSON.stringify(body));
}

/** An error from before GraphQL's execution, in GraphQL's format, because GraphQL clients read it. */
export function sendError(exchange: Exchange, status: number, message: string, code: string): void {
  sendJson(exchange, status, { errors: [{ message, extensions: { code } }] });
}

export function sendText({ response, headers }: Exchange, status: number, contentType: string, text: string): void {
  const length = String(Buffer.byteLength(text));
  response.writeHead(status, headers.set("content-type", contentType).set("content-length", length).toRaw());
  batchedWrite(() => {
    response.end(text);
  });
}
