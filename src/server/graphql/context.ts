/** The context of one operation: what its resolvers get, and how the server ends it. */
import type { IncomingMessage } from "node:http";
import type { FieldFailure } from "../../observability/metrics.js";
import type { Caller } from "../auth/caller.js";
import type { Exchange } from "../exchange.js";

/** What a context is created from: the request's headers, or none if many operations share a connection. */
export interface ContextSource extends Pick<Exchange, "log" | "requestId"> {
  readonly request: Pick<IncomingMessage, "headers"> & { readonly method?: string | undefined };
}

export interface OperationContext {
  /** The resolvers' context. */
  readonly value: object;
  /** The answer's `extensions`; undefined: none. */
  extensions(): Readonly<Record<string, unknown>> | undefined;
  /** Errors that are data in the answer: union members. */
  readonly failures: readonly FieldFailure[];
  /** The operation has been executed: ends its span, if its trace is recorded. */
  readonly executed?: ((type: string, name: string | undefined, failures: readonly FieldFailure[]) => void) | undefined;
  readonly deadline: {
    /** Calls back when it has passed. @returns cancels the callback */
    onCancel(listener: () => void): () => void;
    /** Ends the operation: releases its timers. */
    close(): void;
  };
  /** The client has left, so nobody will read the answer. */
  abandon(): void;
}

/** @param payers identities whose quotas pay for its calls to WeCom, if not only the caller's */
export type CreateContext = (
  source: ContextSource,
  caller: Caller,
  payers?: Iterable<string | undefined>,
) => OperationContext;
