/**
 * Time and timers as they are handed to what waits or counts time, so that a simulation can give its own. There is no time
 * of day in it: a machine's clock can be set, and what replicas compare is the store's.
 */
export interface Clock {
  /** Milliseconds since some moment; never goes back, whatever is done to the machine's clock. */
  monotonicMs(): number;
  /** Calls back once, `ms` from now; the returned function prevents it. Does not keep the process alive. */
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

/** Milliseconds since 1970 by a clock that nobody sets: it passes evenly, and may be off by what the machine's was at start. */
export function steadyUnixMs(): number {
  return performance.timeOrigin + performance.now();
}
