/**
 * Re-encrypts all records with the first key of `STORE_ENCRYPTION_KEY`. While there are several keys it repeats,
 * because other replicas may still write with another one. Records that no key decrypts are kept, and reading them
 * fails.
 */
import type { Logger } from "../observability/logger.js";
import type { KeyRing } from "./encrypted.js";
import { reasonOf, type Store, StoreError } from "./store.js";

/** Decrypted at each start to check the keys, also by older versions. */
const canary = { key: "encryption", value: "on" };
/** Encrypted with a key when a full scan found every record encrypted with that key. */
const completion = { key: "encryption-complete", value: "all" };

const maxAtOnce = 50;
const pauseAfterChangesMs = 5_000;
const pauseMs = 600_000;

/** @throws {StoreError} when the store holds records that these keys do not decrypt */
export async function checkKeys(store: Store, ring: KeyRing): Promise<void> {
  const found = await store.get(canary.key);
  if (found !== undefined && !ring.opens(canary.key, found)) {
    throw new StoreError(
      ring.isPlaintext
        ? "the store is encrypted: it needs the STORE_ENCRYPTION_KEY that it was written with"
        : "the store was written with another key than STORE_ENCRYPTION_KEY, or without one: add that key, or the word plaintext, after the new key",
    );
  }
  // Never encrypted.
  if (ring.isPlaintext && found === undefined) return;
  if (!(await isComplete(store, ring))) {
    await store.delete(completion.key);
    if (!ring.hasSeveral) await requireAllReadable(store, ring);
  }
  await store.set(canary.key, ring.seal(canary.key, canary.value));
}

async function isComplete(store: Store, ring: KeyRing): Promise<boolean> {
  const found = await store.get(completion.key);
  return found !== undefined && ring.isCurrent(completion.key, found);
}

async function requireAllReadable(store: Store, ring: KeyRing): Promise<void> {
  const { unreadable } = await reEncrypt(store, ring);
  if (unreadable.length === 0) {
    await store.set(completion.key, ring.seal(completion.key, completion.value));
    return;
  }
  throw new StoreError(
    ring.isPlaintext
      ? `${unreadable.length} records are still encrypted, such as ${unreadable[0]}: set STORE_ENCRYPTION_KEY to the word plaintext ` +
          "and the key after it until none is"
      : `${unreadable.length} records are not encrypted with STORE_ENCRYPTION_KEY, such as ${unreadable[0]}: add the key that it ` +
          "replaces, or the word plaintext, after it until they are",
  );
}

/** @returns stops it */
export function keepReEncrypting(store: Store, ring: KeyRing, log: Logger): () => void {
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  let isSaid = false;
  const run = async (): Promise<number> => {
    const { changed, unreadable } = await reEncrypt(store, ring);
    if (unreadable.length > 0) {
      log.error(
        { records: unreadable.length, such: unreadable[0] },
        "no key of STORE_ENCRYPTION_KEY decrypts some records",
      );
    }
    if (changed > 0) {
      log.info({ records: changed }, "records were re-encrypted with the first key");
      return pauseAfterChangesMs;
    }
    if (unreadable.length > 0) return pauseMs;
    await store.set(completion.key, ring.seal(completion.key, completion.value));
    if (!isSaid)
      log.info(
        ring.encrypts ? "all that is stored is encrypted with the first key" : "nothing that is stored is encrypted",
      );
    isSaid = true;
    return pauseMs;
  };
  const again = async (): Promise<void> => {
    const nextMs = await run().catch((error: unknown) => {
      log.warn({ reason: reasonOf(error) }, "records could not be re-encrypted: retrying");
      return pauseAfterChangesMs;
    });
    if (!isStopped) timer = setTimeout(() => void again(), nextMs).unref();
  };
  void again();
  return () => {
    isStopped = true;
    clearTimeout(timer);
  };
}

/** Replaces each record atomically, and keeps its expiry. */
async function reEncrypt(store: Store, ring: KeyRing): Promise<{ changed: number; unreadable: string[] }> {
  let changed = 0;
  const unreadable: string[] = [];
  const writing: Promise<boolean>[] = [];
  for await (const [key, value] of store.scan("")) {
    if (key === completion.key || ring.isCurrent(key, value)) continue;
    if (!ring.opens(key, value)) {
      unreadable.push(key);
      continue;
    }
    changed += 1;
    writing.push(store.compareAndSet(key, value, ring.seal(key, ring.unseal(key, value)), { isSame: true }));
    if (writing.length >= maxAtOnce) await Promise.all(writing.splice(0));
  }
  await Promise.all(writing);
  return { changed, unreadable };
}
