/**
 * Open WebSockets and event streams: their limits, in total and per caller; one timer that keeps all of them alive
 * through proxies with idle timeouts; and their end when the gateway drains.
 *
 * WebSockets that have not signed in have a small pool of their own. When it is full, its oldest one is closed, so that
 * clients that never sign in cannot keep others out.
 */

export interface OpenConnection {
  readonly transport: "websocket" | "event-stream";
  /** Sends a heartbeat that the other side sees or has to answer. */
  beat(): void;
  /** The gateway drains: ends its subscriptions, then the connection. */
  leave(): void;
}

export interface UnsignedConnection extends OpenConnection {
  /** The connection took too long to sign in. */
  expire(): void;
}

export interface OpenConnectionsOptions {
  readonly maximum: number;
  readonly maximumPerCaller: number;
}

/** Why a connection is rejected. */
export interface ConnectionRefusal {
  readonly message: string;
  readonly reason: "draining" | "full" | "caller";
}

export const eventStreamType = "text/event-stream; charset=utf-8";

/** Proxies close idle connections after a minute, some after 30 s. A part of the connections is served each second. */
const beatSeconds = 20;

export class OpenConnections {
  readonly #open = new Set<OpenConnection>();
  readonly #unsigned = new Set<UnsignedConnection>();
  readonly #ofCaller = new Map<string, number>();
  readonly #beatGroups = Array.from({ length: beatSeconds }, () => new Set<OpenConnection>());
  readonly #maximumUnsigned: number;
  #beatGroup = 0;
  #nextGroup = 0;
  #heart: NodeJS.Timeout | undefined;
  #isDraining = false;

  constructor(private readonly options: OpenConnectionsOptions) {
    this.#maximumUnsigned = Math.min(Math.max(Math.ceil(options.maximum / 10), 16), 500);
  }

  /** The number of open connections, without those that have not signed in. */
  get size(): number {
    return this.#open.size;
  }

  /** The number of open connections of that transport. */
  sizeOf(transport: string): number {
    let size = 0;
    for (const connection of this.#open) if (connection.transport === transport) size += 1;
    return size;
  }

  /** Why another connection would be rejected; undefined if it would not. */
  get refusal(): ConnectionRefusal | undefined {
    if (this.#isDraining) return { reason: "draining", message: "The gateway is shutting down: connect again" };
    if (this.#open.size < this.options.maximum) return undefined;
    return { reason: "full", message: "Too many connections are open: try again later" };
  }

  /** @returns call it when the connection signs in or closes */
  addUnsigned(connection: UnsignedConnection): () => void {
    const [oldest] = this.#unsigned;
    if (oldest && this.#unsigned.size >= this.#maximumUnsigned) {
      this.#unsigned.delete(oldest);
      oldest.expire();
    }
    this.#unsigned.add(connection);
    return () => {
      this.#unsigned.delete(connection);
    };
  }

  /**
   * @param identity of its caller; undefined if callers are anonymous
   *
   * @returns call it when the connection closes; or why it is rejected
   */
  add(connection: OpenConnection, identity: string | undefined): (() => void) | ConnectionRefusal {
    const { refusal } = this;
    if (refusal) return refusal;
    const ofCaller = identity === undefined ? 0 : (this.#ofCaller.get(identity) ?? 0);
    if (ofCaller >= this.options.maximumPerCaller) {
      return { reason: "caller", message: "Too many connections of this caller are open" };
    }
    if (identity !== undefined) this.#ofCaller.set(identity, ofCaller + 1);
    this.#open.add(connection);
    const group = this.#beatGroups[(this.#nextGroup = (this.#nextGroup + 1) % beatSeconds)];
    group?.add(connection);
    this.#heart ??= setInterval(() => {
      this.#beat();
    }, 1000).unref();
    return () => {
      if (!this.#open.delete(connection)) return;
      group?.delete(connection);
      if (identity === undefined) return;
      const left = (this.#ofCaller.get(identity) ?? 0) - 1;
      if (left > 0) this.#ofCaller.set(identity, left);
      else this.#ofCaller.delete(identity);
    };
  }

  drain(): void {
    this.#isDraining = true;
    clearInterval(this.#heart);
    for (const connection of [...this.#unsigned, ...this.#open]) connection.leave();
  }

  #beat(): void {
    this.#beatGroup = (this.#beatGroup + 1) % beatSeconds;
    for (const connection of this.#beatGroups[this.#beatGroup] ?? []) connection.beat();
  }
}

/** The longest timeout of Node's timers. */
const maxTimerMs = 2 ** 31 - 1;

/**
 * Calls `end` when the caller's rights expire.
 *
 * @param expiresAtMs in milliseconds of the clock `now`; Infinity for never
 * @returns cancels it
 */
export function atExpiry(expiresAtMs: number, now: () => number, end: () => void): () => void {
  if (expiresAtMs === Infinity) return () => undefined;
  let timer: NodeJS.Timeout;
  const wait = (): void => {
    const remainingMs = expiresAtMs - now();
    if (remainingMs <= 0) end();
    else timer = setTimeout(wait, Math.min(remainingMs, maxTimerMs)).unref();
  };
  timer = setTimeout(wait, 0).unref();
  return () => {
    clearTimeout(timer);
  };
}
