/** The store that the settings ask for, opened and tried out: what does not work is told at start, not by a request. */
import { setTimeout as wait } from "node:timers/promises";
import type { Logger } from "../observability/logger.js";
import type { Secret } from "../observability/secret.js";
import { openEmbeddedStore } from "./embedded.js";
import { FolderInUseError } from "./owned-folder.js";
import { encrypted } from "./encrypted.js";
import { type Store, StoreError } from "./store.js";

export interface StoreSettings {
  readonly dataDir: string;
  readonly redisUrl: Secret | undefined;
  readonly redisTls?: { readonly [Name in "ca" | "cert" | "key"]: Secret | undefined };
  /** How many replicas of Redis must have a write before it counts. Default 0. */
  readonly redisReplicas?: number;
  readonly isProduction?: boolean;
  readonly encryptionKey: Secret | undefined;
}

/** Tells whether the store was written with the key that is given now. */
const canary = { key: "encryption", value: "on" };

/** @throws {StoreError} when it cannot be opened, or not with this key */
export async function openStore(settings: StoreSettings, log: Logger, now?: () => number): Promise<Store> {
  const { dataDir, redisUrl, encryptionKey } = settings;
  // The Redis client is big: it is loaded only where there is a Redis.
  const plain = redisUrl
    ? await (await import("./redis.js")).openRedisStore(redisUrl.reveal(), { log, ...redisOptions(settings) })
    : await whenFree(() => openEmbeddedStore(dataDir, now && { now }));
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

function redisOptions({ redisTls: tls, redisReplicas: replicas = 0, isProduction = false }: StoreSettings) {
  return { replicas, isProduction, tls: { ca: tls?.ca?.reveal(), cert: tls?.cert?.reveal(), key: tls?.key?.reveal() } };
}

/** As long as the former process of a restart may take to end. */
const waitForFolderMs = 10_000;

async function whenFree(open: () => Store): Promise<Store> {
  const endsAt = performance.now() + waitForFolderMs;
  for (;;) {
    try {
      return open();
    } catch (error) {
      const isInUse = error instanceof StoreError && error.cause instanceof FolderInUseError;
      if (!isInUse || performance.now() > endsAt) throw error;
      await wait(100);
    }
  }
}
