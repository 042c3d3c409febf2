// The calls that create and change livings: create, modify, cancel, delete_replay_data.

import type { Api } from "./api.js";
import { ApiFailure, invalidParameter } from "./api-failure.js";
import type { Assumptions } from "./assumptions.js";
import type { JsonFields, TextLimit } from "./json-fields.js";
import { EVENT_TYPE, LIVING_STATUS, type Living, type LivingBooking, statusOf } from "./living.js";
import { ownLiving } from "./living-access.js";
import type { World } from "./world.js";

const MAX_IMAGES = 5;

/** @see https://developer.work.weixin.qq.com/document/path/93637 */
const create: Api = {
  name: "living/create",
  method: "POST",
  auth: "access_token",
  emptyPayload: { livingid: "" },
  handle: ({ world, app, body }) => {
    const given = readBooking(body, world.settings.assumptions);
    const booking = { ...given, anchorUserid: world.directory.visibleUserid(app, given.anchorUserid) };
    requireMedia(world, app.corpid, booking);
    return { livingid: world.livings.reserve(app, booking).livingid };
  },
};

/** @see https://developer.work.weixin.qq.com/document/path/93640 */
const modify: Api = {
  name: "living/modify",
  method: "POST",
  auth: "access_token",
  handle: ({ world, app, body }) => {
    const living = ownLiving(world, app, body.text("livingid"));
    const theme = body.optionalText("theme", { unit: "byte", max: 60 });
    const description = body.optionalText("description", { unit: "byte", max: 300 });
    const startSeconds = body.optionalInteger("living_start");
    const durationSeconds = body.optionalInteger("living_duration");
    const type = readType(body);
    const remindSeconds = body.optionalInteger("remind_time");
    requireReserved(world, living);
    const old = living.booking;
    const newType = type ?? old.type;
    const isReset = world.settings.assumptions.omittedRemindTime === "reset";
    world.livings.rebook(living, {
      ...old,
      theme: theme ?? old.theme,
      // "Effective for types 0 to 3": an EVENT's description is in `activity_detail`, which this call does not have.
      description: newType === EVENT_TYPE ? old.description : (description ?? old.description),
      startSeconds: startSeconds ?? old.startSeconds,
      durationSeconds: durationSeconds ?? old.durationSeconds,
      type: newType,
      remindSeconds: remindSeconds ?? (isReset ? 0 : old.remindSeconds),
    });
    return {};
  },
};

/** @see https://developer.work.weixin.qq.com/document/path/93638 */
const cancel: Api = {
  name: "living/cancel",
  method: "POST",
  auth: "access_token",
  handle: ({ world, app, body }) => {
    const living = ownLiving(world, app, body.text("livingid"));
    requireReserved(world, living);
    world.livings.cancel(living.livingid);
    return {};
  },
};

/**
 * WeCom only documents that 92007 means "cannot be deleted". Assumed: a replay can be deleted when the living has ended
 * and the replay is ready or failed.
 *
 * @see https://developer.work.weixin.qq.com/document/path/93874
 */
const deleteReplay: Api = {
  name: "living/delete_replay_data",
  method: "POST",
  auth: "access_token",
  handle: ({ world, app, body }) => {
    const living = ownLiving(world, app, body.text("livingid"));
    const isDeletable = living.replayStatus === "ready" || living.replayStatus === "failed";
    if (living.phase.name !== "ended" || !isDeletable) throw new ApiFailure(92007);
    world.livings.setReplayStatus(living.livingid, "deleted");
    return {};
  },
};

export const livingBookingCalls: readonly Api[] = [create, modify, cancel, deleteReplay];

function readBooking(body: JsonFields, assumptions: Assumptions): LivingBooking {
  const limit = (characters: number, bytes: number): TextLimit =>
    assumptions.createTextLimit === "bytes"
      ? { unit: "byte", max: bytes }
      : { unit: assumptions.characterUnit, max: characters };
  const type = readType(body) ?? 0;
  body.optionalInteger("agentid"); // only old multi-app suites need it: checked, not used
  const description = body.optionalText("description", limit(100, 300)) ?? "";
  const activity = body.optionalObject("activity_detail");
  const activityDescription = activity?.optionalText("description") ?? "";
  const coverMediaid = body.optionalText("activity_cover_mediaid");
  const shareMediaid = body.optionalText("activity_share_mediaid");
  return {
    anchorUserid: body.text("anchor_userid"),
    theme: body.text("theme", limit(20, 60)),
    startSeconds: body.integer("living_start"),
    durationSeconds: body.integer("living_duration"),
    type,
    description: type === EVENT_TYPE ? activityDescription : description,
    remindSeconds: body.optionalInteger("remind_time") ?? 0,
    ...(coverMediaid === undefined ? {} : { coverMediaid }),
    ...(shareMediaid === undefined ? {} : { shareMediaid }),
    imageMediaids: (activity?.optionalTexts("image_list") ?? []).slice(0, MAX_IMAGES),
  };
}

function readType(body: JsonFields): number | undefined {
  const type = body.optionalInteger("type");
  if (type !== undefined && (type < 0 || type > EVENT_TYPE)) throw invalidParameter("type not in [0, 4]");
  return type;
}

function requireReserved(world: World, living: Living): void {
  if (statusOf(living, world.clock.nowSeconds()) !== LIVING_STATUS.reserved) throw new ApiFailure(92006);
}

function requireMedia(
  world: World,
  corpid: string,
  { coverMediaid, shareMediaid, imageMediaids }: LivingBooking,
): void {
  const { mediaIds } = world.settings;
  for (const mediaId of [coverMediaid, shareMediaid, ...imageMediaids]) {
    if (mediaId === undefined) continue;
    const uploaded = world.media.get(mediaId);
    const isUsable = uploaded
      ? world.media.isUsableImage(corpid, uploaded)
      : mediaIds === "any" || mediaIds.includes(mediaId);
    if (!isUsable) throw new ApiFailure(40007);
  }
}
