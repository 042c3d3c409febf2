/** One request by both ways through a gateway: by its plan, and through Apollo Server's pipeline. */
import type { Gateway } from "./gateway.js";

export interface Request {
  readonly query?: unknown;
  readonly variables?: unknown;
  readonly operationName?: unknown;
  readonly extensions?: unknown;
}

export interface Sent {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

/** A body that can take both ways: a JSON object without `extensions`, for these decide, that JavaScript can write anew. */
export function bothWaysRequest(body: string | Uint8Array): Request | undefined {
  try {
    const text = typeof body === "string" ? body : new TextDecoder("utf-8", { fatal: true }).decode(body);
    const request = JSON.parse(text) as unknown;
    if (typeof request !== "object" || request === null || Array.isArray(request) || "extensions" in request) return;
    // With `extensions` it would not be empty any more.
    if (JSON.stringify(request) === "{}") return;
    return request;
  } catch {
    return undefined;
  }
}

/** Each answer without what differs from call to call by its nature: the ids of new livings and of WeCom's hints. */
export async function send(
  gateway: Gateway,
  request: Request,
  headers: Readonly<Record<string, string>> = {},
): Promise<Sent> {
  const answer = await gateway.fetch("/graphql", {
    method: "POST",
    headers: { "content-type": "application/json", "x-request-id": "same-for-both", ...headers },
    body: JSON.stringify(request),
  });
  const body = answer.text.replaceAll(/"[\w-]{32}"/g, '"LIVINGID"').replaceAll(/"abc\w+"/g, '"CODE"');
  const own = [...answer.headers].filter(([name]) => !["date", "content-length"].includes(name));
  return { status: answer.status, headers: own, body };
}

/** How many requests the gateway has answered by a plan. */
export async function countKnown(gateway: Gateway): Promise<number> {
  const { text } = await gateway.fetch("/metrics");
  return Number(/graphql_operations_total\{way="known"\} (\d+)/.exec(text)?.[1] ?? 0);
}

/** An operation with `extensions` takes the pipeline; without it the plan, which is known at its second sight. */
export async function sendBothWays(
  gateway: Gateway,
  request: Request,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ pipeline: Sent; plan: Sent; again: Sent }> {
  const pipeline = await send(gateway, { ...request, extensions: {} }, headers);
  const plan = await send(gateway, request, headers);
  const again = await send(gateway, request, headers);
  return { pipeline, plan, again };
}

/**
 * Fields that are read at once fail in whatever order WeCom answers. Where one of them empties all of `data`, the
 * specification lets what the others come to be told or not: then it is enough that both tell why.
 */
export function areAlike(one: Sent, other: Sent): boolean {
  const [a, b] = [one, other].map(({ body, ...rest }) => ({ ...rest, ...partsOf(body) }));
  if (!a || !b) return false;
  const isEmptied = a.data === "null" && b.data === "null" && a.errors.some((error) => b.errors.includes(error));
  return JSON.stringify(isEmptied ? { ...a, errors: b.errors } : a) === JSON.stringify(b);
}

function partsOf(body: string): { data: string; errors: string[] } {
  try {
    const { data, errors = [] } = JSON.parse(body) as { data?: unknown; errors?: unknown[] };
    return {
      data: data === undefined ? "none" : JSON.stringify(data),
      errors: errors.map((error) => JSON.stringify(error)).sort(),
    };
  } catch {
    return { data: body, errors: [] };
  }
}
