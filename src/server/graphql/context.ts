/** What an operation is executed with: the resolvers' context, and how the server ends it. */
import type { IncomingMessage } from "node:http";
import type { FieldFailure } from "../../observability/metrics.js";
import type { Caller } from "../auth/caller.js";
import type { Exchange } from "../exchange.js";

/** What a context is made from: a request's own headers, or none where many operations share a connection. */
export interface ContextSource extends Pick<Exchange, "log" | "requestId"> {
  readonly request: Pick<IncomingMessage, "headers"> & { readonly method?: string | undefined };
}

export interface OperationContext {
  /** What the resolvers are given. */
  readonly value: object;
  /** What stands in `extensions` of the answer; undefined: nothing. */
  extensions(): Readonly<Record<string, unknown>> | undefined;
  /** Errors that are data in the answer: members of unions. */
  failures(): readonly FieldFailure[];
  /** The operation was executed: ends its span, where its trace is recorded. */
  readonly executed?: ((type: string, name: string | undefined, failures: readonly FieldFailure[]) => void) | undefined;
  /** Calls back when the operation's time is over; the returned function takes the request back. */
  onDeadline(listener: () => void): () => void;
  /** The client has left: nobody will read the answer. */
  abandon(): void;
  /** The operation is over: releases its timers. */
  close(): void;
}

/** @param payers identities of those on whose behalf it calls WeCom, where that is not the caller alone */
export type CreateContext = (
  source: ContextSource,
  caller: Caller,
  payers?: Iterable<string | undefined>,
) => OperationContext;
