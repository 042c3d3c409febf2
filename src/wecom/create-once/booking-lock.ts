/**
 * Read–write lock per booking. Keyed creates, and searches for a lost create's living, hold it exclusively across all
 * replicas, by a lease in the store, so that a search does not find the living of another create in flight. Unkeyed
 * creates share it within their process, because they must cost nothing; slow ones are announced to the other replicas.
 */
import type { CreateStore } from "./closable-store.js";
import type { Clock } from "../clock.js";
import type { Deadline } from "../deadline.js";
import { notSent, type WecomTransportError } from "../errors.js";
import { acquireLease } from "../lease.js";
import type { CreateLivingRequest } from "../living.wire.js";
import { useridKey } from "../../lib/userid.js";
import { digestOf } from "./journal.js";
import type { StoreTime } from "./store-watch.js";

const leaseMs = 2_000;
const leasePollMs = 25;

/** The fields that make two creates indistinguishable when their livings are searched for. */
export function bookingOf(corp: string, request: CreateLivingRequest): string {
  return `${corp}\n${useridKey(request.anchor_userid)}\n${request.living_start}\n${request.theme.trim()}`;
}

interface Waiting {
  readonly isExclusive: boolean;
  readonly enter: () => void;
}

interface Lock {
  holders: number;
  isExclusive: boolean;
  /** First in, first out, so that an exclusive waiter does not starve. */
  readonly waiting: Waiting[];
}

type Release = () => void;

export interface ExclusiveLock {
  readonly release: Release;
  /** False if the lease has expired, because this process stalled or the store was unreachable. */
  isHeld(): boolean;
}

export interface BookingLockOptions {
  readonly store: CreateStore;
  readonly clock: Clock;
  readonly time: StoreTime;
  /** Identifies this process among the replicas. */
  readonly self: string;
  /** Whether other processes use the store. */
  readonly isShared: boolean;
}

export class BookingLock {
  readonly #locks = new Map<string, Lock>();
  #leases = 0;

  constructor(private readonly options: BookingLockOptions) {}

  /**
   * Shared within this process. Synchronous if nobody holds the lock exclusively.
   *
   * @throws {WecomTransportError} `delivery: "none"` when the deadline passes first
   */
  shared(booking: string, deadline: Deadline): Release | Promise<Release> {
    return this.#acquire(booking, false, deadline);
  }

  /**
   * Exclusive across all replicas.
   *
   * @throws {WecomTransportError} `delivery: "none"` when the deadline passes first
   * @throws {StoreError}
   */
  async exclusive(booking: string, deadline: Deadline): Promise<ExclusiveLock> {
    const { store, clock, self, isShared } = this.options;
    const leave = await this.#acquire(booking, true, deadline);
    if (!isShared) return { isHeld: () => true, release: leave };
    try {
      const owner = `${self} ${(this.#leases += 1)}`;
      const lease = await deadline.repeat(
        () => acquireLease(store, `turn:${digestOf(booking)}`, leaseMs, { owner, clock }),
        () => leasePollMs,
      );
      if (!lease) throw tooLate("deadline passed");
      const release = (): void => {
        lease.release().catch(() => undefined);
        leave();
      };
      return { isHeld: () => lease.isHeld(), release };
    } catch (error) {
      leave();
      throw error;
    }
  }

  /**
   * Announces an unkeyed create in flight to the other replicas.
   *
   * @returns withdraws the announcement
   */
  announce(booking: string, name: string, forMs: number): Release {
    const { store, time } = this.options;
    const untilMs = Math.ceil(time.latestMs() + forMs);
    const member = `${untilMs} ${name}`;
    const announced = store.enqueue(announcementsOf(booking), member, untilMs).catch(() => undefined);
    return () => void announced.then(() => store.dequeue(announcementsOf(booking), member)).catch(() => undefined);
  }

  /**
   * Whether another replica has announced an unkeyed create of this booking.
   *
   * @throws {StoreError}
   */
  async isAnnounced(booking: string): Promise<boolean> {
    const { store, time, self } = this.options;
    const members = await store.due(announcementsOf(booking), Number.MAX_SAFE_INTEGER, 100);
    const isOver = (member: string): boolean => Number.parseInt(member, 10) < time.earliestMs();
    for (const member of members.filter(isOver)) await store.dequeue(announcementsOf(booking), member);
    return members.some((member) => !isOver(member) && !member.includes(self));
  }

  #acquire(booking: string, isExclusive: boolean, deadline: Deadline): Release | Promise<Release> {
    let lock = this.#locks.get(booking);
    if (!lock) this.#locks.set(booking, (lock = { holders: 0, isExclusive: false, waiting: [] }));
    const taken = lock;
    const leave = (): void => {
      taken.holders -= 1;
      this.#admit(booking, taken);
    };
    if (lock.waiting.length === 0 && (lock.holders === 0 || (!isExclusive && !lock.isExclusive))) {
      lock.holders += 1;
      lock.isExclusive = isExclusive;
      return leave;
    }
    return new Promise((resolve, reject) => {
      const waiting = {
        isExclusive,
        enter: () => {
          stopWaiting();
          resolve(leave);
        },
      };
      taken.waiting.push(waiting);
      const stopWaiting = deadline.onCancel((reason) => {
        taken.waiting.splice(taken.waiting.indexOf(waiting), 1);
        // Waiters behind it may have waited for it only.
        this.#admit(booking, taken);
        reject(tooLate(reason));
      });
    });
  }

  #admit(booking: string, lock: Lock): void {
    for (let [next] = lock.waiting; next; [next] = lock.waiting) {
      if (lock.holders > 0 && (next.isExclusive || lock.isExclusive)) return;
      lock.waiting.shift();
      lock.holders += 1;
      lock.isExclusive = next.isExclusive;
      next.enter();
    }
    if (lock.holders === 0) this.#locks.delete(booking);
  }
}

function announcementsOf(booking: string): string {
  return `under-way:${digestOf(booking)}`;
}

function tooLate(reason: string): WecomTransportError {
  return notSent("living/create", `${reason} while another create of the same booking was in flight`);
}
