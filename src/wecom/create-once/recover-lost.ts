/** Finds the living of a create whose answer was lost, and makes the create its owner. */
import type { CallOptions } from "../call.js";
import { notSent, type WecomTransportError } from "../errors.js";
import type { CreateLivingRequest } from "../living.wire.js";
import type { BookingSearch } from "./booking-search.js";
import { bookingOf, type BookingLock, type ExclusiveLock } from "./booking-lock.js";
import { invisibleMs, type Ownership } from "./ownership.js";

export interface LostCreate {
  /** The id of the create that is to own the living. */
  readonly owner: string;
  readonly request: CreateLivingRequest;
  /** The create may take effect until this time, by the store's clock. */
  readonly settlesAtMs: number;
}

export interface Found {
  /** Undefined if no living matches that has no other owner. */
  readonly livingid: string | undefined;
  /** A matching living may still appear until this time: its own, or the one that another create should have taken. */
  readonly settlesAtMs: number;
}

export class LostCreateRecovery {
  constructor(
    private readonly search: BookingSearch,
    private readonly ownership: Ownership,
    private readonly lock: BookingLock,
  ) {}

  /**
   * @param isLastLook ignores cached bookings
   *
   * @throws {WecomError} when not all of the anchor's livings could be read, or a match may belong to another create
   * @throws {StoreError} when the owners of the matches are unknown
   */
  async find(lost: LostCreate, isLastLook: boolean, { corp, deadline, log }: CallOptions): Promise<Found> {
    const booking = bookingOf(corp, lost.request);
    const lock = await this.lock.exclusive(booking, deadline);
    try {
      // The search is neither counted against the caller's quota nor cancelled when the client leaves.
      const livingid = await this.#find(lost, booking, lock, isLastLook, { corp, deadline, log });
      // Read under the lock: a create that takes a living after this search has seen this reservation.
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
    // This create already owns a living, but the outcome was not stored. Taking another one as well would take it from
    // the create with an equal booking that it belongs to.
    if (own.length > 0 || found.length === 0) return own[0];
    // The match may belong to an unkeyed create in another replica, which announces it within this time.
    if (!(await deadline.pause(invisibleMs))) throw mayBeAnothers("there is no time left to find out");
    if (await this.lock.isAnnounced(booking)) throw mayBeAnothers("a create without a key is in flight");
    const owners = await this.ownership.ownersOf(corp, found);
    // The process that sent the create may have received the answer meanwhile.
    const ownNow = found.find((livingid) => owners.get(livingid) === owner);
    if (ownNow !== undefined) return ownNow;
    await this.ownership.reserveUntil(booking, settlesAtMs);
    // The lock was lost, so another process may have found a living for this create.
    if (!lock.isHeld()) throw mayBeAnothers("this process stalled");
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
        "several livings match a create whose answer was lost: one is kept, check whether those in `left` are wanted",
      );
    }
    return kept;
  }
}

function mayBeAnothers(reason: string): WecomTransportError {
  return notSent("living/get_user_all_livingid", `a living that was found may be another create's: ${reason}`);
}
