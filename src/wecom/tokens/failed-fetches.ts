/**
 * Limits failed token fetches per hour, over all corps and, through the store, all replicas: WeCom bans an address
 * after some 2,000 wrong secrets, and with it every corp. A fetch reserves a failure first, and releases it on success.
 * Credentials that were refused before leave a part of the limit to others.
 *
 * @see https://developer.work.weixin.qq.com/document/path/90313
 */
import { type Logger, onceAMinute } from "../../observability/logger.js";
import { parseStored, withShortTimeout, type Store } from "../../stores/store.js";
import { WecomOverloadError } from "../errors.js";

export const failuresPerHour = 600;
const repeatedFailuresPerHour = 500;
/** While the store does not answer, each replica counts on its own. */
const failuresPerHourAlone = 100;
const bucketMs = 600_000;
/** An hour overlaps seven buckets. */
const bucketsOfAnHour = 7;
const retryAfterSeconds = 60;
const key = "failed-fetches";

/** Failures by bucket of ten minutes, the newest last. */
type Failures = readonly (readonly [bucket: number, failures: number])[];

interface Request {
  readonly most: number;
  readonly decide: (isGranted: boolean) => void;
}

export class FailedFetches {
  #local: Failures = [];
  #waiting: Request[] = [];
  #returned = 0;
  #isSettling = false;
  readonly #mayReport: () => boolean;
  readonly #store: ReturnType<typeof withShortTimeout>;

  constructor(private readonly dependencies: { store: Store; log: Logger; now: () => number }) {
    this.#store = withShortTimeout(dependencies.store);
    this.#mayReport = onceAMinute(dependencies.now);
  }

  /**
   * Reserves the failure of a fetch.
   *
   * @param isRepeated whether these credentials were refused the last time
   * @returns releases it; call this unless the fetch failed
   * @throws {WecomOverloadError} when too many have failed
   */
  async reserve(api: string, isRepeated: boolean): Promise<() => void> {
    const most = isRepeated ? repeatedFailuresPerHour : failuresPerHour;
    const isGranted = await new Promise<boolean>((decide) => {
      this.#waiting.push({ most, decide });
      void this.#settle();
    });
    if (!isGranted) throw this.#exhausted(api);
    return () => {
      this.#returned += 1;
      void this.#settle();
    };
  }

  /** Decides all waiting reservations together, because separate compare-and-sets would make each other fail. */
  async #settle(): Promise<void> {
    if (this.#isSettling) return;
    this.#isSettling = true;
    while (this.#waiting.length > 0 || this.#returned > 0) {
      const [waiting, returned] = [this.#waiting, this.#returned];
      [this.#waiting, this.#returned] = [[], 0];
      const granted = await this.#count(waiting, returned).catch(() => this.#countAlone(waiting, returned));
      for (const request of waiting) request.decide(granted.has(request));
    }
    this.#isSettling = false;
  }

  /** @throws {StoreError} */
  async #count(waiting: readonly Request[], returned: number): Promise<ReadonlySet<Request>> {
    for (;;) {
      const stored = await this.#store.get(key);
      const nowMs = await this.dependencies.store.now();
      const { failures, granted } = counted(stored === undefined ? [] : (parseStored(stored) as Failures), {
        ...{ waiting, returned, nowMs },
      });
      const next = JSON.stringify(failures);
      if (next === stored) return granted;
      if (await this.#store.compareAndSet(key, stored, next, { expiresInMs: bucketsOfAnHour * bucketMs }))
        return granted;
    }
  }

  #countAlone(waiting: readonly Request[], returned: number): ReadonlySet<Request> {
    const nowMs = this.dependencies.now();
    const { failures, granted } = counted(this.#local, { waiting, returned, nowMs, most: failuresPerHourAlone });
    this.#local = failures;
    return granted;
  }

  #exhausted(api: string): WecomOverloadError {
    if (this.#mayReport()) {
      this.dependencies.log.error(
        { api, failuresPerHour },
        "too many fetches of tokens failed: more have to wait, for WeCom bans an address that goes on; look for refused credentials in this log",
      );
    }
    return new WecomOverloadError("Too many fetches of tokens have failed within an hour", { api, retryAfterSeconds });
  }
}

function counted(
  before: Failures,
  {
    waiting,
    returned,
    nowMs,
    most = Infinity,
  }: { waiting: readonly Request[]; returned: number; nowMs: number; most?: number },
): { failures: Failures; granted: ReadonlySet<Request> } {
  const current = Math.floor(nowMs / bucketMs);
  const byBucket = new Map(before.filter(([bucket]) => bucket > current - bucketsOfAnHour));
  const add = (bucket: number, failures: number): void => {
    byBucket.set(bucket, (byBucket.get(bucket) ?? 0) + failures);
  };
  for (const bucket of [...byBucket.keys()].reverse()) {
    const back = Math.min(returned, byBucket.get(bucket) ?? 0);
    add(bucket, -back);
    returned -= back;
  }
  let spent = [...byBucket.values()].reduce((sum, failures) => sum + failures, 0);
  const granted = new Set<Request>();
  for (const request of waiting) {
    if (spent >= Math.min(request.most, most)) continue;
    spent += 1;
    add(current, 1);
    granted.add(request);
  }
  return {
    failures: [...byBucket].filter(([, failures]) => failures > 0).sort(([one], [other]) => one - other),
    granted,
  };
}
