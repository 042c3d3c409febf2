/**
 * WeCom's signature and encryption of callbacks. The ciphertext has no MAC besides the signature, so the signature is checked
 * before anything is decrypted, and every known byte is compared.
 *
 * @see https://developer.work.weixin.qq.com/document/path/90968
 */
import { createDecipheriv, createHash, timingSafeEqual } from "node:crypto";
import type { Secret } from "../../observability/secret.js";

const randomBytes = 16;
const lengthBytes = 4;
/** WeCom pads to 32 bytes, not to the cipher's 16: a library's unpadding fails on half of the messages. */
const paddingBytes = 32;

export interface Signed {
  readonly signature: string;
  readonly timestamp: string;
  readonly nonce: string;
  readonly encrypt: string;
}

export function isSignedWith(token: Secret, { signature, timestamp, nonce, encrypt }: Signed): boolean {
  if (!/^[0-9a-f]{40}$/.test(signature)) return false;
  return token.revealAll().some((each) => {
    const expected = createHash("sha1").update([each, timestamp, nonce, encrypt].sort().join("")).digest();
    return timingSafeEqual(Buffer.from(signature, "hex"), expected);
  });
}

export interface Decrypted {
  readonly message: string;
  /** The receiver: a corpid or a suite_id, depending on the kind of callback. */
  readonly receiveid: string;
}

/**
 * @param aesKey EncodingAESKey: 43 characters of base64 without its "="
 * @returns undefined if it was not encrypted with this key in WeCom's format
 */
export function decryptMessage(aesKey: Secret, encrypt: string): Decrypted | undefined {
  const sealed = Buffer.from(encrypt, "base64");
  // Buffer.from skips characters that are not base64, so the text must round-trip.
  if (sealed.length === 0 || sealed.length % paddingBytes !== 0 || sealed.toString("base64") !== encrypt) {
    return undefined;
  }
  for (const each of aesKey.revealAll()) {
    const decrypted = decryptWith(Buffer.from(`${each}=`, "base64"), sealed);
    if (decrypted) return decrypted;
  }
  return undefined;
}

function decryptWith(key: Buffer, sealed: Buffer): Decrypted | undefined {
  const decipher = createDecipheriv("aes-256-cbc", key, key.subarray(0, 16)).setAutoPadding(false);
  const padded = Buffer.concat([decipher.update(sealed), decipher.final()]);
  const padding = padded[padded.length - 1] ?? 0;
  if (padding < 1 || padding > paddingBytes || padding > padded.length) return undefined;
  if (!padded.subarray(-padding).every((byte) => byte === padding)) return undefined;
  const plain = padded.subarray(0, -padding);
  const messageAt = randomBytes + lengthBytes;
  if (plain.length < messageAt) return undefined;
  const receiveidAt = messageAt + plain.readUInt32BE(randomBytes);
  if (receiveidAt > plain.length) return undefined;
  try {
    return {
      message: utf8.decode(plain.subarray(messageAt, receiveidAt)),
      receiveid: utf8.decode(plain.subarray(receiveidAt)),
    };
  } catch {
    return undefined;
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true });
