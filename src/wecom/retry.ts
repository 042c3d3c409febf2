/**
 * When a call is sent again. Reads: at most twice, never too near the deadline, and only as long as few of the recent calls
 * were repetitions, because repeating everything where everything fails makes it worse. Writes: only those that may be done
 * twice (modify, cancel, delete_replay_data), and only after the living was looked at.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { CallOptions } from "./call.js";
import type { TimeLimit } from "./deadline.js";
import { WecomApiError, WecomError, WecomTransportError } from "./errors.js";
import type { LivingInfo } from "./living.wire.js";

const maxReadRepetitions = 2;
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
  // WeCom says to repeat -1 at most three times: https://developer.work.weixin.qq.com/document/path/90313
  if (error instanceof WecomApiError) return error.errcode === -1 || error.errcode === 45033;
  // An error that says when to come back is a refusal of our own circuit breaker.
  return error instanceof WecomTransportError && error.retryAfterSeconds === undefined;
}

const maxWriteRepetitions = 2;
/** Each try has this part of the time that is left, so that one without an answer leaves some for looking. */
const partForAnswer = 0.5;
const writePauseMs = 100;

export interface RepeatableWrite {
  readonly send: (call: CallOptions) => Promise<void>;
  /** Looks at the living. */
  readonly read: (call: CallOptions) => Promise<LivingInfo>;
  /** Whether the living is as the write would leave it. */
  readonly isDone: (living: LivingInfo) => boolean;
}

/**
 * @throws {WecomError} with `mayHaveTakenEffect` when an answer was lost, and neither the living nor a repeat told the
 * outcome before the deadline; otherwise what WeCom refused it with
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
        // The repeat came to nothing. A refusal may be because of the first: only the living can tell.
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
