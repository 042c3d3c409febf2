/**
 * When a read is sent again. At most twice, never too near the deadline, and only as long as few of the recent calls were
 * repetitions: where everything fails, repeating everything would make it worse.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { Patience } from "./deadline.js";
import { WecomApiError, type WecomError, WecomTransportError } from "./errors.js";

const maxRepetitions = 2;
/** A tenth of the calls, and this many where there were few. */
const budgetPerCall = 0.1;
const maxBudget = 10;

const firstPauseMs = 50;
/** 45033 passes when others end. */
const crowdedPauseMs = 200;

export class ReadRetries {
  #budget = maxBudget;

  /** @param random from 0 to 1 */
  constructor(private readonly random: () => number) {}

  /** Every first attempt allows a tenth of a repetition. */
  countCall(): void {
    if (this.#budget < maxBudget) this.#budget += budgetPerCall;
  }

  /**
   * Waits until it may be repeated. @param repetitions before this one
   *
   * @returns false, at once, where it may not
   */
  async mayRepeat(error: WecomError, repetitions: number, patience: Patience): Promise<boolean> {
    if (repetitions >= maxRepetitions || !isPassing(error) || this.#budget < 1) return false;
    const isCrowded = error instanceof WecomApiError && error.errcode !== -1;
    const meanMs = (isCrowded ? crowdedPauseMs : firstPauseMs) * 2 ** repetitions;
    const pauseMs = meanMs * (0.5 + this.random());
    if (patience.isNearEnd || patience.remainingMs < 2 * pauseMs) return false;
    this.#budget -= 1;
    await pause(pauseMs, undefined, { ref: false });
    return !patience.isNearEnd;
  }
}

function isPassing(error: WecomError): boolean {
  // WeCom says to repeat -1 at most three times: https://developer.work.weixin.qq.com/document/path/90313
  if (error instanceof WecomApiError) return error.errcode === -1 || error.errcode === 45033;
  // With a time to come back it is our own circuit that refused.
  return error instanceof WecomTransportError && error.retryAfterSeconds === undefined;
}
