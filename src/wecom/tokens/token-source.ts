import type { Secret } from "../../observability/secret.js";
import type { CallOptions } from "../call.js";

/** Where an access_token comes from: the one thing in which the kinds of app differ. */
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
