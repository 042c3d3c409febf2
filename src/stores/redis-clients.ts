/** Makes the clients of Redis, for each form of REDIS_URL: where the server is, and how it is spoken to. */
import { createClient, createCluster } from "@redis/client";
import calculateSlot from "cluster-key-slot";
import type { Link } from "./redis-connection.js";
import type { RedisAddress, RedisTarget } from "./redis-url.js";
import { reasonOf, StoreError } from "./store.js";

/** PEM: the authorities that are trusted besides Node's own, and what this client shows of itself. */
export interface TlsFiles {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** How each connection of one attempt is made. */
export interface Way {
  readonly tls: TlsFiles | undefined;
  readonly signal: AbortSignal;
}

type Keyed = "get" | "set" | "del" | "eval" | "zAdd" | "zRem" | "zRange" | "publish";

export type NodeClient = ReturnType<typeof nodeClient>;

export interface RedisLink extends Link {
  readonly commands: Pick<NodeClient, Keyed>;
  /** Each of them holds a part of the keys. */
  nodes(): Promise<readonly NodeClient[]>;
  /** The one that holds this key. */
  nodeOf(key: string): Promise<NodeClient>;
}

export async function connectTo(target: RedisTarget, way: Way): Promise<RedisLink> {
  if (target.kind === "cluster") return await connectToCluster(target, way);
  const client = await connectToOne(target, way);
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

/** A message that is published at one node of a Cluster is heard at every other. */
export async function connectToListen(target: RedisTarget, way: Way): Promise<ListeningLink> {
  const client =
    target.kind === "cluster"
      ? await firstOf(target.addresses, (address) => connected(address, target, way))
      : await connectToOne(target, way);
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

async function connectToOne(target: RedisTarget, way: Way): Promise<NodeClient> {
  if (target.kind === "single") return await firstOf(target.addresses, (address) => connected(address, target, way));
  const client = await firstOf(target.addresses, async (address) => {
    const sentinel = await connected(address, { ...target, ...noUser, ...target.sentinel, database: 0 }, way);
    try {
      const reply = await sentinel.sendCommand<[host: string, port: string] | null>([
        "SENTINEL",
        "GET-MASTER-ADDR-BY-NAME",
        target.masterName,
      ]);
      if (!reply) throw new StoreError(`the Sentinels know no master ${target.masterName}`);
      return await connected({ host: reply[0], port: Number(reply[1]) }, target, way);
    } finally {
      sentinel.destroy();
    }
  });
  // While it is demoted, a Sentinel may still name the former master.
  const [role] = await client.sendCommand<[string]>(["ROLE"]);
  if (role === "master") return client;
  client.destroy();
  throw new StoreError(`the master ${target.masterName} is a ${role} at present`);
}

const noUser = { username: undefined, password: undefined };

async function connectToCluster(target: RedisTarget, way: Way): Promise<RedisLink> {
  const { username, password } = target;
  const cluster = createCluster({
    rootNodes: target.addresses.map((address) => ({ socket: socketOf(address, target, way) })),
    defaults: { ...common, ...(username && { username }), ...(password && { password }), socket: tlsOf(target, way) },
  });
  let lost: (reason: unknown) => void = () => undefined;
  cluster.on("error", (error) => lost(error));
  await connectUnlessAborted(cluster, way.signal);
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

/** Nobody waits for a server that is away: what it would be asked fails at once. */
const common = { disableOfflineQueue: true, maintNotifications: "disabled" } as const;

async function connected(address: RedisAddress, target: RedisTarget, way: Way): Promise<NodeClient> {
  const client = nodeClient(address, target, way);
  await connectUnlessAborted(client, way.signal);
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

function nodeClient(address: RedisAddress, target: RedisTarget, way: Way) {
  const { username, password, database } = target;
  return createClient({
    ...common,
    ...(username && { username }),
    ...(password && { password }),
    database,
    // Who uses it connects anew, and learns thereby that messages were missed, or that the master is another.
    socket: { ...socketOf(address, target, way), reconnectStrategy: false },
  }).on("error", () => undefined);
}

function socketOf({ host, port }: RedisAddress, target: RedisTarget, way: Way) {
  return { host, port, ...tlsOf(target, way) };
}

function tlsOf({ isTls }: RedisTarget, { tls }: Way) {
  return { connectTimeout: 2000, ...(isTls && ({ tls: true, ...tls } as const)) };
}

/** @throws what the last one failed with */
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
