/**
 * The resource and the host of a request. In the absolute form of the request line, which clients of proxies use, its host
 * takes precedence over the header's.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9112#section-3.2
 */
import type { IncomingMessage } from "node:http";

export interface RequestTarget {
  /** Without the query. */
  readonly path: string;
  /** From `?` on, or "". */
  readonly search: string;
  /** Host and port, in lower case; undefined if the request names none, as HTTP/1.0 allows. */
  readonly authority: string | undefined;
}

const absoluteForm = /^https?:\/\/([^/?#]*)/i;

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

const host = /^(\[[\da-f:.]+\]|[\w.~!$&'()*+,;=%-]*)(:\d*)?$/i;

/**
 * Whether the request names at most one host, and a valid one: with two, a proxy in front may have decided by the other.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9112#section-3.2 which requires 400 otherwise
 */
export function namesOneHost({ rawHeaders }: Pick<IncomingMessage, "rawHeaders">, authority = ""): boolean {
  let count = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? "";
    if (name.length === 4 && name.toLowerCase() === "host") count += 1;
  }
  return count <= 1 && host.test(authority);
}

/** Allowed hosts, without ports; "any" if a proxy in front decides. */
export type AllowedHosts = "any" | readonly string[];

/**
 * Whether the request names an allowed host. CORS does not stop a page whose name was made to resolve to this address (DNS
 * rebinding), because to the browser it has our origin. But it cannot send another `Host`.
 */
export function isForThisHost(allowed: AllowedHosts, authority: string | undefined): boolean {
  // Browsers always send it.
  if (allowed === "any" || authority === undefined) return true;
  return allowed.includes(authority.replace(/:\d*$/, ""));
}
