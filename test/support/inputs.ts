import type { LivingInput } from "../../packages/client/src/index.js";

/** The least that a living needs. */
export const minimalInput: LivingInput = {
  anchorUserid: "zhangsan",
  theme: "theme",
  livingStart: 1600000000,
  livingDuration: 3600,
};

/** The example of WeCom's own page, in GraphQL's words … */
export const documentedInput: LivingInput = {
  anchorUserid: "zhangsan",
  theme: "theme",
  livingStart: 1600000000,
  livingDuration: 3600,
  description: "testdescription",
  type: "EVENT",
  agentid: 1000014,
  remindTime: 60,
  activityCoverMediaid: "MEDIA_ID",
  activityShareMediaid: "MEDIA_ID",
  activityDetail: { description: "活动描述,非活动类型的直播不用传", imageList: ["MEDIA_ID_1", "MEDIA_ID_2"] },
};

/** … and in WeCom's: what must arrive there. @see https://developer.work.weixin.qq.com/document/path/93637 */
export const documentedBody = {
  anchor_userid: "zhangsan",
  theme: "theme",
  living_start: 1600000000,
  living_duration: 3600,
  description: "testdescription",
  type: 4,
  agentid: 1000014,
  remind_time: 60,
  activity_cover_mediaid: "MEDIA_ID",
  activity_share_mediaid: "MEDIA_ID",
  activity_detail: {
    description: "活动描述,非活动类型的直播不用传",
    image_list: ["MEDIA_ID_1", "MEDIA_ID_2"],
  },
};

/** A reservation as the simulator keeps it: for livings that are there before the gateway is asked. */
export const booking = {
  anchorUserid: "zhangsan",
  theme: "theme",
  startSeconds: 4102444800,
  durationSeconds: 3600,
  type: 0,
  description: "",
  remindSeconds: 0,
  imageMediaids: [],
};
