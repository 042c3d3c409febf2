import type { ChannelListener, Listening, Store } from "../../stores/store.js";
import type { LivingStatusChange } from "./events.js";

/** The store's channel on which every replica gets, as JSON, the status changes that WeCom sent to one of them. */
const livingStatusChannel = "living-status-change";

export async function publishLivingStatus(store: Store, event: LivingStatusChange): Promise<void> {
  await store.publish(livingStatusChannel, JSON.stringify(event));
}

export function listenToLivingStatus(
  store: Store,
  onEvent: (event: LivingStatusChange) => void,
  gaps: Pick<ChannelListener, "onHearing" | "onGap">,
): Promise<Listening> {
  return store.listen(livingStatusChannel, {
    ...gaps,
    onMessage: (message) => {
      onEvent(JSON.parse(message) as LivingStatusChange);
    },
  });
}
