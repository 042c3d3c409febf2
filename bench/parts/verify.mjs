/** Before anything is measured: does this contender do the job? The same body to WeCom, and an errcode back. */
import { isDeepStrictEqual } from "node:util";
import { wireBody } from "./example.mjs";
import { livingid, Server } from "./servers.mjs";

/** @throws when it does not */
export async function verify(contender, place, upstream) {
  const server = await Server.start(contender, place);
  try {
    const good = await server.post();
    const { last } = await upstream.ask({ isFailing: true });
    const sent = last.slice(last.indexOf("{"), last.lastIndexOf("}") + 1);
    if (!good.text.includes(livingid)) throw new Error(`answers a create with ${good.text}`);
    if (
      !last.startsWith("POST /cgi-bin/living/create?access_token=TOKEN ") ||
      !isDeepStrictEqual(JSON.parse(sent), wireBody)
    ) {
      throw new Error(`sends WeCom another request than the documented one: ${last}`);
    }
    const bad = await server.post();
    if (!bad.text.includes("40058")) throw new Error(`does not report WeCom's errcode: ${bad.text}`);
  } finally {
    await upstream.ask({ isFailing: false });
    await server.stop();
  }
}
