/** Maps WeCom's names and values to GraphQL's and back. Pure, and the only file that knows both. */
import type { FieldPaths } from "../errors.js";
import type { LivingStatusChange as WireStatusChange } from "../wecom/callback/events.js";
import type {
  CreateLivingRequest,
  ExternalViewer,
  LivingInfo,
  LivingShareInfo,
  MemberViewer,
  ModifyLivingRequest,
  WatchStatPage,
} from "../wecom/living.wire.js";
import { LivingReplayStatus, LivingStatus, LivingType } from "./living.enums.js";
import type { LivingInput, ModifyLivingInput } from "./living.inputs.js";
import type { LivingStatusChange } from "./living.status-change.js";
import { type LivingDetails, WecomUser } from "./living.types.js";
import {
  LivingExternalViewer,
  LivingExternalViewerType,
  LivingMemberViewer,
  type LivingShare,
  type LivingViewer,
  WecomExternalContact,
} from "./living.viewers.js";

/** Makes an unmapped field of the wire type a compile error. */
type AllFieldsOf<T> = { [Name in keyof Required<T>]: unknown };

/** Absent and null fields are not sent, so that WeCom's defaults apply. */
export function toCreateRequest(input: LivingInput): CreateLivingRequest {
  const detail = input.activityDetail;
  return withoutAbsent({
    anchor_userid: input.anchorUserid,
    theme: input.theme,
    living_start: input.livingStart,
    living_duration: input.livingDuration,
    description: input.description,
    type: input.type,
    agentid: input.agentid,
    remind_time: input.remindTime,
    activity_cover_mediaid: input.activityCoverMediaid,
    activity_share_mediaid: input.activityShareMediaid,
    activity_detail:
      detail &&
      withoutAbsent({
        description: detail.description,
        image_list: detail.imageList,
      } satisfies AllFieldsOf<NonNullable<CreateLivingRequest["activity_detail"]>>),
  } satisfies AllFieldsOf<CreateLivingRequest>);
}

/** The path of each wire field in the input of createLiving; modifyLiving has a subset of them. */
export const fieldPaths: FieldPaths = {
  anchor_userid: "anchorUserid",
  theme: "theme",
  living_start: "livingStart",
  living_duration: "livingDuration",
  description: "description",
  type: "type",
  agentid: "agentid",
  remind_time: "remindTime",
  activity_cover_mediaid: "activityCoverMediaid",
  activity_share_mediaid: "activityShareMediaid",
  "activity_detail.description": "activityDetail.description",
  "activity_detail.image_list": "activityDetail.imageList",
};

/** WeCom does not say which media_id it refuses: it can only be one that was given. */
export function fieldPathsOf(input: LivingInput): FieldPaths {
  const { activityCoverMediaid, activityShareMediaid, activityDetail } = input;
  const isGiven: Readonly<Record<string, boolean>> = {
    activity_cover_mediaid: Boolean(activityCoverMediaid),
    activity_share_mediaid: Boolean(activityShareMediaid),
    "activity_detail.image_list": Boolean(activityDetail?.imageList?.length),
  };
  return Object.fromEntries(Object.entries(fieldPaths).filter(([field]) => isGiven[field] ?? true));
}

/** Only the fields that were given: WeCom does not change the others. */
export function toModifyRequest(livingid: string, input: ModifyLivingInput): ModifyLivingRequest {
  return {
    livingid,
    ...withoutAbsent({
      theme: input.theme,
      living_start: input.livingStart,
      living_duration: input.livingDuration,
      type: input.type,
      description: input.description,
      remind_time: input.remindTime,
    } satisfies AllFieldsOf<Omit<ModifyLivingRequest, "livingid">>),
  };
}

export function toViewers(page: WatchStatPage, onUnknownCode: OnUnknownCode): LivingViewer[] {
  return [
    ...page.users.map((wire) =>
      Object.assign(new LivingMemberViewer(), commonOf(wire), { user: new WecomUser(wire.userid) }),
    ),
    ...page.external_users.map((wire) =>
      Object.assign(new LivingExternalViewer(), commonOf(wire), {
        contact: new WecomExternalContact(wire.external_userid),
        externalUserid: wire.external_userid,
        type: knownCode(LivingExternalViewerType, wire.type, "external_users.type", onUnknownCode),
        name: wire.name ?? null,
      }),
    ),
  ];
}

function commonOf(wire: MemberViewer | ExternalViewer): LivingViewer {
  return {
    watchTime: wire.watch_time ?? null,
    isComment: toBoolean(wire.is_comment),
    isMic: toBoolean(wire.is_mic),
    invitor: toUser(wire.invitor_userid),
    invitorExternalContact: toContact(wire.invitor_external_userid),
    invitorExternalUserid: wire.invitor_external_userid || null,
  };
}

export function toShare(wire: LivingShareInfo): LivingShare {
  return {
    livingid: wire.livingid,
    viewer: toUser(wire.viewer_userid),
    viewerExternalContact: toContact(wire.viewer_external_userid),
    viewerExternalUserid: wire.viewer_external_userid || null,
    invitor: toUser(wire.invitor_userid),
    invitorExternalContact: toContact(wire.invitor_external_userid),
    invitorExternalUserid: wire.invitor_external_userid || null,
  };
}

export function toStatusChange(wire: WireStatusChange, onUnknownCode: OnUnknownCode): LivingStatusChange {
  return {
    livingid: wire.livingid,
    status: knownCode(LivingStatus, wire.status, "living_status_change.status", onUnknownCode),
    anchor: toUser(wire.userid),
    changedAt: wire.at,
  };
}

function toUser(userid: string | undefined): WecomUser | null {
  return userid ? new WecomUser(userid) : null;
}

function toContact(externalUserid: string | undefined): WecomExternalContact | null {
  return externalUserid ? new WecomExternalContact(externalUserid) : null;
}

/** WeCom's 0 and 1. */
function toBoolean(flag: number | undefined): boolean | null {
  return flag === undefined ? null : flag === 1;
}

/** Called with a number in `field` that WeCom does not document. */
export type OnUnknownCode = (field: string, code: number) => void;

export function toLivingDetails(wire: LivingInfo, onUnknownCode: OnUnknownCode): LivingDetails {
  const openReplay = toBoolean(wire.open_replay);
  return {
    theme: wire.theme ?? null,
    description: wire.description ?? null,
    type: knownCode(LivingType, wire.type, "type", onUnknownCode),
    status: knownCode(LivingStatus, wire.status, "status", onUnknownCode),
    livingStart: wire.living_start ?? null,
    livingDuration: wire.living_duration ?? null,
    reserveStart: wire.reserve_start ?? null,
    reserveLivingDuration: wire.reserve_living_duration ?? null,
    anchor: toUser(wire.anchor_userid),
    mainDepartment: wire.main_department ?? null,
    viewerNum: wire.viewer_num ?? null,
    commentNum: wire.comment_num ?? null,
    micNum: wire.mic_num ?? null,
    onlineCount: wire.online_count ?? null,
    subscribeCount: wire.subscribe_count ?? null,
    openReplay,
    // WeCom sends it only with a replay; a number together with open_replay 0 is meaningless.
    replayStatus: openReplay ? knownCode(LivingReplayStatus, wire.replay_status, "replay_status", onUnknownCode) : null,
    pushStreamUrl: wire.push_stream_url || null,
  };
}

/** A number that WeCom adds later must not break a query: the field is null, and the number is reported. */
function knownCode<Code extends number>(
  names: Readonly<Record<string, string | Code>>,
  code: number | undefined,
  field: string,
  onUnknownCode: OnUnknownCode,
): Code | null {
  if (typeof code !== "number") return null;
  if (Object.hasOwn(names, code)) return code as Code;
  onUnknownCode(field, code);
  return null;
}

type Present<T> = { [K in keyof T as undefined extends T[K] ? never : null extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : null extends T[K] ? K : never]?: NonNullable<T[K]>;
};

function withoutAbsent<T extends object>(fields: T): Present<T> {
  const present: Record<string, unknown> = {};
  for (const name of Object.keys(fields)) {
    const value = fields[name as keyof T] as unknown;
    if (value !== undefined && value !== null) present[name] = value;
  }
  return present as Present<T>;
}
