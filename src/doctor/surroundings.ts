/** What the gateway needs besides WeCom: its callback URL, its store, the issuer's keys. */
import { createCipheriv, createHash, randomBytes } from "node:crypto";
import { accessSync, constants, mkdirSync } from "node:fs";
import type { Config } from "../config.js";
import { createLogger } from "../observability/logger.js";
import type { Secret } from "../observability/secret.js";
import { openStore } from "../stores/open-store.js";
import { ask, type Finding, ok, reasonOf, sentenceOf, skipped, wrong } from "./finding.js";

export async function* examineSurroundings(config: Config, now: () => number): AsyncGenerator<Finding> {
  yield await checkCallback(config, now);
  yield await checkStore(config);
  yield await checkKeys(config);
}

/** Verifies the URL as WeCom does when it is saved in its console. */
async function checkCallback({ wecom, publicUrl }: Config, now: () => number): Promise<Finding> {
  const { callback, credentials } = wecom;
  const check = "callback URL";
  if (!callback) return skipped(check, "WECOM_CALLBACK_TOKEN and WECOM_CALLBACK_AES_KEY are not set: no subscriptions");
  if (!publicUrl) return skipped(check, "set PUBLIC_URL to have it tried");
  const echo = String(randomBytes(6).readUIntBE(0, 6));
  const receiveid = credentials.kind === "suite" ? credentials.providerCorpid : corpOf(credentials);
  const echostr = encrypt(callback.aesKey, echo, receiveid ?? "");
  const [timestamp, nonce] = [String(Math.floor(now() / 1000)), randomBytes(8).toString("hex")];
  const signed = [callback.token.reveal(), timestamp, nonce, echostr].sort().join("");
  const signature = createHash("sha1").update(signed).digest("hex");
  const url = new URL("wecom/callback", publicUrl.href.endsWith("/") ? publicUrl : `${publicUrl.href}/`);
  const shown = url.href;
  url.search = new URLSearchParams({ msg_signature: signature, timestamp, nonce, echostr }).toString();
  try {
    const response = await ask(url, "PUBLIC_URL");
    if ((await response.text()) === echo) return ok(check, `${shown} answers as WeCom asks for`);
    const hint = "is it this gateway, running, with these WECOM_CALLBACK_TOKEN and WECOM_CALLBACK_AES_KEY?";
    return wrong(check, `${shown} answered HTTP ${response.status} and not the text that was sent: ${hint}`);
  } catch (error) {
    return wrong(check, sentenceOf(error));
  }
}

function corpOf(credentials: Config["wecom"]["credentials"]): string | undefined {
  return "corpid" in credentials ? credentials.corpid : undefined;
}

/** As WeCom does. @see https://developer.work.weixin.qq.com/document/path/90968 */
function encrypt(aesKey: Secret, message: string, receiveid: string): string {
  const key = Buffer.from(`${aesKey.reveal()}=`, "base64");
  const text = Buffer.from(message);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  const plain = Buffer.concat([randomBytes(16), length, text, Buffer.from(receiveid)]);
  const padding = 32 - (plain.length % 32);
  const cipher = createCipheriv("aes-256-cbc", key, key.subarray(0, 16)).setAutoPadding(false);
  return Buffer.concat([cipher.update(plain), cipher.update(Buffer.alloc(padding, padding)), cipher.final()]).toString(
    "base64",
  );
}

async function checkStore({ store: settings }: Config): Promise<Finding> {
  const check = "store";
  if (!settings.redisUrl) return checkFolder(settings.dataDir);
  try {
    const store = await openStore(settings, createLogger("silent"));
    await store.close();
    return ok(check, "Redis answers, and takes what the gateway writes");
  } catch (error) {
    return wrong(check, `${sentenceOf(error)} (REDIS_URL)`);
  }
}

/** Not opened, because it belongs to the gateway that may be running. */
function checkFolder(dataDir: string): Finding {
  try {
    mkdirSync(dataDir, { recursive: true });
    accessSync(dataDir, constants.W_OK);
    return ok("store", "DATA_DIR can be written; it belongs to one process, for several set REDIS_URL");
  } catch (error) {
    return wrong(
      "store",
      `DATA_DIR cannot be written (${reasonOf(error)}): give it to the gateway's user, or set REDIS_URL`,
    );
  }
}

async function checkKeys({ auth }: Config): Promise<Finding> {
  const check = "JWKS";
  if (auth.mode !== "jwt" || auth.keys.kind !== "jwks") return skipped(check, "AUTH_JWKS_URL is not set");
  try {
    const response = await ask(auth.keys.url, "AUTH_JWKS_URL");
    const { keys } = (await response.json().catch(() => ({}))) as { keys?: unknown };
    if (response.status !== 200 || !Array.isArray(keys) || keys.length === 0) {
      return wrong(check, `${auth.keys.url.host} answered HTTP ${response.status} without keys: check AUTH_JWKS_URL`);
    }
    return ok(check, `${auth.keys.url.host} has ${keys.length} ${keys.length === 1 ? "key" : "keys"}`);
  } catch (error) {
    return wrong(check, sentenceOf(error));
  }
}
