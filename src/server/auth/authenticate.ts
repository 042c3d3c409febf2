import type { Logger } from "../../observability/logger.js";
import type { Secret } from "../../observability/secret.js";
import { type Authenticator, claimHeaders, unauthenticated } from "./caller.js";
import type { CredentialName } from "./credentials.js";
import { authenticateJwt, type JwtSettings } from "./jwt.js";
import { authenticateNobody } from "./open.js";
import { authenticateRouter } from "./router.js";

export type AuthSettings =
  | {
      readonly mode: "none";
      /** Whether `x-wecom-scopes` and `x-wecom-userid` count: only if `AUTH_MODE=none` was set explicitly. */
      readonly trustsHeaders: boolean;
    }
  | { readonly mode: "router"; readonly secret: Secret }
  | ({ readonly mode: "jwt" } & JwtSettings);

/** The headers that identify the caller, by mode. Others are ignored, however often they occur. */
const headersOf: Readonly<Record<AuthSettings["mode"], readonly CredentialName[]>> = {
  none: claimHeaders,
  router: ["router-authorization", ...claimHeaders],
  jwt: ["authorization"],
};
const challengeOf = { none: "Router", router: "Router", jwt: "Bearer" } as const;

export function createAuthenticator(settings: AuthSettings, log: Logger, now: () => number): Authenticator {
  const { mode } = settings;
  const authenticator = authenticatorOf(settings, log, now);
  return {
    ...authenticator,
    authenticate: (credentials) => {
      const repeated = credentials.repeated(headersOf[mode]);
      if (repeated === undefined) return authenticator.authenticate(credentials);
      return unauthenticated(`The header ${repeated} must come once`, challengeOf[mode]);
    },
  };
}

function authenticatorOf(settings: AuthSettings, log: Logger, now: () => number): Authenticator {
  const isReady = (): boolean => true;
  const close = (): void => undefined;
  switch (settings.mode) {
    case "none":
      return { authenticate: authenticateNobody(settings), isReady, close };
    case "router":
      return { authenticate: authenticateRouter(settings.secret), isReady, close };
    case "jwt":
      return authenticateJwt(settings, log, now);
  }
}
