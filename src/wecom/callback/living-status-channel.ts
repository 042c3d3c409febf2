import type { Listening, Store } from "../../stores/store.js";
import type { LivingStatusChange } from "./events.js";

/** The channel of the store on which every replica hears, as JSON, what WeCom told one of them. */
const livingStatusChannel = "living-status-change";

export async function publishLivingStatus(store: Store, event: LivingStatusChange): Promise<void> {
  await store.publish(livingStatusChannel, JSON.stringify(event));
}

/** @param onGap events may be missed from now on, until they are heard again */
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

/** As `listenToLivingStatus`, for whom gaps are nothing. @returns ends the listening */
export async function onLivingStatus(store: Store, onEvent: (event: LivingStatusChange) => void): Promise<() => void> {
  return await store.subscribe(livingStatusChannel, (message) => {
    onEvent(JSON.parse(message) as LivingStatusChange);
  });
}
