/**
 * The access_token of a self-built app: kept until shortly before it ends, fetched once however many wait for it.
 *
 * @see https://developer.work.weixin.qq.com/document/path/91039
 */
import type { Logger } from "../../observability/logger.js";
import { Secret } from "../../observability/secret.js";
import type { CallOptions, Endpoint } from "../call.js";
import { type Answer, requireString, type WecomClient } from "../client.js";
import { Deadline } from "../deadline.js";
import { WecomApiError, WecomError, WecomTransportError } from "../errors.js";
import type { TokenSource } from "./token-source.js";

const gettoken: Endpoint = { api: "gettoken", method: "GET", effect: "read" };

/** A token is fetched again when this part of its life is over, while the old one still serves. */
const renewAtPartOfLife = 0.9;

/** WeCom bans an address for an hour after 2,000 wrong secrets: pauses of 5, 10, 20, 40, 80, then 120 s make 34 an hour. */
const pausesMs = [5_000, 10_000, 20_000, 40_000, 80_000, 120_000];

interface Held {
  readonly token: Secret;
  readonly renewAt: number;
  readonly endsAt: number;
}

/** WeCom refused the credentials; asking again before `until` would bring nothing but a ban. */
interface Refusal {
  readonly error: WecomError;
  readonly until: number;
  readonly count: number;
}

export interface SelfBuiltApp {
  readonly corpid: string;
  readonly corpsecret: Secret;
}

export class SelfBuiltAppTokens implements TokenSource {
  #held: Held | undefined;
  #fetching: Promise<Secret> | undefined;
  #refusal: Refusal | undefined;

  constructor(
    private readonly app: SelfBuiltApp,
    private readonly client: WecomClient,
    private readonly options: { timeoutMs: number; log: Logger; now: () => number },
  ) {}

  async get(call: CallOptions): Promise<Secret> {
    const now = this.options.now();
    const held = this.#held;
    if (held && now < held.endsAt) {
      // Renewed behind the back of the requests; when that fails, the next request tries again and this token serves on.
      if (now >= held.renewAt) this.#fetch().catch(() => undefined);
      return held.token;
    }
    return await call.deadline.race(
      this.#fetch(),
      (reason) =>
        new WecomTransportError(`${reason} while waiting for an access_token`, {
          api: gettoken.api,
          delivery: "none",
          mayHaveTakenEffect: false,
        }),
    );
  }

  invalidate(refused: Secret): boolean {
    // Forget this token only, not whatever is held now: a slower request may be reporting one that was replaced.
    if (this.#held?.token === refused) this.#held = undefined;
    return true;
  }

  #fetch(): Promise<Secret> {
    if (this.#refusal && this.options.now() < this.#refusal.until) return Promise.reject(this.#refusal.error);
    return (this.#fetching ??= this.#request().finally(() => {
      this.#fetching = undefined;
    }));
  }

  /** Has a deadline of its own: the request that happens to come first must not decide for all that wait with it. */
  async #request(): Promise<Secret> {
    const { corpid, corpsecret } = this.app;
    const deadline = new Deadline(this.options.timeoutMs);
    const call = { corp: corpid, deadline, log: this.options.log };
    try {
      const query = { corpid, corpsecret: corpsecret.reveal() };
      const { token, lifeMs } = await this.client.exchange(gettoken, { query }, undefined, call, readToken);
      const now = this.options.now();
      this.#held = { token, renewAt: now + lifeMs * renewAtPartOfLife, endsAt: now + lifeMs };
      this.#refusal = undefined;
      return token;
    } catch (error) {
      if (error instanceof WecomApiError) this.#rememberRefusal(error);
      throw error;
    } finally {
      deadline.close();
    }
  }

  #rememberRefusal(error: WecomApiError): void {
    if (error.entry?.retry === "backoff") return;
    const count = (this.#refusal?.count ?? 0) + 1;
    const pauseMs = pausesMs[Math.min(count, pausesMs.length) - 1] ?? 0;
    this.#refusal = { error, until: this.options.now() + pauseMs, count };
    this.options.log.error(
      { api: gettoken.api, errcode: error.errcode, nextTryInSeconds: pauseMs / 1000, todo: error.entry?.operator },
      "WeCom refused the gateway's credentials",
    );
  }
}

function readToken(answer: Answer): { token: Secret; lifeMs: number } {
  const { expires_in: expiresIn } = answer;
  return {
    token: new Secret(requireString(answer, "access_token")),
    lifeMs: (typeof expiresIn === "number" && expiresIn > 0 ? expiresIn : 7200) * 1000,
  };
}
