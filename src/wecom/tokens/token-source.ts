import type { Secret } from "../../observability/secret.js";
import type { CallOptions } from "../call.js";
import { WecomConfigurationError } from "../errors.js";

/** Where a token comes from: the one thing in which the kinds of app differ. */
export interface TokenSource {
  /**
   * @throws {WecomError} when there is none to be had; never with `mayHaveTakenEffect`, for the call itself was not made
   */
  get(call: CallOptions): Promise<Secret>;

  /**
   * WeCom refused this token. Only this one is forgotten: a slower request may report one that was replaced long ago.
   *
   * @returns whether another can be had
   */
  invalidate(refused: Secret, call: CallOptions): boolean;
}

/** For a gateway that serves one corp: calls for any other are refused before anything is sent. */
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
