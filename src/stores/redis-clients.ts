/** Creates Redis clients for each form of REDIS_URL: one server, Sentinel, or Cluster. */
import { createClient, createCluster } from "@redis/client";
import calculateSlot from "cluster-key-slot";
import type { Link } from "./redis-connection.js";
import type { RedisAddress, RedisTarget } from "./redis-url.js";
import { reasonOf, StoreError } from "./store.js";

/** PEM: certificate authorities in addition to Node's own, and the client's certificate. */
export interface TlsFiles {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** Connection settings of one attempt. */
export interface ConnectOptions {
  readonly tls: TlsFiles | undefined;
  readonly signal: AbortSignal;
}

type Keyed = "get" | "set" | "del" | "eval" | "zAdd" | "zRem" | "zRange" | "publish";

export type NodeClient = ReturnType<typeof nodeClient>;

export interface RedisLink extends Link {
  readonly commands: Pick<NodeClient, Keyed>;
  /** The masters, each of which holds a part of the keys. */
  nodes(): Promise<readonly NodeClient[]>;
  /** The master that holds this key. */
  nodeOf(key: string): Promise<NodeClient>;
}

export async function connectTo(target: RedisTarget, options: ConnectOptions): Promise<RedisLink> {
  if (target.kind === "cluster") return await connectToCluster(target, options);
  const client = await connectToOne(target, options);
  return {
    ...linkOf(client),
    commands: client,
    nodes: () => Promise.resolve([client]),
    nodeOf: () => Promise.resolve(client),
  };
}

export interface ListeningLink extends Link {
  readonly client: NodeClient;
}

/** In a Cluster one node is enough: messages reach every node. */
export async function connectToListen(target: RedisTarget, options: ConnectOptions): Promise<ListeningLink> {
  const client =
    target.kind === "cluster"
      ? await firstOf(target.addresses, (address) => connected(address, target, options))
      : await connectToOne(target, options);
  return { ...linkOf(client), client };
}

function linkOf(client: NodeClient): Link {
  return {
    ping: () => client.ping(),
    destroy: () => {
      client.destroy();
    },
    onLost: (lost) => void client.on("error", lost).on("end", lost),
  };
}

async function connectToOne(target: RedisTarget, options: ConnectOptions): Promise<NodeClient> {
  if (target.kind === "single")
    return await firstOf(target.addresses, (address) => connected(address, target, options));
  const client = await firstOf(target.addresses, async (address) => {
    const sentinel = await connected(address, { ...target, ...noUser, ...target.sentinel, database: 0 }, options);
    try {
      const reply = await sentinel.sendCommand<[host: string, port: string] | null>([
        "SENTINEL",
        "GET-MASTER-ADDR-BY-NAME",
        target.masterName,
      ]);
      if (!reply) throw new StoreError(`the Sentinels know no master ${target.masterName}`);
      return await connected({ host: reply[0], port: Number(reply[1]) }, target, options);
    } finally {
      sentinel.destroy();
    }
  });
  // During a failover, a Sentinel may still name the former master.
  const [role] = await client.sendCommand<[string]>(["ROLE"]);
  if (role === "master") return client;
  client.destroy();
  throw new StoreError(`the master ${target.masterName} is a ${role} at present`);
}

const noUser = { username: undefined, password: undefined };

async function connectToCluster(target: RedisTarget, options: ConnectOptions): Promise<RedisLink> {
  const { username, password } = target;
  const cluster = createCluster({
    rootNodes: target.addresses.map((address) => ({ socket: socketOf(address, target, options) })),
    defaults: {
      ...common,
      ...(username && { username }),
      ...(password && { password }),
      socket: tlsOf(target, options),
    },
  });
  let lost: (reason: unknown) => void = () => undefined;
  cluster.on("error", (error) => lost(error));
  await connectUnlessAborted(cluster, options.signal);
  const nodes = () => Promise.all(cluster.masters.map((node) => cluster.nodeClient(node)));
  return {
    commands: cluster,
    nodes,
    nodeOf: async (key) => {
      const shard = cluster.slots[calculateSlot(key)];
      if (!shard) throw new StoreError("no node of the Cluster holds this key");
      return await cluster.nodeClient(shard.master);
    },
    ping: async () => Promise.all((await nodes()).map((node) => node.ping())),
    destroy: () => {
      cluster.destroy();
    },
    onLost: (listener) => (lost = listener),
  };
}

/** Commands fail immediately when the server is not connected, instead of being queued. */
const common = { disableOfflineQueue: true, maintNotifications: "disabled" } as const;

async function connected(address: RedisAddress, target: RedisTarget, options: ConnectOptions): Promise<NodeClient> {
  const client = nodeClient(address, target, options);
  await connectUnlessAborted(client, options.signal);
  return client;
}

async function connectUnlessAborted(
  client: { connect(): Promise<unknown>; destroy(): void },
  signal: AbortSignal,
): Promise<void> {
  const abort = (): void => {
    client.destroy();
  };
  signal.addEventListener("abort", abort, { once: true });
  try {
    await client.connect();
    signal.throwIfAborted();
    signal.removeEventListener("abort", abort);
  } catch (error) {
    client.destroy();
    throw error;
  }
}

function nodeClient(address: RedisAddress, target: RedisTarget, options: ConnectOptions) {
  const { username, password, database } = target;
  return createClient({
    ...common,
    ...(username && { username }),
    ...(password && { password }),
    database,
    // `RedisConnection` reconnects instead: only then are missed messages noticed, and a new master found.
    socket: { ...socketOf(address, target, options), reconnectStrategy: false },
  }).on("error", () => undefined);
}

function socketOf({ host, port }: RedisAddress, target: RedisTarget, options: ConnectOptions) {
  return { host, port, ...tlsOf(target, options) };
}

function tlsOf({ isTls }: RedisTarget, { tls }: ConnectOptions) {
  return { connectTimeout: 2000, ...(isTls && ({ tls: true, ...tls } as const)) };
}

/** @throws the error of the last address */
async function firstOf<T>(
  addresses: readonly RedisAddress[],
  attempt: (address: RedisAddress) => Promise<T>,
): Promise<T> {
  let failure: unknown;
  for (const address of addresses) {
    try {
      return await attempt(address);
    } catch (error) {
      failure = error;
    }
  }
  throw failure instanceof Error ? failure : new StoreError(reasonOf(failure));
}
