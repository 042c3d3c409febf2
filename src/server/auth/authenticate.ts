import type { Logger } from "../../observability/logger.js";
import type { Secret } from "../../observability/secret.js";
import type { Authenticate } from "../caller.js";
import { authenticateJwt, type JwtSettings } from "./jwt.js";
import { authenticateNobody } from "./open.js";
import { authenticateRouter } from "./router.js";

export type AuthSettings =
  | { readonly mode: "none" }
  | { readonly mode: "router"; readonly secret: Secret }
  | ({ readonly mode: "jwt" } & JwtSettings);

export function createAuthenticate(settings: AuthSettings, log: Logger, now: () => number): Authenticate {
  switch (settings.mode) {
    case "none":
      return authenticateNobody;
    case "router":
      return authenticateRouter(settings.secret);
    case "jwt":
      return authenticateJwt(settings, log, now);
  }
}
