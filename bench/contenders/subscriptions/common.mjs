/** What the peers of the subscriptions' scenario share: the schema, a read of WeCom per `living`, and how they are told. */
import { Pool } from "undici";

export const typeDefs = `
  enum LivingStatus { RESERVED LIVE ENDED EXPIRED CANCELLED }
  type Living { theme: String status: LivingStatus }
  type LivingStatusChange { livingid: ID! status: LivingStatus living: Living }
  type Query { unused: String }
  type Subscription { livingStatusChanged: LivingStatusChange! }
`;

const statuses = ["RESERVED", "LIVE", "ENDED", "EXPIRED", "CANCELLED"];
const pool = new Pool(process.env.UPSTREAM, { connections: 128, pipelining: 1 });

export const living = async ({ livingid }) => {
  const path = "/cgi-bin/living/get_living_info?access_token=TOKEN";
  const { body } = await pool.request({ path, method: "POST", body: JSON.stringify({ livingid }) });
  const { theme, status } = (await body.json()).living_info;
  return { theme, status: statuses[status] };
};

/** Handles `POST /event`, which stands for WeCom's callback; true where it was one. The body is the event. */
export async function takeEvent(request, response, publish) {
  if (request.url !== "/event") return false;
  let text = "";
  for await (const part of request) text += part;
  const { livingid, status } = JSON.parse(text);
  publish({ livingStatusChanged: { livingid, status: statuses[status] } });
  response.end("success");
  return true;
}
