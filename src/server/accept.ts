/** The media type of an answer, for the Accept headers that GraphQL clients send; memoised, for there are few of them. */

const json = "application/json; charset=utf-8";
const graphqlResponseJson = "application/graphql-response+json; charset=utf-8";

const known: Readonly<Record<string, string>> = {
  "*/*": json,
  "application/*": json,
  "application/json": json,
  "application/graphql-response+json": graphqlResponseJson,
};

/** Offered by clients for incremental delivery and subscriptions; a plain answer never has them. */
const passedOver = new Set(["multipart/mixed", "text/event-stream", "application/graphql+json"]);

const memo = new Map<string, string | undefined>();
const maxMemo = 100;

/** Undefined where Apollo Server has to negotiate: HTML, parameters, preferences among wildcards. */
export function plainMediaType(accept: string | undefined): string | undefined {
  if (accept === undefined) return json;
  if (memo.has(accept)) return memo.get(accept);
  const type = negotiate(accept);
  if (memo.size < maxMemo) memo.set(accept, type);
  return type;
}

/** Whether the answer is to be a stream of events. Clients that would take JSON as well get JSON. */
export function asksForEventStream(accept = ""): boolean {
  return /text\/event-stream/i.test(accept) && !/json|\*\/\*/i.test(accept);
}

function negotiate(accept: string): string | undefined {
  let best: { type: string; quality: number } | undefined;
  for (const part of accept.toLowerCase().split(",")) {
    const [name = "", ...parameters] = part.split(";").map((text) => text.trim());
    const quality = parameters.length === 0 ? 1 : Number(/^q=([01](?:\.\d{1,3})?)$/.exec(parameters[0] ?? "")?.[1]);
    const type = known[name];
    if (parameters.length > 1 || Number.isNaN(quality)) return undefined;
    // A wildcard beside a name stands behind it: an order that is not worth a second implementation.
    if (name.includes("*") && accept.includes(",")) return undefined;
    if (type === undefined && !passedOver.has(name)) return undefined;
    if (type !== undefined && quality > (best?.quality ?? 0)) best = { type, quality };
  }
  return best?.type;
}
