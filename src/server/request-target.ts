/**
 * Which resource of which host a request is for. Clients of proxies name both in the request line (absolute-form), and
 * then that host counts, not the header's.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9112#section-3.2
 */
import type { IncomingMessage } from "node:http";

export interface RequestTarget {
  /** Without the query. */
  readonly path: string;
  /** From `?` on, or "". */
  readonly search: string;
  /** Host and port, in lower case; undefined where the request names none, as HTTP/1.0 allows. */
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

/** Hosts that a request may name, without ports; "any" where a name in front of this decides. */
export type AllowedHosts = "any" | readonly string[];

/**
 * Whether the request is meant for one of our names. A page whose own name was made to point at this address (DNS
 * rebinding) is of our origin to the browser, so that CORS does not stop it; but it cannot send another `Host`.
 */
export function isForThisHost(allowed: AllowedHosts, authority: string | undefined): boolean {
  // Only clients that are no browsers leave it out.
  if (allowed === "any" || authority === undefined) return true;
  return allowed.includes(authority.replace(/:\d*$/, ""));
}
