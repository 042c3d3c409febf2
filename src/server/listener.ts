/**
 * The HTTP server: routes, probes, CORS, the count of requests under way and their draining. What a route answers is its
 * own business; this file knows nothing of GraphQL and nothing of WeCom.
 */
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { type Logger, RequestLogger } from "../observability/logger.js";
import type { HttpMetrics } from "../observability/metrics.js";
import type { Duplex } from "node:stream";
import { type CorsPolicy, preflight, varyByOrigin } from "./cors.js";
import { type Exchange, type Route, sendError, sendJson } from "./exchange.js";

/** Takes a request over that asks for another protocol. */
export type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

export interface ListenerOptions {
  readonly routes: Readonly<Record<string, Route>>;
  readonly upgrade: Upgrade;
  readonly cors: CorsPolicy;
  /** Set on every answer: names and values, in turn. */
  readonly headers: readonly string[];
  readonly log: Logger;
  readonly metrics: HttpMetrics;
}

export interface Listener {
  listen(port: number, host: string): Promise<AddressInfo>;
  /** From now on every connection is closed after its next answer, and says so: a client that hears it opens another. */
  drain(): void;
  /** Stops accepting, lets what runs finish for at most `graceMs`, then closes what is left. */
  close(graceMs: number): Promise<void>;
}

/** A client's own id is taken over when it is harmless in a log line. */
const requestIdPattern = /^[\w.-]{8,128}$/;

/** While it closes, how long a connection may still take to bring its first request. */
const firstRequestMs = 500;

/** UUIDs that share their random part: a new one for each request was dearer than all its routing. */
function requestIds(): () => string {
  const prefix = randomUUID().slice(0, 24);
  let count = 0;
  return () => prefix + (count += 1).toString(16).padStart(12, "0");
}

export function createListener({ routes, upgrade, cors, headers, log, metrics }: ListenerOptions): Listener {
  let isDraining = false;
  /** With the answer that is under way. Node would not count one that brought no request yet among the idle ones. */
  const connections = new Map<Socket, ServerResponse | undefined>();
  const nextRequestId = requestIds();
  const server = createServer((request, response) => {
    const startedAt = performance.now();
    const { socket } = request;
    connections.set(socket, response);
    if (isDraining) response.setHeader("connection", "close");
    const { url = "/" } = request;
    const queryAt = url.indexOf("?");
    const path = queryAt < 0 ? url : url.slice(0, queryAt);
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
    const given = request.headers["x-request-id"];
    const requestId = typeof given === "string" && requestIdPattern.test(given) ? given : nextRequestId();
    response.on("close", () => {
      if (!socket.destroyed && connections.get(socket) === response) connections.set(socket, undefined);
      // How long a stream was open says nothing about how long clients wait.
      if (exchange.isStream) return;
      metrics.observeRequest(route ? path : "other", response.statusCode, (performance.now() - startedAt) / 1000);
    });
    const exchange: Exchange = {
      request,
      response,
      requestId,
      log: new RequestLogger(log, requestId),
      search: queryAt < 0 ? "" : url.slice(queryAt),
      headers: ["x-request-id", requestId, ...headers],
    };
    if (request.method === "OPTIONS" && preflight(cors, exchange)) return;
    varyByOrigin(cors, exchange);
    if (route) void answer(route, exchange);
    else sendJson(exchange, 404, { errors: [{ message: `There is nothing at ${path.slice(0, 100)}` }] });
  });
  server.on("upgrade", (request, socket, head) => {
    if (request.headers.upgrade?.toLowerCase() === "websocket") {
      // It is not idle, and whoever took it over closes it.
      connections.delete(socket as Socket);
      upgrade(request, socket, head);
    } else ignoreUpgrade(server, request, socket, head);
  });
  server.on("connection", (socket: Socket) => {
    connections.set(socket, undefined);
    socket.once("close", () => connections.delete(socket));
  });
  // Slow senders must not hold connections for ever; longer than any proxy's idle time in front of us.
  server.requestTimeout = 30_000;
  server.keepAliveTimeout = 75_000;

  const drain = (): void => {
    isDraining = true;
    for (const response of connections.values()) {
      if (response && !response.headersSent) response.setHeader("connection", "close");
    }
  };

  return {
    listen: (port, host) =>
      new Promise((resolve, reject) => {
        server.once("error", reject);
        server.listen(port, host, () => {
          server.off("error", reject);
          resolve(server.address() as AddressInfo);
        });
      }),
    drain,
    close: async (graceMs) => {
      drain();
      // A process that was slow has connections to accept and requests to read that have been there for a while: each turn of
      // its loop takes one of these steps.
      for (let turn = 0; turn < 3; turn += 1) await nextTurn();
      await new Promise<void>((resolve) => {
        const force = setTimeout(() => {
          server.closeAllConnections();
        }, graceMs);
        // Those that have just been opened may be about to bring one.
        const giveUp = setTimeout(() => {
          for (const [socket, response] of connections) if (!response) socket.destroySoon();
        }, firstRequestMs);
        server.close(() => {
          clearTimeout(force);
          clearTimeout(giveUp);
          resolve();
        });
      });
    },
  };
}

/**
 * A server may go on without the other protocol (Java's client asks for `h2c` with its first request), but Node hands over
 * whatever asks for one. So the request goes back to the parser, without the question.
 */
function ignoreUpgrade(
  server: Server,
  { method, url, rawHeaders }: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void {
  let lines = `${method} ${url} HTTP/1.1\r\n`;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? "";
    if (!/^(connection|upgrade|http2-settings)$/i.test(name)) lines += `${name}: ${rawHeaders[index + 1]}\r\n`;
  }
  // Headers are read and written as Latin-1.
  socket.unshift(Buffer.concat([Buffer.from(`${lines}\r\n`, "latin1"), head]));
  server.emit("connection", socket);
}

async function answer(route: Route, exchange: Exchange): Promise<void> {
  try {
    await route(exchange);
  } catch (error) {
    exchange.log.error({ err: error }, "request failed");
    if (exchange.response.headersSent) exchange.response.destroy();
    else sendError(exchange, 500, "Internal server error", "INTERNAL_SERVER_ERROR");
  }
}
