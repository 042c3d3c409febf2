import type { Store } from "../../stores/store.js";
import type { LivingStatusChange } from "./events.js";

/** The channel of the store on which every replica hears, as JSON, what WeCom told one of them. */
const livingStatusChannel = "living-status-change";

export async function publishLivingStatus(store: Store, event: LivingStatusChange): Promise<void> {
  await store.publish(livingStatusChannel, JSON.stringify(event));
}

/** @returns ends the listening */
export function onLivingStatus(store: Store, listener: (event: LivingStatusChange) => void): Promise<() => void> {
  return store.subscribe(livingStatusChannel, (message) => {
    listener(JSON.parse(message) as LivingStatusChange);
  });
}
