/** How every contender on Node but this project's gateway calls WeCom: one pool, the same for all. */
import { Pool } from "undici";

const pool = new Pool(process.env.UPSTREAM, { connections: 128, pipelining: 1 });
const headers = { "content-type": "application/json" };

/** @param {string} body the JSON to send */
export async function callWecom(body) {
  const path = "/cgi-bin/living/create?access_token=TOKEN";
  const answer = await pool.request({ path, method: "POST", headers, body });
  return answer.body.text();
}

export class WecomError extends Error {
  constructor({ errcode, errmsg }) {
    super(errmsg);
    this.errcode = errcode;
  }
}

/** @param {object} input a LivingInput as a GraphQL server hands it to a resolver, `type` as WeCom's number */
export async function createLiving(input) {
  const detail = input.activityDetail;
  const answer = JSON.parse(
    await callWecom(
      JSON.stringify({
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
        activity_detail: detail && { description: detail.description, image_list: detail.imageList },
      }),
    ),
  );
  if (answer.errcode !== 0) throw new WecomError(answer);
  return { livingid: answer.livingid };
}
