/**
 * The nine calls of WeCom's living API, one method each, in the order of its documentation. Wire names as documented.
 *
 * @see https://developer.work.weixin.qq.com/document/path/93633
 */
import type { CallOptions, Endpoint } from "./call.js";
import { type Answer, optionalString, requireArray, requireNumber, requireObject, requireString } from "./answer.js";
import type { WecomClient } from "./client.js";
import {
  cancelledStatus,
  type CreateLivingRequest,
  deletedReplayStatus,
  type ExternalViewer,
  type LivingidPage,
  type LivingInfo,
  type LivingShareInfo,
  type MemberViewer,
  type ModifyLivingRequest,
  type WatchStatPage,
} from "./living.wire.js";
import { sendRepeatedly } from "./retry.js";
import type { TokenSource } from "./tokens/token-source.js";

const create: Endpoint = { api: "living/create", method: "POST", effect: "write" };
const modify: Endpoint = { api: "living/modify", method: "POST", effect: "write" };
const cancel: Endpoint = { api: "living/cancel", method: "POST", effect: "write" };
const deleteReplayData: Endpoint = { api: "living/delete_replay_data", method: "POST", effect: "write" };
const getLivingCode: Endpoint = { api: "living/get_living_code", method: "POST", effect: "read" };
const getUserAllLivingid: Endpoint = { api: "living/get_user_all_livingid", method: "POST", effect: "read" };
const getLivingInfo: Endpoint = { api: "living/get_living_info", method: "GET", effect: "read" };
const getWatchStat: Endpoint = { api: "living/get_watch_stat", method: "POST", effect: "read" };
const getLivingShareInfo: Endpoint = { api: "living/get_living_share_info", method: "POST", effect: "read" };

/** The APIs that are called here. */
export const livingApis = [
  ...[create, modify, cancel, deleteReplayData, getLivingCode],
  ...[getUserAllLivingid, getLivingInfo, getWatchStat, getLivingShareInfo],
].map(({ api }) => api);

/** All throw the errors of `WecomClient.call`. */
export class LivingDataSource {
  constructor(
    private readonly client: WecomClient,
    private readonly tokens: TokenSource,
  ) {}

  /**
   * Reserves a living. Never repeated automatically: after an error with `mayHaveTakenEffect` it may exist.
   *
   * @throws {WecomApiError} for example 60011 when the anchor is outside the app's visible range
   * @see https://developer.work.weixin.qq.com/document/path/93637
   */
  create(request: CreateLivingRequest, call: CallOptions): Promise<{ livingid: string }> {
    return this.#call(create, { body: request }, call, (answer) => ({ livingid: requireString(answer, "livingid") }));
  }

  /**
   * @throws {WecomApiError} 92006 unless the living is still reserved, 92008 when another app created it
   *
   * @see https://developer.work.weixin.qq.com/document/path/93640
   */
  modify(request: ModifyLivingRequest, call: CallOptions): Promise<void> {
    const { livingid } = request;
    const write = { isDone: (info: LivingInfo) => isModified(info, request), livingid };
    return this.#callRepeatedly(modify, request, write, call);
  }

  /**
   * @throws {WecomApiError} 92006 unless the living is still reserved, 92008 when another app created it
   *
   * @see https://developer.work.weixin.qq.com/document/path/93638
   */
  cancel(livingid: string, call: CallOptions): Promise<void> {
    const write = { isDone: ({ status }: LivingInfo) => status === cancelledStatus, livingid };
    return this.#callRepeatedly(cancel, { livingid }, write, call);
  }

  /**
   * @throws {WecomApiError} 92007 when there is no replay that can be deleted
   * @see https://developer.work.weixin.qq.com/document/path/93874
   */
  deleteReplayData(livingid: string, call: CallOptions): Promise<void> {
    const write = { isDone: (info: LivingInfo) => info.replay_status === deletedReplayStatus, livingid };
    return this.#callRepeatedly(deleteReplayData, { livingid }, write, call);
  }

  /**
   * A code with which one WeChat user can watch in WeChat for the next 5 minutes.
   *
   * @see https://developer.work.weixin.qq.com/document/path/93641
   */
  getLivingCode(livingid: string, openid: string, call: CallOptions): Promise<string> {
    return this.#call(getLivingCode, { body: { livingid, openid } }, call, (answer) =>
      requireString(answer, "living_code"),
    );
  }

  /**
   * One page of the livings that a member hosts, in undocumented order.
   *
   * @param cursor undefined for the first page
   * @param limit 1 to 100
   * @see https://developer.work.weixin.qq.com/document/path/93634
   */
  getUserAllLivingid(
    request: { userid: string; cursor?: string; limit: number },
    call: CallOptions,
  ): Promise<LivingidPage> {
    return this.#call(getUserAllLivingid, { body: request }, call, (answer) => ({
      livingid_list: requireArray(answer, "livingid_list").map(String),
      next_cursor: optionalString(answer, "next_cursor"),
    }));
  }

  /**
   * After the end, `living_start` and `living_duration` are the actual times; the booking stays in `reserve_*`.
   *
   * @see https://developer.work.weixin.qq.com/document/path/93635
   */
  getLivingInfo(livingid: string, call: CallOptions): Promise<LivingInfo> {
    // The fields of living_info are checked where they are read, because any of them may be absent.
    return this.#call(getLivingInfo, { query: { livingid } }, call, (answer) => requireObject(answer, "living_info"));
  }

  /**
   * One page of viewers. Its size is undocumented and cannot be chosen.
   *
   * @param nextKey of the page before; undefined for the first page
   * @see https://developer.work.weixin.qq.com/document/path/93636
   */
  getWatchStat(livingid: string, nextKey: string | undefined, call: CallOptions): Promise<WatchStatPage> {
    return this.#call(getWatchStat, { body: { livingid, next_key: nextKey ?? "0" } }, call, (answer) => {
      const stat = requireObject(answer, "stat_info") as Answer;
      return {
        users: requireArray(stat, "users") as MemberViewer[],
        external_users: requireArray(stat, "external_users") as ExternalViewer[],
        next_key: requireNumber(answer, "ending") === 1 ? undefined : requireString(answer, "next_key"),
      };
    });
  }

  /**
   * Who opened a shared card, and who shared it. The code is valid for 5 minutes.
   *
   * @see https://developer.work.weixin.qq.com/document/path/94442
   */
  getLivingShareInfo(wwShareCode: string, call: CallOptions): Promise<LivingShareInfo> {
    return this.#call(getLivingShareInfo, { body: { ww_share_code: wwShareCode } }, call, (answer) => ({
      ...answer,
      livingid: requireString(answer, "livingid"),
    }));
  }

  /** After a lost answer, reads the living, and repeats the write unless the living shows that it was done. */
  #callRepeatedly(
    endpoint: Endpoint,
    body: object,
    { livingid, isDone }: { livingid: string; isDone: (living: LivingInfo) => boolean },
    call: CallOptions,
  ): Promise<void> {
    return sendRepeatedly(
      {
        send: (options) => this.#call(endpoint, { body }, options, nothing),
        read: (options) => this.getLivingInfo(livingid, options),
        isDone,
      },
      call,
    );
  }

  #call<T>(
    endpoint: Endpoint,
    payload: { body?: object; query?: Record<string, string> },
    call: CallOptions,
    read: (answer: Answer) => T,
  ): Promise<T> {
    return this.client.call(endpoint, payload, this.tokens, call, read);
  }
}

/** A reserved living has its booking in `reserve_*`. WeCom does not return `remind_time`. */
function isModified(info: LivingInfo, changed: ModifyLivingRequest): boolean {
  const { theme, living_start, living_duration, type, description, remind_time } = changed;
  return (
    remind_time === undefined &&
    (theme === undefined || info.theme === theme) &&
    (living_start === undefined || (info.reserve_start ?? info.living_start) === living_start) &&
    (living_duration === undefined || (info.reserve_living_duration ?? info.living_duration) === living_duration) &&
    (type === undefined || info.type === type) &&
    (description === undefined || info.description === description)
  );
}

const nothing = (): void => undefined;
