/**
 * What a call to WeCom throws: one class per failure that callers handle differently, with the facts in fields. A message
 * names the API and the errcode, never a token, a query string or WeCom's raw errmsg, which contains our address.
 */
import { type ErrcodeEntry, lookupErrcode } from "./errcodes.js";

export abstract class WecomError extends Error {
  /** The API that failed, as WeCom's documentation names it: `living/create`. */
  readonly api: string;
  /** True when the request may have changed something at WeCom although no success was reported. */
  readonly mayHaveTakenEffect: boolean;

  constructor(message: string, evidence: { api: string; mayHaveTakenEffect: boolean; cause?: unknown }) {
    super(message, { cause: evidence.cause });
    this.name = new.target.name;
    this.api = evidence.api;
    this.mayHaveTakenEffect = evidence.mayHaveTakenEffect;
  }
}

/** WeCom answered with an errcode other than 0. */
export class WecomApiError extends WecomError {
  readonly errcode: number;
  /** WeCom's message, without the hint, address and link that follow it. */
  readonly errmsg: string;
  /** The id in WeCom's `hint: […]`, with which WeCom's support finds the request. */
  readonly hint: string | undefined;
  /** The errcode's row in the table; undefined if it is not listed. */
  readonly entry: ErrcodeEntry | undefined;

  constructor(evidence: { api: string; mayHaveTakenEffect: boolean; errcode: number; errmsg: string }) {
    super(`WeCom refused ${evidence.api} with errcode ${evidence.errcode}`, evidence);
    this.errcode = evidence.errcode;
    this.errmsg = publicErrmsg(evidence.errmsg);
    this.hint = /hint: \[([^\]]{1,64})\]/.exec(evidence.errmsg)?.[1];
    this.entry = lookupErrcode(evidence.errcode);
  }
}

/** No usable answer: the network failed, the deadline passed, or the answer was not WeCom's JSON. */
export class WecomTransportError extends WecomError {
  /** `none`: no byte of the request was sent; `unknown`: WeCom may have received and executed the request. */
  readonly delivery: "none" | "unknown";
  /** When a retry may succeed; undefined if unknown. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    message: string,
    evidence: {
      api: string;
      mayHaveTakenEffect: boolean;
      delivery: "none" | "unknown";
      retryAfterSeconds?: number;
      cause?: unknown;
    },
  ) {
    super(message, evidence);
    this.delivery = evidence.delivery;
    this.retryAfterSeconds = evidence.retryAfterSeconds;
  }
}

/** The error for a call of which certainly no byte was sent. */
export function notSent(
  api: string,
  message: string,
  more: { retryAfterSeconds?: number; cause?: unknown } = {},
): WecomTransportError {
  return new WecomTransportError(message, { ...more, api, delivery: "none", mayHaveTakenEffect: false });
}

/** The gateway cannot call WeCom for this corp: it has no credentials, or WeCom refuses them. The operator has to act. */
export class WecomConfigurationError extends WecomError {
  constructor(message: string, evidence: { api: string; cause?: unknown }) {
    super(message, { ...evidence, mayHaveTakenEffect: false });
  }
}

/** WeCom's events cannot be received, or some may have been missed: clients have to read the livings. */
export class WecomEventsError extends Error {
  constructor(
    message: string,
    readonly code: "EVENTS_MISSED" | "EVENTS_UNAVAILABLE",
  ) {
    super(message);
    this.name = new.target.name;
  }
}

/** The outcome of a create under an idempotency key is still open. The same key returns it later. */
export class WecomUnsettledError extends WecomError {
  constructor(evidence: { api: string; cause?: unknown }) {
    super(`the outcome of ${evidence.api} is not known yet`, { ...evidence, mayHaveTakenEffect: true });
  }
}

/** The idempotency key has expired, and the outcome of its create was never found out. */
export class WecomGivenUpError extends WecomError {
  constructor(evidence: { api: string }) {
    super(`the outcome of ${evidence.api} was not found out`, { ...evidence, mayHaveTakenEffect: true });
  }
}

/** The idempotency key belongs to another request. */
export class WecomKeyReusedError extends WecomError {
  constructor(evidence: { api: string }) {
    super("The idempotency key was used for another input", { ...evidence, mayHaveTakenEffect: false });
  }
}

/** Our own limiter rejected the call before anything was sent. */
export class WecomOverloadError extends WecomError {
  readonly retryAfterSeconds: number;

  constructor(message: string, evidence: { api: string; retryAfterSeconds: number }) {
    super(message, { api: evidence.api, mayHaveTakenEffect: false });
    this.retryAfterSeconds = evidence.retryAfterSeconds;
  }
}

/**
 * WeCom appends `, hint: [id], from ip: 1.2.3.4, more info at https://…` to its errmsg; only the text before it may reach a
 * client. Addresses are removed anywhere in it, because WeCom documents that errmsg may change at any time.
 *
 * @see https://developer.work.weixin.qq.com/document/path/90313
 */
export function publicErrmsg(errmsg: string): string {
  const words = errmsg.split(/,?\s*(?:hint:\s*\[|from ip:|more info at)/i, 1)[0] ?? "";
  return words
    .replace(/\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?|(?:[0-9a-f]{1,4}|:):(?:[0-9a-f]{0,4}:){1,6}[0-9a-f]{0,4}/gi, "[address]")
    .slice(0, 500)
    .trim();
}
