/**
 * Connections that stay open, WebSockets and event streams: how many there may be, the one timer that keeps them alive
 * through proxies that cut what is silent, and the word to leave when the gateway drains.
 */

export interface OpenConnection {
  /** Something that the other side can see, or has to answer. */
  beat(): void;
  /** The gateway drains: ends what waits for events, and then itself. */
  leave(): void;
}

export const eventStreamType = "text/event-stream; charset=utf-8";

/** Proxies cut after a minute, some after half of one. */
const beatMs = 20_000;

export class OpenConnections {
  readonly #open = new Set<OpenConnection>();
  #heart: NodeJS.Timeout | undefined;
  #isDraining = false;

  constructor(private readonly maximum: number) {}

  /** Why there is no place for another; undefined when there is one. */
  get refusal(): string | undefined {
    if (this.#isDraining) return "The gateway is shutting down: connect again";
    return this.#open.size >= this.maximum ? "Too many connections are open: try again later" : undefined;
  }

  /** @returns tells that it is closed */
  add(connection: OpenConnection): () => void {
    this.#open.add(connection);
    this.#heart ??= setInterval(() => {
      for (const one of this.#open) one.beat();
    }, beatMs).unref();
    return () => {
      this.#open.delete(connection);
    };
  }

  drain(): void {
    this.#isDraining = true;
    clearInterval(this.#heart);
    for (const connection of this.#open) connection.leave();
  }
}

/** The longest that a timer of Node's can wait. */
const maxTimerMs = 2 ** 31 - 1;

/**
 * Calls `end` when the rights of a caller do.
 *
 * @param expiresAt in milliseconds of the clock `now`; Infinity for never
 * @returns stops the clock
 */
export function atExpiry(expiresAt: number, now: () => number, end: () => void): () => void {
  if (expiresAt === Infinity) return () => undefined;
  let timer: NodeJS.Timeout;
  const wait = (): void => {
    const remainingMs = expiresAt - now();
    if (remainingMs <= 0) end();
    else timer = setTimeout(wait, Math.min(remainingMs, maxTimerMs)).unref();
  };
  timer = setTimeout(wait, 0).unref();
  return () => {
    clearTimeout(timer);
  };
}
