import type { Listening, Store } from "../../stores/store.js";
import type { LivingStatusChange } from "./events.js";

/** The store's channel on which every replica gets, as JSON, the status changes that WeCom sent to one of them. */
const livingStatusChannel = "living-status-change";

export async function publishLivingStatus(store: Store, event: LivingStatusChange): Promise<void> {
  await store.publish(livingStatusChannel, JSON.stringify(event));
}

/** @param onGap called when events may be missed from now on, until the channel works again */
export function listenToLivingStatus(
  store: Store,
  onEvent: (event: LivingStatusChange) => void,
  onGap: () => void,
): Promise<Listening> {
  return store.listen(livingStatusChannel, {
    onMessage: (message) => {
      onEvent(JSON.parse(message) as LivingStatusChange);
    },
    onGap,
  });
}

/** As `listenToLivingStatus`, for listeners to which gaps do not matter. @returns ends the listening */
export async function onLivingStatus(store: Store, onEvent: (event: LivingStatusChange) => void): Promise<() => void> {
  return await store.subscribe(livingStatusChannel, (message) => {
    onEvent(JSON.parse(message) as LivingStatusChange);
  });
}
