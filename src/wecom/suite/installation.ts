/**
 * The installation of the app by a corp's administrator: this page redirects to WeCom's with a pre-auth code, and WeCom
 * redirects back with an auth_code. The `state` parameter is signed and valid for one auth_code. Reloading the page
 * shows the outcome, and stores the code again if that failed before.
 *
 * @see https://developer.work.weixin.qq.com/document/path/90597
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { PlainAnswer } from "../../lib/plain-answer.js";
import type { Logger } from "../../observability/logger.js";
import { Secret } from "../../observability/secret.js";
import { reasonOf, type Store } from "../../stores/store.js";
import type { AuthorisationOutcome } from "./auth-code.js";
import { MinuteQuota } from "../limits/caller-quota.js";
import type { Suite } from "./suite.js";

/** WeCom's pre-auth code is valid for about twenty minutes. */
const stateLifeMs = 30 * 60_000;
/** Hexadecimal, because other characters may be changed in transit: Unix seconds of its expiry, and a random part. */
const [stateEndDigits, stateDigits, macDigits] = [8, 40, 64];

/**
 * Limits new pre-auth codes, because anybody may start and each code costs a call to WeCom. Beyond it, visitors share
 * the newest one.
 */
const preAuthCodesPerMinute = 30;

const reloadAfterSeconds = 5;

export interface InstallationOptions {
  readonly suite: Pick<Suite, "authorise" | "installationUrl" | "preAuthCode" | "sign">;
  readonly store: Store;
  readonly log: Logger;
  readonly now: () => number;
  /** The URL of this page in browsers, to which WeCom redirects the administrator. */
  readonly redirectUri: () => string;
}

export class Installation {
  readonly #quota: MinuteQuota;
  #newest: Promise<Secret> | undefined;

  constructor(private readonly options: InstallationOptions) {
    this.#quota = new MinuteQuota(preAuthCodesPerMinute, options.now);
  }

  async visit(query: URLSearchParams): Promise<PlainAnswer> {
    const authCode = query.get("auth_code") ?? "";
    try {
      return await (authCode === "" ? this.#begin() : this.#finish(new Secret(authCode), query.get("state") ?? ""));
    } catch (error) {
      this.options.log.error({ reason: reasonOf(error) }, "an installation could not go on");
      if (authCode === "") return { status: 503, text: "WeCom could not be asked. Please try again later." };
      // The page reloads itself, because only the browser has the code.
      return {
        status: 503,
        text:
          "The authorisation could not be stored, so the app is not installed yet. This page tries it again by itself: " +
          "please leave it open, or load it again within ten minutes. After that, start again at /wecom/install.",
        reloadAfterSeconds,
      };
    }
  }

  async #begin(): Promise<PlainAnswer> {
    const preAuthCode = await this.#sharedPreAuthCode();
    const endsAtSeconds = Math.floor(((await this.options.store.now()) + stateLifeMs) / 1000);
    const state = endsAtSeconds.toString(16).padStart(stateEndDigits, "0") + randomBytes(16).toString("hex");
    const signedState = state + this.options.suite.sign(state);
    const location = this.options.suite.installationUrl(preAuthCode, this.options.redirectUri(), signedState);
    return { status: 302, text: "", location };
  }

  #sharedPreAuthCode(): Promise<Secret> {
    // Shared even while it may fail: WeCom is not asked again for each visitor.
    if (this.#quota.take() > 0 && this.#newest) return this.#newest;
    return (this.#newest = this.options.suite.preAuthCode());
  }

  async #finish(authCode: Secret, state: string): Promise<PlainAnswer> {
    if (!(await this.#isOurs(state, authCode))) {
      return {
        status: 403,
        text: "This installation was not started here, or is over. Please start at /wecom/install.",
      };
    }
    return answerTo(await this.options.suite.authorise(authCode));
  }

  /** Whether this gateway signed it, it has not expired, and it was not used for another auth_code. */
  async #isOurs(signedState: string, authCode: Secret): Promise<boolean> {
    const { suite, store } = this.options;
    if (!/^[0-9a-f]+$/.test(signedState) || signedState.length !== stateDigits + macDigits) return false;
    const state = signedState.slice(0, stateDigits);
    if (!timingSafeEqual(Buffer.from(suite.sign(state)), Buffer.from(signedState.slice(stateDigits)))) return false;
    if ((await store.now()) > parseInt(state.slice(0, stateEndDigits), 16) * 1000) return false;
    const usedFor = createHash("sha256").update(authCode.reveal()).digest("base64url");
    const key = `installation:${state}`;
    if (await store.compareAndSet(key, undefined, usedFor, { expiresInMs: stateLifeMs })) return true;
    return (await store.get(key)) === usedFor;
  }
}

function answerTo(outcome: AuthorisationOutcome): PlainAnswer {
  switch (outcome.state) {
    case "done":
      return { status: 200, text: `The app is installed for the corp ${outcome.corpid}.` };
    case "open":
      return {
        status: 202,
        text: "The authorisation is stored, and WeCom has not answered yet. It goes on by itself; this page shows the end.",
        reloadAfterSeconds,
      };
    case "refused":
      return { status: 400, text: "WeCom did not take the authorisation. Please start again at /wecom/install." };
    case "expired":
    case "lost":
      return {
        status: 400,
        text: "The authorisation could not be finished, and its code works once. Please start again at /wecom/install.",
      };
  }
}
