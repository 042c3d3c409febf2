/**
 * Clock and timers as dependencies, so that a simulation can replace them. There is no time of day: a machine's clock
 * can be set, and replicas compare times by the store's clock.
 */
export interface Clock {
  /** Milliseconds since an arbitrary moment; never goes back, even if the machine's clock is set. */
  monotonicMs(): number;
  /**
   * Calls back once after `ms`. Does not keep the process alive.
   *
   * @returns cancels it
   */
  after(ms: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms).unref();
    return () => {
      clearTimeout(timer);
    };
  },
};

/** Milliseconds since 1970 by a monotonic clock: it may be off by as much as the machine's clock was at startup. */
export function steadyUnixMs(): number {
  return performance.timeOrigin + performance.now();
}
