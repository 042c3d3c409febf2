/** The reads of one request: a living asked for in five places is read once. */
import type { CallOptions } from "../wecom/call.js";
import type { LivingDataSource } from "../wecom/living.datasource.js";
import { type OnUnknownCode, toLivingDetails } from "./living.mapping.js";
import { Living } from "./living.types.js";

export class LivingReader {
  readonly #livings = new Map<string, Promise<Living>>();

  constructor(
    private readonly livings: LivingDataSource,
    private readonly call: CallOptions,
    private readonly onUnknownCode: OnUnknownCode,
  ) {}

  /** @throws {WecomError} as get_living_info does; WeCom does not document which errcode an unknown livingid yields */
  read(livingid: string): Promise<Living> {
    let living = this.#livings.get(livingid);
    if (!living) {
      living = this.livings
        .getLivingInfo(livingid, this.call)
        .then((wire) => new Living(livingid, toLivingDetails(wire, this.onUnknownCode)));
      this.#livings.set(livingid, living);
    }
    return living;
  }
}
