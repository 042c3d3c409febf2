/**
 * Divides the connections to WeCom, so that neither a corp nor an API that hangs can take those that others need. An
 * API gets at most half of them. The more a corp and an API hold, the more must stay free when they get another one, so
 * calls of corps that hold none are admitted when all others have to wait.
 *
 * @see https://doi.org/10.1109/90.664262 Choudhury and Hahne, "Dynamic queue length thresholds"
 */

/** Bounds the work per release, because thousands may wait. */
const attemptsPerRelease = 32;

/** The calls of a corp to an API that wait for connections; `startNext` starts them while it gets connections. */
export interface BulkheadUser {
  readonly corp: string;
  readonly api: string;
  readonly inFlight: number;
  readonly waiting: number;
  startNext(): void;
}

export class Bulkhead {
  #inFlight = 0;
  readonly #ofApi = new Map<string, number>();
  readonly #ofCorp = new Map<string, number>();
  readonly #refused = new Set<BulkheadUser>();

  constructor(private readonly connections: number) {}

  /** @returns whether a connection is free, which is then taken. If not, `startNext` is called when one may be */
  tryAcquire(user: BulkheadUser): boolean {
    const ofApi = this.#ofApi.get(user.api) ?? 0;
    const ofCorp = this.#ofCorp.get(user.corp) ?? 0;
    const isTooMany = ofApi >= this.connections / 2;
    if (isTooMany || this.connections - this.#inFlight <= this.#keptFreeFrom(user, ofApi, ofCorp)) {
      this.#refused.add(user);
      return false;
    }
    this.#inFlight += 1;
    this.#ofApi.set(user.api, ofApi + 1);
    this.#ofCorp.set(user.corp, ofCorp + 1);
    return true;
  }

  release({ api, corp }: BulkheadUser): void {
    this.#inFlight -= 1;
    decrement(this.#ofApi, api);
    decrement(this.#ofCorp, corp);
    if (this.#refused.size > 0) this.#startRefused();
  }

  /** How many connections must stay free besides the one that is taken. */
  #keptFreeFrom({ inFlight }: BulkheadUser, ofApi: number, ofCorp: number): number {
    if (ofCorp === 0) return ofApi / 16;
    const holdsLittle = ofCorp < this.#inFlight / this.#ofCorp.size / 2;
    if (holdsLittle) return this.connections / 16 + 4 * ofCorp;
    if (inFlight === 0) return this.connections / 8 + ofApi;
    return this.connections / 4 + ofApi + 4 * inFlight;
  }

  /** Some of the waiting, in rotation: those that are refused again, or want more, go to the end. */
  #startRefused(): void {
    let attempts = attemptsPerRelease;
    for (const user of this.#refused) {
      this.#refused.delete(user);
      // Not an attempt: after the last release, nobody would start those behind.
      if (user.waiting === 0) continue;
      user.startNext();
      if ((attempts -= 1) === 0) return;
    }
  }
}

function decrement(counts: Map<string, number>, key: string): void {
  const count = (counts.get(key) ?? 0) - 1;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}
