/**
 * Tracks the store's clock, and whether the store has lost data. A store that was emptied, or reset to an older state,
 * may have lost which keys were sent. The process that notices this writes it to the store for the others. Until every
 * create that may have been lost has settled, unknown keys are held: they are not sent.
 */
import { parseStored, reasonOf } from "../../stores/store.js";
import type { CreateStore } from "./closable-store.js";
import type { Logger } from "../../observability/logger.js";
import type { Clock } from "../clock.js";

const key = "creates-watch";
const tickMs = 500;
/** A tick is due only if no other process has ticked, so that most processes only read. */
const newTickAfterMs = 400;
/** Within this time, every process that can reach the store has checked it for lost data. */
const noticedWithinMs = 4 * tickMs;

/** The store's clock in Unix milliseconds. It is known as an interval, because reading it takes time. */
export interface StoreTime {
  /** The lower bound: to decide whether something is certainly over. */
  earliestMs(): number;
  /** The upper bound: to decide how long something may continue. */
  latestMs(): number;
}

interface Watch {
  /** Changes with each loss. */
  readonly epoch: string;
  /** Increases; a lower value than before means that the store was reset to an older state. */
  readonly tick: number;
  /** Until this time, an unknown key may have been sent before. */
  readonly heldUntilMs: number;
  /** When this epoch began; absent in records of earlier releases. */
  readonly begunAtMs?: number;
}

export interface StoreWatchOptions {
  readonly store: CreateStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  /** How long a create may take effect after it was sent. */
  readonly holdMs: number;
  /**
   * Whether several processes use the store: a process that finds it empty may be the only one that does not know what
   * it held.
   */
  readonly isShared: boolean;
}

export class StoreWatch implements StoreTime {
  #known: Watch | undefined;
  #tickedAtMs = 0;
  /** Offsets of the store's clock from this process's. */
  #earliestOffsetMs = 0;
  #latestOffsetMs = 0;
  #stopTimer: (() => void) | undefined;
  /** Until every process that knew an earlier epoch has seen that this one is new. */
  #sinceBegun = Promise.resolve();

  constructor(private readonly options: StoreWatchOptions) {}

  earliestMs(): number {
    return this.options.clock.monotonicMs() + this.#earliestOffsetMs;
  }

  latestMs(): number {
    return this.options.clock.monotonicMs() + this.#latestOffsetMs;
  }

  /** Unknown keys are not sent before this time; in the past: they are sent. */
  get heldUntilMs(): number {
    return this.#known?.heldUntilMs ?? 0;
  }

  get isHeld(): boolean {
    return this.earliestMs() < this.heldUntilMs;
  }

  /** @throws {StoreError} */
  async start(): Promise<void> {
    await this.#tick();
    this.#schedule();
  }

  stop(): void {
    this.#stopTimer?.();
  }

  /**
   * Called after a write: checks whether the store still has all confirmed data. If not, unknown keys are held from now
   * on.
   *
   * @throws {StoreError}
   */
  async confirm(): Promise<void> {
    await this.#sinceBegun;
    await this.#check();
  }

  async #check(): Promise<void> {
    const { store, log, holdMs } = this.options;
    for (;;) {
      const known = this.#known;
      const text = await store.get(key);
      const found = text === undefined ? undefined : (parseStored(text) as Watch);
      // A concurrent check has updated it meanwhile.
      if (known !== this.#known) continue;
      if (found && !known) {
        this.#knowFirst(found);
        return;
      }
      if (found && known && found.epoch === known.epoch && found.tick >= known.tick) {
        this.#known = found;
        return;
      }
      // Another process noticed the loss first and holds unknown keys. Its record is adopted.
      if (found && known && found.epoch !== known.epoch && found.heldUntilMs > this.latestMs()) {
        this.#known = found;
        return;
      }
      const heldUntilMs = known ? Math.max(this.latestMs() + holdMs, known.heldUntilMs, found?.heldUntilMs ?? 0) : 0;
      const next = { epoch: this.#name(), tick: 1, heldUntilMs, begunAtMs: this.latestMs() };
      if (!(await store.compareAndSet(key, text, JSON.stringify(next)))) continue;
      if (!known) this.#knowFirst(next);
      else log.error({ heldForMs: holdMs }, "the store has lost confirmed writes: new keys are held");
      this.#known = next;
      return;
    }
  }

  /** A process that has just started cannot tell whether the epoch is new because the store was emptied. */
  #knowFirst(watch: Watch): void {
    const { clock, isShared } = this.options;
    this.#known = watch;
    const waitMs = Math.min((watch.begunAtMs ?? -Infinity) + noticedWithinMs - this.earliestMs(), noticedWithinMs);
    if (isShared && waitMs > 0) this.#sinceBegun = new Promise((resolve) => clock.after(waitMs, resolve));
  }

  #schedule(): void {
    const { clock, log } = this.options;
    this.#stopTimer = clock.after(tickMs, () => {
      this.#tick()
        .catch((error: unknown) => {
          log.debug({ reason: reasonOf(error) }, "the store could not be checked");
        })
        .finally(() => {
          this.#schedule();
        });
    });
  }

  /**
   * Reads the store's clock again, which may have been set back.
   *
   * @throws {StoreError}
   */
  async askTime(): Promise<void> {
    const { store, clock } = this.options;
    const askedAtMs = clock.monotonicMs();
    const nowMs = await store.now();
    this.#latestOffsetMs = nowMs - askedAtMs;
    this.#earliestOffsetMs = nowMs - clock.monotonicMs();
  }

  async #tick(): Promise<void> {
    const { store, clock } = this.options;
    await this.askTime();
    const before = this.#known?.tick;
    await this.#check();
    const known = this.#known;
    if (!known) return;
    if (known.tick !== before) this.#tickedAtMs = clock.monotonicMs();
    if (clock.monotonicMs() - this.#tickedAtMs < newTickAfterMs) return;
    const next = { ...known, tick: known.tick + 1 };
    if (await store.compareAndSet(key, JSON.stringify(known), JSON.stringify(next))) {
      if (this.#known === known) this.#known = next;
      this.#tickedAtMs = clock.monotonicMs();
    }
  }

  #name(): string {
    return Math.floor(this.options.random() * 2 ** 52).toString(36);
  }
}
