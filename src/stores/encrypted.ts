/**
 * Encrypts a store's values with AES-256-GCM. Each value is bound to its record's key or its channel, so a value that
 * is copied to another record cannot be decrypted there. The first key of the ring encrypts and all keys decrypt, so
 * that keys can be rotated while replicas run. `plaintext` in the ring stands for no encryption; without it,
 * unencrypted values are rejected.
 *
 * Record keys and queue members are not encrypted; members are digests or random.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";
import type { Secret } from "../observability/secret.js";
import { type OnUnreadable, type Store, StoreError, subscribeTo } from "./store.js";

const mark = "sealed:";
const ivBytes = 12;
const tagBytes = 16;

export class KeyRing {
  /** Undefined: no encryption. */
  readonly #keys: readonly (Buffer | undefined)[];

  /** @param secret keys separated by whitespace, of which the SHA-256 is used. Default: `plaintext` */
  constructor(secret: Secret | undefined) {
    const entries = (secret?.reveal() ?? "plaintext").trim().split(/\s+/);
    this.#keys = entries.map((entry) => (entry === "plaintext" ? undefined : sha256(entry)));
  }

  /** Without any key, values are neither encrypted nor decrypted. */
  get isPlaintext(): boolean {
    return this.#keys.every((key) => key === undefined);
  }

  get encrypts(): boolean {
    return this.#keys[0] !== undefined;
  }

  get hasSeveral(): boolean {
    return this.#keys.length > 1;
  }

  seal(name: string, value: string): string {
    const [key] = this.#keys;
    if (!key) return value;
    const iv = randomBytes(ivBytes);
    const cipher = createCipheriv("aes-256-gcm", key, iv).setAAD(Buffer.from(name));
    const text = Buffer.concat([cipher.update(value, "utf8"), cipher.final()]);
    return mark + Buffer.concat([iv, cipher.getAuthTag(), text]).toString("base64");
  }

  /** @throws {StoreError} */
  unseal(name: string, value: string): string {
    for (const key of this.#keys) {
      const text = open(key, name, value);
      if (text !== undefined) return text;
    }
    throw new StoreError(
      value.startsWith(mark)
        ? "a record was encrypted with another key, or was changed"
        : "a record is not encrypted, and STORE_ENCRYPTION_KEY does not allow that",
    );
  }

  opens(name: string, value: string): boolean {
    return this.#keys.some((key) => open(key, name, value) !== undefined);
  }

  /** Whether the first key decrypts it. */
  isCurrent(name: string, value: string): boolean {
    return open(this.#keys[0], name, value) !== undefined;
  }
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

/** @returns undefined if it was not encrypted with this key and this name */
function open(key: Buffer | undefined, name: string, value: string): string | undefined {
  const isSealed = value.startsWith(mark);
  if (key === undefined) return isSealed ? undefined : value;
  if (!isSealed) return undefined;
  const bytes = Buffer.from(value.slice(mark.length), "base64");
  try {
    const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, ivBytes), { authTagLength: tagBytes })
      .setAAD(Buffer.from(name))
      .setAuthTag(bytes.subarray(ivBytes, ivBytes + tagBytes));
    return decipher.update(bytes.subarray(ivBytes + tagBytes), undefined, "utf8") + decipher.final("utf8");
  } catch {
    return undefined;
  }
}

/**
 * @param onUnreadable called for messages that no key decrypts; they are not delivered. Records that no key decrypts
 * are left out of `scan`
 */
export function encrypted(store: Store, ring: KeyRing, onUnreadable: OnUnreadable = () => undefined): Store {
  const listen: Store["listen"] = (channel, listener) =>
    store.listen(channel, {
      ...listener,
      onMessage: (sealed) => {
        // An unreadable message must not end the process or stop other listeners.
        let message: string;
        try {
          message = ring.unseal(channel, sealed);
        } catch (error) {
          onUnreadable(channel, error);
          return;
        }
        listener.onMessage(message);
      },
    });

  return {
    shortTimeoutMs: store.shortTimeoutMs,
    get: async (name) => {
      const value = await store.get(name);
      return value === undefined ? undefined : ring.unseal(name, value);
    },
    set: (name, value, expiry) => store.set(name, ring.seal(name, value), expiry),
    delete: (name) => store.delete(name),
    compareAndSet: async (name, expected, value, expiry) => {
      const sealed = value === undefined ? undefined : ring.seal(name, value);
      if (expected === undefined || ring.isPlaintext) {
        return await store.compareAndSet(name, expected, sealed, expiry);
      }
      for (;;) {
        // Each encryption of a text has other bytes, so the stored bytes are read, decrypted and then compared.
        const found = await store.get(name);
        if (found === undefined || ring.unseal(name, found) !== expected) return false;
        // Otherwise the stored bytes have changed, maybe to the same text: compare again.
        if (await store.compareAndSet(name, found, sealed, expiry)) return true;
      }
    },
    setNew: (records) =>
      store.setNew(records.map(({ key, value, expiresInMs }) => ({ key, value: ring.seal(key, value), expiresInMs }))),
    async *scan(prefix) {
      for await (const [name, value] of store.scan(prefix)) {
        if (ring.opens(name, value)) yield [name, ring.unseal(name, value)] as const;
      }
    },
    enqueue: (queue, member, dueAtMs) => store.enqueue(queue, member, dueAtMs),
    due: (queue, nowMs, limit) => store.due(queue, nowMs, limit),
    dequeue: (queue, member) => store.dequeue(queue, member),
    publish: (channel, message) => store.publish(channel, ring.seal(channel, message)),
    listen,
    subscribe: (channel, onMessage) => subscribeTo({ listen }, channel, onMessage),
    now: () => store.now(),
    close: () => store.close(),
  };
}
