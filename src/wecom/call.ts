import type { Logger } from "../observability/logger.js";
import type { Span } from "../observability/tracing.js";
import { type Deadline, type Cancellation, type TimeLimit, ClientTimeLimit } from "./deadline.js";

/** An API of WeCom's and the properties of it that decide what may be done after a failure. */
export interface Endpoint {
  /** As WeCom's documentation names it, below `/cgi-bin/`: `living/create`. */
  readonly api: string;
  readonly method: "GET" | "POST";
  /** `write`: repeating it after a lost answer can do harm. WeCom's reads are POSTs too: the verb does not tell. */
  readonly effect: "read" | "write";
  /** The query parameter that carries the token. Default `access_token`. */
  readonly tokenParameter?: "suite_access_token";
  /** WeCom leaves `errcode` out when this API succeeds, "for historical reasons". */
  readonly mayOmitErrcode?: true;
}

/** The right to send what must not be sent twice. It is asked for when all else is ready. */
export interface SendPermit {
  /** Before the request is handed to the network: notes durably that it may be on its way. Rejects: it is not sent. */
  obtain(): Promise<void>;
}

/** What a call needs to know of the operation that it belongs to. */
export interface CallOptions {
  /** For which corp; for a suite's own calls its suite_id. */
  readonly corp: string;
  /** On whose behalf, where callers can be told apart: they take turns. */
  readonly caller?: string | undefined;
  /** Calls of one operation take turns together. Default: those with the same deadline. */
  readonly operation?: object | undefined;
  readonly deadline: Deadline;
  /** The client leaves: ends the reads, never a write, whose outcome must be known to somebody. Absent: nobody can leave. */
  readonly clientGone?: Cancellation | undefined;
  readonly log: Logger;
  /** Of what the call belongs to, where its trace is recorded. */
  readonly span?: Span | undefined;
  /** Counts a call for the caller. @throws {WecomOverloadError} when they have made too many; absent: nobody counts */
  readonly count?: ((api: string) => void) | undefined;
  /** Absent: it may be sent. */
  readonly permit?: SendPermit | undefined;
}

export function timeLimitFor({ effect }: Pick<Endpoint, "effect">, { deadline, clientGone }: CallOptions): TimeLimit {
  return effect === "read" && clientGone ? new ClientTimeLimit(deadline, clientGone) : deadline;
}

/** For reads that serve a write: its outcome is looked for whether or not the client is still there. */
export function regardlessOfClient({ clientGone: _, ...call }: CallOptions): CallOptions {
  return call;
}
