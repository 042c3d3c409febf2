/** One request and its answer, as the routes pass it on, and the ways to answer it. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { atEndOfTurn } from "../bursts.js";
import type { Logger } from "../observability/logger.js";

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: string;
  readonly log: Logger;
  /** The part of the URL from `?` on, or "". */
  readonly search: string;
  /** Names and values, in turn, that the answer will have: Node writes a flat list as it is, and looks up each of another. */
  readonly headers: string[];
  /** Its answer lasts as long as a subscription does. */
  isStream?: true;
}

export type Route = (exchange: Exchange) => void | Promise<void>;

export function sendJson(exchange: Exchange, status: number, body: unknown): void {
  sendText(exchange, status, "application/json; charset=utf-8", JSON.stringify(body));
}

/** An error before GraphQL had a say, in GraphQL's form, for that is what the clients here read. */
export function sendError(exchange: Exchange, status: number, message: string, code: string): void {
  sendJson(exchange, status, { errors: [{ message, extensions: { code } }] });
}

export function sendText({ response, headers }: Exchange, status: number, contentType: string, text: string): void {
  const length = String(Buffer.byteLength(text));
  response.writeHead(status, [...headers, "content-type", contentType, "content-length", length]);
  atEndOfTurn(() => {
    response.end(text);
  });
}
