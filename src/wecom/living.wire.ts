/** The bodies of WeCom's living API, with its names and its units: times in Unix seconds, durations in seconds. */

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
    /** media_ids; WeCom drops all behind the fifth without a word. */
    image_list?: string[];
  };
}

/**
 * `living_info` of get_living_info. No field is sure to be there: `replay_status` comes only with `open_replay` 1,
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
