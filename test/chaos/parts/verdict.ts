// What clients were told, beside what there is at WeCom.
import type { Living, RecordedRequest } from "../../../src/simulator/index.js";
import { bookingOf, bookingOfClick } from "./clicks.js";
import type { ClickOutcome } from "./client.js";
import { percentile } from "./form.js";

export interface Verdict {
  /** Livings above the number of keys that asked for that booking. */
  readonly doubled: number;
  /** Keys whose client was told of a living, or asked on to the end, without a living. */
  readonly lost: number;
  /** Answers with a livingid that does not exist, or that is another booking's. */
  readonly missing: number;
  /** Livingids that were told to two keys. */
  readonly shared: number;
  /** Keys that were told two livingids. */
  readonly changed: number;
  /** Livings of keys that were told that WeCom refused. */
  readonly refusedButMade: number;
  readonly unresolved: number;
}

/** @param report is told of each booking that something is wrong with */
export function judge(
  outcomes: readonly ClickOutcome[],
  livings: readonly Living[],
  report: (booking: string, what: string) => void,
): Verdict {
  const made = new Map<string, number>();
  const bookingById = new Map<string, string>();
  for (const { livingid, booking } of livings) {
    const name = bookingOf(booking.anchorUserid, booking.theme, booking.startSeconds);
    made.set(name, (made.get(name) ?? 0) + 1);
    bookingById.set(livingid, name);
  }
  const owners = new Map<string, string>();
  const asked = new Map<string, { all: number; mustExist: number; mayExist: number }>();
  let missing = 0;
  let shared = 0;
  let changed = 0;
  for (const { click, livingids, end } of outcomes) {
    const booking = bookingOfClick(click);
    const counts = asked.get(booking) ?? { all: 0, mustExist: 0, mayExist: 0 };
    asked.set(booking, counts);
    counts.all += 1;
    if (end !== "refused") counts.mayExist += 1;
    if (end === "made" || end === "unresolved") counts.mustExist += 1;
    const told = new Set(livingids);
    if (told.size > 1) changed += 1;
    for (const livingid of told) {
      if (bookingById.get(livingid) !== booking) {
        missing += 1;
        report(booking, `told of ${livingid}, which is of ${bookingById.get(livingid) ?? "no booking at all"}`);
      }
      if ((owners.get(livingid) ?? click.key) !== click.key) shared += 1;
      owners.set(livingid, click.key);
    }
  }
  let doubled = 0;
  let lost = 0;
  let refusedButMade = 0;
  for (const [booking, { all, mustExist, mayExist }] of asked) {
    const count = made.get(booking) ?? 0;
    if (count > mayExist || count < mustExist) report(booking, `${count} livings for ${all} clicks`);
    doubled += Math.max(0, count - all);
    lost += Math.max(0, mustExist - count);
    refusedButMade += Math.max(0, Math.min(count, all) - mayExist);
  }
  const unresolved = outcomes.filter(({ end }) => end === "unresolved").length;
  return { doubled, lost, missing, shared, changed, refusedButMade, unresolved };
}

/** What was sent for each booking, in order. */
export function attemptsByBooking(creates: readonly RecordedRequest[]): Map<string, RecordedRequest[]> {
  const attempts = new Map<string, RecordedRequest[]>();
  for (const request of creates) {
    const { anchor_userid: anchor, theme, living_start: start } = (request.body ?? {}) as Record<string, unknown>;
    const booking = bookingOf(String(anchor), String(theme), Number(start));
    const those = attempts.get(booking);
    if (those === undefined) attempts.set(booking, [request]);
    else those.push(request);
  }
  return attempts;
}

/** One attempt in a line, times since the first: when it came, was carried out, and its answer was out or lost. */
export function describeAttempt(attempt: RecordedRequest, first: RecordedRequest): string {
  const since = (at: number | undefined) => (at === undefined ? "never" : `${at - first.at} ms`);
  const { at, performedAt, endedAt, fault = "no fault", errcode = "-" } = attempt;
  return `came ${since(at)}, carried out ${since(performedAt)}, ended ${since(endedAt)}, ${fault}, errcode ${errcode}`;
}

/** An attempt whose answer never came to the client, or not as it should. */
export interface LostAnswer {
  /** Until its outcome was settled. Infinity: never. */
  readonly tookMs: number;
  /** What spoilt it; "killed": the answer was good, and its gateway gone. */
  readonly why: string;
}

/**
 * How long after an attempt's answer was lost its outcome was settled: until the next attempt for the same click left, or
 * until the client had its answer. The loss is when WeCom's side of the connection ended, the resolution when the client
 * knows, its own pauses between two questions included. Equal bookings, whose attempts nobody can tell apart, and clicks
 * whose client went away are left out.
 */
export function lostAnswers(
  outcomes: readonly ClickOutcome[],
  attempts: ReadonlyMap<string, readonly RecordedRequest[]>,
): LostAnswer[] {
  const clicksOf = new Map<string, number>();
  for (const { click } of outcomes) {
    const booking = bookingOfClick(click);
    clicksOf.set(booking, (clicksOf.get(booking) ?? 0) + 1);
  }
  const lost: LostAnswer[] = [];
  for (const { click, end, endedAt } of outcomes) {
    const booking = bookingOfClick(click);
    if (clicksOf.get(booking) !== 1 || end === "gave-up") continue;
    const those = attempts.get(booking) ?? [];
    those.forEach(({ errcode, fault, endedAt: lostAt = Infinity }, index) => {
      const settledAt = those[index + 1]?.at ?? (end === "unresolved" ? Infinity : endedAt);
      const tookMs = lostAt === Infinity ? Infinity : Math.max(0, settledAt - lostAt);
      const isAnswered = errcode !== undefined && fault === undefined;
      // A good answer is a loss as well when the gateway was killed before it could pass it on.
      if (!isAnswered || tookMs > 250) lost.push({ tookMs, why: fault ?? "killed" });
    });
  }
  return lost;
}

export function summary(lost: readonly LostAnswer[], limitMs: number) {
  const times = lost.map(({ tookMs }) => tookMs);
  const late: Record<string, number> = {};
  for (const { tookMs, why } of lost) if (tookMs > limitMs) late[why] = (late[why] ?? 0) + 1;
  const within = times.filter((time) => time <= limitMs).length;
  return {
    lostAnswers: times.length,
    within: times.length === 0 ? 1 : within / times.length,
    /** How many of which kind took longer. */
    late,
    p50: Math.round(percentile(times, 0.5)),
    p99: Math.round(percentile(times, 0.99)),
    max: Math.round(percentile(times, 1)),
  };
}
