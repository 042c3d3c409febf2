/** The bodies of WeCom's living API, with its names and units: times in Unix seconds, durations in seconds. */

/** @see https://developer.work.weixin.qq.com/document/path/93637 */
export interface CreateLivingRequest {
  anchor_userid: string;
  /** At most 20 UTF-8 characters. */
  theme: string;
  living_start: number;
  living_duration: number;
  /** At most 100 UTF-8 characters; shown for the types 0 to 3. */
  description?: string;
  /** 0 general, 1 small class, 2 large class, 3 corporate training, 4 event. */
  type?: number;
  /** Only for old third-party suites with several apps. */
  agentid?: number;
  /** Seconds before the start. */
  remind_time?: number;
  activity_cover_mediaid?: string;
  activity_share_mediaid?: string;
  activity_detail?: {
    description?: string;
    /** media_ids; WeCom silently drops all after the fifth. */
    image_list?: string[];
  };
}

/** `status` of a cancelled living. */
export const cancelledStatus = 4;
/** `replay_status` of a deleted replay. */
export const deletedReplayStatus = 2;

/**
 * `living_info` of get_living_info. Any field may be absent: WeCom sends `replay_status` only with `open_replay` 1, and
 * `push_stream_url` only for an event that has not started.
 *
 * @see https://developer.work.weixin.qq.com/document/path/93635
 */
export interface LivingInfo {
  theme?: string;
  living_start?: number;
  living_duration?: number;
  /** 0 reserved, 1 live, 2 ended, 3 expired, 4 cancelled. */
  status?: number;
  reserve_start?: number;
  reserve_living_duration?: number;
  description?: string;
  anchor_userid?: string;
  main_department?: number;
  viewer_num?: number;
  comment_num?: number;
  mic_num?: number;
  /** 1 when there is a replay. */
  open_replay?: number;
  /** 0 ready, 1 being made, 2 deleted, 3 failed. */
  replay_status?: number;
  type?: number;
  push_stream_url?: string;
  online_count?: number;
  subscribe_count?: number;
}

/**
 * Only the fields given are changed; whether WeCom keeps or resets an omitted `remind_time` is not documented.
 *
 * @see https://developer.work.weixin.qq.com/document/path/93640
 */
export interface ModifyLivingRequest {
  livingid: string;
  /** At most 60 bytes: create's page counts characters. */
  theme?: string;
  living_start?: number;
  living_duration?: number;
  type?: number;
  /** At most 300 bytes. */
  description?: string;
  /** Seconds before the start. */
  remind_time?: number;
}

/** @see https://developer.work.weixin.qq.com/document/path/93634 */
export interface LivingidPage {
  livingid_list: string[];
  /** Undefined on the last page. */
  next_cursor: string | undefined;
}

interface ViewerFields {
  /** Seconds. */
  watch_time?: number;
  /** 0 or 1. */
  is_comment?: number;
  /** 0 or 1. */
  is_mic?: number;
  /** Who shared the card or code by which the viewer came; only for lives that promote a product. */
  invitor_userid?: string;
  invitor_external_userid?: string;
}

export interface MemberViewer extends ViewerFields {
  userid: string;
}

export interface ExternalViewer extends ViewerFields {
  external_userid: string;
  /** 1 a user of WeChat, 2 a user of WeCom. */
  type?: number;
  name?: string;
}

/** @see https://developer.work.weixin.qq.com/document/path/93636 */
export interface WatchStatPage {
  users: MemberViewer[];
  external_users: ExternalViewer[];
  /** Undefined on the last page, which only `ending` marks. */
  next_key: string | undefined;
}

/** @see https://developer.work.weixin.qq.com/document/path/94442 */
export interface LivingShareInfo {
  livingid: string;
  viewer_userid?: string;
  viewer_external_userid?: string;
  invitor_userid?: string;
  invitor_external_userid?: string;
}
