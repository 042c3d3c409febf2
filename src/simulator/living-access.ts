import { ApiFailure } from "./api-failure.js";
import type { App } from "./directory.js";
import type { Living } from "./living.js";
import type { World } from "./world.js";

/**
 * A living that the app may see and change: its own, or any of the corp for the system app 「直播」.
 *
 * @throws {ApiFailure} `unknownLivingErrcode` for an id that the corp does not have, 92008 for another app's living
 */
export function ownLiving(world: World, app: App, livingid: string): Living {
  const living = world.livings.get(livingid);
  if (living?.creator.corpid !== app.corpid) throw new ApiFailure(world.settings.assumptions.unknownLivingErrcode);
  if (!isOwn(app, living)) throw new ApiFailure(92008);
  return living;
}

export function isOwn(app: App, { creator }: Living): boolean {
  return creator.corpid === app.corpid && (creator.agentid === app.agentid || app.isSystemApp === true);
}
