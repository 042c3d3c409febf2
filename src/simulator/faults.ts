// Faults that can be injected. Plain JSON, so that they can also be injected over HTTP.

/**
 * Whether the call is executed although its answer is faulty: not at all, before the answer, or that many milliseconds
 * (of real time) after the call arrived, when the caller may have given up.
 */
export type Effect = "none" | "applied" | { lateMs: number };

interface FaultScope {
  /** "living/create", "gettoken", "living/*", or "*" (default): every call. */
  api?: string;
  /** How many calls are affected; 0: unlimited. Default 1. */
  times?: number;
  /** How many matching calls are skipped first. Default 0. */
  afterCalls?: number;
  /** The probability for each matching call, from 0 to 1. Default 1. */
  probability?: number;
  /** The delay before the fault occurs. Default 0. */
  delayMs?: number;
}

export type Fault = FaultScope &
  (
    | /** An errcode instead of the answer, as a string if given so; errmsg is verbatim. Effect: default none. */
      {
        kind: "errcode";
        errcode: number | string;
        errmsg?: string;
        effect?: Effect;
      } /** The right answer, but late; its effect is not. */
    | {
        kind: "delay";
        delayMs: number;
        effect?: "applied";
      } /** The connection is closed without an answer. Effect: default none. */
    | { kind: "drop"; effect?: Effect } /** No answer, ever; the connection stays open. Effect: default none. */
    | {
        kind: "hang";
        effect?: Effect;
      } /** An answer that is not the API's, such as a proxy's. Default body: nginx's HTML page. Effect: default none. */
    | {
        kind: "http";
        status: number;
        body?: string;
        contentType?: string;
        effect?: Effect;
      } /** The answer ends in the middle; if isCut, the connection with it. Effect: default applied. */
    | {
        kind: "truncated-json";
        isCut?: boolean;
        effect?: Effect;
      } /** The answer with a field of that many bytes more. Effect: default applied. */
    | { kind: "huge-body"; bytes: number; effect?: Effect } /** HTTP 200 with an empty body. Effect: default applied. */
    | {
        kind: "empty-body";
        effect?: Effect;
      } /** The status line and headers, then nothing, ever. Effect: default applied. */
    | { kind: "headers-only"; effect?: Effect } /** The right answer, one byte at a time. Effect: default applied. */
    | {
        kind: "trickle";
        byteIntervalMs: number;
        effect?: Effect;
      } /** Success with the errmsg "ok. Warning: wrong json format. ", as some APIs answer malformed JSON. Default applied. */
    | { kind: "warned-success"; effect?: Effect } /** The right answer without these fields. Effect: default applied. */
    | {
        kind: "missing-fields";
        fields: readonly string[];
        effect?: Effect;
      } /** The right answer with its errcode as a string. Effect: default applied. */
    | { kind: "string-errcode"; effect?: Effect }
  );

export type FaultKind = Fault["kind"];

const LOSING_KINDS: ReadonlySet<FaultKind> = new Set(["errcode", "drop", "hang", "http"]);

export function effectOf(fault: Fault): Effect {
  return fault.effect ?? (LOSING_KINDS.has(fault.kind) ? "none" : "applied");
}
