/** What was measured, as Markdown. */
import { median, quantile } from "./statistics.mjs";

/** The number of connections that the targets and the picture speak of. */
export const mainConnections = 64;

/**
 * @typedef {{ cpuUs: number, perSecond: number, p50: number, p99: number, memoryMb: number }} Slice
 * @typedef {{ contender: { name: string, title: string }, startMs: number[], slices: Record<number, Slice[]> }} Result
 */

export function table(head, rows) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, at) => (at === 0 ? "---" : "--:"))), ...rows.map(line)].join("\n");
}

/** The quartiles of a measure, and the same divided by the median of the first contender's. */
export function compared(results, pick) {
  const base = median(pick(results[0]));
  return results.map((result) => {
    const values = pick(result);
    const [low, middle, high] = [0.25, 0.5, 0.75].map((share) => quantile(values, share));
    return { low, middle, high, ratio: middle / base, lowRatio: low / base, highRatio: high / base };
  });
}

export const sliceValues = (connections, measure) => (result) =>
  (result.slices[connections] ?? []).map((slice) => slice[measure]);

const columns = [
  { head: "CPU per request", measure: "cpuUs", unit: "µs" },
  { head: "requests/s", measure: "perSecond", unit: "" },
  { head: "p50", measure: "p50", unit: "ms" },
  { head: "p99", measure: "p99", unit: "ms" },
];

/** @param {readonly Result[]} results */
export function resultTable(results, connections) {
  const cells = columns.map(({ measure, unit }) =>
    compared(results, sliceValues(connections, measure)).map(
      ({ middle, ratio, lowRatio, highRatio }) =>
        `${rounded(middle)}${unit && ` ${unit}`} · **${ratio.toFixed(2)}** (${lowRatio.toFixed(2)}–${highRatio.toFixed(2)})`,
    ),
  );
  const heads = columns.map(({ head }) => head);
  if (connections === mainConnections) {
    heads.push("start", "memory");
    cells.push(
      compared(results, ({ startMs }) => startMs).map((start) => plain(start, "ms")),
      compared(results, sliceValues(connections, "memoryMb")).map((memory) => plain(memory, "MB")),
    );
  }
  return table(
    [`${connections} connection${connections === 1 ? "" : "s"}`, ...heads],
    results.map(({ contender }, at) => [contender.title, ...cells.map((column) => column[at])]),
  );
}

const plain = ({ middle, ratio }, unit) => `${rounded(middle)} ${unit} · **${ratio.toFixed(2)}**`;

function rounded(value) {
  if (value >= 100) return Math.round(value).toLocaleString("en");
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
