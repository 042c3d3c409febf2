/** The reads of one request: what is asked for in five places is read once. */
import type { CallOptions } from "../wecom/call.js";
import type { LivingDataSource } from "../wecom/living.datasource.js";
import type { LivingidPage, WatchStatPage } from "../wecom/living.wire.js";
import { type OnUnknownCode, toLivingDetails } from "./living.mapping.js";
import { Living } from "./living.types.js";

/** All throw `WecomError`s, as the calls do. */
export class LivingReader {
  readonly #livings = new Map<string, Promise<Living>>();
  readonly #livingidPages = new Map<string, Promise<LivingidPage>>();
  readonly #watchStatPages = new Map<string, Promise<WatchStatPage>>();

  constructor(
    private readonly livings: LivingDataSource,
    private readonly call: CallOptions,
    readonly onUnknownCode: OnUnknownCode,
  ) {}

  /** WeCom does not document which errcode an unknown livingid yields. */
  living(livingid: string): Promise<Living> {
    return once(this.#livings, livingid, async () => {
      const wire = await this.livings.getLivingInfo(livingid, this.call);
      return new Living(livingid, toLivingDetails(wire, this.onUnknownCode));
    });
  }

  livingids(userid: string, cursor: string | undefined, limit: number): Promise<LivingidPage> {
    return once(this.#livingidPages, JSON.stringify([userid, cursor, limit]), () =>
      this.livings.getUserAllLivingid({ userid, ...(cursor !== undefined && { cursor }), limit }, this.call),
    );
  }

  watchStat(livingid: string, nextKey: string | undefined): Promise<WatchStatPage> {
    return once(this.#watchStatPages, JSON.stringify([livingid, nextKey]), () =>
      this.livings.getWatchStat(livingid, nextKey, this.call),
    );
  }

  /** After a mutation: what was read of this living before it may have changed. */
  forget(livingid: string): void {
    this.#livings.delete(livingid);
  }
}

function once<T>(reads: Map<string, Promise<T>>, key: string, read: () => Promise<T>): Promise<T> {
  let result = reads.get(key);
  if (!result) reads.set(key, (result = read()));
  return result;
}
