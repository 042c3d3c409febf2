// Panels of a Grafana dashboard, with Prometheus's answers to their queries, as one SVG. For scripts/draw-dashboard.mjs.

const scale = { x: 66, y: 26 };
const colors = [
  "#3274d9",
  "#e0752d",
  "#508642",
  "#bf1b00",
  "#962d82",
  "#0a7c8c",
  "#b7950b",
  "#58140c",
  "#5b5b9a",
  "#7f7f7f",
];
const top = 44;

/**
 * @param {{ dashboard: object, answers: Map<string, object[]>, startedAt: number, endedAt: number }} of
 * @returns {{ svg: string, empty: string[] }} and the titles of panels without any line
 */
export function drawDashboard({ dashboard, answers, startedAt, endedAt }) {
  const empty = [];
  const bottom = Math.max(...dashboard.panels.map(({ gridPos }) => gridPos.y + gridPos.h));
  const [width, height] = [24 * scale.x + 16, bottom * scale.y + top + 8];
  const parts = dashboard.panels.map((panel) => {
    const { x, y, w, h } = panel.gridPos;
    const box = { x: x * scale.x + 8, y: y * scale.y + top, width: w * scale.x, height: h * scale.y };
    if (panel.type === "row") return text(box.x + 6, box.y + 18, panel.title, { size: 14, isBold: true });
    const lines = panel.targets.flatMap(({ expr, legendFormat }) =>
      answers.get(expr).map(({ metric, values }) => ({
        name: legendFormat.replace(/\{\{(\w+)\}\}/g, (_, label) => metric[label] ?? ""),
        points: values.map(([at, value]) => [at, Number(value)]).filter(([, value]) => Number.isFinite(value)),
      })),
    );
    const drawn = lines.filter(({ points }) => points.length > 0);
    if (drawn.length === 0) empty.push(panel.title);
    return panelOf(panel, box, drawn, { startedAt, endedAt });
  });
  const when = new Date(endedAt * 1000).toISOString().slice(0, 16).replace("T", " ");
  const minutes = Math.round((endedAt - startedAt) / 6) / 10;
  const title = `${dashboard.title}: ${minutes} minutes in front of a simulated WeCom that fails now and then, ${when} UTC`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" role="img">
<title>${escaped(title)}</title>
<rect width="${width}" height="${height}" fill="#f4f5f5"/>
${text(14, 28, title, { size: 16, isBold: true })}
${parts.join("\n")}
</svg>
`;
  return { svg, empty };
}

function panelOf({ title, fieldConfig }, box, lines, { startedAt, endedAt }) {
  const { unit } = fieldConfig.defaults;
  const plot = { x: box.x + 58, y: box.y + 30, width: box.width - 74, height: box.height - 68 };
  const values = lines.flatMap(({ points }) => points.map(([, value]) => value));
  // A part of all that stays near all of it is seen close up; everything else from 0.
  const lowest = unit === "percentunit" && Math.min(...values) > 0.9 ? Math.min(...values) : Math.min(0, ...values);
  const highest = Math.max(...values, lowest + 1e-9);
  const x = (at) => plot.x + ((at - startedAt) / (endedAt - startedAt)) * plot.width;
  const y = (value) => plot.y + plot.height - ((value - lowest) / (highest - lowest)) * plot.height;
  const grid = [lowest, (lowest + highest) / 2, highest].flatMap((value) => [
    `<path d="M${round(plot.x)} ${round(y(value))}h${round(plot.width)}" stroke="#e3e4e6"/>`,
    text(plot.x - 6, y(value) + 4, lines.length === 0 ? "" : inUnit(value, unit), { size: 10, anchor: "end" }),
  ]);
  const paths = lines.map(({ points }, index) => {
    const d = points.map(([at, value]) => `${round(x(at))} ${round(y(value))}`).join("L");
    // A single point is seen as one.
    const more = points.length === 1 ? "h2" : "";
    return `<path d="M${d}${more}" fill="none" stroke="${colors[index % colors.length]}" stroke-width="1.5"/>`;
  });
  return [
    `<rect x="${box.x + 3}" y="${box.y + 2}" width="${box.width - 6}" height="${box.height - 4}" rx="3" fill="#fff" stroke="#d8d9da"/>`,
    text(box.x + 12, box.y + 20, title, { size: 12, isBold: true }),
    ...grid,
    ...(lines.length === 0
      ? [text(plot.x + plot.width / 2, plot.y + plot.height / 2, "No data", { anchor: "middle" })]
      : []),
    ...paths,
    ...legendOf(lines, box),
  ].join("\n");
}

/** As many names as there is room for in two lines, those with the highest values first. */
function legendOf(lines, box) {
  const right = box.x + box.width - 12;
  const named = lines
    .map(({ name, points }, index) => ({ name, index, highest: Math.max(...points.map(([, value]) => value)) }))
    .sort((one, other) => other.highest - one.highest);
  const parts = [];
  let [x, y] = [box.x + 12, box.y + box.height - 22];
  for (const { name, index } of named) {
    const width = name.length * 5.6 + 18;
    if (x + width > right) [x, y] = [box.x + 12, y + 13];
    if (y > box.y + box.height - 6) break;
    parts.push(
      `<rect x="${round(x)}" y="${round(y - 7)}" width="8" height="3" fill="${colors[index % colors.length]}"/>`,
    );
    parts.push(text(x + 11, y, name, { size: 10 }));
    x += width;
  }
  return parts;
}

function inUnit(value, unit) {
  const short = (number) => String(Number(number.toPrecision(3)));
  if (unit === "percentunit") return `${short(value * 100)} %`;
  if (unit === "bytes") return `${short(value / 1e6)} MB`;
  if (unit === "s") return Math.abs(value) < 1 ? `${short(value * 1000)} ms` : `${short(value)} s`;
  return unit === "reqps" ? `${short(value)} /s` : short(value);
}

const round = (value) => Math.round(value * 10) / 10;
const escaped = (words) => words.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

function text(x, y, words, { anchor = "start", isBold = false, size = 11 } = {}) {
  const weight = isBold ? ' font-weight="600"' : "";
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}" font-size="${size}" fill="#24292e"${weight}>${escaped(words)}</text>`;
}
