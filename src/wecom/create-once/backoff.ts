/** Pauses between attempts to learn the outcome of a create. */

/** For a request that looks for a lost create's living: WeCom may execute a create late. */
const lookPausesMs = [100, 200, 400, 800, 1600];
/** For a request that waits for another request with the same key. */
const waitPausesMs = [10, 20, 40];
const longestMs = 5 * 60_000;

export function lookPauseMs(looks: number): number {
  return lookPausesMs[looks] ?? 2000;
}

export function waitPauseMs(waits: number): number {
  return waitPausesMs[waits] ?? 80;
}

/**
 * For the reconciler: every 2 s while the create may still take effect, once right after that, then at growing
 * intervals, because an outcome that stays unknown for long is not worth many calls.
 *
 * @param settledForMs time since the create could last take effect; negative while it still can
 */
export function reconcilePauseMs(settledForMs: number): number {
  if (settledForMs < 0) return Math.min(2000, -settledForMs);
  return Math.min(Math.max(1000, settledForMs / 4), longestMs);
}
