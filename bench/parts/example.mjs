/**
 * What every contender is asked: to create the living of WeCom's own example.
 *
 * @see https://developer.work.weixin.qq.com/document/path/93637
 */
export const wireBody = {
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

const camelCase = (name) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());
const renamed = (value) =>
  Object.fromEntries(
    Object.entries(value).map(([name, field]) => [
      camelCase(name),
      typeof field === "object" && !Array.isArray(field) ? renamed(field) : field,
    ]),
  );

/** The same in GraphQL's spelling, `type` still WeCom's number. */
export const input = renamed(wireBody);

/** @param {string} selection of `createLiving`'s result */
export function createRequest(
  selection,
  variables = { input: { ...input, type: "EVENT" } },
  inputType = "LivingInput",
) {
  const query = `mutation CreateLiving($input: ${inputType}!) { createLiving(input: $input) { ${selection} } }`;
  return JSON.stringify({ query, variables });
}
