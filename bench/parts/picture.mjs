/** The main table as a picture: a bar for the CPU that a request costs, with its quartiles, and the other ratios beside it. */
import { compared, mainConnections, sliceValues } from "./table.mjs";

const rowHeight = 30;
const top = 74;
const barsAt = 300;
const barsWidth = 290;
const columnsAt = [730, 810, 890, 970];
const width = 990;

/** @param {readonly import("./table.mjs").Result[]} results @param {string} subtitle */
export function picture(results, subtitle) {
  const cpu = compared(results, sliceValues(mainConnections, "cpuUs"));
  const others = [
    { head: "requests/s", values: compared(results, sliceValues(mainConnections, "perSecond")) },
    { head: "p99", values: compared(results, sliceValues(mainConnections, "p99")) },
    { head: "start", values: compared(results, ({ startMs }) => startMs) },
    { head: "memory", values: compared(results, sliceValues(mainConnections, "memoryMb")) },
  ];
  // One slow contender must not make all the others look alike: its bar is cut, its number tells.
  const widest = Math.min(8, Math.max(...cpu.map(({ highRatio }) => highRatio)));
  const x = (ratio) => barsAt + (Math.min(ratio, widest) / widest) * barsWidth;
  const rows = results.map(({ contender }, at) => {
    const y = top + at * rowHeight;
    const { ratio, lowRatio, highRatio } = cpu[at];
    const color = contender.name === "gateway" ? "#0b63ce" : "#9aa5b1";
    return [
      text(barsAt - 10, y + 16, plainTitle(contender.title), { anchor: "end", isBold: contender.name === "gateway" }),
      `<rect x="${barsAt}" y="${y + 3}" width="${round(x(ratio) - barsAt)}" height="18" rx="2" fill="${color}"/>`,
      `<path d="M${round(x(lowRatio))} ${y + 12}H${round(x(highRatio))}" stroke="#1f2933" stroke-width="2"/>`,
      text(Math.max(x(ratio), x(highRatio)) + 6, y + 16, `${ratio.toFixed(2)} ×`),
      ...others.map(({ values }, column) =>
        text(columnsAt[column], y + 16, `${values[at].ratio.toFixed(2)} ×`, { anchor: "end" }),
      ),
    ].join("\n");
  });
  const height = top + results.length * rowHeight + 16;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="13" role="img">
<title>What a createLiving costs in each server, against a bare proxy</title>
<rect width="${width}" height="${height}" fill="#ffffff"/>
${text(16, 24, "One createLiving, against a bare proxy that knows no GraphQL", { isBold: true })}
${text(16, 44, subtitle)}
${text(barsAt, 64, "CPU per request (line: quartiles)")}
${others.map(({ head }, column) => text(columnsAt[column], 64, head, { anchor: "end" })).join("\n")}
${rows.join("\n")}
</svg>
`;
}

const round = (value) => Math.round(value * 10) / 10;
const plainTitle = (title) => title.replaceAll(/[*`]/g, "");
const escaped = (words) => words.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

function text(x, y, words, { anchor = "start", isBold = false } = {}) {
  const weight = isBold ? ' font-weight="600"' : "";
  return `<text x="${round(x)}" y="${y}" text-anchor="${anchor}" fill="#1f2933"${weight}>${escaped(words)}</text>`;
}
