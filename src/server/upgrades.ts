/**
 * Requests that offer another protocol. A server may ignore the offer, and must for unknown protocols (Java's client offers
 * `h2c` with its first request), but Node emits `upgrade` for every request with an `Upgrade` header.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-7.8
 */
import type { IncomingMessage } from "node:http";

export function asksForWebSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === "websocket";
}

/** The head of the same request without the offer. */
export function headWithoutUpgrade({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer {
  let lines = `${method} ${url} HTTP/${httpVersion}\r\n`;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? "";
    const value = rawHeaders[index + 1] ?? "";
    if (/^(upgrade|http2-settings)$/i.test(name)) continue;
    lines += `${name}: ${/^connection$/i.test(name) ? withoutOffer(value) : value}\r\n`;
  }
  // Node reads and writes headers as Latin-1.
  return Buffer.from(`${lines}\r\n`, "latin1");
}

function withoutOffer(connection: string): string {
  const options = connection.split(",").filter((option) => !/^\s*(upgrade|http2-settings)\s*$/i.test(option));
  return options.join(",").trim();
}
