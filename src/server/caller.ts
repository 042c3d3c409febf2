/** Who is asking. Without authentication everybody may do everything, except see secrets that they do not name. */
import type { IncomingHttpHeaders } from "node:http";

export interface Caller {
  readonly scopes: ReadonlySet<string>;
}

const openScopes: ReadonlySet<string> = new Set(["living:read", "living:write", "living:admin"]);

/** With `AUTH_MODE=none`: the header x-wecom-scopes counts where it is given. */
export function unauthenticatedCaller(headers: IncomingHttpHeaders): Caller {
  const given = headers["x-wecom-scopes"];
  return { scopes: typeof given === "string" ? new Set(given.split(/[\s,]+/).filter(Boolean)) : openScopes };
}
