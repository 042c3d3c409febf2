/**
 * Keeps connections free for those who hold few, so that neither a corp nor an API that hangs can hold what others need.
 * The more a corp and an API hold, the more has to be free before they get another one: a single API gets no more than
 * half of all, and however many corps wait for it, one that holds none is let in.
 *
 * @see https://doi.org/10.1109/90.664262 Choudhury and Hahne, "Dynamic queue length thresholds"
 */

/** What a corp holds of an API counts so often: how much smaller its part is than an API's. */
const weightOfCorp = 4;

/** Thousands may wait: not all of them are asked at every release. */
const turnsPerRelease = 32;

/** What waits for a connection; `startNext` takes it for whoever is next, as long as it gets one. */
export interface BulkheadUser {
  readonly api: string;
  readonly inFlight: number;
  readonly waiting: number;
  startNext(): void;
}

export class Bulkhead {
  #inFlight = 0;
  readonly #inFlightOf = new Map<string, number>();
  readonly #refused = new Set<BulkheadUser>();

  constructor(private readonly connections: number) {}

  /** @returns whether a connection is free: it is taken now. If not, `startNext` is called when it may be. */
  tryAcquire(user: BulkheadUser): boolean {
    const ofApi = this.#inFlightOf.get(user.api) ?? 0;
    if (weightOfCorp * user.inFlight + ofApi + this.#inFlight >= this.connections) {
      this.#refused.add(user);
      return false;
    }
    this.#inFlight += 1;
    this.#inFlightOf.set(user.api, ofApi + 1);
    return true;
  }

  release(api: string): void {
    this.#inFlight -= 1;
    const ofApi = (this.#inFlightOf.get(api) ?? 0) - 1;
    if (ofApi > 0) this.#inFlightOf.set(api, ofApi);
    else this.#inFlightOf.delete(api);
    if (this.#refused.size > 0) this.#startRefused();
  }

  /** Some of them, in turn: whoever is refused again, or wants more, goes to the end. */
  #startRefused(): void {
    let turns = turnsPerRelease;
    for (const user of this.#refused) {
      this.#refused.delete(user);
      if (user.waiting > 0) user.startNext();
      if ((turns -= 1) === 0) return;
    }
  }
}
