/**
 * Looks for the living of a create whose answer was lost: WeCom has no way to ask for it, so all livings of the anchor are
 * walked, and what was booked alike is found.
 *
 * @see https://developer.work.weixin.qq.com/document/path/93634 ids, in no documented order
 * @see https://developer.work.weixin.qq.com/document/path/93635 what was booked
 */
import type { CallOptions } from "../call.js";
import { WecomApiError, WecomError } from "../errors.js";
import { BoundedMap } from "../../lib/bounded-map.js";
import { isSameUserid } from "../../lib/userid.js";
import type { LivingDataSource } from "../living.datasource.js";
import { cancelledStatus, type CreateLivingRequest, type LivingidPage, type LivingInfo } from "../living.wire.js";
import { PageWalk } from "../page-walk.js";

/** Of likenesses the greatest: in every respect. */
const alike = 3;
const eventType = 4;
const pageLimit = 100;
/** A hundred thousand livings of one anchor. */
const maxPages = 1000;
/** Of the calls that a corp may have under way, so many are one search's. */
const readsAtOnce = 4;
const maxCached = 20_000;
/** What was booked changes only when somebody modifies it. */
const cachedForMs = 10 * 60_000;

export class BookingSearch {
  /** What was found to be booked, so that the next search of the same anchor reads only what is new. */
  readonly #bookings = new BoundedMap<string, { readonly booked: Booked; readonly untilMs: number }>(maxCached);

  constructor(
    private readonly livings: LivingDataSource,
    private readonly now: () => number,
  ) {}

  /**
   * @param takenOf which of these livings need not be looked at: nearly all, where this gateway made them
   * @param isAfresh nothing that was read before is trusted: it may have been changed since
   * @returns the ids of the livings that were booked so, the likest first; where one or the other could not be looked at,
   * those that leave no doubt
   * @throws {WecomError} when not all of them are known, or not all could be looked at and none was found
   */
  async find(
    request: CreateLivingRequest,
    call: CallOptions,
    takenOf: (livingids: readonly string[]) => Promise<Pick<ReadonlySet<string>, "has">>,
    isAfresh: boolean,
  ): Promise<string[]> {
    const found: { livingid: string; likeness: number }[] = [];
    const seen = new Set<string>();
    let unseen: WecomError | undefined;
    const walk = new PageWalk("living/get_user_all_livingid", maxPages);
    let cursor: string | undefined;
    do {
      await walk.follow(cursor);
      const page: LivingidPage = await this.#page(request.anchor_userid, cursor, call);
      const fresh = page.livingid_list.filter((livingid) => !seen.has(livingid));
      for (const livingid of fresh) seen.add(livingid);
      const taken = await takenOf(fresh);
      const free = fresh.filter((livingid) => !taken.has(livingid));
      await inParallel(free, readsAtOnce, async (livingid) => {
        // The others are looked at all the same: what is read now need not be read the next time.
        const likeness = await this.#likeness(livingid, request, call, isAfresh).catch((error: unknown) => {
          unseen = asWecomError(error);
          return 0;
        });
        if (likeness > 0) found.push({ livingid, likeness });
      });
      cursor = page.next_cursor;
    } while (cursor !== undefined);
    const usable = unseen ? found.filter(({ likeness }) => likeness === alike) : found;
    if (unseen && usable.length === 0) throw unseen;
    return usable.sort((one, other) => other.likeness - one.likeness).map(({ livingid }) => livingid);
  }

  /** Somebody has changed what is booked. */
  forget(corp: string, livingid: string): void {
    this.#bookings.delete(keyOf(corp, livingid));
  }

  #page(userid: string, cursor: string | undefined, call: CallOptions): Promise<LivingidPage> {
    const from = cursor === undefined ? {} : { cursor };
    return this.livings.getUserAllLivingid({ userid, ...from, limit: pageLimit }, call);
  }

  async #likeness(
    livingid: string,
    request: CreateLivingRequest,
    call: CallOptions,
    isAfresh: boolean,
  ): Promise<number> {
    const known = isAfresh ? undefined : this.#cached(livingid, call);
    if (known && likenessOf(request, known) === 0) return 0;
    // What seems to match is looked at again: it may have been changed since.
    const booked = await this.#read(livingid, call);
    return booked ? likenessOf(request, booked) : 0;
  }

  #cached(livingid: string, call: CallOptions): Booked | undefined {
    const known = this.#bookings.get(keyOf(call.corp, livingid));
    return known && this.now() < known.untilMs ? known.booked : undefined;
  }

  /** @returns undefined for a living that this app may not see: it is not one that it made */
  async #read(livingid: string, call: CallOptions): Promise<Booked | undefined> {
    try {
      const booked = bookedOf(await this.livings.getLivingInfo(livingid, call));
      this.#bookings.set(keyOf(call.corp, livingid), { booked, untilMs: this.now() + cachedForMs });
      return booked;
    } catch (error) {
      if (error instanceof WecomApiError && isFinal(error)) return undefined;
      throw error;
    }
  }
}

/** The errcode says something of one living, and not of WeCom, the gateway or the moment. */
function isFinal({ entry }: WecomApiError): boolean {
  return entry?.about === "request" && entry.retry === "never";
}

/** What is told of a living's booking, and nothing that is secret or long. */
function bookedOf(info: LivingInfo) {
  return {
    anchor: info.anchor_userid,
    theme: info.theme?.trim(),
    start: info.reserve_start ?? info.living_start,
    duration: info.reserve_living_duration ?? info.living_duration,
    type: info.type ?? 0,
    description: info.description?.trim(),
    status: info.status,
  };
}

type Booked = ReturnType<typeof bookedOf>;

/**
 * 0: not what was booked; 3: in every respect; 2: but for what WeCom has been seen to tell otherwise than it was told;
 * 1: so, but cancelled: its user may have cancelled it before it was found, and whoever is given it sees that.
 */
function likenessOf(request: CreateLivingRequest, booked: Booked): 0 | 1 | 2 | typeof alike {
  const isBooked =
    booked.anchor !== undefined &&
    isSameUserid(booked.anchor, request.anchor_userid) &&
    booked.theme === request.theme.trim() &&
    booked.start === request.living_start &&
    booked.duration === request.living_duration;
  if (!isBooked) return 0;
  const isSameType = booked.type === (request.type ?? 0);
  // A living that was created with type 3 has been seen to read type 0.
  if (!isSameType && booked.type !== 0) return 0;
  const { description: told } = booked;
  const isEvent = request.type === eventType;
  // An event has two descriptions; which of them WeCom tells, if any, is not documented.
  const isUntold = told === undefined || (told === "" && isEvent);
  const given = [request.description, ...(isEvent ? [request.activity_detail?.description] : [])];
  if (!isUntold && !given.some((text) => (text?.trim() ?? "") === told)) return 0;
  if (booked.status === cancelledStatus) return 1;
  return isSameType && !isUntold ? alike : 2;
}

async function inParallel<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const left = items.values();
  const worker = async (): Promise<void> => {
    for (const item of left) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
}

/** @throws what is none: a bug */
function asWecomError(error: unknown): WecomError {
  if (error instanceof WecomError) return error;
  throw error;
}

function keyOf(corp: string, livingid: string): string {
  return `${corp}\n${livingid}`;
}
