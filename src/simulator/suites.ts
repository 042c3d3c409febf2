// Third-party and customised (代开发) apps: suites and the corps that authorised them. The methods do what an
// administrator does in the WeCom client.

import { ApiFailure } from "./api-failure.js";
import { cancelAuth, changeAuth, createAuth, resetPermanentCode, suiteTicket } from "./callback-messages.js";
import type { CallbackMessage } from "./callback-messages.js";
import type { Callbacks } from "./callbacks.js";
import type { SimulatorClock } from "./clock.js";
import type { App, Directory } from "./directory.js";
import type { IssuedTokens } from "./issued-tokens.js";
import type { SuiteOptions } from "./options.js";
import { randomToken } from "./random.js";
import { TimedCodes } from "./timed-codes.js";

const TICKET_MINUTES = 30;
const AUTH_CODE_MINUTES = 10;

/** The authorisation that an auth_code stands for until it is exchanged for a permanent code. */
export interface Grant {
  suite: SuiteOptions;
  corpid: string;
  state: string;
}

interface SuiteTools {
  clock: SimulatorClock;
  random: () => number;
  directory: Directory;
  accessTokens: IssuedTokens<App>;
  callbacks: Callbacks;
  preAuthCodeMinutes: number;
}

export class Suites {
  readonly preAuthCodes: TimedCodes<SuiteOptions>;
  readonly #suites: ReadonlyMap<string, SuiteOptions>;
  readonly #tickets: TimedCodes<SuiteOptions>;
  readonly #authCodes: TimedCodes<Grant>;
  /** "suiteId corpid" → permanent code. */
  readonly #permanentCodes = new Map<string, string>();

  constructor(
    suites: readonly SuiteOptions[],
    private readonly tools: SuiteTools,
  ) {
    const { clock, random, preAuthCodeMinutes } = tools;
    this.#suites = new Map(suites.map((suite) => [suite.suiteId, suite]));
    this.#tickets = new TimedCodes(clock, random, TICKET_MINUTES);
    this.#authCodes = new TimedCodes(clock, random, AUTH_CODE_MINUTES);
    this.preAuthCodes = new TimedCodes(clock, random, preAuthCodeMinutes);
  }

  get(suiteId: string): SuiteOptions | undefined {
    return this.#suites.get(suiteId);
  }

  /** Creates a suite_ticket, valid 30 minutes, and pushes it to the command URL. WeCom does so every 10 minutes. */
  pushTicket(suiteId: string): string {
    const suite = this.#existing(suiteId);
    const ticket = this.#tickets.issue(suite);
    this.#push(suite, suiteTicket(suiteId, ticket, this.tools.clock.nowSeconds()));
    return ticket;
  }

  isTicketOf(suite: SuiteOptions, ticket: string): boolean {
    return this.#tickets.redeem(ticket) === suite;
  }

  /**
   * An administrator of the corp installs the app: an auth_code, valid 10 minutes, is pushed as create_auth. WeCom does
   * not push it for installations from the provider's own site (`isPushed: false`): the redirect carries it.
   */
  authorise(suiteId: string, corpid: string, { state = "", isPushed = true } = {}): string {
    const suite = this.#existing(suiteId);
    if (!this.tools.directory.hasCorp(corpid)) throw new Error(`the simulator has no corp ${corpid}`);
    const authCode = this.#authCodes.issue({ suite, corpid, state });
    if (isPushed) this.#push(suite, createAuth(suiteId, authCode, state, this.tools.clock.nowSeconds()));
    return authCode;
  }

  /** An administrator changes what the app may see. Only the event is simulated. */
  changeAuthorisation(suiteId: string, corpid: string): void {
    this.#push(this.#existing(suiteId), changeAuth(suiteId, corpid, this.tools.clock.nowSeconds()));
  }

  /** An administrator removes the app: its permanent code and its tokens become void immediately. */
  cancelAuthorisation(suiteId: string, corpid: string): void {
    const suite = this.#existing(suiteId);
    this.#permanentCodes.delete(`${suiteId} ${corpid}`);
    this.tools.directory.removeApp(corpid, suite.agentid);
    this.tools.accessTokens.invalidate(`${corpid} ${suite.agentid}`);
    this.#push(suite, cancelAuth(suiteId, corpid, this.tools.clock.nowSeconds()));
  }

  /**
   * The provider has the permanent code replaced: a new auth_code; the old permanent code becomes void when it is used.
   */
  resetPermanentCode(suiteId: string, corpid: string): string {
    const suite = this.#existing(suiteId);
    const authCode = this.#authCodes.issue({ suite, corpid, state: "" });
    this.#push(suite, resetPermanentCode(suiteId, authCode, this.tools.clock.nowSeconds()));
    return authCode;
  }

  /**
   * @throws {ApiFailure} 40078 when the auth_code is unknown, used or too old; 48003 when it belongs to another suite
   */
  exchange(suite: SuiteOptions, authCode: string): { grant: Grant; permanentCode: string; app: App } {
    const grant = this.#authCodes.redeemOnce(authCode);
    if (grant === undefined) throw new ApiFailure(40078);
    if (grant.suite !== suite) throw new ApiFailure(48003);
    const { random, directory } = this.tools;
    const permanentCode = randomToken(random, 64);
    this.#permanentCodes.set(`${suite.suiteId} ${grant.corpid}`, permanentCode);
    const app = directory.putApp(grant.corpid, {
      agentid: suite.agentid,
      // A customised app's permanent code is its secret for gettoken; a third-party app has no secret at all.
      secret: suite.isCustomised === true ? permanentCode : randomToken(random, 64),
      visibleUserids: suite.visibleUserids ?? "all",
      ...(suite.dataCallback === undefined ? {} : { callback: suite.dataCallback }),
    });
    return { grant, permanentCode, app };
  }

  /**
   * The app of that suite in that corp; undefined if the permanent code is wrong or the authorisation was cancelled.
   */
  authorisedApp(suite: SuiteOptions, corpid: string, permanentCode: string): App | undefined {
    if (this.#permanentCodes.get(`${suite.suiteId} ${corpid}`) !== permanentCode) return undefined;
    return this.tools.directory.app(corpid, suite.agentid);
  }

  /** Removes every authorisation. */
  clear(): void {
    for (const key of this.#permanentCodes.keys()) {
      const [suiteId = "", corpid = ""] = key.split(" ");
      const suite = this.#suites.get(suiteId);
      if (suite !== undefined) this.tools.directory.removeApp(corpid, suite.agentid);
    }
    this.#permanentCodes.clear();
    this.#tickets.clear();
    this.#authCodes.clear();
    this.preAuthCodes.clear();
  }

  #push(suite: SuiteOptions, message: CallbackMessage): void {
    const { commandCallback, suiteId } = suite;
    if (commandCallback !== undefined) this.tools.callbacks.push({ ...commandCallback, receiveid: suiteId }, message);
  }

  #existing(suiteId: string): SuiteOptions {
    const suite = this.#suites.get(suiteId);
    if (suite === undefined) throw new Error(`the simulator has no suite ${suiteId}`);
    return suite;
  }
}
