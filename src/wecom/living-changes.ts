/** Announces changes of livings to other replicas: by a mutation here, or by an event of WeCom's. */
import { setTimeout as wait } from "node:timers/promises";
import type { Store } from "../stores/store.js";
import { listenToLivingStatus } from "./callback/living-status-channel.js";

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

/** As long as other replicas may cache the old state. */
const maxTries = 300;

/** Retries until it succeeds, because other replicas must not keep the old state after an outage of the store. */
export async function insistOnLivingChange(store: Store, change: LivingChange): Promise<void> {
  for (let tries = 0; tries < maxTries; tries += 1) {
    const isTold = await publishLivingChange(store, change).then(
      () => true,
      () => false,
    );
    if (isTold) return;
    await wait(1000, undefined, { ref: false });
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
      onChange(JSON.parse(message) as LivingChange);
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
