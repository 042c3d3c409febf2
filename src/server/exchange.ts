/** One HTTP request with its response, as routes get it: its target and host, its headers, and functions that answer it. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { batchedWrite } from "../lib/batch.js";
import type { Logger } from "../observability/logger.js";

/** The resource and the host of a request. */
export interface RequestTarget {
  /** Without the query. */
  readonly path: string;
  /** From `?` on, or "". */
  readonly search: string;
  /** Host and port, in lower case; undefined if the request names none, as HTTP/1.0 allows. */
  readonly authority: string | undefined;
}

const absoluteForm = /^https?:\/\/([^/?#]*)/i;

/**
 * In the absolute form of the request line, which clients of proxies use, its host takes precedence over the header's.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9112#section-3.2
 */
export function requestTarget({ url = "/", headers }: Pick<IncomingMessage, "url" | "headers">): RequestTarget {
  if (url.startsWith("/") || !absoluteForm.test(url)) return split(url, headers.host?.toLowerCase());
  const [start = "", authority = ""] = absoluteForm.exec(url) ?? [];
  const rest = url.slice(start.length);
  return split(rest.startsWith("/") ? rest : `/${rest}`, authority.toLowerCase());
}

function split(url: string, authority: string | undefined): RequestTarget {
  const queryAt = url.indexOf("?");
  if (queryAt < 0) return { path: url, search: "", authority };
  return { path: url.slice(0, queryAt), search: url.slice(queryAt), authority };
}

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

/** The headers of one answer. Each name occurs once: setting it again replaces its value. */
export class AnswerHeaders {
  readonly #values: Map<string, string>;

  constructor(initial: Iterable<readonly [name: string, value: string]> = []) {
    this.#values = new Map(initial);
  }

  /** @param name in lower case */
  set(name: string, value: string): this {
    this.#values.set(name, value);
    return this;
  }

  setAll(headers: Readonly<Record<string, string>> = {}): this {
    for (const [name, value] of Object.entries(headers)) this.#values.set(name, value);
    return this;
  }

  /** An array of names and values. Node writes it as it is, and would look up each header of an object. */
  toRaw(): string[] {
    const raw: string[] = [];
    for (const [name, value] of this.#values) raw.push(name, value);
    return raw;
  }
}

/** Allowed hosts, without ports; "any" if a proxy in front decides. */
export type AllowedHosts = "any" | readonly string[];

const host = /^(\[[\da-f:.]+\]|[\w.~!$&'()*+,;=%-]*)(:\d*)?$/i;

/**
 * Why the request's host is refused; undefined if it is not. With two hosts, a proxy in front may have decided by the other.
 * CORS does not stop a page whose name was made to resolve to this address (DNS rebinding), because to the browser it has our
 * origin; but it cannot send another `Host`.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9112#section-3.2 which requires the 400
 */
export function hostRefusal(
  { rawHeaders }: Pick<IncomingMessage, "rawHeaders">,
  authority: string | undefined,
  allowed: AllowedHosts,
): { readonly status: 400 | 421; readonly message: string } | undefined {
  let count = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? "";
    if (name.length === 4 && name.toLowerCase() === "host") count += 1;
  }
  if (count > 1 || !host.test(authority ?? "")) {
    return { status: 400, message: "The header Host must come once, with one host" };
  }
  // Browsers always send it.
  if (allowed === "any" || authority === undefined) return undefined;
  if (allowed.includes(authority.replace(/:\d*$/, ""))) return undefined;
  return { status: 421, message: "The header Host names another host (ALLOWED_HOSTS)" };
}
