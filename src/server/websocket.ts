/**
 * `/graphql` over WebSocket: queries, mutations and subscriptions. Who is calling is asked once, when the connection is
 * begun; it ends with their token. The protocol is graphql-ws's, and this file what surrounds it: origins, sign-in,
 * limits, keep-alive, draining. What it needs is loaded by the first connection.
 *
 * @see https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
 */
import { randomUUID } from "node:crypto";
import { type IncomingHttpHeaders, type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import {
  type ExecutionResult,
  type FormattedExecutionResult,
  GraphQLError,
  type GraphQLFormattedError,
  type GraphQLSchema,
  parse,
} from "graphql";
import type { Context, Server } from "graphql-ws";
import type { WebSocket, WebSocketServer } from "ws";
import { type Logger, RequestLogger } from "../observability/logger.js";
import type { Authenticate, Caller } from "./caller.js";
import { type CorsPolicy, mayConnect } from "./cors.js";
import type { Fields } from "./graphql-request.js";
import type { Upgrade } from "./listener.js";
import { atExpiry, type OpenConnection, type OpenConnections } from "./open-connections.js";
import type { Outcome, StartsOperations } from "./streamed-operations.js";

export interface WebSocketOptions {
  readonly path: string;
  readonly schema: GraphQLSchema;
  readonly operations: StartsOperations;
  readonly connections: OpenConnections;
  readonly authenticate: Authenticate;
  readonly cors: CorsPolicy;
  readonly maxMessageBytes: number;
  readonly log: Logger;
  readonly now: () => number;
}

const protocol = "graphql-transport-ws";
const maxOperations = 50;
/** What may lie here unsent for a client that does not read. */
const maxUnsentBytes = 8_000_000;
/** For the other side to close as well. */
const goodbyeMs = 1000;

/** Of the protocol, and of RFC 6455. */
const closeCodes = { forbidden: 4403, goingAway: 1001, tryAgainLater: 1013, internalError: 1011 };

export function webSocketUpgrade(options: WebSocketOptions): Upgrade {
  let loading: ReturnType<typeof load> | undefined;
  const loaded = () => (loading ??= load(options));
  return (request, socket, head) => {
    const { headers, url = "/" } = request;
    socket.on("error", () => undefined);
    if (url.split("?")[0] !== options.path) refuse(socket, 404, "There is no WebSocket here", "NOT_FOUND");
    else if (!mayConnect(options.cors, headers)) refuse(socket, 403, "This origin may not connect", "FORBIDDEN");
    else if (options.connections.refusal !== undefined) {
      refuse(socket, 503, options.connections.refusal, "SERVICE_UNAVAILABLE");
    } else {
      loaded().then(
        ({ sockets, server }) => {
          sockets.handleUpgrade(request, socket, head, (webSocket) => {
            new Connection(webSocket, request, options).serve(server);
          });
        },
        (error: unknown) => {
          options.log.error({ err: error }, "WebSockets cannot be served");
          socket.destroy();
        },
      );
    }
  };
}

function refuse(socket: Duplex, status: number, message: string, code: string): void {
  const body = JSON.stringify({ errors: [{ message, extensions: { code } }] });
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    "connection: close",
    "content-type: application/json; charset=utf-8",
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  socket.end(`${lines.join("\r\n")}\r\n\r\n${body}`, () => socket.destroy());
}

async function load(options: WebSocketOptions): Promise<{ sockets: WebSocketServer; server: Server<Connection> }> {
  const [{ WebSocketServer }, { makeServer }] = await Promise.all([import("ws"), import("graphql-ws")]);
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: options.maxMessageBytes,
    handleProtocols: (protocols) => protocols.has(protocol) && protocol,
  });
  const server = makeServer<Readonly<Record<string, unknown>>, Connection>({
    onConnect: ({ extra, connectionParams }) => extra.signIn(connectionParams),
    onSubscribe: async (context, _id, { query, operationName, variables, extensions }) => {
      const outcome = await context.extra.start({ query, operationName, variables, extensions }, context);
      if (outcome.kind === "answer" && outcome.result.data === undefined) {
        return outcome.result.errors?.map((error) => new FormattedError(error)) ?? [];
      }
      return { schema: options.schema, document: nothing, contextValue: outcome };
    },
    // Everything was decided before.
    execute: ({ contextValue }) => {
      const outcome = contextValue as Outcome;
      // Its errors are formatted, which graphql-ws would do.
      return (outcome.kind === "answer" ? outcome.result : outcome.results) as ExecutionResult;
    },
    onNext: (...[, , , , result]) => result as FormattedExecutionResult,
  });
  return { sockets, server };
}

/** Stands where graphql-ws wants a document to execute. */
const nothing = parse("{ __typename }");

/** An error that is as a client is to see it. */
class FormattedError extends GraphQLError {
  constructor(private readonly formatted: GraphQLFormattedError) {
    super(formatted.message);
  }

  override toJSON(): GraphQLFormattedError {
    return this.formatted;
  }
}

class Connection implements OpenConnection {
  readonly #requestId = randomUUID();
  readonly #log: Logger;
  /** Until it is known who is calling. */
  #headers: IncomingHttpHeaders | undefined;
  #caller: Caller | undefined;
  #isClosed = false;
  #isLeaving = false;
  #isAlive = true;
  /** Operations that are not answered yet, nor streams by now. */
  #running = 0;
  #stopClock = (): void => undefined;

  constructor(
    private readonly socket: WebSocket,
    { headers }: IncomingMessage,
    private readonly options: WebSocketOptions,
  ) {
    this.#headers = headers;
    this.#log = new RequestLogger(options.log, this.#requestId);
  }

  serve(server: Server<Connection>): void {
    const { socket } = this;
    const free = this.options.connections.add(this);
    const closed = server.opened(
      {
        protocol: socket.protocol,
        send: (text) => this.#send(text),
        close: (code, reason) => {
          socket.close(code, reason);
        },
        onMessage: (handle) => {
          socket.on("message", (bytes: Buffer) => {
            if (this.#isRead()) handle(bytes.toString()).catch((error: unknown) => this.#fail(error));
          });
        },
      },
      this,
    );
    // A message that is too long, or no WebSocket's: ws has closed the connection by itself, with the code that fits.
    socket.on("error", (error) => {
      this.#log.debug({ reason: error.message }, "WebSocket failed");
    });
    socket.on("ping", () => this.#isRead());
    socket.on("pong", () => {
      this.#isAlive = true;
    });
    socket.once("close", (code: number) => {
      this.#isClosed = true;
      this.#stopClock();
      free();
      closed(code, "").catch((error: unknown) => this.#fail(error));
    });
  }

  /** @returns false, and the connection is closed, when nobody is let in */
  async signIn(payload: Readonly<Record<string, unknown>> | undefined): Promise<boolean> {
    const authentication = await this.options.authenticate(credentials(this.#headers ?? {}, payload));
    this.#headers = undefined;
    if (authentication.kind === "refused") {
      const { status, message } = authentication.refusal;
      this.socket.close(status === 503 ? closeCodes.tryAgainLater : closeCodes.forbidden, message);
      return false;
    }
    this.#caller = authentication.caller;
    if (this.#isClosed) return false;
    this.#stopClock = atExpiry(this.#caller.expiresAt, this.options.now, () => {
      this.#close(closeCodes.forbidden, "The token has expired");
    });
    return true;
  }

  async start(fields: Fields, { subscriptions }: Context): Promise<Outcome> {
    const { operations } = this.options;
    const caller = this.#caller;
    if (!caller || this.#isLeaving)
      return refusal("The gateway is shutting down: connect again", "SERVICE_UNAVAILABLE");
    if (Object.keys(subscriptions).length > maxOperations) {
      const message = `Too many operations are open on this connection: at most ${maxOperations}`;
      return refusal(message, "OPERATION_LIMIT_EXCEEDED");
    }
    this.#running += 1;
    try {
      // The connection's headers are not the operation's: an idempotency key there would stand for all of them.
      const source = { requestId: this.#requestId, log: this.#log, request: { headers: {} } };
      return await operations.start(fields, source, caller);
    } finally {
      // When the answer has been handed over.
      setImmediate(() => {
        this.#running -= 1;
        if (this.#isLeaving) this.leave();
      });
    }
  }

  beat(): void {
    if (!this.#isAlive) this.socket.terminate();
    this.#isAlive = false;
    if (this.socket.readyState === this.socket.OPEN) this.socket.ping();
  }

  leave(): void {
    this.#isLeaving = true;
    // What runs is answered first, and comes back here.
    if (this.#running === 0) this.#close(closeCodes.goingAway, "The gateway is shutting down");
  }

  #close(code: number, reason: string): void {
    this.socket.close(code, reason);
    setTimeout(() => {
      this.socket.terminate();
    }, goodbyeMs).unref();
  }

  /** Resolves when it is on its way: who does not read is not sent the next event, and falls behind. */
  #send(text: string): Promise<void> {
    return new Promise((resolve) => {
      if (this.socket.readyState !== this.socket.OPEN) resolve();
      // A failure closes the connection, which ends all that would be sent.
      else
        this.socket.send(text, () => {
          resolve();
        });
    });
  }

  #isRead(): boolean {
    if (this.socket.bufferedAmount <= maxUnsentBytes) return true;
    this.socket.terminate();
    return false;
  }

  #fail(error: unknown): void {
    this.#log.warn({ err: error }, "WebSocket message failed");
    this.socket.close(closeCodes.internalError, "Internal server error");
  }
}

function refusal(message: string, code: string): Outcome {
  return { kind: "answer", result: { errors: [{ message, extensions: { code } }] } };
}

const credentialHeaders = [
  "authorization",
  "router-authorization",
  "x-wecom-corpid",
  "x-wecom-userid",
  "x-wecom-scopes",
] as const;

/**
 * Who is calling, as headers would say it: those of the request that opened the connection, or, where it has none of them
 * (a browser cannot set any), what `connection_init` holds, as it is or below `headers`. Never some of each: a router
 * that passes its clients' payload on would lend them its secret.
 */
function credentials(
  headers: IncomingHttpHeaders,
  payload: Readonly<Record<string, unknown>> | undefined,
): IncomingHttpHeaders {
  if (credentialHeaders.some((name) => headers[name] !== undefined)) return headers;
  const given = payload?.["headers"] ?? payload;
  const found: IncomingHttpHeaders = {};
  for (const [name, value] of Object.entries(Object(given) as Readonly<Record<string, unknown>>)) {
    const known = credentialHeaders.find((header) => header === name.toLowerCase());
    if (known && typeof value === "string") found[known] = value;
  }
  return found;
}
