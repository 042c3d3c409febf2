/**
 * The calls of WeCom's living API, one method each, in the order of its documentation. Wire names as documented.
 *
 * @see https://developer.work.weixin.qq.com/document/path/93633
 */
import type { CallOptions, Endpoint } from "./call.js";
import { requireObject, requireString, type WecomClient } from "./client.js";
import type { CreateLivingRequest, LivingInfo } from "./living.wire.js";
import type { TokenSource } from "./tokens/token-source.js";

const create: Endpoint = { api: "living/create", method: "POST", effect: "write" };
const getLivingInfo: Endpoint = { api: "living/get_living_info", method: "GET", effect: "read" };

export class LivingDataSource {
  constructor(
    private readonly client: WecomClient,
    private readonly tokens: TokenSource,
  ) {}

  /**
   * Reserves a living. Never repeated by itself: after an error with `mayHaveTakenEffect` it may exist.
   *
   * @throws {WecomApiError} for example 60011 when the anchor is outside the app's visible range
   * @see https://developer.work.weixin.qq.com/document/path/93637
   */
  create(request: CreateLivingRequest, call: CallOptions): Promise<{ livingid: string }> {
    return this.client.call(create, { body: request }, this.tokens, call, (answer) => ({
      livingid: requireString(answer, "livingid"),
    }));
  }

  /**
   * After the end, `living_start` and `living_duration` hold what really happened; the booking stays in `reserve_*`.
   *
   * @see https://developer.work.weixin.qq.com/document/path/93635
   */
  getLivingInfo(livingid: string, call: CallOptions): Promise<LivingInfo> {
    return this.client.call(getLivingInfo, { query: { livingid } }, this.tokens, call, (answer) =>
      // Its fields are checked where they are read: none of them is sure to be there.
      requireObject(answer, "living_info"),
    );
  }
}
