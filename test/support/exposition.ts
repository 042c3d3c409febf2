/** What `/metrics` says, read as Prometheus does. */
export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export function seriesIn(text: string): Series[] {
  return text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const [, name = "", inBraces = "", value = ""] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      if (name === "") throw new Error(`no series: ${line}`);
      const labels = [...inBraces.matchAll(/(\w+)="((?:[^"\\]|\\.)*)",?/g)].map(([, label, text]) => [label, text]);
      return { name, labels: Object.fromEntries(labels), value: Number(value.replace("Inf", "Infinity")) };
    });
}

/** @param labels of which it has at least these */
export function valueOf(
  series: readonly Series[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  const found = series.filter(
    (one) => one.name === name && Object.entries(labels).every(([label, value]) => one.labels[label] === value),
  );
  if (found.length === 0) throw new Error(`no ${name} with ${JSON.stringify(labels)}`);
  return found.reduce((sum, { value }) => sum + value, 0);
}
