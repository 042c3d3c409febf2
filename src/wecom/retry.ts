/**
 * When a call is sent again. Reads: at most twice, never close to the deadline, and only while few recent calls were
 * repetitions, because retries make an outage worse. Writes: only idempotent ones (modify, cancel, delete_replay_data), and
 * only after the living was read.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { CallOptions } from "./call.js";
import type { TimeLimit } from "./deadline.js";
import { WecomApiError, WecomError, WecomTransportError } from "./errors.js";
import type { LivingInfo } from "./living.wire.js";

const maxReadRepetitions = 2;
/** Repetitions may be a tenth of the calls; after few calls, up to this many. */
const budgetPerCall = 0.1;
const maxBudget = 10;

const firstPauseMs = 50;
/** 45033, too many concurrent calls, is over when others end. */
const crowdedPauseMs = 200;

export class ReadRetries {
  #budget = maxBudget;

  /** @param random from 0 to 1 */
  constructor(private readonly random: () => number) {}

  /** Each first attempt adds a tenth of a repetition to the budget. */
  countCall(): void {
    if (this.#budget < maxBudget) this.#budget += budgetPerCall;
  }

  /**
   * Waits until the call may be repeated. @param repetitions before this one
   *
   * @returns false, immediately, if it may not
   */
  async mayRepeat(error: WecomError, repetitions: number, timeLimit: TimeLimit): Promise<boolean> {
    if (repetitions >= maxReadRepetitions || !isPassing(error) || this.#budget < 1) return false;
    const isCrowded = error instanceof WecomApiError && error.errcode !== -1;
    const meanMs = (isCrowded ? crowdedPauseMs : firstPauseMs) * 2 ** repetitions;
    const pauseMs = meanMs * (0.5 + this.random());
    if (timeLimit.isNearEnd || timeLimit.remainingMs < 2 * pauseMs) return false;
    this.#budget -= 1;
    await pause(pauseMs, undefined, { ref: false });
    return !timeLimit.isNearEnd;
  }
}

function isPassing(error: WecomError): boolean {
  if (error instanceof WecomApiError) return error.entry?.repeatsReads ?? false;
  // Only our own circuit breaker's rejections say when to retry.
  return error instanceof WecomTransportError && error.retryAfterSeconds === undefined;
}

const maxWriteRepetitions = 2;
/** Each attempt gets this part of the remaining time, so that time is left to read the living after a lost answer. */
const partForAnswer = 0.5;
const writePauseMs = 100;

export interface RepeatableWrite {
  readonly send: (call: CallOptions) => Promise<void>;
  /** Reads the living. */
  readonly read: (call: CallOptions) => Promise<LivingInfo>;
  /** Whether the living shows that the write was done. */
  readonly isDone: (living: LivingInfo) => boolean;
}

/**
 * @throws {WecomError} with `mayHaveTakenEffect` when an answer was lost, and neither the living nor a repetition showed the
 * outcome before the deadline; otherwise WeCom's refusal
 */
export async function sendRepeatedly(write: RepeatableWrite, call: CallOptions): Promise<void> {
  let lost: WecomError | undefined;
  for (let repetitions = 0; ; repetitions += 1) {
    try {
      await write.send({ ...call, deadline: call.deadline.part(partForAnswer) });
      return;
    } catch (error) {
      if (!(error instanceof WecomError)) throw error;
      if (!error.mayHaveTakenEffect) {
        if (lost === undefined) throw error;
        // The repetition failed. WeCom may refuse it because the first one succeeded: only the living shows that.
        if (await isSeenDone(write, call)) return;
        throw error instanceof WecomApiError ? error : lost;
      }
      lost = error;
    }
    if (await isSeenDone(write, call)) return;
    if (repetitions === maxWriteRepetitions || !(await call.deadline.pause(writePauseMs * 2 ** repetitions)))
      throw lost;
  }
}

async function isSeenDone({ read, isDone }: RepeatableWrite, { corp, deadline, log }: CallOptions): Promise<boolean> {
  try {
    return isDone(await read({ corp, deadline: deadline.part(partForAnswer), log }));
  } catch (error) {
    if (error instanceof WecomError) return false;
    throw error;
  }
}
