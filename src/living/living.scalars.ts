import { GraphQLError, GraphQLScalarType, Kind } from "graphql";

const rfc3339 = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}):(\d{2})(?:\.\d+)?(Z|[+-]\d{2}:\d{2})$/i;

/** Drops fractions of a second; a leap second (`:60`) is the first second of the next minute. */
function parseDateTime(text: string): number {
  const [, date = "", time = "", seconds = "", zone = ""] = rfc3339.exec(text) ?? [];
  const minute = `${date}T${time}:00`;
  const ms = Date.parse(`${minute}${zone.toUpperCase()}`);
  // Date.parse turns 30 February into 2 March; a date that does not round-trip does not exist.
  const isReal = !Number.isNaN(ms) && new Date(`${minute}Z`).toISOString().startsWith(minute);
  if (!isReal || Number(seconds) > 60) throw invalid(text);
  return ms / 1000 + Number(seconds);
}

function parseUnixTime(value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value)) return value;
  if (typeof value === "string") return parseDateTime(value);
  throw invalid(value);
}

function invalid(value: unknown): GraphQLError {
  const found =
    typeof value === "string" || typeof value === "number" ? JSON.stringify(value).slice(0, 60) : typeof value;
  return new GraphQLError(`UnixTime must be whole seconds since 1970 or an RFC 3339 date-time, found: ${found}`);
}

/** Whole seconds. GraphQL's Int has 32 bits, which end in 2038. */
export const UnixTime = new GraphQLScalarType<number, number>({
  name: "UnixTime",
  // docs/unix-time.md is the specification.
  description: `A point in time, to the second.
Result: the number of seconds since 1970-01-01T00:00:00Z, an integer; it may exceed 32 bits.
Input: the same integer, or an RFC 3339 date-time with an offset, such as "2026-12-24T18:00:00+08:00". Fractions of a second are dropped.`,
  serialize: parseUnixTime,
  parseValue: parseUnixTime,
  parseLiteral(node) {
    if (node.kind === Kind.INT) return parseUnixTime(Number(node.value));
    if (node.kind === Kind.STRING) return parseUnixTime(node.value);
    throw invalid(node.kind);
  },
});
