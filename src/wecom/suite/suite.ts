/**
 * A provider's app, third-party or customised: suite ticket → suite token → permanent code of a corp → the corp's token.
 * What WeCom tells it by callback, and what an administrator brings back from the installation, ends here.
 *
 * @see https://developer.work.weixin.qq.com/document/path/90597
 */
import { createHash } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { Secret } from "../../observability/secret.js";
import { acquireLease, reasonOf, type Store } from "../../stores/store.js";
import type { CallOptions } from "../call.js";
import type { SuiteEvent } from "../callback/events.js";
import type { WecomClient } from "../client.js";
import { Deadline } from "../deadline.js";
import { WecomApiError, WecomConfigurationError } from "../errors.js";
import { RenewedToken, type TokenKit } from "../tokens/renewed-token.js";
import type { TokenSource } from "../tokens/token-source.js";
import { CorpTokens } from "./corp-tokens.js";
import { PermanentCodes } from "./permanent-codes.js";
import { type Authorisation, SuiteDataSource, suiteTokenApi } from "./suite.datasource.js";
import { SuiteTicket } from "./suite-ticket.js";

/** An auth_code is good for ten minutes; what became of it is of interest for somewhat longer. */
const authCodeLifeMs = 15 * 60_000;
const leaseMs = 3_000;
const leasePollMs = 40;
/** WeCom gives up sending an event after some seconds, but the auth_code in it lasts for ten minutes. */
const retryPausesMs = [5_000, 10_000, 20_000, 60_000, 120_000, 240_000];

/** What is known of an auth_code, from its arrival on. */
type AuthCodeRecord =
  | { readonly state: "pending"; readonly authCode: string; readonly at: number }
  | { readonly state: "done"; readonly corpid: string }
  | { readonly state: "refused"; readonly errcode: number };

export interface SuiteOptions {
  readonly suiteId: string;
  readonly suiteSecret: Secret;
}

export class Suite {
  readonly tokens: CorpTokens;
  readonly #suiteTokens: TokenSource;
  readonly #calls: SuiteDataSource;
  readonly #ticket: SuiteTicket;
  readonly #codes: PermanentCodes;
  readonly #store: Store;
  readonly #prefix: string;
  readonly #keptAt = new Set<string>();
  /** By auth_code: permanent codes that WeCom has handed out and the store has not taken yet. */
  readonly #unsaved = new Map<string, Authorisation>();

  constructor(
    private readonly options: SuiteOptions,
    client: WecomClient,
    private readonly kit: TokenKit,
  ) {
    const { suiteId } = options;
    this.#store = kit.store;
    this.#prefix = `suite:${suiteId}:`;
    this.#calls = new SuiteDataSource(client, options);
    this.#ticket = new SuiteTicket(kit.store, suiteId);
    this.#codes = new PermanentCodes(kit.store, suiteId);
    this.#suiteTokens = new RenewedToken(
      { key: `suite:${suiteId}`, corp: suiteId, api: suiteTokenApi, fetch: (call) => this.#fetchSuiteToken(call) },
      kit,
    );
    this.tokens = new CorpTokens({
      ...{ suiteId, client, kit, calls: this.#calls, codes: this.#codes, suiteTokens: this.#suiteTokens },
    });
  }

  /** Listens to what other replicas are told, and finishes what a process that died had begun. */
  async start(): Promise<void> {
    await this.#store.subscribe(`${this.#prefix}changed`, (corpid) => {
      this.tokens.forgetOwn(corpid);
    });
    for await (const [, text] of this.#store.scan(`${this.#prefix}auth-code:`)) {
      const record = JSON.parse(text) as AuthCodeRecord;
      if (record.state !== "pending") continue;
      void this.#keepAuthorising(new Secret(record.authCode), record.at, [0, ...retryPausesMs]);
    }
  }

  /** @throws when what the event brings is not sure to be kept: it must be sent again */
  async handle(event: SuiteEvent): Promise<void> {
    const { log } = this.kit;
    switch (event.kind) {
      case "suite_ticket":
        await this.#ticket.save(event.ticket, event.at);
        return;
      case "create_auth":
      case "reset_permanent_code":
        await this.authorise(event.authCode, event.at);
        return;
      case "cancel_auth":
        await this.#codes.cancel(event.corpid, event.at);
        await this.#announceChange(event.corpid);
        log.info({ corp: event.corpid }, "a corp has taken its authorisation back");
        return;
      case "change_auth":
        log.info({ corp: event.corpid }, "a corp has changed what the app may do");
    }
  }

  /**
   * Exchanges an auth_code for the corp's permanent code and stores it; on return it is durable. When that fails for the
   * moment, it is tried on in the background for as long as the code lasts.
   *
   * @returns the corp; undefined when WeCom has refused the code for good, which is logged
   */
  async authorise(authCode: Secret, at: number): Promise<string | undefined> {
    try {
      return await this.#authoriseOnce(authCode, at);
    } catch (error) {
      void this.#keepAuthorising(authCode, at, retryPausesMs);
      throw error;
    }
  }

  /** An auth_code may reach us twice, by callback and by redirect, and can be used once: what became of it is stored. */
  async #authoriseOnce(authCode: Secret, at: number): Promise<string | undefined> {
    const key = `${this.#prefix}auth-code:${createHash("sha256").update(authCode.reveal()).digest("base64url")}`;
    const pending = JSON.stringify({ state: "pending", authCode: authCode.reveal(), at } satisfies AuthCodeRecord);
    await this.#store.compareAndSet(key, undefined, pending, { expiresInMs: authCodeLifeMs });
    return await this.#alone(async () => {
      const record = JSON.parse((await this.#store.get(key)) ?? pending) as AuthCodeRecord;
      if (record.state !== "pending") return record.state === "done" ? record.corpid : undefined;
      const result = await this.#exchange(authCode, at);
      await this.#store.set(key, JSON.stringify(result), { expiresInMs: authCodeLifeMs });
      return result.state === "done" ? result.corpid : undefined;
    });
  }

  /** Where an administrator starts to install the app. @see https://developer.work.weixin.qq.com/document/path/90597 */
  async installationUrl(redirectUri: string, state: string): Promise<string> {
    const code = await this.#withDeadline((call) => this.#calls.getPreAuthCode(this.#suiteTokens, call));
    const query = {
      suite_id: this.options.suiteId,
      pre_auth_code: code.reveal(),
      redirect_uri: redirectUri,
      state,
    };
    return `https://open.work.weixin.qq.com/3rdapp/install?${new URLSearchParams(query).toString()}`;
  }

  async #keepAuthorising(authCode: Secret, at: number, pausesMs: readonly number[]): Promise<void> {
    const key = authCode.reveal();
    if (this.#keptAt.has(key)) return;
    this.#keptAt.add(key);
    let reason = "";
    // A permanent code that is in hand does not grow old with its auth_code: it is kept at until it is stored.
    for (let attempt = 0; attempt < pausesMs.length || this.#unsaved.has(key); attempt += 1) {
      await wait(pausesMs[Math.min(attempt, pausesMs.length - 1)], undefined, { ref: false });
      try {
        await this.#authoriseOnce(authCode, at);
        this.#keptAt.delete(key);
        return;
      } catch (error) {
        reason = reasonOf(error);
      }
    }
    this.#keptAt.delete(key);
    this.kit.log.error({ reason }, "an authorisation could not be finished: the corp has to authorise the app again");
  }

  async #exchange(authCode: Secret, at: number): Promise<AuthCodeRecord> {
    try {
      const key = authCode.reveal();
      const authorisation =
        this.#unsaved.get(key) ??
        (await this.#withDeadline((call) => this.#calls.getPermanentCode(authCode, this.#suiteTokens, call)));
      this.#unsaved.set(key, authorisation);
      await this.#codes.save(authorisation, at);
      // An older one of the same corp, should there be one, must not come after it.
      for (const [code, { corpid }] of this.#unsaved) {
        if (corpid === authorisation.corpid) this.#unsaved.delete(code);
      }
      await this.#announceChange(authorisation.corpid);
      this.kit.log.info({ corp: authorisation.corpid }, "a corp has authorised the app");
      return { state: "done", corpid: authorisation.corpid };
    } catch (error) {
      // Only a verdict on the code itself is final: everything else can be tried again while the code lasts.
      if (!(error instanceof WecomApiError) || error.entry?.retry !== "never") throw error;
      this.kit.log.error(
        { errcode: error.errcode, todo: error.entry.operator },
        "WeCom does not take an auth_code: unless the corp works already, it has to authorise the app again",
      );
      return { state: "refused", errcode: error.errcode };
    }
  }

  /** In all replicas: of two codes for one corp, the one exchanged later is valid, and must be the one stored later. */
  async #alone<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      const lease = await acquireLease(this.#store, `${this.#prefix}authorising`, leaseMs);
      if (lease) {
        try {
          return await work();
        } finally {
          await lease.release().catch(() => undefined);
        }
      }
      await wait(leasePollMs);
    }
  }

  async #announceChange(corpid: string): Promise<void> {
    await this.tokens.forgetShared(corpid);
    this.tokens.forgetOwn(corpid);
    await this.#store.publish(`${this.#prefix}changed`, corpid);
  }

  async #fetchSuiteToken(call: CallOptions) {
    const ticket = await this.#ticket.newest();
    if (ticket) return await this.#calls.getSuiteToken(ticket, call);
    throw new WecomConfigurationError("WeCom has pushed no suite_ticket to the callback URL within half an hour", {
      api: suiteTokenApi,
    });
  }

  async #withDeadline<T>(work: (call: CallOptions) => Promise<T>): Promise<T> {
    const { suiteId } = this.options;
    const deadline = new Deadline(this.kit.timeoutMs);
    try {
      return await work({ corp: suiteId, deadline, log: this.kit.log });
    } finally {
      deadline.close();
    }
  }
}
