// The rules of docs/creates.md, as a history shows whether they were kept.
import type { Answered, History } from "./history.js";
import { calmFromMs, type Happening, keyLifetimeMs, type Plan, settleMs, startsAtMs, timeoutMs } from "./plan.js";
import type { Attempt } from "./simulated-wecom.js";

export interface Violation {
  readonly rule: string;
  readonly what: string;
}

const final: readonly string[] = ["made", "refused", "given-up", "reused"];

export function violationsIn(history: History): Violation[] {
  const found: Violation[] = [];
  const report = (rule: string, what: string): void => {
    found.push({ rule, what });
  };
  const { plan, asks, wecom, store } = history;
  /** What a store has confirmed and lost, nobody knows: docs/creates.md says what is promised then. */
  const isLossBetween = (fromMs: number, untilMs: number): boolean =>
    store.lossesAtMs.some((atMs) => atMs >= fromMs && atMs <= untilMs);
  const isRolledBack = plan.happenings.some(({ kind }) => kind === "store-rolled-back");
  const tags = new Map<number, Answered[]>();
  for (const ask of asks) tags.set(ask.tag, [...(tags.get(ask.tag) ?? []), ask]);

  for (const { told, tag } of asks) {
    if (told?.is === "bug") report("no bug", `create ${tag}: ${String((told.error as Error).stack)}`);
  }

  // A living belongs to one create.
  const owners = new Map<string, Answered>();
  for (const ask of made(asks)) {
    const { livingid } = ask.told as { livingid: string };
    const owner = owners.get(livingid);
    if (!owner) owners.set(livingid, ask);
    else if (owner.tag !== ask.tag) {
      if (isLossBetween(0, ask.toldAtMs)) continue;
      // Whose it is was not written down yet, and could not be.
      if ([owner, ask].some((each) => each.ask.key === undefined && isCutShort(each, plan))) continue;
      report("a living belongs to one create", `${livingid} was told to ${owner.tag} and ${ask.tag}`);
    }
    const living = wecom.livings.find((each) => each.livingid === livingid);
    if (!living) report("what is told is there", livingid);
    else if (living.booking.theme !== (ask.ask.theme ?? "theme")) {
      report("what is told is what was asked for", `${livingid} was told to ${ask.tag}`);
    }
  }

  // No more livings than creates: of those booked alike, nobody can say which is whose.
  const isAmbiguous = plan.happenings.some(({ kind }) => kind === "user-modifies") || isLossBetween(0, Infinity);
  for (const theme of new Set(wecom.livings.map(({ booking }) => booking.theme))) {
    const count = wecom.livings.filter(({ booking, tag }) => tag !== undefined && booking.theme === theme).length;
    // Those that were sent, and those that were given what another one had sent, which then made its own.
    const sent = wecom.attempts.filter(({ request }) => request.theme === theme).map(({ tag }) => tag);
    const given = asks.filter(
      ({ ask, tag, told }) => (ask.theme ?? "theme") === theme && (told?.is === "made" || plan.abandoned.includes(tag)),
    );
    const creates = new Set([...sent, ...given.map(({ tag }) => tag)]).size;
    if (count > creates && !isAmbiguous) report("one living per create", `${theme}: ${count} of ${creates}`);
  }

  for (const [tag, those] of tags) {
    const attempts = wecom.attempts.filter((attempt) => attempt.tag === tag);
    const isKeyed = those[0]!.ask.key !== undefined;
    const livings = wecom.livings.filter((living) => living.tag === tag);
    if (!isKeyed && attempts.filter(({ isRefused }) => !isRefused).length > 1)
      report("without a key nothing is sent again", `create ${tag}`);

    // What was sent is not sent again before its settling time.
    for (const [index, later] of attempts.entries()) {
      for (const earlier of attempts.slice(0, index)) {
        if (earlier.isRefused || !isTooEarly(earlier, later)) continue;
        // A rollback shorter than anybody notices can make others than the sender forget.
        if (isRolledBack && later.process !== earlier.process) continue;
        const isSilent = earlier.process.state === "dead" || earlier.process.stops.length > 0;
        if (isSilent && isLossBetween(earlier.sentAtMs - 50, later.sentAtMs)) continue;
        const times = `${earlier.process.name} at ${earlier.sentAtMs}, ${later.process.name} at ${later.sentAtMs}`;
        report("nothing is sent again before its settling time", `create ${tag}: ${times}`);
      }
    }

    // What WeCom has answered in time is told, where nothing else happens.
    const isAnswered = attempts.some(
      ({ fate, sentAtMs, stoppedWaitingAtMs }) =>
        fate.kind === "ok" && sentAtMs + fate.answerMs + 50 < stoppedWaitingAtMs,
    );
    if (
      !isKeyed &&
      isAnswered &&
      plan.happenings.length === 0 &&
      those.some(({ told }) => told && told.is !== "made")
    ) {
      report("an answer that came in time is told", `create ${tag}`);
    }

    // Of one key the outcome does not change.
    const outcomes = those
      .filter(({ told }) => told && ["made", "refused"].includes(told.is))
      .sort((one, other) => one.toldAtMs - other.toldAtMs);
    for (const [index, later] of outcomes.entries()) {
      const earlier = outcomes[index - 1];
      if (!isKeyed || !earlier || JSON.stringify(earlier.told) === JSON.stringify(later.told)) continue;
      if (isLossBetween(0, later.toldAtMs)) continue;
      report("an outcome that was told stays", `create ${tag}: ${JSON.stringify([earlier.told, later.told])}`);
    }
    const isRefused = outcomes.some(({ told }) => told!.is === "refused");
    // Its living may be that of another booked alike, which was lost as well, and which nobody may have asked for again.
    const isAnothers = (livingid: string): boolean => owners.has(livingid) || plan.abandoned.length > 0;
    if (isRefused && livings.some(({ livingid }) => !isAnothers(livingid)) && !isAmbiguous) {
      report("what is refused is not made", `create ${tag}`);
    }
    const isNothingTold = those.every(({ told }) => told?.is === "unavailable");
    if (isNothingTold && livings.length > 0 && !isLossBetween(0, Infinity)) {
      report("what is said to have had no effect has none", `create ${tag}`);
    }
    for (const { told, process, toldAtMs, askedAtMs } of those) {
      if (toldAtMs - askedAtMs < timeoutMs + 250 || process!.stops.length > 0 || history.endedAtMs < toldAtMs) continue;
      report("answers come in time", `create ${tag}: ${told?.is}`);
    }

    // An outcome is told only when it is written down.
    for (const { told, isWritten, askedAtMs, toldAtMs } of those) {
      if (!isKeyed || isWritten || !told || !["made", "refused"].includes(told.is)) continue;
      if (isLossBetween(askedAtMs, toldAtMs)) continue;
      report("an outcome is told only when it is written down", `create ${tag}: ${JSON.stringify(told)}`);
    }
    const isGivenUp = those.some(({ told }) => told?.is === "given-up");
    if (isGivenUp && !history.counts["given-up"]) report("what is given up is counted", `create ${tag}`);

    // Every key ends.
    if (!isKeyed || plan.abandoned.includes(those[0]!.ask.key!)) continue;
    const ends = those.filter(({ told }) => final.includes(told?.is ?? "")).map(({ toldAtMs }) => toldAtMs);
    // A key's life begins when it is written down: not by a create that was refused as not sent, and maybe not by one whose
    // process was killed.
    const isSeen = ({ told }: Answered): boolean =>
      told !== undefined && !["unavailable", "disconnected"].includes(told.is);
    const seen = those.filter(isSeen);
    const seenAtMs = Math.min(...(seen.length > 0 ? seen : those).map(({ askedAtMs }) => askedAtMs));
    // An emptied store has lost when the key was first seen, and a store whose clock is set back counts anew.
    const endsWithinMs = keyLifetimeMs + 3 * timeoutMs + (isLossBetween(0, Infinity) ? keyLifetimeMs : 500);
    if (Math.min(...ends) > seenAtMs + endsWithinMs) report("every key ends", `create ${tag}`);

    // It is settled, and not only given up: of who asks every half second, 99.9% know within 5 s more than it may take effect.
    if (plan.happenings.some(({ kind }) => kind === "anchor-deleted")) continue;
    const heldMs = isLossBetween(0, Infinity) ? timeoutMs + settleMs : 0;
    // WeCom may lose the answers to several attempts in turn.
    const lost = attempts.filter(({ fate }) => fate.kind === "lost").map(({ sentAtMs }) => sentAtMs + timeoutMs);
    const lostUntilMs = Math.max(calmFromMs, ...lost);
    if (Math.min(...ends) > lostUntilMs + heldMs + settleMs + 7000)
      report("what is unknown is settled", `create ${tag}`);
  }
  for (const key of history.openAtEnd) {
    const begunAtMs = Math.min(...asks.filter(({ ask }) => ask.key === key).map(({ askedAtMs }) => askedAtMs));
    // The store may have lost the reminder alone, or given the record back after the reminder was removed.
    if (!isLossBetween(begunAtMs, Infinity)) report("every key ends, with nobody asking", `create ${key}`);
  }
  return found;
}

function made(asks: readonly Answered[]): Answered[] {
  return asks.filter(({ told }) => told?.is === "made").sort((one, other) => one.toldAtMs - other.toldAtMs);
}

function isTooEarly(earlier: Attempt, later: Attempt): boolean {
  return later.sentAtMs < earlier.stoppedWaitingAtMs + settleMs - 1;
}

/** The replica stood still, died or was without the store right after it had answered a create without a key. */
function isCutShort({ toldAtMs, process }: Answered, { happenings }: Plan): boolean {
  const { stops, diedAtMs } = process!;
  if (stops.some(([fromMs]) => fromMs < toldAtMs + 60) && stops.some(([, untilMs]) => untilMs >= toldAtMs)) return true;
  if (diedAtMs > toldAtMs && diedAtMs < toldAtMs + 60) return true;
  const isStoreAway = ({ kind }: Happening): boolean => kind === "store-away" || kind === "store-slow";
  return happenings.some((each) => isStoreAway(each) && "forMs" in each && isNear(each, toldAtMs));
}

function isNear({ atMs, forMs }: { atMs: number; forMs: number }, momentMs: number): boolean {
  const fromMs = startsAtMs + atMs;
  // An owner that could not be written is written again within half a second.
  return momentMs > fromMs - timeoutMs && momentMs < fromMs + forMs + 600;
}
