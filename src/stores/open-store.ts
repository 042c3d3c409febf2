/** The store that the settings ask for, opened and tried out: what does not work is told at start, not by a request. */
import type { Logger } from "../observability/logger.js";
import type { Secret } from "../observability/secret.js";
import { openEmbeddedStore } from "./embedded.js";
import { encrypted } from "./encrypted.js";
import { type Store, StoreError } from "./store.js";

export interface StoreSettings {
  readonly dataDir: string;
  readonly redisUrl: Secret | undefined;
  readonly encryptionKey: Secret | undefined;
}

/** Tells whether the store was written with the key that is given now. */
const canary = { key: "encryption", value: "on" };

/** @throws {StoreError} when it cannot be opened, or not with this key */
export async function openStore(settings: StoreSettings, log: Logger): Promise<Store> {
  const { dataDir, redisUrl, encryptionKey } = settings;
  // The Redis client is big: it is loaded only where there is a Redis.
  const plain = redisUrl
    ? await (await import("./redis.js")).openRedisStore(redisUrl.reveal(), { log })
    : openEmbeddedStore(dataDir);
  const store = encryptionKey ? encrypted(plain, encryptionKey) : plain;
  try {
    const found = await store.get(canary.key);
    if (found !== undefined && found !== canary.value) {
      throw new StoreError("the store is encrypted: it needs the STORE_ENCRYPTION_KEY that it was written with");
    }
    if (encryptionKey) await store.set(canary.key, canary.value);
    return store;
  } catch (error) {
    await plain.close();
    throw error;
  }
}
