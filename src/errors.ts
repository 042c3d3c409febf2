/**
 * Translates the WeCom side's errors for clients: a union member where the caller can act on it, a top-level error with
 * a stable code for reads, and a masked error for every bug.
 */
import { GraphQLError, type GraphQLFormattedError } from "graphql";
import type { Logger } from "./observability/logger.js";
import type { Outcome } from "./observability/outcome.js";
import type { ErrcodeEntry, ErrcodeFault } from "./wecom/errcodes.js";
import {
  WecomApiError,
  WecomConfigurationError,
  WecomError,
  WecomEventsError,
  WecomGivenUpError,
  WecomKeyReusedError,
  WecomOverloadError,
  WecomTransportError,
  WecomUnsettledError,
} from "./wecom/errors.js";

export interface LivingFieldViolation {
  path: string;
  message: string;
  constraint: string;
}

interface CommonError {
  message: string;
  retryable: boolean;
  errcode?: number;
}

/** The members of the result unions, as plain data; `living/living.results.ts` describes them to GraphQL. */
export type LivingErrorResult = CommonError &
  (
    | { __typename: "LivingInputError"; fields: LivingFieldViolation[] }
    | { __typename: "LivingNotFoundError"; missing: "LIVING" | "USER" | "OTHER" }
    | { __typename: "LivingStateError" }
    | { __typename: "LivingPermissionError" }
    | { __typename: "LivingRateLimitError"; retryAfterSeconds: number }
    | { __typename: "LivingUnavailableError"; retryAfterSeconds: number }
    | { __typename: "LivingOutcomeUnknownError"; howToFindOut: string }
    | { __typename: "LivingConfigurationError" }
    | { __typename: "LivingWecomError"; errmsg: string; docsUrl: string }
  );

export type LivingErrorName = LivingErrorResult["__typename"];

/**
 * Which union member each fault becomes. `none` never fails; an errcode that is not in WeCom's table is a
 * `LivingWecomError`.
 */
export const memberForFault: Record<Exclude<ErrcodeFault, "none">, LivingErrorName> = {
  "caller-input": "LivingInputError",
  "caller-media": "LivingInputError",
  "not-found": "LivingNotFoundError",
  state: "LivingStateError",
  permission: "LivingPermissionError",
  rate: "LivingRateLimitError",
  concurrency: "LivingRateLimitError",
  wecom: "LivingUnavailableError",
  token: "LivingConfigurationError",
  "suite-token": "LivingConfigurationError",
  credential: "LivingConfigurationError",
  ip: "LivingConfigurationError",
  license: "LivingConfigurationError",
  callback: "LivingConfigurationError",
  deprecated: "LivingWecomError",
  other: "LivingWecomError",
};

/** Wire name of a request field → its path in the GraphQL input; undefined when the operation has no such field. */
export type FieldPaths = Readonly<Record<string, string>>;

/** @throws anything that is not a `WecomError`: a bug must not look like an answer */
export function toLivingError(error: unknown, fieldPaths: FieldPaths = {}): LivingErrorResult {
  if (!(error instanceof WecomError)) throw error;
  if (error instanceof WecomUnsettledError) {
    return {
      __typename: "LivingOutcomeUnknownError",
      message: `WeCom did not confirm ${error.api} yet: it may have been carried out`,
      retryable: true,
      howToFindOut:
        "Repeat the request with the same idempotency key, as often as you like: it is never executed twice, and it returns the outcome once that is known.",
    };
  }
  if (error instanceof WecomGivenUpError) {
    return {
      __typename: "LivingOutcomeUnknownError",
      message: `The outcome of ${error.api} could not be determined within 24 hours`,
      retryable: false,
      howToFindOut:
        "Check the anchor's livings, in WeCom or with the query livings: if yours is there, use it; if not, create it with a new idempotency key.",
    };
  }
  if (error instanceof WecomKeyReusedError) {
    const { message } = error;
    const field = { path: "idempotencyKey", message, constraint: "isOfOneInput" };
    return { __typename: "LivingInputError", message, retryable: false, fields: [field] };
  }
  if (error.mayHaveTakenEffect) {
    return {
      __typename: "LivingOutcomeUnknownError",
      message: `WeCom did not confirm ${error.api}: it may have been carried out`,
      retryable: false,
      howToFindOut:
        "Check the anchor's livings before you try again: a second attempt may execute it twice. With an idempotency key, the gateway determines the outcome itself.",
      ...(error instanceof WecomApiError && { errcode: error.errcode }),
    };
  }
  if (error instanceof WecomApiError) return fromErrcode(error, fieldPaths);
  if (error instanceof WecomOverloadError) {
    return {
      __typename: "LivingRateLimitError",
      message: error.message,
      retryable: true,
      retryAfterSeconds: error.retryAfterSeconds,
    };
  }
  if (error instanceof WecomConfigurationError) {
    return { __typename: "LivingConfigurationError", message: error.message, retryable: false };
  }
  if (error instanceof WecomTransportError) {
    return {
      __typename: "LivingUnavailableError",
      message: `${error.delivery === "none" ? "Nothing was sent to" : "No usable answer came from"} ${error.api}; nothing was changed`,
      retryable: true,
      retryAfterSeconds: error.retryAfterSeconds ?? 1,
    };
  }
  throw error;
}

function fromErrcode(error: WecomApiError, fieldPaths: FieldPaths): LivingErrorResult {
  const { entry, errcode, api } = error;
  const fault = entry?.fault ?? "other";
  const name = memberOf(fault, api);
  const message = `WeCom refused ${api}: ${entry?.meaning ?? `errcode ${errcode}, which its documentation does not list`}`;
  const common = { message, errcode, retryable: entry?.retry === "backoff" || entry?.retry === "after-window" };
  switch (name) {
    case "LivingInputError":
      return { __typename: name, ...common, fields: entry ? blamedFields(entry, fieldPaths) : [] };
    case "LivingNotFoundError":
      return { __typename: name, ...common, missing: entry ? missingThing(entry) : "OTHER" };
    case "LivingRateLimitError":
      // 45009 blocks for the rest of a window of at least a minute; 45033, too many at once, is over when one call
      // ends.
      return { __typename: name, ...common, retryAfterSeconds: fault === "concurrency" ? 1 : 60 };
    case "LivingUnavailableError":
      return { __typename: name, ...common, retryAfterSeconds: 5 };
    case "LivingStateError":
    case "LivingPermissionError":
      return { __typename: name, ...common };
    case "LivingConfigurationError":
      return {
        __typename: name,
        ...common,
        retryable: false,
        message: `WeCom refuses the gateway's credentials, address or licence (errcode ${errcode}): its operator has to fix this`,
      };
    case "LivingOutcomeUnknownError":
    case "LivingWecomError":
      return {
        __typename: "LivingWecomError",
        ...common,
        errmsg: error.errmsg,
        docsUrl: `https://open.work.weixin.qq.com/devtool/query?e=${errcode}`,
      };
  }
}

function memberOf(fault: ErrcodeFault, api: string): LivingErrorName {
  // A living that does not exist yet has no conflicting state, and WeCom documents no such answer to create.
  if (fault === "none" || (fault === "state" && api === "living/create")) return "LivingWecomError";
  return memberForFault[fault];
}

function blamedFields(entry: ErrcodeEntry, fieldPaths: FieldPaths): LivingFieldViolation[] {
  return (entry.fields ?? []).flatMap((field) => {
    const path = fieldPaths[field];
    return path === undefined ? [] : [{ path, message: entry.meaning, constraint: `errcode${entry.errcode}` }];
  });
}

function missingThing(entry: ErrcodeEntry): "LIVING" | "USER" | "OTHER" {
  if (entry.fields?.some((field) => field.endsWith("userid"))) return "USER";
  return "OTHER";
}

const outcomeOfMember: Readonly<Record<LivingErrorName, Outcome>> = {
  LivingInputError: "refused",
  LivingNotFoundError: "refused",
  LivingStateError: "refused",
  LivingPermissionError: "refused",
  LivingRateLimitError: "limited",
  LivingOutcomeUnknownError: "unknown",
  LivingUnavailableError: "failed",
  LivingConfigurationError: "failed",
  LivingWecomError: "failed",
};

const refusalCodes = [
  ...["BAD_REQUEST", "BAD_USER_INPUT", "FORBIDDEN", "UNAUTHENTICATED", "INTROSPECTION_DISABLED"],
  ...["GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED", "OPERATION_LIMIT_EXCEEDED", "OPERATION_RESOLUTION_FAILURE"],
  ...["PERSISTED_QUERY_NOT_FOUND", "PERSISTED_QUERY_NOT_IN_LIST", "QUERY_NOT_IN_SAFELIST"],
  ...["PAYLOAD_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE", "ORIGIN_NOT_ALLOWED"],
];
const failureCodes = [
  ...["INTERNAL_SERVER_ERROR", "OPERATION_TIMEOUT", "SERVICE_UNAVAILABLE", "EVENTS_MISSED", "EVENTS_UNAVAILABLE"],
];

/** Every code that clients can receive, and how metrics count it. */
export const outcomeOfCode: Readonly<Record<string, Outcome>> = {
  ...Object.fromEntries(refusalCodes.map((code) => [code, "refused"] as const)),
  ...Object.fromEntries(failureCodes.map((code) => [code, "failed"] as const)),
  ...Object.fromEntries(
    (Object.keys(outcomeOfMember) as LivingErrorName[]).map((name) => [codeOf(name), outcomeOfMember[name]]),
  ),
};

/** `LivingNotFoundError` → `LIVING_NOT_FOUND`: the union member's name as the code of a top-level error. */
export function codeOf(name: LivingErrorName): string {
  return name
    .replace(/Error$/, "")
    .replace(/(?<=[a-z])[A-Z]/g, "_$&")
    .toUpperCase();
}

/**
 * The content of `errors[]`. Reads return no union, so a `WecomError` becomes an error with a code here. Errors that
 * graphql-js or Apollo Server made for clients pass. Anything else is a bug: it is logged, and the client only gets the
 * request id of its log line.
 */
export function formatError(
  formatted: GraphQLFormattedError,
  error: unknown,
  { log, requestId }: { readonly log: Logger; readonly requestId?: string },
): GraphQLFormattedError {
  const original = error instanceof GraphQLError ? error.originalError : error;
  const { extensions = {} } = formatted;
  if (original instanceof WecomError) {
    const { __typename, message, ...rest } = toLivingError(original);
    return { ...formatted, message, extensions: { code: codeOf(__typename), ...rest } };
  }
  if (original instanceof WecomEventsError) {
    const { message, code } = original;
    return { ...formatted, message, extensions: { code, retryable: true } };
  }
  if (original === undefined || original === null) return fromGraphql(formatted);
  if (extensions["code"] !== undefined && extensions["code"] !== "INTERNAL_SERVER_ERROR") return fromGraphql(formatted);
  log.error({ err: original }, "internal error");
  return {
    ...formatted,
    message: "Internal server error",
    extensions: { code: "INTERNAL_SERVER_ERROR", ...(requestId !== undefined && { requestId }) },
  };
}

const maxMessageLength = 1000;

/**
 * graphql-js repeats the whole input for each mistake in it, and Apollo Server treats graphql-js's last such error as a
 * bug.
 */
function fromGraphql(formatted: GraphQLFormattedError): GraphQLFormattedError {
  const { message, extensions } = formatted;
  const isLastWord = message.startsWith("Too many errors processing variables");
  if (message.length <= maxMessageLength && !isLastWord) return formatted;
  // The cause is at the end of the message.
  const half = maxMessageLength / 2;
  return {
    ...formatted,
    message: message.length > maxMessageLength ? `${message.slice(0, half)} … ${message.slice(-half)}` : message,
    extensions: isLastWord ? { ...extensions, code: "BAD_USER_INPUT" } : { ...extensions },
  };
}
