/** WeCom's integer codes by name. The internal value is the number, so no mapping table is needed. */
import { registerEnumType } from "type-graphql";

export enum LivingType {
  GENERAL = 0,
  SMALL_CLASS = 1,
  LARGE_CLASS = 2,
  TRAINING = 3,
  EVENT = 4,
}

registerEnumType(LivingType, {
  name: "LivingType",
  description: "The kind of a living (WeCom's numbers 0 to 4).",
  valuesConfig: {
    GENERAL: { description: "通用直播, WeCom's 0 and its default." },
    SMALL_CLASS: { description: "小班课, WeCom's 1: only for K12 schools and corps of the IT industry." },
    LARGE_CLASS: { description: "大班课, WeCom's 2: only for K12 schools and corps of the IT industry." },
    TRAINING: { description: "企业培训, WeCom's 3." },
    EVENT: { description: "活动直播, WeCom's 4: with cover, share card and detail page." },
  },
});

export enum LivingStatus {
  RESERVED = 0,
  LIVE = 1,
  ENDED = 2,
  EXPIRED = 3,
  CANCELLED = 4,
}

registerEnumType(LivingStatus, {
  name: "LivingStatus",
  description: "The status of a living (WeCom's numbers 0 to 4).",
  valuesConfig: {
    RESERVED: { description: "预约中, WeCom's 0: can be modified and cancelled." },
    LIVE: { description: "直播中, WeCom's 1." },
    ENDED: { description: "已结束, WeCom's 2." },
    EXPIRED: { description: "已过期, WeCom's 3: it was never started." },
    CANCELLED: { description: "已取消, WeCom's 4." },
  },
});

export enum LivingReplayStatus {
  READY = 0,
  GENERATING = 1,
  DELETED = 2,
  FAILED = 3,
}

registerEnumType(LivingReplayStatus, {
  name: "LivingReplayStatus",
  description: "The status of a living's replay (WeCom's numbers 0 to 3).",
  valuesConfig: {
    READY: { description: "生成成功, WeCom's 0." },
    GENERATING: { description: "生成中, WeCom's 1." },
    DELETED: { description: "回放已删除, WeCom's 2." },
    FAILED: { description: "生成失败, WeCom's 3." },
  },
});
