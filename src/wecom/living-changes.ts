/** Tells all replicas that a living changed: by a mutation here, or by a callback from WeCom. */
import type { Store } from "../stores/store.js";
import { onLivingStatus } from "./callback/living-status-channel.js";

const channel = "living-changed";

interface LivingChange {
  readonly corp: string;
  readonly livingid: string;
}

/** @throws {StoreError} */
export async function publishLivingChange(store: Store, change: LivingChange): Promise<void> {
  await store.publish(channel, JSON.stringify(change));
}

/** @throws {StoreError} */
export async function onLivingChange(store: Store, listener: (change: LivingChange) => void): Promise<void> {
  await store.subscribe(channel, (message) => {
    listener(JSON.parse(message) as LivingChange);
  });
  await onLivingStatus(store, ({ corpid, livingid }) => {
    listener({ corp: corpid, livingid });
  });
}
