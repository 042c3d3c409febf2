import type { Secret } from "../../observability/secret.js";
import { forCorpOnly, type TokenSource } from "./token-source.js";

/** A token that another program fetches and renews. If WeCom refuses it, there is no other one. */
export function fixedToken(corpid: string, token: Secret): TokenSource {
  return forCorpOnly(corpid, {
    get: () => Promise.resolve(token),
    invalidate: () => false,
  });
}
