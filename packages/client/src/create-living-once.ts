/** Sends a create until its outcome is known. The key makes it safe: the gateway creates one living per key. */
import { failureOf } from "./failures.js";
import { forget, type PendingOptions, remember } from "./pending-creates.js";

export interface SendVariables<Input> {
  readonly input: Input;
  readonly idempotencyKey: string;
}

/** Sends `CreateLivingDocument` with your client, and returns `data.createLiving` or throws. */
export type Send<Input, Result> = (variables: SendVariables<Input>) => Promise<Result>;

/** The fields of a result that are read here, whichever ones the document requests. */
interface Result {
  readonly __typename?: string | undefined;
  readonly retryable?: boolean | undefined;
  readonly retryAfterSeconds?: number | undefined;
}

export interface CreateOnceOptions extends PendingOptions {
  /** How long to retry. Default: 120,000. The gateway needs up to `WECOM_SETTLE_MS` (60 s) to find a lost create. */
  readonly patienceMs?: number;
  /** Stops retrying. The create stays pending, because it may have been sent. */
  readonly signal?: AbortSignal;
  /** Default: `setTimeout`. */
  readonly wait?: (milliseconds: number) => Promise<void>;
  /** 0 to 1: spreads the retries of many pages. Default: `Math.random`. */
  readonly random?: () => number;
}

/** For documents that do not request `retryable`. */
const passes = new Set(["LivingRateLimitError", "LivingUnavailableError", "LivingOutcomeUnknownError"]);

const running = new Map<string, Promise<unknown>>();

/**
 * Creates a living once, however often it is called with the same key and input: a second click joins the first, a lost
 * answer is requested again, and a reload continues where the page was closed (see `pendingCreates`).
 *
 * It repeats results that the gateway marks as `retryable`, after `retryAfterSeconds`, and requests that failed in
 * transit. After `patienceMs` it returns the last answer, or throws the last failure, and keeps the key pending. A
 * final answer removes the key: changed input needs a new one.
 */
export function createLivingOnce<Input, Answer extends Result>(
  send: Send<Input, Answer>,
  input: Input,
  key: string,
  options: CreateOnceOptions = {},
): Promise<Answer> {
  const name = `${options.user ?? ""} ${key} ${JSON.stringify(input)}`;
  const first = running.get(name);
  if (first) return first as Promise<Answer>;
  const outcome = withLock(key, options.signal, () => settle(send, { input, idempotencyKey: key }, options)).finally(
    () => {
      running.delete(name);
    },
  );
  running.set(name, outcome);
  return outcome;
}

async function settle<Input, Answer extends Result>(
  send: Send<Input, Answer>,
  variables: SendVariables<Input>,
  options: CreateOnceOptions,
): Promise<Answer> {
  const { patienceMs = 120_000, signal, wait = waitMs, random = Math.random, now = Date.now } = options;
  const { idempotencyKey: key, input } = variables;
  let mayExist = remember(key, input, options);
  const endsAt = now() + patienceMs;
  for (let attempt = 0; ; attempt += 1) {
    signal?.throwIfAborted();
    const { answer, error, isFinal, retryAfterMs } = await sendOnce(send, variables);
    if (isFinal) {
      // A refusal of this request, such as a missing sign-in, says nothing about an earlier one.
      if (answer || !mayExist) forget(key, options);
    } else {
      mayExist = true;
    }
    const pause = retryAfterMs ?? Math.min(500 * 2 ** attempt, 10_000) * (0.5 + random() / 2);
    if (isFinal || now() + pause > endsAt) {
      if (answer) return answer;
      throw error;
    }
    await Promise.race([wait(pause), aborted(signal)]);
  }
}

interface Attempt<Answer> {
  readonly answer?: Answer;
  readonly error?: unknown;
  readonly isFinal: boolean;
  readonly retryAfterMs?: number | undefined;
}

async function sendOnce<Input, Answer extends Result>(
  send: Send<Input, Answer>,
  variables: SendVariables<Input>,
): Promise<Attempt<Answer>> {
  try {
    const answer = await send(variables);
    const { __typename = "", retryable = passes.has(__typename), retryAfterSeconds } = answer;
    return { answer, isFinal: !retryable, ...(retryAfterSeconds && { retryAfterMs: retryAfterSeconds * 1000 }) };
  } catch (error) {
    return { error, ...failureOf(error) };
  }
}

/**
 * In browsers with locks, only one tab at a time sends under a key. Without locks every tab sends, and the gateway
 * creates one living.
 */
function withLock<Answer>(key: string, signal: AbortSignal | undefined, run: () => Promise<Answer>): Promise<Answer> {
  const { locks } = (globalThis as { navigator?: { locks?: Locks } }).navigator ?? {};
  return locks ? locks.request(`wecom-living-create:${key}`, signal ? { signal } : {}, run) : run();
}

interface Locks {
  request<Answer>(name: string, options: { signal?: AbortSignal }, run: () => Promise<Answer>): Promise<Answer>;
}

function waitMs(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function aborted(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) resolve();
    signal?.addEventListener(
      "abort",
      () => {
        resolve();
      },
      { once: true },
    );
  });
}
