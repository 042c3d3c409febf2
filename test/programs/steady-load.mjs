import { setTimeout as wait } from "node:timers/promises";

/**
 * Requests that come at their time, whether or not those before them are answered: a stall is seen by all that it meets.
 *
 * @param {{ perSecond: number, forMs: number, send: (index: number) => Promise<boolean> }} load
 *   `send` says whether the answer was the right one
 * @returns how many were sent, how many failed, and latencies in milliseconds
 */
export async function steadyLoad({ perSecond, forMs, send }) {
  const latencies = [];
  let failed = 0;
  const startedAt = performance.now();
  const requests = Array.from({ length: (forMs / 1000) * perSecond }, async (_, index) => {
    const dueAt = startedAt + (index * 1000) / perSecond;
    await wait(dueAt - performance.now());
    if (!(await send(index))) failed += 1;
    latencies.push(performance.now() - dueAt);
  });
  await Promise.all(requests);
  latencies.sort((a, b) => a - b);
  const percentile = (part) => Math.round(10 * latencies[Math.ceil(part * latencies.length) - 1]) / 10;
  return { count: latencies.length, failed, p50: percentile(0.5), p99: percentile(0.99), max: percentile(1) };
}
