/**
 * Server-sent events: one operation per stream of `next` events, then `complete`. Queries and mutations also work, if a
 * client asks for it.
 *
 * @see https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md#distinct-connections-mode
 */
import type { GraphQLFormattedError } from "graphql";
import type { AnswerAsEventStream } from "../graphql/graphql-route.js";
import type { Caller } from "../auth/caller.js";
import { type Exchange, sendError } from "../exchange.js";
import { atExpiry, type ConnectionRefusal, eventStreamType, type OpenConnections } from "./open-connections.js";
import { SharedResult, type StreamSubscriber } from "./shared-streams.js";
import type { StreamedOperations } from "./streamed-operations.js";
import { isPreflighted } from "../cors.js";

export interface EventStreamOptions {
  readonly operations: Pick<StreamedOperations, "start">;
  readonly connections: OpenConnections;
  readonly now: () => number;
}

/** The limit of unsent bytes, for clients that do not read. */
const maxUnsentBytes = 8_000_000;

export function eventStreams({ operations, connections, now }: EventStreamOptions): AnswerAsEventStream {
  return async (exchange, fields, caller) => {
    const { request } = exchange;
    // A POST has a JSON body, which needs a preflight.
    if (request.method !== "POST" && !isPreflighted(request.headers)) {
      const message =
        "Blocked as a possible cross-site request forgery: send the header apollo-require-preflight, or POST";
      sendError(exchange, 400, message, "BAD_REQUEST");
      return;
    }
    const stream = new EventStream(exchange, caller);
    const free = connections.add(stream, caller.identity);
    if (typeof free !== "function") {
      refuse(exchange, free);
      return;
    }
    let stopClock = (): void => undefined;
    try {
      const outcome = await operations.start(fields, exchange, stream, { allowsMutations: request.method === "POST" });
      if (outcome.kind === "answer") {
        stream.next(new SharedResult(outcome.result));
        return;
      }
      stopClock = atExpiry(caller.expiresAtMs, now, () => {
        stream.end([{ message: "The token has expired", extensions: { code: "UNAUTHENTICATED" } }]);
      });
      await stream.follow(outcome.leave);
    } finally {
      stopClock();
      free();
      stream.end();
    }
  };
}

function refuse(exchange: Exchange, { reason, message }: ConnectionRefusal): void {
  exchange.headers.set("retry-after", "5");
  if (reason === "caller") sendError(exchange, 429, message, "TOO_MANY_CONNECTIONS");
  else sendError(exchange, 503, message, "SERVICE_UNAVAILABLE");
}

class EventStream implements StreamSubscriber {
  readonly transport = "event-stream";
  #state: "new" | "open" | "over" = "new";
  #isLeaving = false;
  #wasStuck = false;
  #leaveEvents: (() => void) | undefined;
  #closed: (() => void) | undefined;

  constructor(
    private readonly exchange: Exchange,
    readonly caller: Caller,
  ) {
    exchange.response.once("close", () => {
      this.#finish();
    });
  }

  next(result: SharedResult): void {
    const { response } = this.exchange;
    this.#open();
    if (this.#state !== "open") return;
    response.write(result.eventStreamBytes);
    if (response.writableLength > maxUnsentBytes) response.destroy();
  }

  /** Resolves when the stream ends or its client leaves. */
  async follow(leaveEvents: () => void): Promise<void> {
    this.#leaveEvents = leaveEvents;
    if (this.#isLeaving) this.end();
    if (this.#state === "over") leaveEvents();
    else {
      this.#open();
      await new Promise<void>((resolve) => {
        this.#closed = resolve;
      });
    }
  }

  end(errors: readonly GraphQLFormattedError[] = []): void {
    if (this.#state === "over") return;
    const { response } = this.exchange;
    if (errors.length > 0) this.next(new SharedResult({ errors }));
    // Without `complete`, a client reconnects.
    if (this.#state === "open") response.end(this.#isLeaving && this.#leaveEvents ? "" : "event: complete\ndata:\n\n");
    this.#finish();
  }

  beat(): void {
    const { response } = this.exchange;
    const isStuck = response.writableNeedDrain;
    // The client read nothing between two heartbeats.
    if (isStuck && this.#wasStuck) response.destroy();
    else if (!isStuck && this.#state === "open") response.write(":\n\n");
    this.#wasStuck = isStuck;
  }

  leave(): void {
    this.#isLeaving = true;
    // A query or a mutation is answered before the stream ends.
    if (this.#leaveEvents) this.end();
  }

  #open(): void {
    if (this.#state !== "new") return;
    this.#state = "open";
    const { response, headers } = this.exchange;
    this.exchange.isStream = true;
    // The response has no length, so the connection ends with it, and proxies must not buffer events.
    headers.set("content-type", eventStreamType).set("connection", "close").set("x-accel-buffering", "no");
    response.writeHead(200, headers.toRaw());
    response.write(":\n\n");
  }

  #finish(): void {
    if (this.#state === "over") return;
    this.#state = "over";
    this.#leaveEvents?.();
    this.#closed?.();
  }
}
