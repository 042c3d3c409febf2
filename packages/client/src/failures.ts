/** Whether a request may be repeated after an error of Apollo Client, urql, graphql-request or `fetch`. */

/**
 * Codes of `errors[].extensions.code` that are temporary. Others are final: not signed in, not allowed, a bad document.
 */
const passing = new Set(["OPERATION_TIMEOUT", "SERVICE_UNAVAILABLE", "INTERNAL_SERVER_ERROR"]);
/** HTTP statuses: timeout, too early, too many requests. */
const passingStatus = new Set([408, 425, 429]);

interface GraphqlError {
  readonly extensions?: { readonly code?: unknown; readonly retryable?: unknown; readonly retryAfterSeconds?: unknown };
}

export function failureOf(error: unknown): { isFinal: boolean; retryAfterMs?: number } {
  const errors = errorsOf(error);
  if (errors.length > 0) {
    const isFinal = !errors.some(
      ({ extensions: { code, retryable } = {} }) => retryable === true || passing.has(String(code)),
    );
    const seconds = errors.map(({ extensions }) => Number(extensions?.retryAfterSeconds ?? 0));
    return { isFinal, ...(Math.max(...seconds) > 0 && { retryAfterMs: Math.max(...seconds) * 1000 }) };
  }
  const status = statusOf(error);
  return { isFinal: status !== undefined && status >= 400 && status < 500 && !passingStatus.has(status) };
}

/** Apollo Client: `errors`; urql: `graphQLErrors`; graphql-request: `response.errors`; a failed HTTP status: `bodyText`. */
function errorsOf(error: unknown): readonly GraphqlError[] {
  const { errors, graphQLErrors, response, bodyText } = record(error);
  const found = [errors, graphQLErrors, record(response)["errors"], record(parsed(bodyText))["errors"]];
  return found.flatMap((list) => (Array.isArray(list) ? (list as readonly GraphqlError[]) : []));
}

function statusOf(error: unknown): number | undefined {
  const { status, statusCode, response } = record(error);
  return [status, statusCode, record(response)["status"]].find((value) => typeof value === "number");
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function parsed(text: unknown): unknown {
  try {
    return typeof text === "string" ? JSON.parse(text) : undefined;
  } catch {
    return undefined;
  }
}
