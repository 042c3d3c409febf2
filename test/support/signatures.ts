import { createHash } from "node:crypto";
import { fixedToken, type Gateway } from "./gateway.js";

/** What WeCom computes for a page, with the ticket that it gave out. @param api with the beginning of its query */
export async function expectedSignature(
  { simulator }: Gateway,
  api: "get_jsapi_ticket?" | "ticket/get?type=agent_config&",
  { timestamp, nonceStr }: { timestamp: number | string; nonceStr: string },
  url: string,
): Promise<string> {
  const answer = await fetch(`${simulator.url}/cgi-bin/${api}access_token=${fixedToken}`);
  const { ticket } = (await answer.json()) as { ticket: string };
  const text = `jsapi_ticket=${ticket}&noncestr=${nonceStr}&timestamp=${timestamp}&url=${url}`;
  return createHash("sha1").update(text).digest("hex");
}
