// A living: its booking, its phase, its viewers. Pure data and functions; `now` is always a parameter.

export interface LivingBooking {
  anchorUserid: string;
  theme: string;
  startSeconds: number;
  durationSeconds: number;
  type: number;
  /** For type 4 the description in activity_detail: the plain one has no effect. */
  description: string;
  remindSeconds: number;
  coverMediaid?: string;
  shareMediaid?: string;
  /** At most 5. */
  imageMediaids: readonly string[];
}

export type LivingPhase =
  | { name: "reserved"; expiresAtSeconds: number }
  | { name: "live"; startedAtSeconds: number }
  | { name: "ended"; startedAtSeconds: number; endedAtSeconds: number }
  | { name: "cancelled" };

export type Person = { userid: string } | { externalUserid: string };

export type LivingViewer = {
  watchSeconds?: number;
  hasCommented?: boolean;
  hasSpoken?: boolean;
  /** Counted in online_count while the living is live. Default true. */
  isOnline?: boolean;
  invitor?: Person;
} & ({ userid: string } | { externalUserid: string; name: string; /** 1 WeChat, 2 WeCom. */ type: 1 | 2 });

/** WeCom's 0 … 3. */
export const REPLAY_STATUS = { ready: 0, generating: 1, deleted: 2, failed: 3 } as const;
export type ReplayStatus = keyof typeof REPLAY_STATUS;

export interface Living {
  readonly livingid: string;
  /** Increases with each living; pages are ordered by it. */
  readonly sequence: number;
  readonly creator: { readonly corpid: string; readonly agentid: number };
  readonly createdAtSeconds: number;
  booking: LivingBooking;
  phase: LivingPhase;
  /** Undefined: no replay (`open_replay` 0). */
  replayStatus: ReplayStatus | undefined;
  subscribeCount: number;
  readonly viewers: LivingViewer[];
}

/** WeCom's 0 … 4. */
export const LIVING_STATUS = { reserved: 0, live: 1, ended: 2, expired: 3, cancelled: 4 } as const;

export const EVENT_TYPE = 4;

/**
 * When a reservation that nobody starts changes to status 3. Undocumented; assumed: once its duration has passed since
 * its start, or since it was created if that start had already passed.
 */
export function reservedPhase(booking: LivingBooking, nowSeconds: number): LivingPhase {
  return { name: "reserved", expiresAtSeconds: Math.max(booking.startSeconds, nowSeconds) + booking.durationSeconds };
}

export function statusOf({ phase }: Living, nowSeconds: number): number {
  if (phase.name === "reserved" && nowSeconds >= phase.expiresAtSeconds) return LIVING_STATUS.expired;
  return LIVING_STATUS[phase.name];
}

/** `living_info` of get_living_info, with keys in the order of the official sample. */
export function toLivingInfo(living: Living, nowSeconds: number, mainDepartment: number): Record<string, unknown> {
  const { booking, phase, viewers, replayStatus } = living;
  const status = statusOf(living, nowSeconds);
  const isPushable = booking.type === EVENT_TYPE && status === LIVING_STATUS.reserved;
  return {
    theme: booking.theme,
    living_start: phase.name === "ended" ? phase.startedAtSeconds : booking.startSeconds,
    living_duration: phase.name === "ended" ? phase.endedAtSeconds - phase.startedAtSeconds : booking.durationSeconds,
    status,
    reserve_start: booking.startSeconds,
    reserve_living_duration: booking.durationSeconds,
    description: booking.description,
    anchor_userid: booking.anchorUserid,
    main_department: mainDepartment,
    viewer_num: viewers.length,
    comment_num: viewers.filter((viewer) => viewer.hasCommented).length,
    mic_num: viewers.filter((viewer) => viewer.hasSpoken).length,
    open_replay: replayStatus === undefined ? 0 : 1,
    ...(replayStatus === undefined ? {} : { replay_status: REPLAY_STATUS[replayStatus] }),
    type: booking.type,
    ...(isPushable ? { push_stream_url: `rtmp://push.simulator.invalid/live/${living.livingid}?secret=demo` } : {}),
    online_count: phase.name === "live" ? viewers.filter((viewer) => viewer.isOnline ?? true).length : 0,
    subscribe_count: living.subscribeCount,
  };
}
