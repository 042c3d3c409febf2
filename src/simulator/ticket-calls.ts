// The two calls that issue JS-SDK tickets.

import type { Api } from "./api.js";
import { ApiFailure } from "./api-failure.js";

/** @see https://developer.work.weixin.qq.com/document/path/90506 */
export const ticketCalls: readonly Api[] = [
  {
    name: "get_jsapi_ticket",
    method: "GET",
    auth: "access_token",
    emptyPayload: { ticket: "", expires_in: 0 },
    handle: ({ world, app }) => ({ ...world.tickets.issue("corp", app) }),
  },
  {
    name: "ticket/get",
    method: "GET",
    auth: "access_token",
    emptyPayload: { ticket: "", expires_in: 0 },
    handle: ({ world, app, query }) => {
      if (query.get("type") !== "agent_config") throw new ApiFailure(40058);
      return { ...world.tickets.issue("app", app) };
    },
  },
];
