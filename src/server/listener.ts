/**
 * The HTTP server: routing, CORS, running requests, draining. It knows nothing of GraphQL or WeCom: a route produces its own
 * answer.
 */
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { setImmediate as nextTick } from "node:timers/promises";
import { type Logger, RequestLogger } from "../observability/logger.js";
import type { HttpMetrics } from "../observability/metrics.js";
import type { Duplex } from "node:stream";
import { type CorsPolicy, preflight, varyByOrigin } from "./cors.js";
import {
  type AllowedHosts,
  AnswerHeaders,
  type Exchange,
  hostRefusal,
  requestTarget,
  type Route,
  sendError,
} from "./exchange.js";
import { asksForWebSocket, headWithoutUpgrade } from "./upgrades.js";

/** Takes over a request for another protocol. */
export type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

export interface ListenerOptions {
  readonly routes: Readonly<Record<string, Route>>;
  readonly upgrade: Upgrade;
  readonly cors: CorsPolicy;
  /** Default: any. */
  readonly allowedHosts?: AllowedHosts;
  /** Headers of every answer. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly log: Logger;
  readonly metrics: HttpMetrics;
  /** How long a client may take to send a request; for its headers, a third of it. Default: 30 s. */
  readonly requestTimeoutMs?: number;
}

export interface Listener {
  listen(port: number, host: string): Promise<AddressInfo>;
  /** From now on each answer has `connection: close`, so that clients open connections to other replicas. */
  drain(): void;
  /** Stops accepting, waits at most `graceMs` for running requests, then closes all connections. */
  close(graceMs: number): Promise<void>;
}

/** A client's request id is used if it is safe in a header and a log line. */
const requestIdPattern = /^[\w.-]{8,128}$/;

/** While it closes, how long a new connection may take to send its first request. */
const firstRequestMs = 500;

/** UUIDs with a common random part: a random one per request took more time than its routing. */
function requestIds(): () => string {
  const prefix = randomUUID().slice(0, 24);
  let count = 0;
  return () => prefix + (count += 1).toString(16).padStart(12, "0");
}

export function createListener(options: ListenerOptions): Listener {
  const { routes, upgrade, cors, allowedHosts = "any", log, metrics, requestTimeoutMs = 30_000 } = options;
  let isDraining = false;
  /** With the running exchange. Node does not count a connection without a request as idle. */
  const connections = new Map<Socket, Exchange | undefined>();
  const nextRequestId = requestIds();

  const openExchange = (request: IncomingMessage, response: ServerResponse): Exchange => {
    const { path, search, authority } = requestTarget(request);
    const given = request.headers["x-request-id"];
    const requestId = typeof given === "string" && requestIdPattern.test(given) ? given : nextRequestId();
    const exchangeLog = new RequestLogger(log, requestId);
    const headers = firstHeaders(requestId);
    return { request, response, requestId, log: exchangeLog, path, search, authority, headers };
  };
  const firstHeaders = (requestId: string): AnswerHeaders => {
    const headers = new AnswerHeaders(options.headers).set("x-request-id", requestId);
    return isDraining ? headers.set("connection", "close") : headers;
  };

  const answer = async (exchange: Exchange): Promise<void> => {
    try {
      const answered = route(exchange);
      if (answered) await answered;
    } catch (error) {
      exchange.log.error({ err: error }, "request failed");
      answerFailure(exchange);
    }
  };
  const route = (exchange: Exchange): void | Promise<void> => {
    const { request, path, authority } = exchange;
    const refusal = hostRefusal(request, authority, allowedHosts);
    if (refusal) {
      sendError(exchange, refusal.status, refusal.message, "BAD_REQUEST");
      return;
    }
    if (request.method === "OPTIONS" && preflight(cors, exchange)) return;
    varyByOrigin(cors, exchange);
    const found = Object.hasOwn(routes, path) ? routes[path] : undefined;
    if (found) return found(exchange);
    sendError(exchange, 404, `There is nothing at ${path.slice(0, 100)}`, "NOT_FOUND");
  };
  /** With new headers: those of the exchange may be what caused the failure. */
  const answerFailure = (exchange: Exchange): void => {
    const { response, requestId } = exchange;
    try {
      if (response.headersSent) throw new Error("a part of the answer is already written");
      const fresh: Exchange = { ...exchange, headers: firstHeaders(requestId) };
      varyByOrigin(cors, fresh);
      sendError(fresh, 500, "Internal server error", "INTERNAL_SERVER_ERROR");
    } catch {
      response.destroy();
    }
  };

  const server = createServer(
    {
      requestTimeout: requestTimeoutMs,
      headersTimeout: requestTimeoutMs / 3,
      connectionsCheckingInterval: 1000,
      // Longer than the idle timeout of usual proxies in front of us.
      keepAliveTimeout: 75_000,
    },
    (request, response) => {
      const startedAtMs = performance.now();
      const { socket } = request;
      const exchange = openExchange(request, response);
      connections.set(socket, exchange);
      response.on("close", () => {
        if (!socket.destroyed && connections.get(socket) === exchange) connections.set(socket, undefined);
        // The duration of a stream is not a latency.
        if (exchange.isStream) return;
        const name = Object.hasOwn(routes, exchange.path) ? exchange.path : "other";
        metrics.observeRequest(name, response.statusCode, (performance.now() - startedAtMs) / 1000);
      });
      void answer(exchange);
    },
  );
  // Node silently drops headers beyond the 2,000th by default; one of them could authenticate the caller. Their total size is
  // limited anyway.
  server.maxHeadersCount = 0;
  const takeOver = (request: IncomingMessage, socket: Socket, head: Buffer): void => {
    if (!asksForWebSocket(request)) {
      // Parsed again without the offer. `head` holds what followed, its body included.
      socket.unshift(Buffer.concat([headWithoutUpgrade(request), head]));
      server.emit("connection", socket);
      return;
    }
    // Not idle: the code that took it over closes it.
    connections.delete(socket);
    try {
      const { path, search, authority } = requestTarget(request);
      request.url = path + search;
      const refusal = hostRefusal(request, authority, allowedHosts);
      if (!refusal) upgrade(request, socket, head);
      else {
        const status = `${refusal.status} ${STATUS_CODES[refusal.status]}`;
        socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
      }
    } catch (error) {
      log.error({ err: error }, "upgrade failed");
      socket.destroy();
    }
  };
  server.on("upgrade", (request: IncomingMessage, socket: Socket, head) => {
    const underWay = connections.get(socket);
    if (!underWay) {
      takeOver(request, socket, head);
      return;
    }
    // An earlier request of the same connection must be answered first.
    const ignore = (): void => undefined;
    socket.on("error", ignore);
    underWay.response.once("close", () => {
      socket.off("error", ignore);
      if (!socket.destroyed) takeOver(request, socket, head);
    });
  });
  server.on("connection", (socket: Socket) => {
    // The event is emitted for each offer of an unsupported protocol.
    if (connections.has(socket)) return;
    connections.set(socket, undefined);
    socket.once("close", () => connections.delete(socket));
  });

  const drain = (): void => {
    isDraining = true;
    for (const exchange of connections.values()) exchange?.headers.set("connection", "close");
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
      // A busy process still has connections to accept and requests to read. Each tick of the event loop does one of these
      // steps.
      for (let tick = 0; tick < 3; tick += 1) await nextTick();
      await new Promise<void>((resolve) => {
        const force = setTimeout(() => {
          for (const socket of connections.keys()) socket.destroy();
        }, graceMs);
        // A connection that was just opened may be about to send a request.
        const giveUp = setTimeout(() => {
          for (const [socket, exchange] of connections) if (!exchange) socket.destroySoon();
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
