/**
 * How many calls may be under way per corp and API. WeCom answers 45033 above a number that it does not document (seen at
 * about ten), so calls wait here in turn; the queue is bounded, and nobody waits past their deadline.
 */
import type { Deadline } from "./deadline.js";
import { WecomOverloadError, WecomTransportError } from "./errors.js";

interface Gate {
  inFlight: number;
  readonly waiting: Set<() => void>;
}

export class CallGates {
  readonly #gates = new Map<string, Gate>();

  /** @param maxWaiting per corp and API; a page of 100 livings from each of ten clients fits into 1,000 */
  constructor(
    private readonly maxInFlight: number,
    private readonly maxWaiting = 1000,
  ) {}

  /**
   * Waits for a place and takes it; the returned function gives it to the next in the queue.
   *
   * @throws {WecomOverloadError} when the queue is full
   * @throws {WecomTransportError} when the deadline passes first (`delivery: "none"`)
   */
  async enter(corp: string, api: string, deadline: Deadline): Promise<() => void> {
    const key = `${corp}\n${api}`;
    let gate = this.#gates.get(key);
    if (!gate) this.#gates.set(key, (gate = { inFlight: 0, waiting: new Set() }));
    if (gate.inFlight < this.maxInFlight) gate.inFlight += 1;
    else await this.#wait(gate, api, deadline);

    const entered = gate;
    const leave = (): void => {
      const [next] = entered.waiting;
      if (next) {
        entered.waiting.delete(next);
        next();
      } else if ((entered.inFlight -= 1) === 0) {
        this.#gates.delete(key);
      }
    };
    // Calls that hang end together with those that wait for them: their places must not be used for a request whose
    // answer nobody will see, least of all for a create.
    if (deadline.isNearEnd) {
      leave();
      throw notSent(api, "the deadline is too near");
    }
    return leave;
  }

  #wait(gate: Gate, api: string, deadline: Deadline): Promise<void> {
    if (gate.waiting.size >= this.maxWaiting) {
      throw new WecomOverloadError(`${this.maxWaiting} calls wait for ${api} already`, { api, retryAfterSeconds: 1 });
    }
    return new Promise((resolve, reject) => {
      const take = (): void => {
        stopWaiting();
        resolve();
      };
      gate.waiting.add(take);
      const stopWaiting = deadline.onEnd((reason) => {
        gate.waiting.delete(take);
        reject(notSent(api, reason));
      });
    });
  }
}

function notSent(api: string, reason: string): WecomTransportError {
  return new WecomTransportError(`${reason} while waiting for a turn to call ${api}`, {
    api,
    delivery: "none",
    mayHaveTakenEffect: false,
  });
}
