/**
 * Searches the living of a create whose answer was lost. WeCom has no call for that, so all livings of the anchor are
 * read and compared with the request.
 *
 * @see https://developer.work.weixin.qq.com/document/path/93634 ids, in no documented order
 * @see https://developer.work.weixin.qq.com/document/path/93635 a living's fields
 */
import type { CallOptions } from "../call.js";
import { WecomApiError, WecomError } from "../errors.js";
import { BoundedMap } from "../../lib/bounded-map.js";
import { isSameUserid } from "../../lib/userid.js";
import type { LivingDataSource } from "../living.datasource.js";
import { cancelledStatus, type CreateLivingRequest, type LivingidPage, type LivingInfo } from "../living.wire.js";
import { PageWalk } from "../page-walk.js";

/** The highest likeness: all fields match. */
const alike = 3;
const eventType = 4;
const pageLimit = 100;
/** With 100 livings per page: at most 100,000 livings of an anchor. */
const maxPages = 1000;
/** The share of a corp's concurrent calls that one search may take. */
const readsAtOnce = 4;
const maxCached = 20_000;
/** A booking changes only when somebody modifies it. */
const cachedForMs = 10 * 60_000;

export class BookingSearch {
  /** Bookings that were read, so that the next search of the same anchor only reads new livings. */
  readonly #bookings = new BoundedMap<string, { readonly booked: Booked; readonly untilMs: number }>(maxCached);

  constructor(
    private readonly livings: LivingDataSource,
    private readonly now: () => number,
  ) {}

  /**
   * @param takenOf returns which of these livings belong to other creates, so they are not read: nearly all, if this
   * gateway created them
   *
   * @param isAfresh ignores cached bookings, which may have been modified since
   * @returns ids of the livings that match, the best match first; if some could not be read, only exact matches
   * @throws {WecomError} if the list is incomplete, or if some livings could not be read and none of the others matches
   * exactly
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
        // After a failure the others are still read, and cached for the next search.
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

  /** The booking was modified. */
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
    // A cached match is read again, because it may have been modified since.
    const booked = await this.#read(livingid, call);
    return booked ? likenessOf(request, booked) : 0;
  }

  #cached(livingid: string, call: CallOptions): Booked | undefined {
    const known = this.#bookings.get(keyOf(call.corp, livingid));
    return known && this.now() < known.untilMs ? known.booked : undefined;
  }

  /** @returns undefined for a living that this app may not see, and so did not create */
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

/** Whether the errcode concerns this living, and not WeCom, the gateway or a temporary condition. */
function isFinal({ entry }: WecomApiError): boolean {
  return entry?.about === "request" && entry.retry === "never";
}

/** The fields that are compared; nothing secret or long. */
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
 * 0: does not match. 3: all fields match. 2: differs only in fields that WeCom has been seen to return changed. 1:
 * matches but was cancelled, maybe by its user before it was found; the caller sees the status.
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
  // WeCom has been seen to return type 0 for a living that was created with type 3.
  if (!isSameType && booked.type !== 0) return 0;
  const { description } = booked;
  const isEvent = request.type === eventType;
  // An event has two descriptions; WeCom does not document which of them it returns.
  const isMissing = description === undefined || (description === "" && isEvent);
  const given = [request.description, ...(isEvent ? [request.activity_detail?.description] : [])];
  if (!isMissing && !given.some((text) => (text?.trim() ?? "") === description)) return 0;
  if (booked.status === cancelledStatus) return 1;
  return isSameType && !isMissing ? alike : 2;
}

async function inParallel<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const left = items.values();
  const worker = async (): Promise<void> => {
    for (const item of left) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
}

/** @throws anything that is not a `WecomError`: a bug */
function asWecomError(error: unknown): WecomError {
  if (error instanceof WecomError) return error;
  throw error;
}

function keyOf(corp: string, livingid: string): string {
  return `${corp}\n${livingid}`;
}
