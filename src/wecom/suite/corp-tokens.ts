/** The access_token of each corp that authorised the app: the same rules for all, each with its own permanent code. */
import type { Secret } from "../../observability/secret.js";
import { StoreError, within } from "../../stores/store.js";
import type { CallOptions } from "../call.js";
import type { WecomClient } from "../client.js";
import { WecomTransportError } from "../errors.js";
import { gettoken } from "../tokens/gettoken.js";
import { RenewedToken, type TokenKit } from "../tokens/renewed-token.js";
import { type TokenSource, unknownCorp } from "../tokens/token-source.js";
import type { PermanentCodes } from "./permanent-codes.js";
import { type Authorisation, corpTokenApi, type SuiteDataSource } from "./suite.datasource.js";

/** The corps whose tokens are kept in this process; the one that was not asked for longest makes room. */
const maxCorps = 10_000;

export interface CorpTokensOptions {
  readonly suiteId: string;
  readonly calls: SuiteDataSource;
  readonly client: WecomClient;
  readonly suiteTokens: TokenSource;
  readonly codes: PermanentCodes;
  readonly kit: TokenKit;
}

interface Corp {
  readonly tokens: RenewedToken;
  /** The last that was read: what a token is fetched with while the store does not answer. */
  authorisation: Authorisation;
}

export class CorpTokens implements TokenSource {
  readonly #corps = new Map<string, Corp>();

  constructor(private readonly options: CorpTokensOptions) {}

  async get(call: CallOptions): Promise<Secret> {
    const corp = this.#corps.get(call.corp) ?? (await this.#find(call.corp));
    // Behind all the others: the first is always the one not asked for longest.
    this.#corps.delete(call.corp);
    this.#corps.set(call.corp, corp);
    return await corp.tokens.get(call);
  }

  invalidate(refused: Secret, call: CallOptions): boolean {
    return this.#corps.get(call.corp)?.tokens.invalidate(refused) ?? true;
  }

  /** Its permanent code changed or is void: the tokens that were fetched with it, too. */
  async forgetShared(corpid: string): Promise<void> {
    await RenewedToken.forget(this.options.kit.store, this.#key(corpid));
  }

  forgetOwn(corpid: string): void {
    this.#corps.delete(corpid);
  }

  async #find(corpid: string): Promise<Corp> {
    const authorisation = await this.#authorisationOf(corpid);
    if (!authorisation) throw unknownCorp();
    const known = this.#corps.get(corpid);
    if (known) return known;
    const corp: Corp = {
      authorisation,
      tokens: new RenewedToken(
        {
          key: this.#key(corpid),
          corp: corpid,
          api: authorisation.isCustomised ? "gettoken" : corpTokenApi,
          fetch: (call) => this.#fetch(corp, call),
        },
        this.options.kit,
      ),
    };
    const [oldest] = this.#corps.keys();
    if (this.#corps.size >= maxCorps && oldest !== undefined) this.#corps.delete(oldest);
    this.#corps.set(corpid, corp);
    return corp;
  }

  async #fetch(corp: Corp, call: CallOptions) {
    const { calls, client, suiteTokens, codes, kit } = this.options;
    const tooLate = () => new StoreError("the store of permanent codes does not answer in time");
    const current = await within(kit.store.patienceMs, codes.get(call.corp), tooLate).catch(() => corp.authorisation);
    if (!current) throw unknownCorp();
    corp.authorisation = current;
    return current.isCustomised
      ? await gettoken(client, call.corp, current.permanentCode, call)
      : await calls.getCorpToken(call.corp, current.permanentCode, suiteTokens, call);
  }

  async #authorisationOf(corpid: string): Promise<Authorisation | undefined> {
    try {
      return await this.options.codes.get(corpid);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      throw new WecomTransportError("the store of permanent codes does not answer", {
        api: corpTokenApi,
        delivery: "none",
        mayHaveTakenEffect: false,
        cause: error,
      });
    }
  }

  #key(corpid: string): string {
    return `suite:${this.options.suiteId}:corp:${corpid}`;
  }
}
