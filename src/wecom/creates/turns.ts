/**
 * Who may create a living of a certain booking, or look for one, just now. Creates under a key, and whoever looks for a
 * lost one, are alone, in all replicas: so what is looked for is not another's that is on its way. Creates without a key
 * exclude only these, and only in this process: nothing of them is ever repeated.
 */
import { acquireLease, type Store } from "../../stores/store.js";
import type { Deadline } from "../deadline.js";
import { WecomTransportError } from "../errors.js";
import { digestOf } from "./journal.js";
import type { CreateLivingRequest } from "../living.wire.js";

const leaseMs = 2_000;
const leasePollMs = 25;

/** What two creates have in common that could be taken for each other. */
export function bookingOf(corp: string, request: CreateLivingRequest): string {
  return `${corp}\n${request.anchor_userid}\n${request.living_start}\n${request.theme.trim()}`;
}

interface Waiting {
  readonly isAlone: boolean;
  readonly enter: () => void;
}

interface Turn {
  inside: number;
  isAlone: boolean;
  /** In the order of their coming: who wants to be alone is not overtaken for ever. */
  readonly waiting: Waiting[];
}

export class Turns {
  readonly #turns = new Map<string, Turn>();

  constructor(private readonly store: Store) {}

  /**
   * Beside others that share. Returns what ends the turn; not a promise where nobody is in the way.
   *
   * @throws {WecomTransportError} `delivery: "none"` when the deadline passes first
   */
  share(booking: string, deadline: Deadline): (() => void) | Promise<() => void> {
    return this.#enter(booking, false, deadline);
  }

  /**
   * Alone, in all replicas.
   *
   * @throws {WecomTransportError} `delivery: "none"` when the deadline passes first
   * @throws {StoreError}
   */
  async alone<T>(booking: string, deadline: Deadline, work: () => Promise<T>): Promise<T> {
    const leave = await this.#enter(booking, true, deadline);
    try {
      for (;;) {
        const lease = await acquireLease(this.store, `turn:${digestOf(booking)}`, leaseMs);
        if (lease) {
          try {
            return await work();
          } finally {
            lease.release().catch(() => undefined);
          }
        }
        if (!(await deadline.pause(leasePollMs))) throw tooLate("deadline passed");
      }
    } finally {
      leave();
    }
  }

  /** Alone in this process only, for when the store is away. */
  async aloneHere<T>(booking: string, deadline: Deadline, work: () => Promise<T>): Promise<T> {
    const leave = await this.#enter(booking, true, deadline);
    try {
      return await work();
    } finally {
      leave();
    }
  }

  #enter(booking: string, isAlone: boolean, deadline: Deadline): (() => void) | Promise<() => void> {
    let turn = this.#turns.get(booking);
    if (!turn) this.#turns.set(booking, (turn = { inside: 0, isAlone: false, waiting: [] }));
    const taken = turn;
    const leave = (): void => {
      this.#leave(booking, taken);
    };
    if (turn.waiting.length === 0 && (turn.inside === 0 || (!isAlone && !turn.isAlone))) {
      turn.inside += 1;
      turn.isAlone = isAlone;
      return leave;
    }
    return new Promise((resolve, reject) => {
      const waiting = {
        isAlone,
        enter: () => {
          stopWaiting();
          resolve(leave);
        },
      };
      taken.waiting.push(waiting);
      const stopWaiting = deadline.onEnd((reason) => {
        taken.waiting.splice(taken.waiting.indexOf(waiting), 1);
        // Those behind may have waited for this one alone.
        this.#admit(booking, taken);
        reject(tooLate(reason));
      });
    });
  }

  #leave(booking: string, turn: Turn): void {
    turn.inside -= 1;
    this.#admit(booking, turn);
  }

  #admit(booking: string, turn: Turn): void {
    for (let [next] = turn.waiting; next; [next] = turn.waiting) {
      if (turn.inside > 0 && (next.isAlone || turn.isAlone)) return;
      turn.waiting.shift();
      turn.inside += 1;
      turn.isAlone = next.isAlone;
      next.enter();
    }
    if (turn.inside === 0) this.#turns.delete(booking);
  }
}

function tooLate(reason: string): WecomTransportError {
  return new WecomTransportError(`${reason} while another create of the same booking was under way`, {
    api: "living/create",
    delivery: "none",
    mayHaveTakenEffect: false,
  });
}
