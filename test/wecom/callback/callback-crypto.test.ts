// Our decryption against WeCom's own package and its published sample, and against messages that are nearly right.
import { describe, expect, it } from "@jest/globals";
import wecom from "@wecom/crypto";
import { createCipheriv } from "node:crypto";
import { Secret } from "../../../src/observability/secret.js";
import { decryptMessage, isSignedWith } from "../../../src/wecom/callback/crypto.js";

/** The sample of https://developer.work.weixin.qq.com/document/path/90968: no live credentials. */
const sample = {
  token: "QDG6eK",
  aesKey: "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C",
  timestamp: "1409659589",
  nonce: "263014780",
  encrypt: "P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ==",
  signature: "5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3",
};
const aesKey = new Secret(sample.aesKey);
const decrypt = (encrypt: string) => decryptMessage(aesKey, encrypt);

/** Encrypts what stands there, however wrong, so that only the checks of the plaintext can refuse it. */
function encryptRaw(plain: Buffer): string {
  const key = Buffer.from(`${sample.aesKey}=`, "base64");
  const cipher = createCipheriv("aes-256-cbc", key, key.subarray(0, 16)).setAutoPadding(false);
  return Buffer.concat([cipher.update(plain), cipher.final()]).toString("base64");
}

/** 16 bytes, the length, the message, the receiveid, the padding: 64 bytes with what is given here. */
function plaintext({ length = 10, padding = Buffer.alloc(28, 28) } = {}): Buffer {
  const prefix = Buffer.alloc(20);
  prefix.writeUInt32BE(length, 16);
  return Buffer.concat([prefix, Buffer.from("0123456789"), Buffer.from("wwcorp"), padding]);
}

describe("The signature of a callback", () => {
  const { token, ...signed } = sample;

  it("is accepted on WeCom's own sample, and made as WeCom's package makes it", () => {
    expect(isSignedWith(new Secret(token), signed)).toBe(true);
    const { timestamp, nonce, encrypt } = sample;
    expect(wecom.getSignature(token, timestamp, nonce, encrypt)).toBe(sample.signature);
  });

  it.each([
    ["another token", { ...signed }, "QDG6eL"],
    ["another timestamp", { ...signed, timestamp: "1409659588" }, token],
    ["another nonce", { ...signed, nonce: "263014781" }, token],
    ["another message", { ...signed, encrypt: signed.encrypt.replace("P9", "P8") }, token],
    ["one digit changed", { ...signed, signature: signed.signature.replace(/3$/, "4") }, token],
    ["nothing", { ...signed, signature: "" }, token],
    ["a digit too few", { ...signed, signature: signed.signature.slice(1) }, token],
    ["a digit too many", { ...signed, signature: `${signed.signature}0` }, token],
    ["capital letters", { ...signed, signature: signed.signature.toUpperCase() }, token],
  ])("is refused with %s", (_what, forged, withToken) => {
    expect(isSignedWith(new Secret(withToken), forged)).toBe(false);
  });
});

describe("The decryption of a callback", () => {
  it("opens WeCom's own sample", () => {
    expect(decrypt(sample.encrypt)).toEqual({ message: "1616140317555161061", receiveid: "wx5823bf96d3bd56c7" });
  });

  it("opens what WeCom's package encrypts, at every length of padding", () => {
    for (let length = 0; length <= 64; length += 1) {
      const message = "直".repeat(length % 3) + "x".repeat(length);
      expect(decrypt(wecom.encrypt(sample.aesKey, message, "wwcorp"))).toEqual({ message, receiveid: "wwcorp" });
    }
  });

  it("opens a message for nobody, as an individual developer receives it", () => {
    expect(decrypt(wecom.encrypt(sample.aesKey, "text", ""))).toEqual({ message: "text", receiveid: "" });
  });

  it("opens the plaintext from which the following forgeries are made", () => {
    expect(decrypt(encryptRaw(plaintext()))).toEqual({ message: "0123456789", receiveid: "wwcorp" });
  });

  it.each([
    ["a padding of nothing", plaintext({ padding: Buffer.alloc(28, 0) })],
    ["a padding longer than 32", plaintext({ padding: Buffer.alloc(28, 33) })],
    ["a padding of 60 bytes that all say so", plaintext({ padding: Buffer.alloc(60, 60) })],
    ["a padding that differs in its first byte", plaintext({ padding: Buffer.from([1, ...Array(27).fill(28)]) })],
    ["a padding to 16 bytes", plaintext({ padding: Buffer.alloc(12, 12) })],
    ["a length past the end", plaintext({ length: 17 })],
    ["the greatest length", plaintext({ length: 0xffffffff })],
    ["nothing but padding", Buffer.alloc(32, 32)],
    ["a message that is not UTF-8", Buffer.concat([plaintext().fill(0xff, 20, 30)])],
  ])("refuses %s", (_what, plain) => {
    expect(decrypt(encryptRaw(plain))).toBeUndefined();
  });

  it.each([
    ["nothing", ""],
    ["another key's", wecom.encrypt("A".repeat(43), "text", "wwcorp")],
    ["half a block", sample.encrypt.slice(0, 64)],
    ["characters that are not base64", `*${sample.encrypt}`],
    ["base64 without its end", sample.encrypt.replace(/==$/, "")],
    ["base64 of the other alphabet", sample.encrypt.replaceAll("/", "_")],
  ])("refuses a ciphertext that is %s", (_what, encrypt) => {
    expect(decrypt(encrypt)).toBeUndefined();
  });
});
