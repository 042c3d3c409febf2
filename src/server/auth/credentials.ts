/**
 * The headers that say who is calling. Node joins or drops a header that comes twice, so they are taken from what was
 * sent: two routers or a client beside one would otherwise add up to a caller that nobody vouched for.
 */
import type { IncomingMessage } from "node:http";

const names = ["authorization", "router-authorization", "x-wecom-corpid", "x-wecom-userid", "x-wecom-scopes"] as const;

export type CredentialName = (typeof names)[number];

export class Credentials {
  readonly #values = new Map<CredentialName, string>();
  readonly #repeated = new Set<CredentialName>();

  /** @param rawHeaders names and values in turn, as `IncomingMessage` has them */
  static ofRequest({ rawHeaders }: Pick<IncomingMessage, "rawHeaders">): Credentials {
    const credentials = new Credentials();
    for (let index = 0; index < rawHeaders.length; index += 2) {
      const name = rawHeaders[index] ?? "";
      // Most headers are of another length than these: nothing is made lower case for them.
      if (lengths.has(name.length)) credentials.#add(name, rawHeaders[index + 1] ?? "");
    }
    return credentials;
  }

  /**
   * Those of the request that opened the connection, or, where it has none of them (a browser cannot set any), what
   * `connection_init` holds, as it is or below `headers`. Never some of each: a router that passes its clients' payload on
   * would lend them its secret.
   */
  static ofConnection(
    request: Pick<IncomingMessage, "rawHeaders">,
    payload: Readonly<Record<string, unknown>> | undefined,
  ): Credentials {
    const ofRequest = Credentials.ofRequest(request);
    if (ofRequest.#values.size > 0) return ofRequest;
    const credentials = new Credentials();
    const given = payload?.["headers"] ?? payload;
    for (const [name, value] of Object.entries(Object(given) as Readonly<Record<string, unknown>>)) {
      if (typeof value === "string") credentials.#add(name, value);
    }
    return credentials;
  }

  get(name: CredentialName): string | undefined {
    return this.#values.get(name);
  }

  /** The first of `of` that came more than once. */
  repeated(of: readonly CredentialName[]): CredentialName | undefined {
    return this.#repeated.size === 0 ? undefined : of.find((name) => this.#repeated.has(name));
  }

  #add(header: string, value: string): void {
    const lower = header.toLowerCase();
    const name = names.find((known) => known === lower);
    if (!name) return;
    if (this.#values.has(name)) this.#repeated.add(name);
    this.#values.set(name, value);
  }
}

const lengths = new Set(names.map(({ length }) => length));
