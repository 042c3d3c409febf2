import type { Logger } from "../observability/logger.js";
import type { Span } from "../observability/tracing.js";
import { type Deadline, type Cancellation, type TimeLimit, ClientTimeLimit } from "./deadline.js";
import type { BodyStream } from "./transport.js";

/** An API of WeCom's, with the properties that decide what may happen after a failure. */
export interface Endpoint {
  /** As WeCom's documentation names it, below `/cgi-bin/`: `living/create`. */
  readonly api: string;
  readonly method: "GET" | "POST";
  /**
   * `write`: repeating it after a lost answer can do harm. The HTTP verb does not show this: WeCom's reads are POSTs
   * too.
   */
  readonly effect: "read" | "write";
  /** The query parameter that carries the token. Default `access_token`. */
  readonly tokenParameter?: "suite_access_token";
  /** WeCom leaves `errcode` out when this API succeeds, "for historical reasons". */
  readonly mayOmitErrcode?: true;
}

/** What a call sends, besides its token. */
export interface Payload {
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: object;
  /** Read again for each attempt. Only a call whose token was refused is repeated. */
  readonly stream?: BodyStream;
}

/** A permission to send a call that must not be sent twice. Obtained when everything else is ready. */
export interface SendPermit {
  /**
   * Called right before the request is handed to the network: stores durably that it may have been sent. If it rejects,
   * nothing is sent.
   */
  obtain(): Promise<void>;
}

/** The parts of an operation that its calls need. */
export interface CallOptions {
  /** The corp; for a suite's own calls its suite_id. */
  readonly corp: string;
  /** The caller, unless callers are anonymous: queues rotate between callers. */
  readonly caller?: string | undefined;
  /** Queues rotate between operations of a caller. Default: calls with the same deadline are one operation. */
  readonly operation?: object | undefined;
  readonly deadline: Deadline;
  /**
   * The client has left: cancels reads, but never writes, whose outcome has to be recorded. Absent: clients cannot
   * leave.
   */
  readonly clientGone?: Cancellation | undefined;
  readonly log: Logger;
  /** The operation's span, if its trace is recorded. */
  readonly span?: Span | undefined;
  /**
   * Counts a call against the caller's quota.
   *
   * @throws {WecomOverloadError} when it is exceeded; absent: not counted
   */
  readonly count?: ((api: string) => void) | undefined;
  /** Absent: sent without a permit. */
  readonly permit?: SendPermit | undefined;
}

export function timeLimitFor({ effect }: Pick<Endpoint, "effect">, { deadline, clientGone }: CallOptions): TimeLimit {
  return effect === "read" && clientGone ? new ClientTimeLimit(deadline, clientGone) : deadline;
}

/** For reads that belong to a write: they continue after the client has left. */
export function regardlessOfClient({ clientGone: _, ...call }: CallOptions): CallOptions {
  return call;
}
