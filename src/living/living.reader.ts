/** The reads of one request: each thing is read once, or taken from the cache. */
import { GraphQLError } from "graphql";
import type { CallOptions } from "../wecom/call.js";
import type { LivingDataSource } from "../wecom/living.datasource.js";
import type { LivingidPage, WatchStatPage } from "../wecom/living.wire.js";
import type { LivingCache } from "./living.cache.js";
import { type OnUnknownCode, toLivingDetails } from "./living.mapping.js";
import { Living } from "./living.types.js";

/** Per operation. The cost limit allows some hundred, but empty pages cost nothing there. */
const maxPages = 1000;

/** All methods throw `WecomError`s, as the calls do. */
export class LivingReader {
  // Created when needed: most operations read nothing, or one kind of thing.
  #livings: Map<string, Promise<Living>> | undefined;
  #livingidPages: Map<string, Promise<LivingidPage>> | undefined;
  #watchStatPages: Map<string, Promise<WatchStatPage>> | undefined;
  #pages = 0;
  /** The livings that were answered from an old cache entry, because WeCom is unreachable. */
  staleLivingids: string[] | undefined;

  constructor(
    private readonly livings: LivingDataSource,
    private readonly cache: LivingCache,
    private readonly call: CallOptions,
    readonly onUnknownCode: OnUnknownCode,
  ) {}

  /** WeCom does not document the errcode for an unknown livingid. */
  living(livingid: string): Promise<Living> {
    return once((this.#livings ??= new Map<string, Promise<Living>>()), livingid, async () => {
      const { details, isStale } = await this.cache.get(livingid, this.call, async (call) =>
        toLivingDetails(await this.livings.getLivingInfo(livingid, call), this.onUnknownCode),
      );
      if (isStale) (this.staleLivingids ??= []).push(livingid);
      return new Living(livingid, details);
    });
  }

  livingids(userid: string, cursor: string | undefined, limit: number): Promise<LivingidPage> {
    return once(
      (this.#livingidPages ??= new Map<string, Promise<LivingidPage>>()),
      JSON.stringify([userid, cursor, limit]),
      () => {
        this.#countPage();
        return this.livings.getUserAllLivingid({ userid, ...(cursor !== undefined && { cursor }), limit }, this.call);
      },
    );
  }

  watchStat(livingid: string, nextKey: string | undefined): Promise<WatchStatPage> {
    return once(
      (this.#watchStatPages ??= new Map<string, Promise<WatchStatPage>>()),
      JSON.stringify([livingid, nextKey]),
      () => {
        this.#countPage();
        return this.livings.getWatchStat(livingid, nextKey, this.call);
      },
    );
  }

  /** @throws {GraphQLError} when the operation has read too many */
  #countPage(): void {
    if ((this.#pages += 1) <= maxPages) return;
    throw new GraphQLError(`Too many pages: at most ${maxPages} are read for one operation`, {
      extensions: { code: "OPERATION_LIMIT_EXCEEDED", limit: "pages", maximum: maxPages },
    });
  }

  /** After a mutation, whatever it was: the operation reads what it has written. @param livingid that may have changed */
  forget(livingid?: string): void {
    this.#livings = this.#livingidPages = this.#watchStatPages = undefined;
    if (livingid !== undefined) this.cache.change(this.call.corp, livingid);
  }
}

function once<T>(reads: Map<string, Promise<T>>, key: string, read: () => Promise<T>): Promise<T> {
  let result = reads.get(key);
  if (!result) reads.set(key, (result = read()));
  return result;
}
