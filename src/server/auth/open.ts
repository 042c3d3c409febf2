import { type Authenticate, callerFromHeaders } from "./caller.js";

const openScopes: ReadonlySet<string> = new Set(["living:read", "living:write", "living:admin"]);

/**
 * `AUTH_MODE=none`: every caller has all scopes but `living:push`. If the mode was set explicitly, the headers of a router
 * count, so that permissions can be tried out. If it is only the default, only the corp's header counts: otherwise any process
 * on this machine could give itself more scopes.
 */
export function authenticateNobody({ trustsHeaders }: { readonly trustsHeaders: boolean }): Authenticate {
  return (credentials) => {
    const answer = callerFromHeaders(credentials, openScopes);
    if (trustsHeaders || answer.kind === "refused") return answer;
    return { kind: "caller", caller: { ...answer.caller, scopes: openScopes, userid: undefined, identity: undefined } };
  };
}
