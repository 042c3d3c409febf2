/**
 * The caller's trace, from the header `traceparent`.
 *
 * @see https://www.w3.org/TR/trace-context/#traceparent-header
 */
import type { IncomingHttpHeaders } from "node:http";

export interface TraceParent {
  readonly traceId: string;
  readonly spanId: string;
  readonly isSampled: boolean;
}

/** Only later versions than 00 may append further parts. */
const pattern = /^(?!ff|00.{54})[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-|$)/;

/** Undefined if the header is absent or invalid: then a new trace starts here. */
export function traceParentIn({ traceparent }: IncomingHttpHeaders): TraceParent | undefined {
  if (typeof traceparent !== "string") return undefined;
  const [, traceId = "", spanId = "", flags = ""] = pattern.exec(traceparent) ?? [];
  if (!/[1-9a-f]/.test(traceId) || !/[1-9a-f]/.test(spanId)) return undefined;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}
