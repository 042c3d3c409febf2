/** Wraps a store to measure how long each method takes, and to log why methods fail. */
import { type Logger, onceAMinute } from "../observability/logger.js";
import type { StoreMetrics } from "../observability/metrics.js";
import { reasonOf, type Store } from "./store.js";

/** @param nowMs a monotonic clock */
export function observed(store: Store, metrics: StoreMetrics, log: Logger, nowMs = () => performance.now()): Store {
  const mayReport = onceAMinute(nowMs);
  const timed = <T>(operation: string, answer: Promise<T>): Promise<T> => {
    const startedAtMs = nowMs();
    const observe = (isAnswered: boolean): void => {
      metrics.observeStore(operation, isAnswered, (nowMs() - startedAtMs) / 1000);
    };
    answer.then(
      () => {
        observe(true);
      },
      (error: unknown) => {
        observe(false);
        if (mayReport()) log.error({ operation, reason: reasonOf(error) }, "the store failed");
      },
    );
    return answer;
  };
  return {
    shortTimeoutMs: store.shortTimeoutMs,
    get: (key) => timed("get", store.get(key)),
    set: (key, value, expiry) => timed("set", store.set(key, value, expiry)),
    delete: (key) => timed("delete", store.delete(key)),
    compareAndSet: (key, expected, value, expiry) =>
      timed("compareAndSet", store.compareAndSet(key, expected, value, expiry)),
    setNew: (records) => timed("setNew", store.setNew(records)),
    enqueue: (queue, member, dueAtMs) => timed("enqueue", store.enqueue(queue, member, dueAtMs)),
    due: (queue, nowMs, limit) => timed("due", store.due(queue, nowMs, limit)),
    dequeue: (queue, member) => timed("dequeue", store.dequeue(queue, member)),
    publish: (channel, message) => timed("publish", store.publish(channel, message)),
    now: () => timed("now", store.now()),
    // Not measured: these last as long as their caller iterates or listens.
    scan: (prefix) => store.scan(prefix),
    listen: (channel, listener) => store.listen(channel, listener),
    subscribe: (channel, listener) => store.subscribe(channel, listener),
    close: () => store.close(),
  };
}
