/**
 * Server-sent events: one operation, one stream of `next` events and a `complete`. Queries and mutations are answered so
 * as well, when a client asks for it.
 *
 * @see https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md#distinct-connections-mode
 */
import type { IncomingMessage } from "node:http";
import { type FormattedExecutionResult, GraphQLError } from "graphql";
import type { AnswerAsEventStream } from "./graphql-route.js";
import { type Exchange, sendError } from "./exchange.js";
import { atExpiry, eventStreamType, type OpenConnections } from "./open-connections.js";
import type { StartsOperations } from "./streamed-operations.js";

export interface EventStreamOptions {
  readonly operations: StartsOperations;
  readonly connections: OpenConnections;
  readonly now: () => number;
}

export function eventStreams({ operations, connections, now }: EventStreamOptions): AnswerAsEventStream {
  return async (exchange, fields, caller) => {
    const { request } = exchange;
    const refusal = connections.refusal;
    if (refusal !== undefined) {
      exchange.headers.push("retry-after", "5");
      sendError(exchange, 503, refusal, "SERVICE_UNAVAILABLE");
      return;
    }
    if (!isPreflighted(request)) {
      const message =
        "Blocked as a possible cross-site request forgery: send the header apollo-require-preflight, or POST";
      sendError(exchange, 400, message, "BAD_REQUEST");
      return;
    }
    const stream = new EventStream(exchange);
    const free = connections.add(stream);
    let stopClock = (): void => undefined;
    try {
      const allowsMutations = request.method === "POST";
      const outcome = await operations.start(fields, exchange, caller, { allowsMutations });
      stream.open();
      if (outcome.kind === "answer") {
        await stream.send(outcome.result);
        return;
      }
      stopClock = atExpiry(caller.expiresAt, now, () => {
        stream.end({ errors: [{ message: "The token has expired", extensions: { code: "UNAUTHENTICATED" } }] });
      });
      await stream.pipe(outcome.results);
    } finally {
      stopClock();
      free();
      stream.end();
    }
  };
}

/** No page can send these without being allowed to; a POST was read only because it is JSON, which is as good. */
function isPreflighted({ method, headers }: IncomingMessage): boolean {
  return method === "POST" || ["apollo-require-preflight", "x-apollo-operation-name"].some((name) => headers[name]);
}

class EventStream {
  #results: AsyncIterableIterator<FormattedExecutionResult> | undefined;
  #isOver = false;
  #isLeaving = false;
  #wasStuck = false;

  constructor(private readonly exchange: Exchange) {
    exchange.response.once("close", () => {
      this.#isOver = true;
      this.#leaveEvents();
    });
  }

  open(): void {
    if (this.#isOver) return;
    const { response, headers } = this.exchange;
    this.exchange.isStream = true;
    // Behind it nothing can follow on this connection; and proxies must pass each event on as it comes.
    headers.push("content-type", eventStreamType, "connection", "close", "x-accel-buffering", "no");
    response.writeHead(200, headers);
    response.write(":\n\n");
  }

  /** Waits until there is room for more. */
  async send(result: FormattedExecutionResult): Promise<void> {
    const { response } = this.exchange;
    if (this.#isOver || response.write(`event: next\ndata: ${JSON.stringify(result)}\n\n`)) return;
    await new Promise<void>((resolve) => {
      const goOn = (): void => {
        response.off("drain", goOn).off("close", goOn);
        resolve();
      };
      response.on("drain", goOn).on("close", goOn);
    });
  }

  async pipe(results: AsyncIterableIterator<FormattedExecutionResult>): Promise<void> {
    this.#results = results;
    if (this.#isLeaving) this.end();
    if (this.#isOver) this.#leaveEvents();
    try {
      for await (const result of results) await this.send(result);
    } catch (error) {
      if (!(error instanceof GraphQLError)) throw error;
      this.end({ errors: [{ message: error.message, extensions: error.extensions }] });
    }
  }

  /** With a last word, where there is one. */
  end(last?: FormattedExecutionResult): void {
    if (this.#isOver || !this.exchange.response.headersSent) return;
    this.#isOver = true;
    const next = last ? `event: next\ndata: ${JSON.stringify(last)}\n\n` : "";
    // Cut off without this word, a client connects again.
    this.exchange.response.end(this.#isLeaving && this.#results ? "" : `${next}event: complete\ndata:\n\n`);
    this.#leaveEvents();
  }

  beat(): void {
    const isStuck = this.exchange.response.writableNeedDrain;
    // Nothing was read from one beat to the next.
    if (isStuck && this.#wasStuck) this.exchange.response.destroy();
    else if (!isStuck && this.exchange.response.headersSent && !this.#isOver) this.exchange.response.write(":\n\n");
    this.#wasStuck = isStuck;
  }

  leave(): void {
    this.#isLeaving = true;
    // A query or a mutation is answered first.
    if (this.#results) this.end();
  }

  #leaveEvents(): void {
    void this.#results?.return?.();
  }
}
