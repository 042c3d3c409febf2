/** Creates with an unknown outcome, stored where a reload and the page's other tabs find them. */

/** What `localStorage` and `sessionStorage` have. In React Native and Node: anything with these five. */
export interface PendingStorage {
  readonly length: number;
  key(index: number): string | null;
  getItem(name: string): string | null;
  setItem(name: string, value: string): void;
  removeItem(name: string): void;
}

export interface PendingOptions {
  /** Default: the page's `localStorage`; without one, pending creates are lost when the page closes. */
  readonly storage?: PendingStorage;
  /**
   * The user who is signed in. A key belongs to its caller: sent by another user it would create a second living, so
   * one user's creates are never resumed for another. Default: the empty string, for pages with one user.
   */
  readonly user?: string;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

export interface PendingCreate {
  readonly key: string;
  /** The input that was sent. */
  readonly input: unknown;
  /** The time of the first request, in milliseconds since 1970. */
  readonly since: number;
}

const prefix = "wecom-living-create:";
/** The gateway keeps a key for 24 hours. After that the same key would create another living. */
const keptMs = 24 * 3600 * 1000;

/**
 * Creates without a known outcome: pass each to `createLivingOnce` again when the page opens. Expired ones are removed.
 */
export function pendingCreates(options: PendingOptions = {}): PendingCreate[] {
  const { user = "", now = Date.now } = options;
  const storage = storageOf(options);
  const names = Array.from({ length: storage?.length ?? 0 }, (_, index) => storage?.key(index) ?? "");
  const pending: PendingCreate[] = [];
  for (const name of names.filter((name) => name.startsWith(prefix))) {
    const entry = parse(storage?.getItem(name));
    if (!entry || now() - entry.since >= keptMs) storage?.removeItem(name);
    else if (entry.user === user)
      pending.push({ key: name.slice(prefix.length), input: entry.input, since: entry.since });
  }
  return pending.sort((one, other) => one.since - other.since);
}

/** @returns whether it was stored before, and so may have been sent */
export function remember(key: string, input: unknown, options: PendingOptions): boolean {
  const { user = "", now = Date.now } = options;
  const storage = storageOf(options);
  const before = parse(storage?.getItem(prefix + key));
  if (before) return true;
  try {
    storage?.setItem(prefix + key, JSON.stringify({ user, input, since: now() }));
  } catch {
    // The storage is full or forbidden. The create is still safe from a double click and a lost answer, but not from a
    // reload.
  }
  return false;
}

export function forget(key: string, options: PendingOptions): void {
  storageOf(options)?.removeItem(prefix + key);
}

function storageOf({ storage }: PendingOptions): PendingStorage | undefined {
  if (storage) return storage;
  try {
    return (globalThis as { localStorage?: PendingStorage }).localStorage;
  } catch {
    // Browsers throw where cookies are blocked.
    return undefined;
  }
}

function parse(text: string | null | undefined): { user: string; input: unknown; since: number } | undefined {
  try {
    const entry: unknown = JSON.parse(text ?? "null");
    if (typeof entry !== "object" || entry === null || !("since" in entry) || !("user" in entry)) return undefined;
    const { user, since } = entry;
    if (typeof since !== "number" || typeof user !== "string") return undefined;
    return { user, since, input: "input" in entry ? entry.input : undefined };
  } catch {
    return undefined;
  }
}
