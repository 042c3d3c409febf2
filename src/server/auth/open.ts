import { type Authenticate, callerFromHeaders } from "./caller.js";

const openScopes: ReadonlySet<string> = new Set(["living:read", "living:write", "living:admin"]);

/**
 * `AUTH_MODE=none`: everybody may do everything, except see secrets that they do not name. The headers of a trusted router
 * count where the mode was chosen, so that permissions can be tried out; where it is only the default, they would let
 * whoever is on this machine name more scopes than these, so that of all headers only the corp counts.
 */
export function authenticateNobody({ trustsHeaders }: { readonly trustsHeaders: boolean }): Authenticate {
  return (credentials) => {
    const answer = callerFromHeaders(credentials, openScopes);
    if (trustsHeaders || answer.kind === "refused") return answer;
    return { kind: "caller", caller: { ...answer.caller, scopes: openScopes, userid: undefined, identity: undefined } };
  };
}
