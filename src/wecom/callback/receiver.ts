/**
 * Turns a callback's query and body into an event: verifies and decrypts it, checks its receiver, and hands it to the handler
 * once. When the handler resolves, everything that must not be lost has been stored.
 *
 * WeCom repeats a message up to three times unless it gets 200 in time; a command must be answered within a second. A message
 * that is not handled in time is answered 503: its repetition finds the work done.
 *
 * @see https://developer.work.weixin.qq.com/document/path/90238
 */
import { createHash } from "node:crypto";
import type { PlainAnswer } from "../../lib/plain-answer.js";
import { within } from "../../lib/within.js";
import { type Logger, onceAMinute } from "../../observability/logger.js";
import type { CallbackMetrics } from "../../observability/metrics.js";
import type { Secret } from "../../observability/secret.js";
import { reasonOf, type Store } from "../../stores/store.js";
import { decryptMessage, type Decrypted, isSignedWith, type Signed } from "./crypto.js";
import { type CallbackEvent, isCommand, readEvent } from "./events.js";
import { type Fields, readFields } from "./fields.js";

/** The receivers of callbacks. @see https://developer.work.weixin.qq.com/document/path/97172 */
export type Receiver =
  | { readonly kind: "corp"; readonly corpid: string }
  /** Commands have the suite's id, data the authorised corp's, the verification of a URL the provider's own corpid. */
  | { readonly kind: "suite"; readonly suiteId: string; readonly providerCorpid: string | undefined };

/** The keys with which WeCom signs and encrypts callbacks. */
export interface CallbackKeys {
  readonly token: Secret;
  readonly aesKey: Secret;
}

export interface CallbackReceiverOptions extends CallbackKeys {
  readonly receiver: Receiver;
  readonly store: Store;
  readonly metrics: CallbackMetrics;
  readonly log: Logger;
  readonly now: () => number;
  /** How long the handler may take; then WeCom is asked to repeat the message. Default 800. */
  readonly handlerTimeoutMs?: number;
  handle(event: CallbackEvent): Promise<void>;
}

/** The maximum age of a message, which covers clock differences and WeCom's repetitions. */
const windowSeconds = 300;

/** WeCom waits one second for the answer to a command; the rest is for the network. */
const defaultHandlerTimeoutMs = 800;

type Outcome = "handled" | "repeated" | "unknown" | "failed" | "late";
type Refusal = "bad-signature" | "too-old" | "malformed" | "bad-encryption" | "wrong-receiveid" | "not-an-echo";

class CallbackRefused extends Error {
  constructor(readonly refusal: Refusal) {
    super(refusal);
  }
}

export class CallbackReceiver {
  readonly #underWay = new Map<string, Promise<Outcome>>();

  readonly #mayReport: (refusal: string) => boolean;

  constructor(private readonly options: CallbackReceiverOptions) {
    this.#mayReport = onceAMinute(options.now);
  }

  /**
   * The GET with which WeCom verifies the URL when an administrator saves it: it expects the decrypted text. Messages are
   * signed and encrypted in the same way, so a captured message could be sent here: it is not decrypted for the sender.
   */
  verify(query: URLSearchParams): PlainAnswer {
    try {
      const signed = this.#readQuery(query);
      // An unescaped "+" arrives as a space, which base64 does not have.
      const { message, receiveid } = this.#open(signed, (query.get("echostr") ?? "").replaceAll(" ", "+"));
      // WeCom's own echo is digits; each of its messages is XML or JSON.
      if (/[<{[\]]/.test(message)) throw new CallbackRefused("not-an-echo");
      const { receiver } = this.options;
      const expected = receiver.kind === "corp" ? receiver.corpid : receiver.providerCorpid;
      if (expected !== undefined && receiveid !== expected) throw new CallbackRefused("wrong-receiveid");
      this.options.metrics.countCallback("verified");
      return { status: 200, text: message };
    } catch (error) {
      return this.#refuse(error);
    }
  }

  async receive(query: URLSearchParams, body: string): Promise<PlainAnswer> {
    try {
      // The query is checked first, so that most forged requests are rejected before their body is read.
      const signed = this.#readQuery(query);
      const { message, receiveid } = this.#open(signed, parse(body).get("encrypt") ?? "");
      const fields = parse(message);
      const event = readEvent(fields);
      if (!this.#isMeantFor(receiveid, event, fields)) throw new CallbackRefused("wrong-receiveid");
      if (isReplayed(signed, event.at)) throw new CallbackRefused("too-old");
      const outcome = await this.#handleOnce(event, digest(receiveid, message));
      this.options.metrics.countCallback(outcome);
      if (outcome === "failed" || outcome === "late") return { status: 503, text: "" };
      // Commands require this word. For data, an empty body means that there is no reply to pass on.
      return { status: 200, text: isCommand(event) ? "success" : "" };
    } catch (error) {
      return this.#refuse(error);
    }
  }

  #readQuery(query: URLSearchParams): Omit<Signed, "encrypt"> {
    const [timestamp = "", nonce = "", signature = ""] = ["timestamp", "nonce", "msg_signature"].map(
      (name) => query.get(name) ?? "",
    );
    if (!/^[0-9a-f]{40}$/.test(signature)) throw new CallbackRefused("bad-signature");
    const isOfNow = isWithinWindow(Number(timestamp), this.options.now() / 1000);
    if (!/^\d{10}$/.test(timestamp) || !isOfNow) throw new CallbackRefused("too-old");
    return { timestamp, nonce, signature };
  }

  #open(signed: Omit<Signed, "encrypt">, encrypt: string): Decrypted {
    if (encrypt === "") throw new CallbackRefused("malformed");
    if (!isSignedWith(this.options.token, { ...signed, encrypt })) throw new CallbackRefused("bad-signature");
    const decrypted = decryptMessage(this.options.aesKey, encrypt);
    if (!decrypted) throw new CallbackRefused("bad-encryption");
    return decrypted;
  }

  #isMeantFor(receiveid: string, event: CallbackEvent, fields: Fields): boolean {
    const { receiver } = this.options;
    if ("suiteId" in event && event.suiteId !== receiveid) return false;
    if (receiver.kind === "corp") return receiveid === receiver.corpid;
    if (isCommand(event)) return receiveid === receiver.suiteId;
    // Data may be for any corp that authorised the app; the message itself names it.
    return receiveid !== "" && receiveid === fields.get("tousername");
  }

  /** Handles the same message once, encrypted again or not; two replicas at the same time may both handle it. */
  async #handleOnce(event: CallbackEvent, id: string): Promise<Outcome> {
    const key = `callback:${id}`;
    let work = this.#underWay.get(key);
    if (!work) {
      work = this.#handle(event, key).finally(() => this.#underWay.delete(key));
      this.#underWay.set(key, work);
    }
    return await within(this.options.handlerTimeoutMs ?? defaultHandlerTimeoutMs, work, "late");
  }

  async #handle(event: CallbackEvent, key: string): Promise<Outcome> {
    const { store, log } = this.options;
    if (await store.get(key).catch(() => undefined)) return "repeated";
    if (event.kind === "unknown") {
      log.info({ event: event.name.slice(0, 64) }, "an event that this gateway does not use");
      return "unknown";
    }
    try {
      await this.options.handle(event);
    } catch (error) {
      log.error({ event: event.kind, reason: reasonOf(error) }, "a callback could not be handled");
      return "failed";
    }
    // Handlers are idempotent, in case a repetition is not recognised.
    await store.set(key, "1", { expiresInMs: 2 * windowSeconds * 1000 }).catch(() => undefined);
    return "handled";
  }

  #refuse(error: unknown): PlainAnswer {
    if (!(error instanceof CallbackRefused)) throw error;
    const { refusal } = error;
    this.options.metrics.countCallback(refusal);
    // Anybody can send forged ones; the counter has them all.
    if (this.#mayReport(refusal)) this.options.log.warn({ refusal }, "a callback was refused");
    return { status: refusal === "malformed" ? 400 : 403, text: "" };
  }
}

/**
 * The signature is over its parts sorted and joined, so it does not show which is the timestamp, nor where it ends: a
 * captured message could be sent again at any time that their digits make up. But the message has its own time: if that is
 * another reading's and not the timestamp's, this is not how WeCom sent it.
 */
function isReplayed({ timestamp, nonce }: Omit<Signed, "encrypt">, messageAt: number): boolean {
  if (isWithinWindow(Number(timestamp), messageAt)) return false;
  const joined = [timestamp, nonce].sort().join("");
  const readings = [joined.slice(0, timestamp.length), joined.slice(-timestamp.length)];
  return readings.some((reading) => isWithinWindow(Number(reading), messageAt));
}

function isWithinWindow(seconds: number, otherSeconds: number): boolean {
  return Math.abs(seconds - otherSeconds) <= windowSeconds;
}

function parse(text: string): Fields {
  const fields = readFields(text);
  if (!fields) throw new CallbackRefused("malformed");
  return fields;
}

function digest(receiveid: string, message: string): string {
  return createHash("sha256").update(`${receiveid}\n${message}`).digest("base64url");
}
