import type { Secret } from "../../observability/secret.js";
import type { CallOptions } from "../call.js";
import { WecomConfigurationError } from "../errors.js";

/** The source of a token: the only difference between the kinds of app. */
export interface TokenSource {
  /** @throws {WecomError} when no token is available; never with `mayHaveTakenEffect`, because the call was not made */
  get(call: CallOptions): Promise<Secret>;

  /**
   * WeCom refused this token. Only this one is forgotten, because a slower request may report one that was replaced.
   *
   * @param isReplacement whether it was used because the call's former token was refused
   * @returns whether another one can be fetched
   */
  invalidate(refused: Secret, call: CallOptions, isReplacement?: boolean): boolean;
}

/** For a gateway that serves one corp: rejects calls for any other before anything is sent. */
export function forCorpOnly(corpid: string, tokens: TokenSource): TokenSource {
  return {
    get: (call) => (call.corp === corpid ? tokens.get(call) : Promise.reject(unknownCorp())),
    invalidate: (...given) => tokens.invalidate(...given),
  };
}

/** A token that another program fetches and renews. If WeCom refuses it, there is no other one. */
export function fixedToken(corpid: string, token: Secret): TokenSource {
  return forCorpOnly(corpid, {
    get: () => Promise.resolve(token),
    invalidate: () => false,
  });
}

export function unknownCorp(): WecomConfigurationError {
  return new WecomConfigurationError("The gateway has no credentials for the corp that the request is for", {
    api: "gettoken",
  });
}
