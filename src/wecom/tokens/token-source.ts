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
   * @returns whether another one can be fetched
   */
  invalidate(refused: Secret, call: CallOptions): boolean;
}

/** For a gateway that serves one corp: rejects calls for any other before anything is sent. */
export function forCorpOnly(corpid: string, tokens: TokenSource): TokenSource {
  return {
    get: (call) => (call.corp === corpid ? tokens.get(call) : Promise.reject(unknownCorp())),
    invalidate: (refused, call) => tokens.invalidate(refused, call),
  };
}

export function unknownCorp(): WecomConfigurationError {
  return new WecomConfigurationError("The gateway has no credentials for the corp that the request is for", {
    api: "gettoken",
  });
}
