/**
 * Writes that may be repeated, for doing them twice is doing them once: modify, cancel, delete_replay_data. When the answer
 * to one is lost, the living is looked at, and the write is sent again unless it is seen to be done.
 */
import type { CallOptions } from "./call.js";
import { WecomApiError, WecomError } from "./errors.js";
import type { LivingInfo } from "./living.wire.js";

const maxRepeats = 2;
/** Each try has this part of the time that is left, so that one without an answer leaves some for looking. */
const partForAnswer = 0.5;
const pauseMs = 100;

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
  for (let repeats = 0; ; repeats += 1) {
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
    if (repeats === maxRepeats || !(await call.deadline.pause(pauseMs * 2 ** repeats))) throw lost;
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
