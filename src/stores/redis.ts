/**
 * The store that replicas on several machines share. Redis may be slow, hang or be gone at any time: a command that is
 * not answered within `timeoutMs` fails, and from then on all others fail at once, so that nobody queues behind a server
 * that does not answer, until it has answered a ping.
 */
import { setTimeout as wait } from "node:timers/promises";
import { createClient } from "@redis/client";
import type { Logger } from "../observability/logger.js";
import { type Expiry, reasonOf, type Store, StoreError, within } from "./store.js";

export interface RedisStoreOptions {
  readonly log: Logger;
  /** Default 500. */
  readonly timeoutMs?: number;
  /** Between pings that fail at once, for there is no connection. Default 1000. */
  readonly restMs?: number;
}

/** Everything of ours begins so: the database may be shared with others. */
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
else
  redis.call('SET', KEYS[1], string.sub(ARGV[2], 2), 'PX', ARGV[3])
end
return 1`;

const now = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)`;

/** Members by when they expire; the set goes with the last of them. */
const includeScript = `${now}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
for index = 2, #ARGV do redis.call('ZADD', KEYS[1], now + ARGV[1], ARGV[index]) end
redis.call('PEXPIREAT', KEYS[1], redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2])`;

const includedScript = `${now}
local found = {}
for _, member in ipairs(ARGV) do
  local expiresAt = redis.call('ZSCORE', KEYS[1], member)
  if expiresAt and tonumber(expiresAt) > now then table.insert(found, member) end
end
return found`;

/** @throws {StoreError} when it cannot be reached now; later it may go and come back */
export async function openRedisStore(url: string, options: RedisStoreOptions): Promise<Store> {
  let isOpen = false;
  const client = newClient(url, (retries, cause) =>
    isOpen ? Math.min(2 ** retries * 50, 1000) : new Error(reasonOf(cause)),
  );
  const report = onceUntilReady(options.log);
  client.on("error", report.failed).on("ready", report.ready);
  const listener = client.duplicate();
  listener.on("error", report.failed);
  const store = new RedisStore(client, listener, options.timeoutMs ?? 500, options.restMs ?? 1000);
  try {
    await client.connect();
    await listener.connect();
    isOpen = true;
    await warnUnlessDurable(client, options.log);
    return store;
  } catch (error) {
    client.destroy();
    if (listener.isOpen) listener.destroy();
    throw new StoreError(`Redis at ${place(url)} cannot be used: ${reasonOf(error)}`, error);
  }
}

function newClient(url: string, reconnectStrategy: (retries: number, cause: Error) => number | Error) {
  return createClient({
    url,
    disableOfflineQueue: true,
    // A connection to a machine that vanished looks healthy: pings find out, and the socket is given up.
    pingInterval: 3000,
    socket: { connectTimeout: 2000, socketTimeout: 10_000, reconnectStrategy },
  });
}

type Client = ReturnType<typeof newClient>;

class RedisStore implements Store {
  readonly patienceMs = 100;
  #isAway = false;
  #isClosed = false;

  constructor(
    private readonly client: Client,
    private readonly listener: Client,
    private readonly timeoutMs: number,
    private readonly restMs: number,
  ) {}

  async get(key: string): Promise<string | undefined> {
    return (await this.#ask(() => this.client.get(namespace + key))) ?? undefined;
  }

  async set(key: string, value: string, expiry?: Expiry): Promise<void> {
    const options =
      expiry?.expiresInMs === undefined ? {} : ({ expiration: milliseconds(expiry.expiresInMs) } as const);
    await this.#ask(() => this.client.set(namespace + key, value, options));
  }

  async delete(key: string): Promise<boolean> {
    return (await this.#ask(() => this.client.del(namespace + key))) === 1;
  }

  async compareAndSet(
    key: string,
    expected: string | undefined,
    value: string | undefined,
    expiry?: Expiry,
  ): Promise<boolean> {
    const expiresIn = expiry?.expiresInMs === undefined ? "" : String(milliseconds(expiry.expiresInMs).value);
    const reply = await this.#ask(() =>
      this.client.eval(compareAndSetScript, {
        keys: [namespace + key],
        arguments: [marked(expected), marked(value), expiresIn],
      }),
    );
    return reply === 1;
  }

  async *scan(prefix: string): AsyncGenerator<readonly [string, string]> {
    const pattern = (namespace + prefix).replace(/[\\*?[\]]/g, "\\$&") + "*";
    const seen = new Set<string>();
    let cursor = "0";
    do {
      const page = await this.#ask(() => this.client.scan(cursor, { MATCH: pattern, COUNT: 500 }));
      cursor = page.cursor;
      // SCAN may name a key twice.
      const keys = page.keys.filter((key) => !seen.has(key));
      for (const key of keys) seen.add(key);
      const values = keys.length === 0 ? [] : await this.#ask(() => this.client.mGet(keys));
      for (const [index, key] of keys.entries()) {
        const value = values[index] ?? undefined;
        if (value !== undefined) yield [key.slice(namespace.length), value];
      }
    } while (cursor !== "0");
  }

  async include(set: string, members: readonly string[], expiresInMs: number): Promise<void> {
    const expiresIn = String(milliseconds(expiresInMs).value);
    await this.#ask(() =>
      this.client.eval(includeScript, { keys: [namespace + set], arguments: [expiresIn, ...members] }),
    );
  }

  async included(set: string, members: readonly string[]): Promise<string[]> {
    const reply = await this.#ask(() =>
      this.client.eval(includedScript, { keys: [namespace + set], arguments: [...members] }),
    );
    return reply as unknown as string[];
  }

  async enqueue(queue: string, member: string, dueAt: number): Promise<void> {
    await this.#ask(() => this.client.zAdd(namespace + queue, { score: dueAt, value: member }));
  }

  due(queue: string, now: number, limit: number): Promise<string[]> {
    const page = { BY: "SCORE", LIMIT: { offset: 0, count: limit } } as const;
    return this.#ask(() => this.client.zRange(namespace + queue, "-inf", now, page));
  }

  async dequeue(queue: string, member: string): Promise<void> {
    await this.#ask(() => this.client.zRem(namespace + queue, member));
  }

  async publish(channel: string, message: string): Promise<void> {
    await this.#ask(() => this.client.publish(namespace + channel, message));
  }

  async subscribe(channel: string, listener: (message: string) => void): Promise<() => void> {
    const name = namespace + channel;
    // A channel that is listened to already is not asked for again: whether Redis is there at all would not be noticed.
    await this.#ask(() => this.client.ping());
    await this.#ask(() => this.listener.subscribe(name, listener));
    return () => void this.listener.unsubscribe(name, listener).catch(() => undefined);
  }

  close(): Promise<void> {
    this.#isClosed = true;
    // Not a polite goodbye, which would wait for a server that hangs: all that was to be written has been awaited.
    this.client.destroy();
    this.listener.destroy();
    return Promise.resolve();
  }

  async #ask<T>(command: () => Promise<T>): Promise<T> {
    if (this.#isAway) throw new StoreError("Redis did not answer a moment ago");
    try {
      return await within(this.timeoutMs, command(), () => {
        void this.#awaitAnswer();
        return new StoreError(`Redis did not answer within ${this.timeoutMs} ms`);
      });
    } catch (error) {
      throw error instanceof StoreError ? error : new StoreError(`Redis failed: ${reasonOf(error)}`, error);
    }
  }

  /** One ping for all: no command is spent on finding out whether Redis is back, and nobody waits for it. */
  async #awaitAnswer(): Promise<void> {
    if (this.#isAway) return;
    this.#isAway = true;
    while (!this.#isClosed) {
      try {
        await this.client.ping();
        break;
      } catch {
        await wait(this.restMs, undefined, { ref: false });
      }
    }
    this.#isAway = false;
  }
}

/** An absent value must differ from an empty one. */
function marked(value: string | undefined): string {
  return value === undefined ? "" : `=${value}`;
}

function milliseconds(value: number) {
  return { type: "PX", value: Math.max(1, Math.ceil(value)) } as const;
}

/** Permanent codes are given out once: a Redis that forgets them on a restart costs every corp a new authorisation. */
async function warnUnlessDurable(client: Client, log: Logger): Promise<void> {
  const persistence = await client.info("persistence").catch(() => "");
  if (!/^aof_enabled:0/m.test(persistence)) return;
  log.warn("Redis runs without appendonly: what is stored there can be lost when it stops");
}

/** One line when Redis goes and one when it is back, however many commands and attempts failed in between. */
function onceUntilReady(log: Logger) {
  let isWell = true;
  return {
    failed: (error: unknown) => {
      if (isWell) log.error({ reason: reasonOf(error) }, "Redis cannot be reached");
      isWell = false;
    },
    ready: () => {
      if (!isWell) log.info("Redis is back");
      isWell = true;
    },
  };
}

/** Host and port: a URL may hold a password. */
function place(url: string): string {
  return URL.canParse(url) ? new URL(url).host : "the given URL";
}
