import { randomUUID } from "node:crypto";
import type { Store } from "../stores/store.js";
import { type Clock, systemClock } from "./clock.js";

export interface Lease {
  /** False if it has expired, because this process stalled or the store was unreachable. */
  isHeld(): boolean;
  /** Releases the lease, unless somebody else holds it by now. */
  release(): Promise<void>;
}

/**
 * An exclusive right, renewed until it is released. If its holder dies, it expires after `ttlMs`. It makes double work
 * rare, not impossible: a holder that stalls for longer loses it.
 *
 * @returns undefined if somebody else holds it
 * @throws {StoreError}
 */
export async function acquireLease(
  store: Pick<Store, "compareAndSet">,
  key: string,
  ttlMs: number,
  { owner = randomUUID(), clock = systemClock }: { owner?: string; clock?: Clock } = {},
): Promise<Lease | undefined> {
  let heldUntilMs = 0;
  const write = async (expected: string | undefined): Promise<boolean> => {
    const askedAtMs = clock.monotonicMs();
    const isWritten = await store.compareAndSet(key, expected, owner, { expiresInMs: ttlMs });
    heldUntilMs = isWritten ? askedAtMs + ttlMs : 0;
    return isWritten;
  };
  if (!(await write(undefined))) return undefined;
  let isReleased = false;
  let stopTimer: () => void;
  const renewLater = (): void => {
    stopTimer = clock.after(ttlMs / 3, () => {
      write(owner)
        .catch(() => undefined)
        .finally(() => {
          if (!isReleased) renewLater();
        });
    });
  };
  renewLater();
  return {
    isHeld: () => clock.monotonicMs() < heldUntilMs,
    release: async () => {
      isReleased = true;
      stopTimer();
      await store.compareAndSet(key, owner, undefined);
    },
  };
}
