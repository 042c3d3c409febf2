/** Finds the living of a create whose answer was lost, and makes it that create's own. */
import { StoreError } from "../../stores/store.js";
import type { CallOptions } from "../call.js";
import type { CreateLivingRequest } from "../living.wire.js";
import type { BookingSearch } from "./booking-search.js";
import type { Claims } from "./claims.js";
import { bookingOf, type Turns } from "./turns.js";

export interface Found {
  /** Undefined when WeCom has none that was booked so and is not another create's. */
  readonly livingid: string | undefined;
  /** Until then, in Unix milliseconds, one may still appear. */
  readonly settlesAt: number;
}

export class LostLivings {
  constructor(
    private readonly search: BookingSearch,
    private readonly claims: Claims,
    private readonly turns: Turns,
  ) {}

  /**
   * @param create whose living it is
   * @param settlesAt until then, in Unix milliseconds, the lost create may take effect
   * @throws {WecomError} when not all of the anchor's livings could be looked at
   */
  async find(request: CreateLivingRequest, create: string, settlesAt: number, call: CallOptions): Promise<Found> {
    const booking = bookingOf(call.corp, request);
    // What is looked for counts neither for the caller's rate nor as theirs to give up.
    const { corp, deadline, log } = call;
    const work = async (): Promise<Found> => {
      const livingid = await this.#findFree(request, create, settlesAt, { corp, deadline, log });
      // Within the turn: who takes one after this look has seen that this create did not want it.
      return { livingid, settlesAt: Math.max(settlesAt, await this.claims.expectedUntil(booking)) };
    };
    try {
      return await this.turns.alone(booking, deadline, work);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      return await this.turns.aloneHere(booking, deadline, work);
    }
  }

  async #findFree(
    request: CreateLivingRequest,
    create: string,
    settlesAt: number,
    call: CallOptions,
  ): Promise<string | undefined> {
    const anchor = { corp: call.corp, anchor: request.anchor_userid };
    const own: string[] = [];
    const takenOf = async (livingids: readonly string[]): Promise<ReadonlyMap<string, string>> => {
      const holders = await this.claims.holdersOf(anchor, livingids);
      for (const [livingid, holder] of holders) if (holder === create) own.push(livingid);
      return holders;
    };
    const found = await this.search.find(request, call, takenOf).catch((error: unknown) => {
      if (own.length === 0) throw error;
      return [];
    });
    // Claimed by a process that died before it could write the outcome down, or could not tell that it had. With another
    // one besides, that would be lost for the create alike whose it is.
    if (own.length > 0) return own[0];
    if (found.length > 0) await this.claims.expect(bookingOf(call.corp, request), settlesAt);
    let kept: string | undefined;
    const left: string[] = [];
    for (const livingid of found) {
      const living = { ...anchor, livingid, livingStart: request.living_start };
      if (kept === undefined) {
        // What another process has noted in the meantime is taken all the same.
        if ((await this.claims.take(living, create)) && !(await this.claims.isNoted(living))) kept = livingid;
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
