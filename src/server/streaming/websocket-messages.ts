/**
 * The messages of graphql-transport-ws.
 *
 * @see https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
 */
import type { FormattedExecutionResult, GraphQLFormattedError } from "graphql";
import { type Fields, isRecord, malformation } from "../graphql/graphql-request.js";

export const protocol = "graphql-transport-ws";

type Payload = Readonly<Record<string, unknown>> | undefined;

export type ClientMessage =
  | { readonly type: "connection_init"; readonly payload: Payload }
  | { readonly type: "ping"; readonly payload: Payload }
  | { readonly type: "pong" }
  | { readonly type: "subscribe"; readonly id: string; readonly payload: Fields }
  | { readonly type: "complete"; readonly id: string };

/** Close codes of the protocol and of RFC 6455. */
export const closeCodes = {
  goingAway: 1001,
  internalError: 1011,
  tryAgainLater: 1013,
  badRequest: 4400,
  unauthorized: 4401,
  forbidden: 4403,
  subprotocolNotAcceptable: 4406,
  initialisationTimeout: 4408,
  subscriberAlreadyExists: 4409,
  tooManyInitialisationRequests: 4429,
} as const;

/** The protocol has no limit; libraries use a UUID or a number. The id is sent back with each event. */
const maxIdLength = 256;

/** Undefined for anything that is not a client's message. */
export function readMessage(text: string): ClientMessage | undefined {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(message)) return undefined;
  const { type, id, payload } = message;
  switch (type) {
    case "connection_init":
    case "ping":
      return isOptionalRecord(payload) ? { type, payload: payload ?? undefined } : undefined;
    case "pong":
      return isOptionalRecord(payload) ? { type } : undefined;
    case "subscribe":
      return isId(id) && isOperation(payload) ? { type, id, payload } : undefined;
    case "complete":
      return isId(id) ? { type, id } : undefined;
    default:
      return undefined;
  }
}

/** Undefined for a payload that is nested too deeply to be serialised. */
export function pongMessage(payload: Payload): string | undefined {
  try {
    return JSON.stringify({ type: "pong", payload });
  } catch {
    return undefined;
  }
}

/** @param resultJson the serialised result, shared by all subscribers */
export function nextMessage(id: string, resultJson: string): string {
  return `{"id":${JSON.stringify(id)},"type":"next","payload":${resultJson}}`;
}

export function errorMessage(id: string, errors: readonly GraphQLFormattedError[]): string {
  return JSON.stringify({ id, type: "error", payload: errors });
}

export function completeMessage(id: string): string {
  return JSON.stringify({ id, type: "complete" });
}

/** The answer to a single-result operation; one without `data` was not executed. */
export function answerMessages(id: string, result: FormattedExecutionResult): string[] {
  if (result.data === undefined) return [errorMessage(id, result.errors ?? [])];
  return [nextMessage(id, JSON.stringify(result)), completeMessage(id)];
}

function isId(id: unknown): id is string {
  return typeof id === "string" && id !== "" && id.length <= maxIdLength;
}

function isOperation(payload: unknown): payload is Fields {
  return isRecord(payload) && typeof payload["query"] === "string" && malformation(payload) === undefined;
}

function isOptionalRecord(value: unknown): value is Readonly<Record<string, unknown>> | null | undefined {
  return value === undefined || value === null || isRecord(value);
}
