/**
 * The store that several replicas share, in Redis or Valkey. Redis may be slow, hang or be unreachable: a command
 * without an answer within `timeoutMs` fails, and further commands fail immediately until a ping is answered, so that
 * requests do not queue behind a hanging server. Each command has one key, because a Cluster requires it.
 */
import type { Logger } from "../observability/logger.js";
import { connectTo, connectToListen, type NodeClient, type RedisLink, type TlsFiles } from "./redis-clients.js";
import { RedisConnection, redisReasonOf } from "./redis-connection.js";
import { RedisListeners } from "./redis-listeners.js";
import { parseRedisUrl, type RedisTarget } from "./redis-url.js";
import {
  type ChannelListener,
  type Expiry,
  type Listening,
  type NewRecord,
  type OnUnreadable,
  type SameExpiry,
  type Store,
  StoreError,
  subscribeTo,
} from "./store.js";

export interface RedisStoreOptions {
  readonly log: Logger;
  /** Default 500. */
  readonly timeoutMs?: number;
  /** Between pings, and between attempts to connect. Default 1000. */
  readonly restMs?: number;
  readonly tls?: TlsFiles;
  /** Rejects a Redis that may evict records. */
  readonly isProduction?: boolean;
  /** How many Redis replicas must confirm each write. Default 0. */
  readonly replicas?: number;
  readonly onUnreadable?: OnUnreadable;
}

/** Prefix of all keys and channels, because the database may be shared. */
const namespace = "wecom-living:";

const compareAndSetScript = `
local found = redis.call('GET', KEYS[1])
if ARGV[1] == '' then
  if found then return 0 end
elseif found ~= string.sub(ARGV[1], 2) then
  return 0
end
if ARGV[2] == '' then
  redis.call('DEL', KEYS[1])
elseif ARGV[3] == '' then
  redis.call('SET', KEYS[1], string.sub(ARGV[2], 2))
elseif ARGV[3] == 'same' then
  redis.call('SET', KEYS[1], string.sub(ARGV[2], 2), 'KEEPTTL')
else
  redis.call('SET', KEYS[1], string.sub(ARGV[2], 2), 'PX', ARGV[3])
end
return 1`;

const now = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)`;

/** Takes a key, so that in a Cluster all replicas ask the same node. */
const nowScript = `${now}
return now`;

/** @throws {StoreError} when Redis cannot be reached or is not suitable; later failures are repaired */
export async function openRedisStore(url: string, options: RedisStoreOptions): Promise<Store> {
  const target = parseRedisUrl(url);
  if (!target) throw new StoreError("REDIS_URL has an unknown form");
  const store = new RedisStore(target, {
    timeoutMs: 500,
    restMs: 1000,
    replicas: 0,
    isProduction: false,
    onUnreadable: () => undefined,
    ...options,
  });
  try {
    await store.open();
    return store;
  } catch (error) {
    await store.close();
    const addresses = target.addresses.map(({ host, port }) => `${host}:${port}`).join(",");
    throw new StoreError(`Redis at ${addresses} cannot be used: ${redisReasonOf(error)}`);
  }
}

type Options = Required<Omit<RedisStoreOptions, "tls">> & Pick<RedisStoreOptions, "tls">;

class RedisStore implements Store {
  readonly shortTimeoutMs = 100;
  readonly #reading: RedisConnection<RedisLink>;
  /** WAIT blocks its connection, so reads use another one. */
  readonly #writing: RedisConnection<RedisLink>;
  readonly #listeners: RedisListeners;

  constructor(
    private readonly target: RedisTarget,
    private readonly options: Options,
  ) {
    const connection = () =>
      new RedisConnection({ ...options, connect: (signal) => connectTo(target, { tls: options.tls, signal }) });
    this.#reading = connection();
    this.#writing = options.replicas > 0 ? connection() : this.#reading;
    this.#listeners = new RedisListeners({
      ...options,
      connect: (signal) => connectToListen(target, { tls: options.tls, signal }),
    });
  }

  async open(): Promise<void> {
    const link = await this.#reading.open();
    await checkFitness(link, this.target, this.options);
    if (this.#writing !== this.#reading) await this.#writing.open();
    await this.#listeners.open();
  }

  async get(key: string): Promise<string | undefined> {
    return (await this.#read(({ commands }) => commands.get(namespace + key))) ?? undefined;
  }

  async set(key: string, value: string, expiry?: Expiry): Promise<void> {
    const options =
      expiry?.expiresInMs === undefined ? {} : ({ expiration: milliseconds(expiry.expiresInMs) } as const);
    await this.#write(key, (client, name) => client.set(name, value, options));
  }

  async delete(key: string): Promise<boolean> {
    return (await this.#write(key, (client, name) => client.del(name))) === 1;
  }

  async compareAndSet(
    key: string,
    expected: string | undefined,
    value: string | undefined,
    expiry: Expiry | SameExpiry = {},
  ): Promise<boolean> {
    const args = [marked(expected), marked(value), "isSame" in expiry ? "same" : expiryArgument(expiry)];
    return (await this.#write(key, (client, name) => evaluate(client, compareAndSetScript, name, args))) === 1;
  }

  async setNew(records: readonly NewRecord[]): Promise<boolean[]> {
    const write = ({ key, value, expiresInMs }: NewRecord): Promise<unknown> => {
      const options = { condition: "NX", expiration: milliseconds(expiresInMs) } as const;
      return this.#write(key, (client, name) => client.set(name, value, options));
    };
    const answers = await Promise.allSettled(records.map(write));
    const failures = answers.filter((each) => each.status === "rejected");
    if (failures[0] && failures.length === records.length) throw failures[0].reason;
    return answers.map(({ status }) => status === "fulfilled");
  }

  async *scan(prefix: string): AsyncGenerator<readonly [string, string]> {
    const pattern = (namespace + prefix).replace(/[\\*?[\]]/g, "\\$&") + "*";
    const seen = new Set<string>();
    const nodes = await this.#read((link) => link.nodes());
    for (const node of nodes) {
      let cursor = "0";
      do {
        const page = await this.#read(() => node.scan(cursor, { MATCH: pattern, COUNT: 500, TYPE: "string" }));
        cursor = page.cursor;
        // SCAN may return a key twice.
        const keys = page.keys.filter((key) => !seen.has(key));
        for (const key of keys) seen.add(key);
        const values = await this.#read(({ commands }) => Promise.all(keys.map((key) => commands.get(key))));
        for (const [index, key] of keys.entries()) {
          const value = values[index] ?? undefined;
          if (value !== undefined) yield [key.slice(namespace.length), value];
        }
      } while (cursor !== "0");
    }
  }

  async enqueue(queue: string, member: string, dueAtMs: number): Promise<void> {
    await this.#write(queue, (client, name) => client.zAdd(name, { score: dueAtMs, value: member }));
  }

  due(queue: string, nowMs: number, limit: number): Promise<string[]> {
    const page = { BY: "SCORE", LIMIT: { offset: 0, count: limit } } as const;
    return this.#read(({ commands }) => commands.zRange(namespace + queue, "-inf", nowMs, page));
  }

  async dequeue(queue: string, member: string): Promise<void> {
    await this.#write(queue, (client, name) => client.zRem(name, member));
  }

  async publish(channel: string, message: string): Promise<void> {
    await this.#read(({ commands }) => commands.publish(namespace + channel, message));
  }

  listen(channel: string, listener: ChannelListener): Promise<Listening> {
    return this.#listeners.listen(namespace + channel, listener);
  }

  subscribe(channel: string, listener: (message: string) => void): Promise<() => void> {
    return subscribeTo(this, channel, listener);
  }

  async now(): Promise<number> {
    return (await this.#read(({ commands }) => evaluate(commands, nowScript, `${namespace}clock`, []))) as number;
  }

  /** Not QUIT, which would wait for a hanging server: all writes that matter have been awaited. */
  close(): Promise<void> {
    for (const each of [this.#reading, this.#writing, this.#listeners]) each.close();
    return Promise.resolve();
  }

  #read<T>(command: (link: RedisLink) => Promise<T>): Promise<T> {
    return this.#reading.ask(command);
  }

  async #write<T>(key: string, command: (client: Pick<NodeClient, Writes>, name: string) => Promise<T>): Promise<T> {
    const name = namespace + key;
    const { replicas, timeoutMs } = this.options;
    if (replicas === 0) return await this.#writing.ask(({ commands }) => command(commands, name));
    const [reply, acknowledged] = await this.#writing.ask(async (link) => {
      const node = await link.nodeOf(name);
      // Sent together, because WAIT covers the last write of its own connection.
      return await Promise.all([command(node, name), node.wait(replicas, Math.ceil(timeoutMs / 2))]);
    });
    if (acknowledged >= replicas) return reply;
    throw new StoreError(
      `Redis has the write, but only ${acknowledged} of ${replicas} replicas (WECOM_STORE_REPLICAS) confirmed it`,
    );
  }
}

type Writes = "set" | "del" | "eval" | "zAdd" | "zRem";

function evaluate(client: Pick<NodeClient, "eval">, script: string, key: string, args: readonly string[]) {
  return client.eval(script, { keys: [key], arguments: [...args] }) as Promise<unknown>;
}

/** Distinguishes an absent value from an empty one. */
function marked(value: string | undefined): string {
  return value === undefined ? "" : `=${value}`;
}

function expiryArgument({ expiresInMs }: Expiry): string {
  return expiresInMs === undefined ? "" : String(milliseconds(expiresInMs).value);
}

function milliseconds(value: number) {
  return { type: "PX", value: Math.max(1, Math.ceil(value)) } as const;
}

/** @throws {StoreError} when this Redis could lose records, or cannot hold them */
async function checkFitness(link: RedisLink, target: RedisTarget, { log, isProduction }: Options): Promise<void> {
  for (const node of await link.nodes()) {
    // A Redis user without access to INFO does not prevent the start.
    const facts = await node.info().catch(() => "");
    const fact = (name: string): string => new RegExp(`^${name}:(.*?)\\r?$`, "m").exec(facts)?.[1] ?? "";
    if (target.kind === "single" && fact("cluster_enabled") === "1") {
      throw new StoreError("it is a node of a Cluster: REDIS_URL must be redis+cluster://HOST:PORT,HOST:PORT");
    }
    if (fact("redis_mode") === "sentinel") {
      throw new StoreError("it is a Sentinel: REDIS_URL must be redis+sentinel://HOST:PORT,HOST:PORT/MASTER-NAME");
    }
    if (fact("role") === "slave") throw new StoreError("it is a replica, which takes no writes");
    const mayEvict = Number(fact("maxmemory")) > 0 && fact("maxmemory_policy") !== "noeviction";
    if (mayEvict) {
      const problem = `its maxmemory-policy is ${fact("maxmemory_policy")}, so that Redis may evict records: it must be noeviction`;
      if (isProduction) throw new StoreError(problem);
      log.warn(`Redis: ${problem}`);
    }
    if (fact("aof_enabled") === "0") {
      // WeCom issues permanent codes once: without them every corp has to authorise the app again.
      log.warn("Redis runs without appendonly: records can be lost when it stops");
    }
  }
}
