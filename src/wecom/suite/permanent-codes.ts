/**
 * The permanent codes: WeCom hands out one per corp when the corp authorises the app, and never again. So it is written
 * before anything else happens, and nothing but the corp's own cancellation, or a newer code, removes it.
 */
import { Secret } from "../../observability/secret.js";
import type { Store } from "../../stores/store.js";
import type { Authorisation } from "./suite.datasource.js";

interface Stored {
  readonly permanentCode: string;
  readonly isCustomised: boolean;
  /** Unix seconds of the event that brought it. */
  readonly at: number;
}

export class PermanentCodes {
  readonly #prefix: string;

  constructor(
    private readonly store: Store,
    suiteId: string,
  ) {
    this.#prefix = `suite:${suiteId}:corp:`;
  }

  /** @throws {StoreError} */
  async get(corpid: string): Promise<Authorisation | undefined> {
    const found = await this.store.get(this.#prefix + corpid);
    if (found === undefined) return undefined;
    const { permanentCode, isCustomised } = JSON.parse(found) as Stored;
    return { corpid, permanentCode: new Secret(permanentCode), isCustomised };
  }

  /** The code was handed out just now, so it is the valid one whatever came before. It is durable on return. */
  async save({ corpid, permanentCode, isCustomised }: Authorisation, at: number): Promise<void> {
    const stored: Stored = { permanentCode: permanentCode.reveal(), isCustomised, at };
    await this.store.set(this.#prefix + corpid, JSON.stringify(stored));
  }

  /** The corp took its authorisation back at `at`: a code that is younger is left, for the message came late. */
  async cancel(corpid: string, at: number): Promise<void> {
    for (;;) {
      const found = await this.store.get(this.#prefix + corpid);
      if (found === undefined || (JSON.parse(found) as Stored).at >= at) return;
      if (await this.store.compareAndSet(this.#prefix + corpid, found, undefined)) return;
    }
  }
}
