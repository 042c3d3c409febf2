/**
 * `/graphql` over WebSocket: queries, mutations and subscriptions. The caller is authenticated once, when the
 * connection opens, and the connection ends with their token. `ws` is loaded with the first connection; messages are in
 * `websocket-messages.ts`. Over 300 lines because a connection owns its sign-in, its operations and its end.
 *
 * @see https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
 */
import { randomUUID } from "node:crypto";
import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import type { GraphQLFormattedError } from "graphql";
import type { WebSocket, WebSocketServer } from "ws";
import { type Logger, RequestLogger } from "../../observability/logger.js";
import type { Authenticate, Caller } from "../auth/caller.js";
import { Credentials } from "../auth/credentials.js";
import { type CorsPolicy, mayConnect } from "../cors.js";
import type { Fields } from "../graphql/graphql-request.js";
import type { Upgrade } from "../listener.js";
import { atExpiry, type OpenConnections, type UnsignedConnection } from "./open-connections.js";
import type { SharedResult, StreamSubscriber } from "./shared-streams.js";
import type { StreamedOperations } from "./streamed-operations.js";
import {
  answerMessages,
  closeCodes,
  completeMessage,
  errorMessage,
  nextMessage,
  pongMessage,
  protocol,
  readMessage,
} from "./websocket-messages.js";

export interface WebSocketOptions {
  readonly path: string;
  readonly operations: Pick<StreamedOperations, "start">;
  readonly connections: OpenConnections;
  readonly authenticate: Authenticate;
  readonly cors: CorsPolicy;
  readonly maxMessageBytes: number;
  /** Open operations per connection. */
  readonly maxOperations: number;
  readonly log: Logger;
  readonly now: () => number;
}

/** The limit of unsent bytes, for clients that do not read. */
const maxUnsentBytes = 8_000_000;
/** How long the other side has to close its half. */
const goodbyeMs = 1000;
/** How long a connection has to send `connection_init`. */
const signInMs = 3000;
/** RFC 6455's maximum for a close reason. */
const maxReasonBytes = 123;

export function webSocketUpgrade(options: WebSocketOptions): Upgrade {
  let loading: Promise<WebSocketServer> | undefined;
  return (request, socket, head) => {
    const { headers, url = "/" } = request;
    const { refusal } = options.connections;
    socket.on("error", () => undefined);
    if (url.split("?")[0] !== options.path) refuse(socket, 404, "There is no WebSocket here", "NOT_FOUND");
    else if (!mayConnect(options.cors, headers)) refuse(socket, 403, "This origin may not connect", "FORBIDDEN");
    else if (refusal) refuse(socket, 503, refusal.message, "SERVICE_UNAVAILABLE");
    else {
      (loading ??= load(options)).then(
        (sockets) => {
          sockets.handleUpgrade(request, socket, head, (webSocket) => {
            if (webSocket.protocol === protocol) new Connection(webSocket, request.rawHeaders, options);
            else webSocket.close(closeCodes.subprotocolNotAcceptable, "Subprotocol not acceptable");
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

async function load({ maxMessageBytes }: WebSocketOptions): Promise<WebSocketServer> {
  const { WebSocketServer } = await import("ws");
  // A variable, because the types of ws lack `closeTimeout` and `maxFragments`.
  const options = {
    noServer: true,
    clientTracking: false,
    maxPayload: maxMessageBytes,
    // Otherwise each message keeps the 64 kB chunk that it was read with in memory.
    maxFragments: 16 + Math.ceil(maxMessageBytes / 4096),
    // Whichever side starts it, closing ends after that time.
    closeTimeout: goodbyeMs,
    handleProtocols: (protocols: Set<string>) => protocols.has(protocol) && protocol,
  };
  return new WebSocketServer(options);
}

function shortened(reason: string): string {
  let text = reason;
  while (Buffer.byteLength(text) > maxReasonBytes) text = text.slice(0, -1);
  return text;
}

type State =
  /** The wait for `connection_init`. */
  | {
      readonly phase: "waiting";
      readonly rawHeaders: IncomingMessage["rawHeaders"];
      readonly timer: NodeJS.Timeout;
      leavePool(): void;
    }
  | { readonly phase: "signing-in" }
  | { readonly phase: "open"; readonly caller: Caller; free(): void; stopClock(): void }
  /** Ignores all further input. */
  | { readonly phase: "closed" };

class Connection implements UnsignedConnection {
  readonly transport = "websocket";
  readonly #requestId = randomUUID();
  readonly #log: Logger;
  #state: State;
  #isLeaving = false;
  #isAlive = true;
  /**
   * By the client's id for the operation. The id is free again after the client's `complete`, even if the operation
   * still runs.
   */
  readonly #operations = new Map<string, Operation>();
  /** Operations without an answer yet; streams do not count. */
  #running = 0;
  #streams = 0;

  constructor(
    private readonly socket: WebSocket,
    rawHeaders: IncomingMessage["rawHeaders"],
    private readonly options: WebSocketOptions,
  ) {
    this.#log = new RequestLogger(options.log, this.#requestId);
    const timer = setTimeout(() => {
      this.expire();
    }, signInMs).unref();
    this.#state = { phase: "waiting", rawHeaders, timer, leavePool: options.connections.addUnsigned(this) };
    socket.on("message", (bytes: Buffer, isBinary) => {
      if (this.#state.phase === "closed" || !this.#isRead()) return;
      try {
        this.#take(bytes, isBinary);
      } catch (error) {
        // A client's input must not end the process.
        this.#fail(error);
      }
    });
    // The message is too long or malformed: ws has closed the connection with the right code.
    socket.on("error", (error) => {
      this.#log.debug({ reason: error.message }, "WebSocket failed");
    });
    socket.on("ping", () => this.#isRead());
    socket.on("pong", () => {
      this.#isAlive = true;
    });
    socket.once("close", () => {
      this.#end();
    });
  }

  expire(): void {
    if (this.#state.phase === "waiting" || this.#state.phase === "signing-in") {
      this.close(closeCodes.initialisationTimeout, "Connection initialisation timeout");
    }
  }

  beat(): void {
    if (!this.#isAlive) this.socket.terminate();
    this.#isAlive = false;
    if (this.socket.readyState === this.socket.OPEN) this.socket.ping();
  }

  leave(): void {
    this.#isLeaving = true;
    // Running operations are answered first, then this is called again.
    if (this.#running === 0) this.close(closeCodes.goingAway, "The gateway is shutting down");
  }

  close(code: number, reason: string): void {
    if (this.#state.phase === "closed") return;
    this.#end();
    this.socket.close(code, shortened(reason));
  }

  send(text: string): void {
    if (this.socket.readyState === this.socket.OPEN) this.socket.send(text);
  }

  /** Sends an event. Closes the connection if the client does not read, instead of buffering. */
  sendEvent(text: string): void {
    if (this.#isRead()) this.send(text);
  }

  /** The operation has ended by itself. */
  ended(operation: Operation): void {
    if (this.#operations.get(operation.id) === operation) this.#operations.delete(operation.id);
    this.#streams -= 1;
  }

  #take(bytes: Buffer, isBinary: boolean): void {
    const message = isBinary ? undefined : readMessage(bytes.toString());
    switch (message?.type) {
      case undefined:
        this.close(closeCodes.badRequest, "Invalid message received");
        break;
      case "ping": {
        const pong = pongMessage(message.payload);
        if (pong === undefined) this.close(closeCodes.badRequest, "Invalid message received");
        else this.send(pong);
        break;
      }
      case "pong":
        break;
      case "connection_init":
        this.#signIn(message.payload).catch((error: unknown) => {
          this.#fail(error);
        });
        break;
      case "subscribe":
        this.#start(message.id, message.payload).catch((error: unknown) => {
          this.#fail(error);
        });
        break;
      case "complete":
        this.#complete(message.id);
        break;
    }
  }

  async #signIn(payload: Readonly<Record<string, unknown>> | undefined): Promise<void> {
    const state = this.#state;
    if (state.phase !== "waiting") {
      this.close(closeCodes.tooManyInitialisationRequests, "Too many initialisation requests");
      return;
    }
    clearTimeout(state.timer);
    this.#state = { phase: "signing-in" };
    const authentication = await this.options.authenticate(Credentials.ofConnection(state, payload));
    state.leavePool();
    if (this.#isClosed()) return;
    if (authentication.kind === "refused") {
      const { status, message } = authentication.refusal;
      this.close(status === 503 ? closeCodes.tryAgainLater : closeCodes.forbidden, message);
      return;
    }
    const { caller } = authentication;
    const free = this.options.connections.add(this, caller.identity);
    if (typeof free !== "function") {
      this.close(free.reason === "draining" ? closeCodes.goingAway : closeCodes.tryAgainLater, free.message);
      return;
    }
    const stopClock = atExpiry(caller.expiresAtMs, this.options.now, () => {
      this.close(closeCodes.forbidden, "The token has expired");
    });
    this.#state = { phase: "open", caller, free, stopClock };
    this.send('{"type":"connection_ack"}');
  }

  async #start(id: string, fields: Fields): Promise<void> {
    if (this.#state.phase !== "open") {
      this.close(closeCodes.unauthorized, "Unauthorized");
      return;
    }
    const { caller } = this.#state;
    const { now, maxOperations, operations } = this.options;
    if (this.#operations.has(id)) {
      this.close(closeCodes.subscriberAlreadyExists, `Subscriber for ${id} already exists`);
      return;
    }
    // Checked again, because the timer that ends the connection may be late.
    if (caller.expiresAtMs <= now()) {
      this.close(closeCodes.forbidden, "The token has expired");
      return;
    }
    if (this.#isLeaving) {
      this.#refuse(id, "The gateway is shutting down: connect again", { code: "SERVICE_UNAVAILABLE" });
      return;
    }
    if (this.#running + this.#streams >= maxOperations) {
      const extensions = { code: "OPERATION_LIMIT_EXCEEDED", limit: "operationsPerSocket" };
      this.#refuse(id, `Too many operations are open on this connection: at most ${maxOperations}`, extensions);
      return;
    }
    const operation = new Operation(id, caller, this);
    this.#operations.set(id, operation);
    this.#running += 1;
    try {
      // Without the connection's headers: an idempotency key there would apply to all its operations.
      const source = { requestId: this.#requestId, log: this.#log, request: { headers: {} } };
      const outcome = await operations.start(fields, source, operation);
      if (outcome.kind === "stream") {
        this.#streams += 1;
        operation.follow(outcome.leave);
      } else if (operation.isAwaited) {
        for (const message of answerMessages(id, outcome.result)) this.send(message);
      }
      if (outcome.kind === "answer" && this.#operations.get(id) === operation) this.#operations.delete(id);
    } finally {
      this.#running -= 1;
      // When the answer has been written.
      setImmediate(() => {
        if (this.#isLeaving) this.leave();
      });
    }
  }

  #refuse(id: string, message: string, extensions: GraphQLFormattedError["extensions"]): void {
    this.send(errorMessage(id, [{ message, ...(extensions && { extensions }) }]));
  }

  #complete(id: string): void {
    const operation = this.#operations.get(id);
    this.#operations.delete(id);
    operation?.leave();
  }

  #isClosed(): boolean {
    return this.#state.phase === "closed";
  }

  /** Releases everything, and sends nothing more. */
  #end(): void {
    const state = this.#state;
    this.#state = { phase: "closed" };
    if (state.phase === "waiting") {
      clearTimeout(state.timer);
      state.leavePool();
    } else if (state.phase === "open") {
      state.free();
      state.stopClock();
    }
    const operations = [...this.#operations.values()];
    this.#operations.clear();
    for (const operation of operations) operation.leave();
  }

  #isRead(): boolean {
    if (this.socket.bufferedAmount <= maxUnsentBytes) return true;
    this.socket.terminate();
    return false;
  }

  #fail(error: unknown): void {
    this.#log.warn({ err: error }, "WebSocket message failed");
    this.close(closeCodes.internalError, "Internal server error");
  }
}

class Operation implements StreamSubscriber {
  /** Whether the client still wants the result. */
  isAwaited = true;
  #leaveEvents: (() => void) | undefined;

  constructor(
    readonly id: string,
    readonly caller: Caller,
    private readonly connection: Connection,
  ) {}

  next(result: SharedResult): void {
    if (this.isAwaited) this.connection.sendEvent(nextMessage(this.id, result.json));
  }

  end(errors: readonly GraphQLFormattedError[]): void {
    if (!this.isAwaited) return;
    this.connection.send(errors.length > 0 ? errorMessage(this.id, errors) : completeMessage(this.id));
    this.leave();
  }

  /** The operation has become a stream. */
  follow(leaveEvents: () => void): void {
    this.#leaveEvents = leaveEvents;
    if (!this.isAwaited) this.leave();
  }

  leave(): void {
    this.isAwaited = false;
    const leaveEvents = this.#leaveEvents;
    this.#leaveEvents = undefined;
    if (!leaveEvents) return;
    leaveEvents();
    this.connection.ended(this);
  }
}
