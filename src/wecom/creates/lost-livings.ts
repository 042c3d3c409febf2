/** Finds the living of a create whose answer was lost, and makes it that create's own. */
import { StoreError } from "../../stores/store.js";
import type { CallOptions } from "../call.js";
import type { CreateLivingRequest } from "../living.wire.js";
import type { BookingSearch } from "./booking-search.js";
import type { Claims } from "./claims.js";
import { bookingOf, type Turns } from "./turns.js";

export class LostLivings {
  constructor(
    private readonly search: BookingSearch,
    private readonly claims: Claims,
    private readonly turns: Turns,
  ) {}

  /**
   * @param create whose living it is
   * @returns undefined when WeCom has none that was booked so and is not another create's
   * @throws {WecomError} when not all of the anchor's livings could be looked at
   */
  async find(request: CreateLivingRequest, create: string, call: CallOptions): Promise<string | undefined> {
    const booking = bookingOf(call.corp, request);
    // What is looked for counts neither for the caller's rate nor as theirs to give up.
    const { corp, deadline, log } = call;
    const work = () => this.#findFree(request, create, { corp, deadline, log });
    try {
      return await this.turns.alone(booking, deadline, work);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      return await this.turns.aloneHere(booking, deadline, work);
    }
  }

  async #findFree(request: CreateLivingRequest, create: string, call: CallOptions): Promise<string | undefined> {
    let kept: string | undefined;
    const left: string[] = [];
    const own: string[] = [];
    const isAnothers = async (livingid: string): Promise<boolean> => {
      const holder = await this.claims.holderOf({ corp: call.corp, livingid });
      if (holder === create) own.push(livingid);
      return holder !== undefined && holder !== create;
    };
    const found = await this.search.find(request, call, isAnothers);
    // First what was claimed before, by a process that died before it could write the outcome down: with another one
    // claimed besides, that would be lost for the create alike whose it is.
    found.sort((one, other) => Number(own.includes(other)) - Number(own.includes(one)));
    for (const livingid of found) {
      const living = { corp: call.corp, livingid, livingStart: request.living_start };
      if (kept === undefined) {
        if (await this.claims.take(living, create)) kept = livingid;
      } else if (!(await this.claims.isTaken(living))) {
        left.push(livingid);
      }
    }
    if (left.length > 0) {
      call.log.error(
        { corp: call.corp, kept, left },
        "several livings match a create whose answer was lost: one is kept, look whether the others are meant",
      );
    }
    return kept;
  }
}
