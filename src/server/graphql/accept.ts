/** The media type of an answer, negotiated as Apollo Server does it, by the same package. */
import Negotiator from "negotiator";
import { BoundedMap } from "../../lib/bounded-map.js";

export const json = "application/json; charset=utf-8";
const graphqlResponseJson = "application/graphql-response+json; charset=utf-8";

/** Clients send few different Accept headers, and a lookup is faster than parsing. */
const memo = new BoundedMap<string, { readonly mediaType: string | undefined }>(100);
const maxMemoLength = 500;

/** Undefined if the client accepts neither of the two media types. */
export function mediaTypeFor(accept: string | undefined): string | undefined {
  if (accept === undefined || accept === "") return json;
  const known = memo.get(accept);
  if (known) return known.mediaType;
  const mediaType = new Negotiator({ headers: { accept } }).mediaType([json, graphqlResponseJson]);
  if (accept.length <= maxMemoLength) memo.set(accept, { mediaType });
  return mediaType;
}

/** Whether the answer is a stream of events. A client that also accepts JSON gets JSON. */
export function asksForEventStream(accept = ""): boolean {
  return /text\/event-stream/i.test(accept) && !/json|\*\/\*/i.test(accept);
}
