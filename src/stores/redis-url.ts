/**
 * REDIS_URL in its three forms, each also with `rediss` for TLS:
 *
 *     redis://[user:password@]host[:6379][/database]
 *     redis+sentinel://[user:password@]host[:26379],…/master-name[/database][?sentinel_username=…&sentinel_password=…]
 *     redis+cluster://[user:password@]host[:6379],…
 */
export interface RedisAddress {
  readonly host: string;
  readonly port: number;
}

interface Credentials {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

export interface RedisTarget extends Credentials {
  readonly kind: "single" | "sentinel" | "cluster";
  readonly isTls: boolean;
  readonly addresses: readonly RedisAddress[];
  readonly database: number;
  /** The master's name; for `sentinel` only. */
  readonly masterName: string;
  /** The credentials of the Sentinels themselves. */
  readonly sentinel: Credentials;
}

const form =
  /^redis(?<tls>s?)(?:\+(?<kind>sentinel|cluster))?:\/\/(?:(?<user>[^@/?]*)@)?(?<hosts>[^@/?#]+)(?<path>[^?#]*)(?:\?(?<query>[^#]*))?$/;

/** @returns undefined if the URL has none of these forms */
export function parseRedisUrl(text: string): RedisTarget | undefined {
  const parts = form.exec(text)?.groups;
  if (!parts) return undefined;
  const { tls, user = "", hosts = "", path: segments = "", query: extras } = parts;
  const kind = (parts["kind"] ?? "single") as RedisTarget["kind"];
  const addresses = hosts.split(",").flatMap((host) => addressIn(host, kind === "sentinel" ? 26379 : 6379));
  const path = segments.split("/").slice(1).map(decoded);
  const masterName = kind === "sentinel" ? (path.shift() ?? "") : "";
  const [database = "0", ...more] = path.filter((part) => part !== "");
  const isComplete =
    addresses.length === hosts.split(",").length &&
    (kind !== "single" || addresses.length === 1) &&
    (kind === "sentinel") === (masterName !== "") &&
    /^\d{1,5}$/.test(database) &&
    (kind !== "cluster" || database === "0") &&
    more.length === 0;
  if (!isComplete) return undefined;
  const [username, password] = user.split(/:(.*)/s).map(decoded);
  const query = new URLSearchParams(extras);
  return {
    kind,
    isTls: tls === "s",
    addresses,
    database: Number(database),
    masterName,
    ...credentials(username, password),
    sentinel: credentials(query.get("sentinel_username"), query.get("sentinel_password")),
  };
}

function addressIn(text: string, defaultPort: number): RedisAddress[] {
  if (!URL.canParse(`redis://${text}`)) return [];
  const { hostname, port } = new URL(`redis://${text}`);
  return [{ host: hostname.replace(/^\[|\]$/g, ""), port: port === "" ? defaultPort : Number(port) }];
}

function credentials(username?: string | null, password?: string | null): Credentials {
  return { ...(username && { username }), ...(password && { password }) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
