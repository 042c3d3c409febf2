/**
 * The access_token of each corp that authorised the app. All follow the same rules, each with its own permanent code.
 */
import { BoundedMap } from "../../lib/bounded-map.js";
import type { Secret } from "../../observability/secret.js";
import { StoreError } from "../../stores/store.js";
import type { CallOptions } from "../call.js";
import type { WecomClient } from "../client.js";
import { notSent } from "../errors.js";
import { gettoken } from "../tokens/gettoken.js";
import { fingerprintOf } from "../tokens/refusals.js";
import { type Credentials, type FetchedToken, RenewedToken, type TokenDependencies } from "../tokens/renewed-token.js";
import { type TokenSource, unknownCorp } from "../tokens/token-source.js";
import type { PermanentCodes } from "./permanent-codes.js";
import { type Authorisation, corpTokenApi, type SuiteDataSource } from "./suite.datasource.js";

/** How many corps' tokens this process caches. */
const maxCorps = 10_000;

export interface CorpTokensOptions {
  readonly suiteId: string;
  readonly calls: SuiteDataSource;
  readonly client: WecomClient;
  readonly suiteTokens: TokenSource;
  readonly codes: PermanentCodes;
  readonly dependencies: TokenDependencies;
}

export class CorpTokens implements TokenSource {
  readonly #corps = new BoundedMap<string, RenewedToken>(maxCorps);

  constructor(private readonly options: CorpTokensOptions) {}

  async get(call: CallOptions): Promise<Secret> {
    const tokens = this.#corps.get(call.corp) ?? (await this.#find(call.corp));
    return await tokens.get(call);
  }

  /** The app's agentid in that corp, from its authorisation. */
  async agentidOf(corpid: string): Promise<number | undefined> {
    return (await this.#authorisations(corpid))[0].agentid;
  }

  invalidate(refused: Secret, call: CallOptions, isReplacement?: boolean): boolean {
    return this.#corps.get(call.corp)?.invalidate(refused, call, isReplacement) ?? true;
  }

  /** The corp's permanent code changed or is void, and so are the tokens fetched with it. */
  async forgetShared(corpid: string): Promise<void> {
    await RenewedToken.forget(this.options.dependencies.store, this.#key(corpid));
  }

  forgetOwn(corpid: string): void {
    this.#corps.delete(corpid);
  }

  forgetAllOwn(): void {
    this.#corps.clear();
  }

  async #find(corpid: string): Promise<RenewedToken> {
    const [{ isCustomised }] = await this.#authorisations(corpid);
    const known = this.#corps.get(corpid);
    if (known) return known;
    const tokens = new RenewedToken(
      {
        key: this.#key(corpid),
        corp: corpid,
        api: isCustomised ? "gettoken" : corpTokenApi,
        credentials: () => this.#credentials(corpid),
      },
      this.options.dependencies,
    );
    this.#corps.set(corpid, tokens);
    return tokens;
  }

  async #credentials(corpid: string): Promise<Credentials> {
    const authorisations = await this.#authorisations(corpid);
    const isSure = authorisations.length === 1;
    return {
      fingerprint: fingerprintOf(...authorisations.map(({ permanentCode }) => permanentCode)),
      attempts: authorisations.map((each) => (call) => this.#fetchWith(each, isSure, call)),
    };
  }

  async #fetchWith(authorisation: Authorisation, isSure: boolean, call: CallOptions): Promise<FetchedToken> {
    const { calls, client, codes, suiteTokens } = this.options;
    const { corpid, permanentCode, isCustomised } = authorisation;
    const fetched = isCustomised
      ? await gettoken(client, corpid, permanentCode, call)
      : await calls.getCorpToken(corpid, permanentCode, suiteTokens, call);
    // Not saved if the store is unreachable: found again next time, and this token is valid nevertheless.
    if (!isSure) await codes.confirm(corpid, permanentCode).catch(() => undefined);
    return fetched;
  }

  async #authorisations(corpid: string): Promise<readonly [Authorisation, ...Authorisation[]]> {
    try {
      const [first, ...others] = await this.options.codes.get(corpid);
      if (!first) throw unknownCorp();
      return [first, ...others];
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      throw notSent(corpTokenApi, "the store of permanent codes does not answer", { cause: error });
    }
  }

  #key(corpid: string): string {
    return `suite:${this.options.suiteId}:corp:${corpid}`;
  }
}
