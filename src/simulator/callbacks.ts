// WeCom as an HTTP client: pushes messages to callback URLs and verifies URLs. Real sockets, real time.

import { randomBytes } from "node:crypto";
import { type CallbackSecrets, encryptMessage, type SealedMessage, signCallback } from "./callback-crypto.js";
import { type CallbackFormat, type CallbackMessage, renderMessage } from "./callback-messages.js";
import type { SimulatorClock } from "./clock.js";
import { randomDigits } from "./random.js";

export interface CallbackTarget extends CallbackSecrets {
  /** May contain a query. */
  url: string;
  /** Default "xml". */
  format?: CallbackFormat;
}

/** A target whose receiveid is known: the app's corpid, or the suite's id. */
export type CallbackEndpoint = Omit<CallbackTarget, "receiveid">;

/** An encrypted message: it can be sent, sent again, or tampered with. */
export interface SealedCallback {
  /** The query, with msg_signature, timestamp and nonce. */
  url: string;
  contentType: string;
  body: string;
}

export interface CallbackAttempt {
  /** Undefined if no answer arrived in time. */
  status?: number;
  body?: string;
  error?: string;
  tookMs: number;
}

export interface CallbackDelivery {
  url: string;
  message: CallbackMessage | string;
  attempts: readonly CallbackAttempt[];
  /** Whether an attempt was answered with HTTP 200. */
  isDelivered: boolean;
}

const REMEMBERED_DELIVERIES = 1000;

/** URL verification has to be answered within a second. */
const VERIFICATION_MS = 1000;

/** @see https://developer.work.weixin.qq.com/document/path/90238 */
export class Callbacks {
  readonly #closing = new AbortController();
  readonly #pending = new Set<Promise<CallbackDelivery>>();
  #deliveries: CallbackDelivery[] = [];

  constructor(
    private readonly clock: SimulatorClock,
    private readonly random: () => number,
    /** WeCom: 5 seconds per attempt, 3 repetitions. */
    private readonly rules: { timeoutMs: number; retries: number },
  ) {}

  /** Signs and encrypts without sending. Text is used verbatim, so that tests can send malformed messages. */
  seal({ url, format = "xml", ...secrets }: CallbackTarget, message: CallbackMessage | string): SealedCallback {
    const plain = typeof message === "string" ? message : renderMessage(message, format);
    const sealed = this.#seal(secrets, plain);
    const agentid = typeof message === "string" ? undefined : message["AgentID"];
    const { receiveid } = secrets;
    const envelope =
      format === "json"
        ? { tousername: receiveid, encrypt: sealed.encrypt, agentid: String(agentid ?? "") }
        : { ToUserName: receiveid, AgentID: String(agentid ?? ""), Encrypt: sealed.encrypt };
    return {
      url: withQuery(url, sealed),
      contentType: format === "json" ? "application/json" : "text/xml",
      body: renderMessage(envelope, format),
    };
  }

  /** One attempt. */
  async post({ url, contentType, body }: SealedCallback): Promise<CallbackAttempt> {
    const request = { method: "POST", headers: { "content-type": contentType }, body };
    return this.#fetch(url, request, this.rules.timeoutMs);
  }

  /** Delivers as WeCom does: only HTTP 200 in time is a success; otherwise the same bytes are sent again. */
  async send({
    message,
    ...target
  }: CallbackTarget & { message: CallbackMessage | string }): Promise<CallbackDelivery> {
    const sealed = this.seal(target, message);
    const attempts: CallbackAttempt[] = [];
    let isDelivered = false;
    while (!isDelivered && attempts.length <= this.rules.retries && !this.#closing.signal.aborted) {
      const attempt = await this.post(sealed);
      attempts.push(attempt);
      isDelivered = attempt.status === 200;
    }
    const delivery = { url: target.url, message, attempts, isDelivered };
    this.#deliveries = [...this.#deliveries.slice(1 - REMEMBERED_DELIVERIES), delivery];
    return delivery;
  }

  /** Sends without waiting; see `idle`. */
  push(target: CallbackTarget, message: CallbackMessage): void {
    const delivery = this.send({ ...target, message }).finally(() => this.#pending.delete(delivery));
    this.#pending.add(delivery);
  }

  /** Verifies the URL as when an administrator saves it: the response must be the bare plaintext. */
  async verifyUrl(target: CallbackTarget): Promise<CallbackAttempt & { isVerified: boolean }> {
    const echo = randomDigits(this.random, 19);
    const sealed = this.#seal(target, echo);
    const url = `${withQuery(target.url, sealed)}&echostr=${encodeURIComponent(sealed.encrypt)}`;
    const attempt = await this.#fetch(url, { method: "GET" }, Math.min(VERIFICATION_MS, this.rules.timeoutMs));
    return { ...attempt, isVerified: attempt.status === 200 && attempt.body === echo };
  }

  /** Oldest first, delivered or not. */
  deliveries(): readonly CallbackDelivery[] {
    return this.#deliveries;
  }

  /** Resolves when nothing is being delivered. */
  async idle(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }

  /** Aborts all deliveries. */
  close(): void {
    this.#closing.abort();
  }

  clear(): void {
    this.#deliveries = [];
  }

  #seal(secrets: CallbackSecrets, plain: string): SealedMessage {
    const timestamp = String(this.clock.nowSeconds());
    const nonce = randomDigits(this.random, 10);
    const encrypt = encryptMessage(secrets, plain, randomBytes(16));
    return { msgSignature: signCallback(secrets.token, timestamp, nonce, encrypt), timestamp, nonce, encrypt };
  }

  async #fetch(url: string, request: RequestInit, timeoutMs: number): Promise<CallbackAttempt> {
    const startMs = performance.now();
    const tookMs = (): number => Math.round(performance.now() - startMs);
    try {
      const signal = AbortSignal.any([AbortSignal.timeout(timeoutMs), this.#closing.signal]);
      const response = await fetch(url, { ...request, signal });
      // Not response.text(), which would remove the byte order mark that verifyUrl checks for.
      const body = Buffer.from(await response.arrayBuffer()).toString("utf8");
      return { status: response.status, body, tookMs: tookMs() };
    } catch (error) {
      return { error: String(error), tookMs: tookMs() };
    }
  }
}

function withQuery(url: string, { msgSignature, timestamp, nonce }: SealedMessage): string {
  const joint = url.includes("?") ? "&" : "?";
  return `${url}${joint}msg_signature=${msgSignature}&timestamp=${timestamp}&nonce=${nonce}`;
}
