/** Finds the living of a create whose answer was lost, and makes it that create's own. */
import type { CallOptions } from "../call.js";
import { WecomTransportError } from "../errors.js";
import type { CreateLivingRequest } from "../living.wire.js";
import type { BookingSearch } from "./booking-search.js";
import { bookingOf, type BookingLock, type ExclusiveLock } from "./booking-lock.js";
import { invisibleMs, type Ownership } from "./ownership.js";

export interface LostCreate {
  /** Whose the living is to be. */
  readonly owner: string;
  readonly request: CreateLivingRequest;
  /** Until then, in the store's time, it may take effect. */
  readonly settlesAtMs: number;
}

export interface Found {
  /** Undefined when WeCom has none that was booked so and is not another create's. */
  readonly livingid: string | undefined;
  /** Until then one may still appear: its own, or that of another which was given its own. */
  readonly settlesAtMs: number;
}

export class LostCreateRecovery {
  constructor(
    private readonly search: BookingSearch,
    private readonly ownership: Ownership,
    private readonly lock: BookingLock,
  ) {}

  /**
   * @param isLastLook nothing that was read before is trusted
   * @throws {WecomError} when not all of the anchor's livings could be looked at, or one may be another create's
   * @throws {StoreError} when it is not known which are other creates'
   */
  async find(lost: LostCreate, isLastLook: boolean, { corp, deadline, log }: CallOptions): Promise<Found> {
    const booking = bookingOf(corp, lost.request);
    const lock = await this.lock.exclusive(booking, deadline);
    try {
      // What is looked for counts neither for the caller's rate nor as theirs to give up.
      const livingid = await this.#find(lost, booking, lock, isLastLook, { corp, deadline, log });
      // While it is locked: who takes one after this look has seen that this create did not want it.
      return { livingid, settlesAtMs: Math.max(lost.settlesAtMs, await this.ownership.reservedUntilMs(booking)) };
    } finally {
      lock.release();
    }
  }

  async #find(
    { owner, request, settlesAtMs }: LostCreate,
    booking: string,
    lock: ExclusiveLock,
    isLastLook: boolean,
    call: CallOptions,
  ): Promise<string | undefined> {
    const { corp, deadline, log } = call;
    const own: string[] = [];
    const ownersOf = async (livingids: readonly string[]): Promise<ReadonlyMap<string, string>> => {
      const owners = await this.ownership.ownersOf(corp, livingids);
      for (const [livingid, whose] of owners) if (whose === owner) own.push(livingid);
      return owners;
    };
    const found = await this.search.find(request, call, ownersOf, isLastLook).catch((error: unknown) => {
      if (own.length === 0) throw error;
      return [];
    });
    // Its owner before it could be written down as the outcome. With another one besides, that would be lost for the
    // create alike whose it is.
    if (own.length > 0 || found.length === 0) return own[0];
    // It may be that of a create without a key in another replica, which is about to say so.
    if (!(await deadline.pause(invisibleMs))) throw mayBeAnothers("there is no time left to find out");
    if (await this.lock.isAnnounced(booking)) throw mayBeAnothers("a create without a key is under way");
    const owners = await this.ownership.ownersOf(corp, found);
    // The process that sent it may have had its answer meanwhile.
    const ownNow = found.find((livingid) => owners.get(livingid) === owner);
    if (ownNow !== undefined) return ownNow;
    await this.ownership.reserveUntil(booking, settlesAtMs);
    // Another process may have found one for this create by now.
    if (!lock.isHeld()) throw mayBeAnothers("this process stood still");
    let kept: string | undefined;
    const left: string[] = [];
    for (const livingid of found.filter((each) => !owners.has(each))) {
      const living = { corp, livingid, livingStart: request.living_start };
      if (kept === undefined && (await this.ownership.own(living, owner))) kept = livingid;
      else if (kept !== undefined) left.push(livingid);
    }
    if (left.length > 0) {
      log.error(
        { corp, kept, left },
        "several livings match a create whose answer was lost: one is kept, look whether the others are meant",
      );
    }
    return kept;
  }
}

function mayBeAnothers(reason: string): WecomTransportError {
  return new WecomTransportError(`a living that was found may be another create's: ${reason}`, {
    api: "living/get_user_all_livingid",
    delivery: "none",
    mayHaveTakenEffect: false,
  });
}
