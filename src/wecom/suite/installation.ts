/**
 * How an administrator of a corp comes to install the app: from here to WeCom's page with a pre-auth code, and back with
 * an auth_code. The state that goes along is good for one return.
 *
 * @see https://developer.work.weixin.qq.com/document/path/90597
 */
import { randomUUID } from "node:crypto";
import type { Logger } from "../../observability/logger.js";
import { Secret } from "../../observability/secret.js";
import { reasonOf, type Store } from "../../stores/store.js";
import type { Suite } from "./suite.js";

/** WeCom's pre-auth code lasts for about twenty minutes. */
const stateLifeMs = 30 * 60_000;

/** Anybody may ask, and each time costs a call to WeCom. */
const maxStartsPerMinute = 30;

export interface InstallationAnswer {
  readonly status: number;
  readonly text: string;
  readonly location?: string;
}

export interface InstallationOptions {
  readonly suite: Pick<Suite, "authorise" | "installationUrl">;
  readonly store: Store;
  readonly log: Logger;
  readonly now: () => number;
  /** Where WeCom sends the administrator back to: this same page, as a browser reaches it. */
  readonly redirectUri: () => string;
}

export class Installation {
  #minute = 0;
  #startsInMinute = 0;

  constructor(private readonly options: InstallationOptions) {}

  async visit(query: URLSearchParams): Promise<InstallationAnswer> {
    const authCode = query.get("auth_code") ?? "";
    try {
      return await (authCode === "" ? this.#begin() : this.#finish(new Secret(authCode), query.get("state") ?? ""));
    } catch (error) {
      this.options.log.error({ reason: reasonOf(error) }, "an installation could not go on");
      const text = authCode === "" ? "Please try again later." : "The installation goes on in the background.";
      return { status: 503, text: `WeCom could not be asked. ${text}` };
    }
  }

  async #begin(): Promise<InstallationAnswer> {
    const minute = Math.floor(this.options.now() / 60_000);
    if (minute !== this.#minute) this.#startsInMinute = 0;
    this.#minute = minute;
    this.#startsInMinute += 1;
    if (this.#startsInMinute > maxStartsPerMinute) {
      return { status: 429, text: "Too many installations have been started: please try again in a minute." };
    }
    const state = randomUUID();
    const location = await this.options.suite.installationUrl(this.options.redirectUri(), state);
    await this.options.store.set(`installation:${state}`, "begun", { expiresInMs: stateLifeMs });
    return { status: 302, text: "", location };
  }

  async #finish(authCode: Secret, state: string): Promise<InstallationAnswer> {
    const { suite, store, now } = this.options;
    const wasBegun = /^[\w-]{36}$/.test(state) && (await store.delete(`installation:${state}`));
    if (!wasBegun) {
      return {
        status: 403,
        text: "This installation was not started here, or is over. Please start at /wecom/install.",
      };
    }
    const corpid = await suite.authorise(authCode, Math.floor(now() / 1000));
    return corpid === undefined
      ? { status: 400, text: "WeCom did not take the authorisation. Please start again at /wecom/install." }
      : { status: 200, text: `The app is installed for the corp ${corpid}.` };
  }
}
