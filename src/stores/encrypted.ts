/**
 * Encrypts what a store holds: AES-256-GCM, bound to the record's key, so that a value copied to another record does not
 * open there. Keys of records and members of sets and queues stay readable. Values from before the encryption was switched
 * on are read as they are.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";
import type { Secret } from "../observability/secret.js";
import { type Store, StoreError, subscribeTo } from "./store.js";

const mark = "sealed:";

/** @param secret any text of good entropy; its SHA-256 is the key */
export function encrypted(store: Store, secret: Secret): Store {
  const key = createHash("sha256").update(secret.reveal()).digest();

  const seal = (name: string, value: string): string => {
    const iv = randomBytes(12);
    const cipher = createCipheriv("aes-256-gcm", key, iv).setAAD(Buffer.from(name));
    const text = Buffer.concat([cipher.update(value, "utf8"), cipher.final()]);
    return mark + Buffer.concat([iv, cipher.getAuthTag(), text]).toString("base64");
  };
  const unseal = (name: string, value: string): string => {
    if (!value.startsWith(mark)) return value;
    try {
      const bytes = Buffer.from(value.slice(mark.length), "base64");
      const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, 12), { authTagLength: 16 })
        .setAAD(Buffer.from(name))
        .setAuthTag(bytes.subarray(12, 28));
      return decipher.update(bytes.subarray(28), undefined, "utf8") + decipher.final("utf8");
    } catch (error) {
      throw new StoreError("a record was encrypted with another key, or was changed", error);
    }
  };

  const listen: Store["listen"] = (channel, listener) =>
    store.listen(channel, {
      ...listener,
      onMessage: (sealed) => {
        let message: string;
        try {
          message = unseal(channel, sealed);
        } catch {
          // Of somebody with another key. Thrown in a listener, it would end the process.
          return;
        }
        listener.onMessage(message);
      },
    });

  return {
    patienceMs: store.patienceMs,
    get: async (name) => {
      const value = await store.get(name);
      return value === undefined ? undefined : unseal(name, value);
    },
    set: (name, value, expiry) => store.set(name, seal(name, value), expiry),
    delete: (name) => store.delete(name),
    compareAndSet: async (name, expected, value, expiry) => {
      const sealed = value === undefined ? undefined : seal(name, value);
      if (expected === undefined) return await store.compareAndSet(name, undefined, sealed, expiry);
      for (;;) {
        // The same text is never sealed to the same bytes: what stands there is opened, and its bytes are compared.
        const found = await store.get(name);
        if (found === undefined || unseal(name, found) !== expected) return false;
        // Else other bytes stand there by now, maybe with the same text.
        if (await store.compareAndSet(name, found, sealed, expiry)) return true;
      }
    },
    async *scan(prefix) {
      for await (const [name, value] of store.scan(prefix)) yield [name, unseal(name, value)] as const;
    },
    include: (set, members, expiresInMs) => store.include(set, members, expiresInMs),
    included: (set, members) => store.included(set, members),
    enqueue: (queue, member, dueAt) => store.enqueue(queue, member, dueAt),
    due: (queue, now, limit) => store.due(queue, now, limit),
    dequeue: (queue, member) => store.dequeue(queue, member),
    publish: (channel, message) => store.publish(channel, seal(channel, message)),
    listen,
    subscribe: (channel, onMessage) => subscribeTo({ listen }, channel, onMessage),
    now: () => store.now(),
    close: () => store.close(),
  };
}
