// The calls that read: get_living_code, get_user_all_livingid, get_living_info, get_watch_stat, get_living_share_info.

import type { Api, Payload } from "./api.js";
import { ApiFailure, invalidParameter } from "./api-failure.js";
import { decodeCursor, encodeCursor } from "./cursors.js";
import { isSameUserid } from "./directory.js";
import { isOwn, ownLiving } from "./living-access.js";
import { type LivingViewer, type Person, toLivingInfo } from "./living.js";

const MAX_LIVINGIDS = 100;

/** @see https://developer.work.weixin.qq.com/document/path/93641 */
const getLivingCode: Api = {
  name: "living/get_living_code",
  method: "POST",
  auth: "access_token",
  emptyPayload: { living_code: "" },
  handle: ({ world, app, body }) => {
    const { livingid } = ownLiving(world, app, body.text("livingid"));
    return { living_code: world.livingCodes.issue({ livingid, openid: body.text("openid") }) };
  },
};

/** @see https://developer.work.weixin.qq.com/document/path/93634 */
const getUserAllLivingid: Api = {
  name: "living/get_user_all_livingid",
  method: "POST",
  auth: "access_token",
  emptyPayload: { next_cursor: "", livingid_list: [] },
  handle: ({ world, app, body }) => {
    const userid = body.text("userid");
    const limit = body.optionalInteger("limit") ?? MAX_LIVINGIDS;
    const { pageLimitAboveMaximum, livingidOrder } = world.settings.assumptions;
    const isTooMany = limit > MAX_LIVINGIDS && pageLimitAboveMaximum === "refuse";
    if (limit < 1 || isTooMany) throw invalidParameter(`limit not in [1, ${MAX_LIVINGIDS}]`);
    world.directory.visibleUserid(app, userid);
    const cursor = decodeCursor(body.optionalText("cursor"));
    const livings = world.livings
      .all()
      .filter((living) => isSameUserid(living.booking.anchorUserid, userid) && isOwn(app, living));
    if (livingidOrder === "newest-first") livings.reverse();
    // By the last living seen, not by position: a living that is created between two pages must not shift the second
    // one.
    const isAfter = (sequence: number): boolean =>
      cursor === undefined || (livingidOrder === "newest-first" ? sequence < cursor : sequence > cursor);
    const rest = livings.filter(({ sequence }) => isAfter(sequence));
    const page = rest.slice(0, Math.min(limit, MAX_LIVINGIDS));
    const last = page.at(-1);
    const isLastPage = last === undefined || page.length === rest.length;
    return {
      next_cursor: isLastPage ? "" : encodeCursor(last.sequence),
      livingid_list: page.map(({ livingid }) => livingid),
    };
  },
};

/** @see https://developer.work.weixin.qq.com/document/path/93635 */
const getLivingInfo: Api = {
  name: "living/get_living_info",
  method: "GET",
  auth: "access_token",
  emptyPayload: { living_info: {} },
  handle: ({ world, app, query }) => {
    const livingid = query.get("livingid") ?? "";
    if (livingid === "") throw invalidParameter("missing livingid");
    const living = ownLiving(world, app, livingid);
    const mainDepartment = world.directory.mainDepartmentOf(app.corpid, living.booking.anchorUserid);
    return { living_info: toLivingInfo(living, world.clock.nowSeconds(), mainDepartment) };
  },
};

/** @see https://developer.work.weixin.qq.com/document/path/93636 */
const getWatchStat: Api = {
  name: "living/get_watch_stat",
  method: "POST",
  auth: "access_token",
  emptyPayload: { ending: 0, next_key: "", stat_info: { users: [], external_users: [] } },
  handle: ({ world, app, body }) => {
    const { viewers } = ownLiving(world, app, body.text("livingid"));
    const nextKey = body.optionalText("next_key");
    const from = nextKey === "0" ? 0 : (decodeCursor(nextKey) ?? 0);
    const { watchStatPageSize, nextKeyOnLastPage } = world.settings.assumptions;
    const page = viewers.slice(from, from + watchStatPageSize);
    const isEnding = from + watchStatPageSize >= viewers.length;
    return {
      ending: isEnding ? 1 : 0,
      next_key: isEnding ? nextKeyOnLastPage : encodeCursor(from + watchStatPageSize),
      stat_info: {
        users: page.filter((viewer) => "userid" in viewer).map(toWatchStat),
        external_users: page.filter((viewer) => "externalUserid" in viewer).map(toWatchStat),
      },
    };
  },
};

/** @see https://developer.work.weixin.qq.com/document/path/94442 */
const getLivingShareInfo: Api = {
  name: "living/get_living_share_info",
  method: "POST",
  auth: "access_token",
  emptyPayload: { livingid: "" },
  handle: ({ world, app, body }) => {
    const share = world.shareCodes.redeem(body.text("ww_share_code"));
    const living = share === undefined ? undefined : world.livings.get(share.livingid);
    if (share === undefined || living?.creator.corpid !== app.corpid) {
      throw new ApiFailure(world.settings.assumptions.unknownShareCodeErrcode);
    }
    return {
      livingid: share.livingid,
      ...personFields("viewer", share.viewer),
      ...personFields("invitor", share.invitor),
    };
  },
};

export const livingReadingCalls: readonly Api[] = [
  getLivingCode,
  getUserAllLivingid,
  getLivingInfo,
  getWatchStat,
  getLivingShareInfo,
];

function toWatchStat(viewer: LivingViewer): Payload {
  return {
    ...("userid" in viewer
      ? { userid: viewer.userid }
      : { external_userid: viewer.externalUserid, type: viewer.type, name: viewer.name }),
    watch_time: viewer.watchSeconds ?? 0,
    is_comment: viewer.hasCommented ? 1 : 0,
    is_mic: viewer.hasSpoken ? 1 : 0,
    ...(viewer.invitor === undefined ? {} : personFields("invitor", viewer.invitor)),
  };
}

function personFields(role: "viewer" | "invitor", person: Person): Payload {
  return "userid" in person
    ? { [`${role}_userid`]: person.userid }
    : { [`${role}_external_userid`]: person.externalUserid };
}
