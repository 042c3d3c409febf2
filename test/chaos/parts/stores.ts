// What replicas share, made for one run and gone after it.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TestRedis } from "../../support/redis.js";

export interface StorePlace extends AsyncDisposable {
  /** The settings that lead there. */
  readonly env: Readonly<Record<string, string>>;
}

export async function embeddedStore(): Promise<StorePlace> {
  const dataDir = await mkdtemp(join(tmpdir(), "chaos-"));
  return { env: { DATA_DIR: dataDir }, [Symbol.asyncDispose]: () => rm(dataDir, { recursive: true }) };
}

export async function redisStore(): Promise<StorePlace> {
  const redis = await TestRedis.start();
  return { env: { REDIS_URL: redis.url }, [Symbol.asyncDispose]: () => redis.stop() };
}
