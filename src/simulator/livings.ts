// All livings of the simulated WeCom, with the actions that people take in the WeCom client.

import type { SimulatorClock } from "./clock.js";
import {
  type Living,
  type LivingBooking,
  type LivingPhase,
  type LivingViewer,
  type ReplayStatus,
  LIVING_STATUS,
  reservedPhase,
  statusOf,
} from "./living.js";
import { randomToken } from "./random.js";

export class Livings {
  readonly #byId = new Map<string, Living>();
  readonly #listeners = new Set<(living: Living) => void>();
  #made = 0;

  constructor(
    private readonly clock: SimulatorClock,
    private readonly random: () => number,
    private readonly max: number,
  ) {}

  get size(): number {
    return this.#byId.size;
  }

  /** Oldest first. */
  all(): Living[] {
    return [...this.#byId.values()];
  }

  get(livingid: string): Living | undefined {
    return this.#byId.get(livingid);
  }

  /** Creates a reservation without a call: for long lists. */
  reserve(creator: Living["creator"], booking: LivingBooking): Living {
    const nowSeconds = this.clock.nowSeconds();
    const living: Living = {
      livingid: randomToken(this.random, 32),
      sequence: ++this.#made,
      creator: { corpid: creator.corpid, agentid: creator.agentid },
      createdAtSeconds: nowSeconds,
      booking,
      phase: reservedPhase(booking, nowSeconds),
      replayStatus: undefined,
      subscribeCount: 0,
      viewers: [],
    };
    this.#byId.set(living.livingid, living);
    const oldest = this.#byId.keys().next().value;
    if (this.#byId.size > this.max && oldest !== undefined) this.#byId.delete(oldest);
    this.#report(living);
    return living;
  }

  rebook(living: Living, booking: LivingBooking): void {
    living.booking = booking;
    living.phase = reservedPhase(booking, this.clock.nowSeconds());
  }

  cancel(livingid: string): Living {
    return this.#move(this.#reserved(livingid), { name: "cancelled" });
  }

  /** The anchor goes live. */
  start(livingid: string): Living {
    return this.#move(this.#reserved(livingid), { name: "live", startedAtSeconds: this.clock.nowSeconds() });
  }

  /** The anchor ends the living; with a replay status, there is a replay. */
  end(livingid: string, replayStatus?: ReplayStatus): Living {
    const living = this.#existing(livingid);
    if (living.phase.name !== "live") throw new Error(`living ${livingid} is ${living.phase.name}, not live`);
    living.replayStatus = replayStatus;
    const { startedAtSeconds } = living.phase;
    return this.#move(living, { name: "ended", startedAtSeconds, endedAtSeconds: this.clock.nowSeconds() });
  }

  /** The reservation expires. WeCom sends no callback for that. */
  expire(livingid: string): Living {
    const living = this.#reserved(livingid);
    living.phase = { name: "reserved", expiresAtSeconds: this.clock.nowSeconds() };
    return living;
  }

  addViewer(livingid: string, viewer: LivingViewer): Living {
    const living = this.#existing(livingid);
    living.viewers.push(viewer);
    return living;
  }

  setReplayStatus(livingid: string, replayStatus: ReplayStatus | undefined): Living {
    const living = this.#existing(livingid);
    living.replayStatus = replayStatus;
    return living;
  }

  /** Called after each change of status for which WeCom sends a callback, including a new reservation. */
  onStatusChange(listener: (living: Living) => void): void {
    this.#listeners.add(listener);
  }

  clear(): void {
    this.#byId.clear();
  }

  #existing(livingid: string): Living {
    const living = this.#byId.get(livingid);
    if (living === undefined) throw new Error(`the simulator has no living ${livingid}`);
    return living;
  }

  #reserved(livingid: string): Living {
    const living = this.#existing(livingid);
    if (statusOf(living, this.clock.nowSeconds()) !== LIVING_STATUS.reserved) {
      throw new Error(`living ${livingid} is not reserved any more`);
    }
    return living;
  }

  #move(living: Living, phase: LivingPhase): Living {
    living.phase = phase;
    this.#report(living);
    return living;
  }

  #report(living: Living): void {
    for (const listener of this.#listeners) listener(living);
  }
}
