/** Announces changes of livings to other replicas: by a mutation here, or by an event of WeCom's. */
import { BoundedMap } from "../lib/bounded-map.js";
import { parseStored, type Store } from "../stores/store.js";
import { listenToLivingStatus } from "./callback/living-status-changes.js";
import { type Clock, systemClock } from "./clock.js";

const channel = "living-changed";

interface LivingChange {
  readonly corp: string;
  /** Absent: all livings of that corp. */
  readonly livingid?: string;
}

/** @throws {StoreError} */
export async function publishLivingChange(store: Store, change: LivingChange): Promise<void> {
  await store.publish(channel, JSON.stringify(change));
}

const retryMs = 1000;
/** As long as other replicas may serve the old state. */
const retriedForMs = 300_000;
const maxCorps = 10_000;

interface Unpublished {
  readonly change: LivingChange;
  readonly untilMs: number;
}

/**
 * Publishes changes, and retries those that the store did not take, because other replicas must not keep the old state.
 * One retry per corp: when several of its livings have changed, the others drop all of them.
 */
export class LivingChangePublisher {
  readonly #unpublished = new BoundedMap<string, Unpublished>(maxCorps);
  #isRetryDue = false;

  constructor(
    private readonly store: Store,
    private readonly clock: Clock = systemClock,
  ) {}

  publish(change: LivingChange): void {
    publishLivingChange(this.store, change).catch(() => {
      const { corp, livingid } = change;
      const earlier = this.#unpublished.get(corp)?.change;
      const isOther = earlier !== undefined && earlier.livingid !== livingid;
      this.#unpublished.set(corp, {
        change: isOther ? { corp } : change,
        untilMs: this.clock.monotonicMs() + retriedForMs,
      });
      this.#retryLater();
    });
  }

  #retryLater(): void {
    if (this.#isRetryDue) return;
    this.#isRetryDue = true;
    this.clock.after(retryMs, () => {
      void this.#retry().then(() => {
        this.#isRetryDue = false;
        if (this.#unpublished.size > 0) this.#retryLater();
      });
    });
  }

  /** One after the other, until one fails: a store that is away is not asked for each. */
  async #retry(): Promise<void> {
    for (const [corp, unpublished] of [...this.#unpublished]) {
      const { change, untilMs } = unpublished;
      if (this.clock.monotonicMs() < untilMs) {
        try {
          await publishLivingChange(this.store, change);
        } catch {
          return;
        }
      }
      // Another change may have come meanwhile.
      if (this.#unpublished.get(corp) === unpublished) this.#unpublished.delete(corp);
    }
  }
}

/** @param onHearing whether changes are received from now on; false: some may be missed */
export async function listenToLivingChanges(
  store: Store,
  onChange: (change: LivingChange) => void,
  onHearing: (isHearing: boolean) => void,
): Promise<void> {
  let heard = 0;
  const count = (channels: 1 | -1) => (): void => {
    heard += channels;
    onHearing(heard === 2);
  };
  const listener = { onHearing: count(1), onGap: count(-1) };
  await store.listen(channel, {
    ...listener,
    onMessage: (message) => {
      onChange(parseStored(message) as LivingChange);
    },
  });
  await listenToLivingStatus(
    store,
    ({ corpid, livingid }) => {
      onChange({ corp: corpid, livingid });
    },
    listener,
  );
}
