// WeCom's signature and encryption of callbacks.
// https://developer.work.weixin.qq.com/document/path/90968 (scheme), /91144 (library)

import { createCipheriv, createHash } from "node:crypto";

export interface CallbackSecrets {
  token: string;
  /** EncodingAESKey: 43 characters of base64 without its "=". */
  aesKey: string;
  /** Self-built app: corpid; command URL: suite_id; data URL: the corpid of the authorising corp. */
  receiveid: string;
}

export interface SealedMessage {
  msgSignature: string;
  timestamp: string;
  nonce: string;
  encrypt: string;
}

const BLOCK_BYTES = 32;

export function signCallback(token: string, timestamp: string, nonce: string, encrypt: string): string {
  return createHash("sha1").update([token, timestamp, nonce, encrypt].sort().join("")).digest("hex");
}

/** @param prefix 16 random bytes */
export function encryptMessage({ aesKey, receiveid }: CallbackSecrets, message: string, prefix: Buffer): string {
  const key = Buffer.from(`${aesKey}=`, "base64");
  const text = Buffer.from(message);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  const plain = Buffer.concat([prefix, length, text, Buffer.from(receiveid)]);
  const padBytes = BLOCK_BYTES - (plain.length % BLOCK_BYTES);
  // PKCS#7 to 32 bytes; the cipher would pad to 16.
  const cipher = createCipheriv("aes-256-cbc", key, key.subarray(0, 16)).setAutoPadding(false);
  const padded = Buffer.concat([plain, Buffer.alloc(padBytes, padBytes)]);
  return Buffer.concat([cipher.update(padded), cipher.final()]).toString("base64");
}
