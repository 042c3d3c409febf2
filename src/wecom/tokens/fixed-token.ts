import type { Secret } from "../../observability/secret.js";
import { forCorpOnly, type TokenSource } from "./token-source.js";

/** A token that somebody else fetches and renews, as on WeCom's API page. When WeCom refuses it there is no other. */
export function fixedToken(corpid: string, token: Secret): TokenSource {
  return forCorpOnly(corpid, {
    get: () => Promise.resolve(token),
    invalidate: () => false,
  });
}
