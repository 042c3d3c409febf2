// The two forms of a chaos program: a short one within `npm test`, which asserts counts alone, and the long one of
// `npm run test:chaos`, which asserts the promised numbers as well, on a machine that has nothing else to do.

export const isLong = process.env["CHAOS"] === "long";

/** `CHAOS_<NAME>` of the environment, or what the form prescribes. */
export function parameter(name: string, { short, long }: { readonly short: number; readonly long: number }): number {
  const given = process.env[`CHAOS_${name}`];
  if (given === undefined || given === "") return isLong ? long : short;
  const value = Number(given);
  if (!Number.isFinite(value) || value < 0) throw new Error(`CHAOS_${name}: found ${given}, expected a number`);
  return value;
}

/** To stderr, past jest, which frames every line of `console.log`. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

type Row = Readonly<Record<string, string | number | boolean>>;

/** One line per row, below the names of its fields. */
export function printTable(title: string, rows: readonly Row[]): void {
  const names = Object.keys(rows[0] ?? {});
  const lines = [names, ...rows.map((row) => names.map((name) => String(row[name] ?? "")))];
  const widths = names.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const texts = lines.map((line) => line.map((cell, column) => cell.padStart(widths[column] ?? 0)).join("  "));
  say(`\n${title}\n${texts.join("\n")}\n`);
}

/** Nearest rank. @param values in any order @param share from 0 to 1 */
export function percentile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}
