/**
 * Whether WeCom accepts the app's own credentials. They are tested at startup, so that wrong ones are noticed before a
 * request fails.
 */
import type { Logger } from "../../observability/logger.js";
import { Deadline } from "../deadline.js";
import { WecomApiError, WecomConfigurationError } from "../errors.js";
import type { TokenDependencies } from "./renewed-token.js";
import type { TokenSource } from "./token-source.js";

export class CredentialCheck {
  #refusal: WecomApiError | undefined;
  /** Why they cannot be tested yet. */
  #missing: string | undefined;
  #isTried = false;
  #isHeld = false;
  #isLogged = false;

  /** @param app the key of the app's own token; tokens of a suite's corps do not count */
  constructor(private readonly app: () => string) {}

  readonly noteRefused: NonNullable<TokenDependencies["onRefused"]> = (key, refusal, isNew) => {
    if (key !== this.app()) return;
    this.#refusal = refusal;
    this.#isHeld = false;
    this.#isLogged ||= isNew;
  };

  readonly noteHeld = (key: string): void => {
    if (key !== this.app()) return;
    this.#refusal = this.#missing = undefined;
    this.#isHeld = true;
  };

  /** Tested, but not accepted so far. */
  get isOpen(): boolean {
    return this.#isTried && !this.#isHeld;
  }

  /** For the operator; undefined if no problem is known. */
  get problem(): string | undefined {
    if (!this.#refusal) return this.#missing;
    const { errcode, entry } = this.#refusal;
    const explanation = entry ? `: ${entry.meaning}. ${entry.operator}` : "";
    return `WeCom refused the gateway's credentials (errcode ${errcode})${explanation}`;
  }

  /** Fetches a token, as the first request would do. Never rejects. */
  async run(
    tokens: TokenSource,
    { corp, timeoutMs, log }: { corp: string; timeoutMs: number; log: Logger },
  ): Promise<void> {
    this.#isTried = true;
    const deadline = new Deadline(timeoutMs);
    try {
      await tokens.get({ corp, deadline, log });
    } catch (error) {
      if (!(error instanceof WecomApiError)) {
        if (error instanceof WecomConfigurationError) this.#missing = error.message;
        log.warn({ reason: String(error) }, "the credentials could not be tried");
      } else if (!this.#isLogged) {
        const { api, errcode, entry } = error;
        log.error({ api, errcode, todo: entry?.operator }, "WeCom refused the gateway's credentials a moment ago");
      }
    } finally {
      deadline.close();
    }
  }
}
