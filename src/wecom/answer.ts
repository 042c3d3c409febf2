/**
 * What WeCom answered: a JSON object with an errcode, with HTTP 200 whatever happened.
 *
 * @see https://developer.work.weixin.qq.com/document/path/90313 how errors are returned
 */
import type { Secret } from "../observability/secret.js";
import type { Endpoint, Payload } from "./call.js";
import { lookupErrcode } from "./errcodes.js";
import { WecomApiError } from "./errors.js";
import type { HttpAnswer } from "./transport.js";

/** The fields of a successful answer, still unchecked. */
export type Answer = Readonly<Record<string, unknown>>;

/** WeCom, or a proxy in front of it, may repeat the request in its errmsg. */
function withoutSecrets(words: string, { query, body }: Payload, token: Secret | undefined): string {
  let text = token ? words.replaceAll(token.reveal(), "[secret]") : words;
  for (const [name, value] of Object.entries({ ...query, ...body } as Readonly<Record<string, unknown>>)) {
    const isSecret = /secret|ticket|_code$/.test(name) && typeof value === "string" && value.length >= minSecretLength;
    if (isSecret) text = text.replaceAll(value, "[secret]");
  }
  return text;
}

/** Shorter values may be a caller's, such as a share code. */
const minSecretLength = 16;

class UnusableAnswer extends Error {}

/** @throws {WecomApiError} on any errcode but 0; {UnusableAnswer} if the answer is not one of WeCom's */
export function readAnswer<T>(
  endpoint: Endpoint,
  { status, body }: HttpAnswer,
  sent: Payload,
  token: Secret | undefined,
  read: (answer: Answer) => T,
): T {
  // WeCom answers everything with 200; any other status comes from a proxy or a fault, and its body is not WeCom's.
  if (status !== 200) throw new UnusableAnswer(`HTTP status ${status}`);
  const answer = parseObject(body);
  const { errcode = endpoint.mayOmitErrcode && 0, errmsg } = answer;
  if (typeof errcode !== "number" || !Number.isInteger(errcode)) throw new UnusableAnswer("no errcode in the answer");
  const words = typeof errmsg === "string" ? errmsg : "";
  // The errcode is checked first, because error bodies have empty payload fields too.
  if (errcode !== 0) {
    throw new WecomApiError({
      api: endpoint.api,
      errcode,
      errmsg: withoutSecrets(words, sent, token),
      mayHaveTakenEffect: endpoint.effect === "write" && lookupErrcode(errcode)?.leavesOutcomeOpen === true,
    });
  }
  if (/wrong json format/i.test(words)) throw new UnusableAnswer("errcode 0 with the warning «wrong json format»");
  return read(answer);
}

function parseObject(body: Buffer): Answer {
  let value: unknown;
  try {
    value = JSON.parse(body.toString("utf8"));
  } catch {
    // The cause would quote a part of the answer, which may be a token.
    throw new UnusableAnswer("an answer that is not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new UnusableAnswer("an answer that is not a JSON object");
  }
  return value as Answer;
}

/* Readers of fields that WeCom documents for every success: without one of them, the answer is unusable. */

export function requireString(answer: Answer, field: string): string {
  const value = answer[field];
  if (typeof value !== "string" || value === "") throw missing(field);
  return value;
}

export function requireNumber(answer: Answer, field: string): number {
  const value = answer[field];
  if (typeof value !== "number") throw missing(field);
  return value;
}

export function requireObject(answer: Answer, field: string): object {
  const value = answer[field];
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw missing(field);
  return value;
}

/** WeCom sometimes leaves out an empty list. */
export function requireArray(answer: Answer, field: string): unknown[] {
  const value = answer[field] ?? [];
  if (!Array.isArray(value)) throw missing(field);
  return value;
}

/** Undefined if it is empty, which is how WeCom says "none". */
export function optionalString(answer: Answer, field: string): string | undefined {
  const value = answer[field];
  return typeof value === "string" && value !== "" ? value : undefined;
}

function missing(field: string): UnusableAnswer {
  return new UnusableAnswer(`no ${field} in the answer`);
}
