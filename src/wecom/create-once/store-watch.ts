/**
 * What time it is for the store, and whether it still is the store that this process knows. A store that was emptied, or
 * is back at an older state, may have forgotten which keys were sent. Who notices tells all others through the store, and
 * until every create that may have been forgotten has settled, no key that is not known is sent.
 */
import { reasonOf } from "../../stores/store.js";
import type { CreateStore } from "./closable-store.js";
import type { Logger } from "../../observability/logger.js";
import type { Clock } from "../clock.js";

const key = "creates-watch";
const tickMs = 500;
/** A process that is behind by a tick or two sees what another wrote since. */
const newTickAfterMs = 400;
/** Within this, every process that can ask the store has looked whether it is still the one that it knows. */
const noticedWithinMs = 4 * tickMs;

/** The store's clock in Unix milliseconds, as far as it is known: its answer was on its way for some time. */
export interface StoreTime {
  /** It is not earlier than this: for whether something is certainly over. */
  earliestMs(): number;
  /** It is not later than this: for until when something may go on. */
  latestMs(): number;
}

interface Watch {
  /** Another one after each loss. */
  readonly epoch: string;
  /** Counts up: one that is lower than it was says that the store is back at an older state. */
  readonly tick: number;
  /** Until then, what is not known may have been sent. */
  readonly heldUntilMs: number;
}

export interface StoreWatchOptions {
  readonly store: CreateStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  /** How long a create may take effect after it was sent. */
  readonly holdMs: number;
  /** By several processes: one that finds it empty may be the only one that does not know what was in it. */
  readonly isShared: boolean;
}

export class StoreWatch implements StoreTime {
  #known: Watch | undefined;
  #tickedAtMs = 0;
  /** The store's clock less this process's. */
  #earliestOffsetMs = 0;
  #latestOffsetMs = 0;
  #stopTimer: (() => void) | undefined;
  #sinceEmpty = Promise.resolve();

  constructor(private readonly options: StoreWatchOptions) {}

  earliestMs(): number {
    return this.options.clock.monotonicMs() + this.#earliestOffsetMs;
  }

  latestMs(): number {
    return this.options.clock.monotonicMs() + this.#latestOffsetMs;
  }

  /** Until when a key that the store does not know is not sent; in the past: it may be sent. */
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
   * What is to be sent is written down: whether the store has kept all that it had confirmed before. Where it has not, keys
   * are held from now on.
   *
   * @throws {StoreError}
   */
  async confirm(): Promise<void> {
    await this.#sinceEmpty;
    await this.#check();
  }

  async #check(): Promise<void> {
    const { store, clock, log, holdMs, isShared } = this.options;
    for (;;) {
      const known = this.#known;
      const text = await store.get(key);
      const found = text === undefined ? undefined : (JSON.parse(text) as Watch);
      // Meanwhile another check has learnt more.
      if (known !== this.#known) continue;
      if (found && (!known || (found.epoch === known.epoch && found.tick >= known.tick))) {
        this.#known = found;
        return;
      }
      // Who has noticed it before has held the keys; until the store is what it was for that process, it knows more.
      if (found && known && found.epoch !== known.epoch && found.heldUntilMs > this.latestMs()) {
        this.#known = found;
        return;
      }
      const heldUntilMs = known ? Math.max(this.latestMs() + holdMs, known.heldUntilMs, found?.heldUntilMs ?? 0) : 0;
      const next = { epoch: this.#name(), tick: 1, heldUntilMs };
      if (!(await store.compareAndSet(key, text, JSON.stringify(next)))) continue;
      if (!known && isShared) this.#sinceEmpty = new Promise((resolve) => clock.after(noticedWithinMs, resolve));
      if (known) log.error({ heldForMs: holdMs }, "the store has lost what it had confirmed: new keys are held");
      this.#known = next;
      return;
    }
  }

  #schedule(): void {
    const { clock, log } = this.options;
    this.#stopTimer = clock.after(tickMs, () => {
      this.#tick()
        .catch((error: unknown) => {
          log.debug({ reason: reasonOf(error) }, "the store could not be watched just now");
        })
        .finally(() => {
          this.#schedule();
        });
    });
  }

  /**
   * The store's clock may have been set back since it was asked.
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
