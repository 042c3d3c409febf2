/** Opens the store that is configured, and tests it, so that a problem is reported at startup and not by a request. */
import { setTimeout as wait } from "node:timers/promises";
import { type Logger, onceAMinute } from "../observability/logger.js";
import type { Secret } from "../observability/secret.js";
import { openEmbeddedStore } from "./embedded.js";
import { FolderInUseError } from "./owned-folder.js";
import { encrypted, KeyRing } from "./encrypted.js";
import { checkKeys, keepReEncrypting } from "./re-encryption.js";
import { type OnUnreadable, reasonOf, type Store, StoreError } from "./store.js";

export interface StoreSettings {
  readonly dataDir: string;
  readonly redisUrl: Secret | undefined;
  readonly redisTls?: { readonly [Name in "ca" | "cert" | "key"]: Secret | undefined };
  /** How many Redis replicas must confirm a write. Default 0. */
  readonly redisReplicas?: number;
  readonly isProduction?: boolean;
  /** One or several keys: see `KeyRing`. */
  readonly encryptionKey: Secret | undefined;
}

/** @throws {StoreError} when the store cannot be opened, or not with these keys */
export async function openStore(settings: StoreSettings, log: Logger, now?: () => number): Promise<Store> {
  const { dataDir, redisUrl, encryptionKey } = settings;
  // Loaded only if Redis is configured, because the Redis client is large.
  const plain = redisUrl
    ? await (await import("./redis.js")).openRedisStore(redisUrl.reveal(), { log, ...redisOptions(settings) })
    : await whenFree(() => openEmbeddedStore(dataDir, now && { now }));
  const ring = new KeyRing(encryptionKey);
  try {
    await checkKeys(plain, ring);
  } catch (error) {
    await plain.close();
    throw error;
  }
  const stop = ring.hasSeveral ? keepReEncrypting(plain, ring, log) : () => undefined;
  return {
    ...encrypted(plain, ring, unreadableTo(log)),
    close: () => {
      stop();
      return plain.close();
    },
  };
}

/** Anybody with access to Redis can publish, so the warning is limited to one a minute. */
function unreadableTo(log: Logger): OnUnreadable {
  const mayReport = onceAMinute(() => performance.now());
  return (channel, error) => {
    if (!mayReport()) return;
    log.error(
      { channel, reason: reasonOf(error) },
      "a message was passed over that no key of STORE_ENCRYPTION_KEY opens",
    );
  };
}

function redisOptions({ redisTls: tls, redisReplicas: replicas = 0, isProduction = false }: StoreSettings) {
  return { replicas, isProduction, tls: { ca: tls?.ca?.reveal(), cert: tls?.cert?.reveal(), key: tls?.key?.reveal() } };
}

/** How long the previous process may take to exit on a restart. */
const waitForFolderMs = 10_000;

async function whenFree(open: () => Store): Promise<Store> {
  const endsAtMs = performance.now() + waitForFolderMs;
  for (;;) {
    try {
      return open();
    } catch (error) {
      const isInUse = error instanceof StoreError && error.cause instanceof FolderInUseError;
      if (!isInUse || performance.now() > endsAtMs) throw error;
      await wait(100);
    }
  }
}
