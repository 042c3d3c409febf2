import type { Api } from "./api.js";
import { ApiFailure } from "./api-failure.js";

/** @see https://developer.work.weixin.qq.com/document/path/91039 */
export const gettoken: Api = {
  name: "gettoken",
  method: "GET",
  auth: "none",
  emptyPayload: { access_token: "", expires_in: 0 },
  handle: ({ world, query, ip }) => {
    const corpid = query.get("corpid") ?? "";
    const secret = query.get("corpsecret") ?? "";
    if (corpid === "") throw new ApiFailure(41002);
    if (secret === "") throw new ApiFailure(41004);
    world.wrongSecrets.refuseBanned(ip);
    if (!world.directory.hasCorp(corpid)) throw new ApiFailure(40013);
    try {
      const app = world.directory.appWithSecret(corpid, secret);
      const { token, expiresInSeconds } = world.accessTokens.issue(`${corpid} ${app.agentid}`, app);
      return { access_token: token, expires_in: expiresInSeconds };
    } catch (error) {
      world.wrongSecrets.count(ip);
      throw error;
    }
  },
};
