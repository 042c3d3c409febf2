/**
 * The headers that identify the caller. Node joins or drops repeated headers, so they are read from the raw headers:
 * otherwise a router's and a client's headers could combine to a caller that nobody verified.
 */
import type { IncomingMessage } from "node:http";

const names = ["authorization", "router-authorization", "x-wecom-corpid", "x-wecom-userid", "x-wecom-scopes"] as const;

export type CredentialName = (typeof names)[number];

export class Credentials {
  readonly values = new Map<CredentialName, string>();
  /** Headers that occur more than once, or are not text. */
  readonly repeated = new Set<CredentialName>();

  /** @param rawHeaders names and values alternately, as in `IncomingMessage` */
  static ofRequest({ rawHeaders }: Pick<IncomingMessage, "rawHeaders">): Credentials {
    const credentials = new Credentials();
    for (let index = 0; index < rawHeaders.length; index += 2) {
      const name = rawHeaders[index] ?? "";
      // Most headers have other lengths than these, so most names are not lower-cased.
      if (lengths.has(name.length)) credentials.#add(name, rawHeaders[index + 1] ?? "");
    }
    return credentials;
  }

  /**
   * The credentials of the request that opened the connection. If it has none (browsers cannot set headers), those of
   * `connection_init`, directly or below `headers`. They are never mixed: clients of a router that forwards their payload could
   * use the router's secret.
   */
  static ofConnection(
    request: Pick<IncomingMessage, "rawHeaders">,
    payload: Readonly<Record<string, unknown>> | undefined,
  ): Credentials {
    const ofRequest = Credentials.ofRequest(request);
    if (ofRequest.values.size > 0) return ofRequest;
    const credentials = new Credentials();
    const given = payload?.["headers"] ?? payload;
    for (const [name, value] of Object.entries(Object(given) as Readonly<Record<string, unknown>>)) {
      if (value !== undefined && value !== null) credentials.#add(name, value);
    }
    return credentials;
  }

  #add(header: string, value: unknown): void {
    const lower = header.toLowerCase();
    const name = names.find((known) => known === lower);
    if (!name) return;
    if (this.values.has(name) || typeof value !== "string") this.repeated.add(name);
    if (typeof value === "string") this.values.set(name, value);
  }
}

const lengths = new Set(names.map(({ length }) => length));
