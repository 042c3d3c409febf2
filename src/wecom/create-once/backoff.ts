/** How long to wait before looking again. */

/** Between the looks of a request: WeCom may carry a create out late. */
const lookPausesMs = [100, 200, 400, 800, 1600];
/** Between the looks of a request whether another with the same key is done. */
const waitPausesMs = [10, 20, 40];
const longestMs = 5 * 60_000;

export function lookPauseMs(looks: number): number {
  return lookPausesMs[looks] ?? 2000;
}

export function waitPauseMs(waits: number): number {
  return waitPausesMs[waits] ?? 80;
}

/**
 * Of the reconciler: every 2 s while the create may take effect, and once right after that; then a quarter longer each time,
 * for what stays open for long is worth few calls.
 *
 * @param settledForMs how long it has not been able to take effect any more; negative: for so long it still may
 */
export function reconcilePauseMs(settledForMs: number): number {
  if (settledForMs < 0) return Math.min(2000, -settledForMs);
  return Math.min(Math.max(1000, settledForMs / 4), longestMs);
}
