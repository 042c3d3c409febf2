import { type Authenticate, callerFromHeaders } from "../caller.js";

const openScopes: ReadonlySet<string> = new Set(["living:read", "living:write", "living:admin"]);

/**
 * `AUTH_MODE=none`: everybody may do everything, except see secrets that they do not name. The headers of a trusted
 * router count here too, so that permissions can be tried out.
 */
export const authenticateNobody: Authenticate = (headers) => ({
  kind: "caller",
  caller: callerFromHeaders(headers, openScopes),
});
