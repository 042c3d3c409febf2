// The load program, and what its results say.
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { percentile } from "./form.js";

export interface Phase {
  readonly name: string;
  readonly perSecond: number;
  readonly seconds: number;
}

/** When a request was due, in milliseconds since the start, how long until its answer, and what that was. */
type Result = readonly [dueAtMs: number, tookMs: number, outcome: string];

export interface PhaseReport extends Phase {
  readonly startedAtMs: number;
  /** By how much the requests left late, at the 99th percentile. */
  readonly lateMs: number;
  readonly results: readonly Result[];
}

const program = fileURLToPath(new URL("../../programs/open-loop.mjs", import.meta.url));

/** @param order the bodies in turn; `%N%` in them counts */
export async function load(order: {
  readonly url: string;
  readonly bodies: readonly string[];
  readonly phases: readonly Phase[];
}): Promise<PhaseReport[]> {
  const child = fork(program, { execArgv: [], env: {} });
  child.send(order);
  const [phases] = (await once(child, "message")) as [PhaseReport[]];
  return phases;
}

export const isOk = ([, , outcome]: Result): boolean => outcome === "ok";

/** An answer that says that the gateway would not even try: it should come at once. */
export const isRefusal = ([, , outcome]: Result): boolean =>
  /^(Living)?(RateLimit|Unavailable)Error$|^LIVING_(RATE_LIMIT|UNAVAILABLE)$/.test(outcome);

export function tally(results: readonly Result[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [, , outcome] of results) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}

export function timesOf(results: readonly Result[], which: (result: Result) => boolean): number[] {
  return results.filter(which).map(([, tookMs]) => tookMs);
}

/** Good answers per second that came within the phase, whenever they were asked for. */
export function goodput(phases: readonly PhaseReport[], phase: PhaseReport): number {
  const endMs = phase.startedAtMs + phase.seconds * 1000;
  const good = phases
    .flatMap(({ results }) => results)
    .filter((result) => isOk(result) && result[0] + result[1] >= phase.startedAtMs && result[0] + result[1] < endMs);
  return good.length / phase.seconds;
}

/**
 * How long after its start a phase is as calm as `calm` was: the end of the last half second in which a request was not
 * answered well, or the median was slower than 99% were in the calm phase, plus 50 ms for chance.
 */
export function unrestMs({ startedAtMs, results }: PhaseReport, calm: PhaseReport): number {
  const windowMs = 500;
  const limitMs = percentile(timesOf(calm.results, isOk), 0.99) + 50;
  let endMs = 0;
  const windows = new Map<number, Result[]>();
  for (const result of results) {
    const window = Math.floor((result[0] - startedAtMs) / windowMs);
    windows.set(window, [...(windows.get(window) ?? []), result]);
  }
  for (const [window, those] of windows) {
    const isCalm = those.every(isOk) && percentile(timesOf(those, isOk), 0.5) <= limitMs;
    if (!isCalm) endMs = Math.max(endMs, (window + 1) * windowMs);
  }
  return endMs;
}
