/**
 * A provider's app, third-party or customised: suite ticket → suite token → a corp's permanent code → the corp's token.
 * It handles WeCom's command callbacks, and the auth_codes that administrators bring from the installation.
 *
 * @see https://developer.work.weixin.qq.com/document/path/90597
 */
import { createHmac } from "node:crypto";
import type { AuthorisationMetrics } from "../../observability/metrics.js";
import type { Secret } from "../../observability/secret.js";
import type { Listening } from "../../stores/store.js";
import type { CallOptions } from "../call.js";
import type { SuiteEvent } from "../callback/events.js";
import type { WecomClient } from "../client.js";
import { Deadline } from "../deadline.js";
import { WecomConfigurationError } from "../errors.js";
import { fingerprintOf } from "../tokens/refusals.js";
import { RenewedToken, type TokenDependencies } from "../tokens/renewed-token.js";
import type { TokenSource } from "../tokens/token-source.js";
import type { AuthorisationOutcome } from "./auth-code.js";
import { Authorisations } from "./authorisations.js";
import { CorpTokens } from "./corp-tokens.js";
import { PermanentCodes } from "./permanent-codes.js";
import { SuiteDataSource, suiteTokenApi } from "./suite.datasource.js";
import { SuiteRecords } from "./suite-records.js";
import { SuiteTicket } from "./suite-ticket.js";

/** Published instead of a corp's id. */
const newTicket = "suite_ticket";

/** How long an administrator's request waits for the outcome; then the page shows the state and reloads. */
const outcomeWaitMs = 5_000;

export interface SuiteOptions {
  readonly suiteId: string;
  readonly suiteSecret: Secret;
}

export interface SuiteDependencies extends TokenDependencies {
  readonly metrics: AuthorisationMetrics;
  /** WeCom has pushed a ticket, to this replica or another. */
  readonly onTicket?: () => void;
}

export class Suite {
  readonly tokens: CorpTokens;
  /** Of the suite itself, with which the corps' are fetched. */
  readonly ownTokens: TokenSource;
  readonly #calls: SuiteDataSource;
  readonly #ticket: SuiteTicket;
  readonly #codes: PermanentCodes;
  readonly #authorisations: Authorisations;
  readonly #prefix: string;
  #listening: Listening | undefined;

  constructor(
    private readonly options: SuiteOptions,
    client: WecomClient,
    private readonly dependencies: SuiteDependencies,
  ) {
    const { suiteId } = options;
    const { store, log, now, metrics, timeoutMs } = dependencies;
    const prefix = (this.#prefix = `suite:${suiteId}:`);
    const records = new SuiteRecords(store, prefix, now);
    this.#calls = new SuiteDataSource(client, options);
    this.#ticket = new SuiteTicket(records, prefix);
    this.#codes = new PermanentCodes(records, prefix);
    this.ownTokens = new RenewedToken(
      { key: `suite:${suiteId}`, corp: suiteId, api: suiteTokenApi, credentials: () => this.#suiteCredentials() },
      dependencies,
    );
    this.tokens = new CorpTokens({
      ...{ suiteId, client, dependencies, calls: this.#calls, codes: this.#codes, suiteTokens: this.ownTokens },
    });
    this.#authorisations = new Authorisations({
      ...{ prefix, store, records, codes: this.#codes, log, metrics, timeoutMs },
      exchange: (code) => this.#withDeadline((call) => this.#calls.getPermanentCode(code, this.ownTokens, call)),
      onChange: (corpid) => this.#announceChange(corpid),
    });
  }

  /** Listens to other replicas, and finishes what a process that died had started. */
  async start(): Promise<void> {
    this.#listening = await this.dependencies.store.listen(`${this.#prefix}changed`, {
      onMessage: (changed) => {
        if (changed === newTicket) this.dependencies.onTicket?.();
        else this.tokens.forgetOwn(changed);
      },
      // Any corp may have changed meanwhile, so each token is read from the store again.
      onHearing: () => {
        this.tokens.forgetAllOwn();
      },
    });
    void this.#authorisations.start();
  }

  async stop(): Promise<void> {
    this.#listening?.stop();
    await this.#authorisations.stop();
  }

  /**
   * WeCom's Unix time of the newest suite_ticket; undefined if none arrived in the last half hour.
   *
   * @throws {StoreError}
   */
  ticketAtSeconds(): Promise<number | undefined> {
    return this.#ticket.newestAtSeconds();
  }

  /** @throws {StoreError} when what the event brings may not be stored: WeCom has to send it again */
  async handle(event: SuiteEvent): Promise<void> {
    const { log } = this.dependencies;
    switch (event.kind) {
      case "suite_ticket":
        await this.#ticket.save(event.ticket, event.at);
        this.#authorisations.hurry();
        // Not awaited: the ticket is stored, even if no replica gets the message.
        void this.dependencies.store.publish(`${this.#prefix}changed`, newTicket).catch(() => undefined);
        return;
      case "create_auth":
      case "reset_permanent_code":
        await this.#authorisations.accept(event.authCode, event.at);
        return;
      case "cancel_auth":
        if (!(await this.#codes.cancel(event.corpid, event.at))) {
          log.info(
            { corp: event.corpid },
            "a cancellation came late: the corp has authorised the app again, or never did",
          );
          return;
        }
        await this.#announceChange(event.corpid);
        log.info({ corp: event.corpid }, "a corp has cancelled its authorisation");
        return;
      case "change_auth":
        log.info({ corp: event.corpid }, "a corp has changed what the app may do");
    }
  }

  /**
   * Stores the auth_code that an administrator brings. It is exchanged even if they leave.
   *
   * @returns its state after a few seconds at most
   * @throws {StoreError} when it could not be stored
   */
  async authorise(authCode: Secret): Promise<AuthorisationOutcome> {
    const id = await this.#authorisations.accept(authCode);
    return await this.#authorisations.outcome(id, outcomeWaitMs);
  }

  /**
   * The URL where an administrator starts the installation.
   *
   * @see https://developer.work.weixin.qq.com/document/path/90597
   */
  installationUrl(preAuthCode: Secret, redirectUri: string, state: string): string {
    const query = {
      suite_id: this.options.suiteId,
      pre_auth_code: preAuthCode.reveal(),
      redirect_uri: redirectUri,
      state,
    };
    return `https://open.work.weixin.qq.com/3rdapp/install?${new URLSearchParams(query).toString()}`;
  }

  preAuthCode(): Promise<Secret> {
    return this.#withDeadline((call) => this.#calls.getPreAuthCode(this.ownTokens, call));
  }

  /** A signature that only this suite's replicas can create and verify. */
  sign(text: string): string {
    return createHmac("sha256", this.options.suiteSecret.reveal()).update(`wecom-living\n${text}`).digest("hex");
  }

  async #announceChange(corpid: string): Promise<void> {
    await this.tokens.forgetShared(corpid);
    this.tokens.forgetOwn(corpid);
    await this.dependencies.store.publish(`${this.#prefix}changed`, corpid);
  }

  async #suiteCredentials() {
    const ticket = await this.#ticket.newest();
    if (!ticket) {
      throw new WecomConfigurationError("WeCom has pushed no suite_ticket to the callback URL within half an hour", {
        api: suiteTokenApi,
      });
    }
    return {
      fingerprint: fingerprintOf(this.options.suiteSecret, ticket),
      attempts: [(call: CallOptions) => this.#calls.getSuiteToken(ticket, call)],
    };
  }

  async #withDeadline<T>(work: (call: CallOptions) => Promise<T>): Promise<T> {
    const { log, timeoutMs } = this.dependencies;
    const deadline = new Deadline(timeoutMs);
    try {
      return await work({ corp: this.options.suiteId, deadline, log });
    } finally {
      deadline.close();
    }
  }
}
