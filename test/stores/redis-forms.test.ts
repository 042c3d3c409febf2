// Redis as it is run in production: with TLS, users, Sentinels, as a Cluster, with replicas; and what is refused at start.
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { createLogger } from "../../src/observability/logger.js";
import { openRedisStore, type RedisStoreOptions } from "../../src/stores/redis.js";
import { parseRedisUrl } from "../../src/stores/redis-url.js";
import { type Store, StoreError } from "../../src/stores/store.js";
import { describeWithRedis, TestNetwork, TestRedis } from "../support/redis.js";
import { until } from "../support/until.js";

const log = createLogger("silent");
let folder: string;
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), "redis-"))));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function cli(port: number, ...command: string[]): string {
  const { stdout, stderr, status } = spawnSync("redis-cli", ["-p", String(port), ...command], { encoding: "utf8" });
  if (status !== 0) throw new Error(stdout + stderr);
  return stdout;
}

const opened = (url: string, options: Partial<RedisStoreOptions> = {}) => openRedisStore(url, { log, ...options });

/** Each of the store's commands, on keys in all parts of a Cluster. */
async function expectToWork(store: Store): Promise<void> {
  const keys = Array.from({ length: 60 }, (_, index) => `key:${index}`);
  await Promise.all(keys.map((key) => store.set(key, key)));
  expect(await Promise.all(keys.map((key) => store.get(key)))).toEqual(keys);
  const found = [];
  for await (const [key] of store.scan("key:")) found.push(key);
  expect(found.sort()).toEqual([...keys].sort());
  expect(await Promise.all(keys.map((key) => store.compareAndSet(key, key, undefined)))).toEqual(keys.map(() => true));
  for (const name of ["a", "b", "c"]) {
    await store.enqueue(`queue:${name}`, "1", 1);
    expect(await store.due(`queue:${name}`, 1, 10)).toEqual(["1"]);
    await store.dequeue(`queue:${name}`, "1");
  }
  expect(Math.abs((await store.now()) - Date.now())).toBeLessThan(5000);
  const heard: string[] = [];
  const listening = await store.listen("news", { onMessage: (message) => heard.push(message) });
  expect(listening.isHearing).toBe(true);
  await store.publish("news", "1");
  while (heard.length === 0) await wait(5);
  listening.stop();
}

/** @throws what a write fails with when none has succeeded after `limitMs` */
async function untilWritten(store: Store, key: string, limitMs: number): Promise<void> {
  const startedAt = performance.now();
  for (;;) {
    try {
      await store.set(key, "1");
      return;
    } catch (error) {
      expect(error).toBeInstanceOf(StoreError);
      if (performance.now() - startedAt > limitMs) throw error;
      await wait(50);
    }
  }
}

describeWithRedis("REDIS_URL", () => {
  it.each([
    [
      "redis://127.0.0.1",
      { kind: "single", addresses: [{ host: "127.0.0.1", port: 6379 }], database: 0, isTls: false },
    ],
    ["rediss://u:p%40ss:x@[::1]:7/2", { isTls: true, username: "u", password: "p@ss:x", database: 2 }],
    [
      "redis+sentinel://:pw@a,b:1/main/3?sentinel_password=s",
      { kind: "sentinel", masterName: "main", database: 3, password: "pw", sentinel: { password: "s" } },
    ],
    [
      "rediss+cluster://a:1,b:2",
      {
        kind: "cluster",
        isTls: true,
        addresses: [
          { host: "a", port: 1 },
          { host: "b", port: 2 },
        ],
      },
    ],
  ])("%s", (url, expected) => {
    expect(parseRedisUrl(url)).toMatchObject(expected);
  });

  it.each([
    "http://a",
    "redis://",
    "redis://a,b",
    "redis://a/x",
    "redis://a/1/2",
    "redis+sentinel://a",
    "redis+cluster://a/1",
    "redis://a:99999",
  ])("is not %s", (url) => {
    expect(parseRedisUrl(url)).toBeUndefined();
  });
});

describeWithRedis("Redis with TLS", () => {
  const pem = (name: string) => join(folder, `${name}.pem`);
  const read = (name: string) => readFileSync(pem(name), "utf8");
  let redis: TestRedis;
  let url: string;
  beforeAll(async () => {
    const openssl = (...args: string[]) => expect(spawnSync("openssl", args).status).toBe(0);
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    openssl(
      "req",
      "-x509",
      ...curve,
      "-keyout",
      pem("ca-key"),
      "-out",
      pem("ca"),
      "-days",
      "2",
      "-subj",
      "/CN=test CA",
    );
    writeFileSync(pem("san"), "subjectAltName=IP:127.0.0.1\n");
    for (const name of ["server", "client"]) {
      openssl("req", ...curve, "-keyout", pem(`${name}-key`), "-out", pem(`${name}-csr`), "-subj", `/CN=${name}`);
      const signed = [
        "-CA",
        pem("ca"),
        "-CAkey",
        pem("ca-key"),
        "-CAcreateserial",
        "-days",
        "2",
        "-extfile",
        pem("san"),
      ];
      openssl("x509", "-req", "-in", pem(`${name}-csr`), "-out", pem(name), ...signed);
    }
    const tlsNetwork = await TestNetwork.to(1);
    const { port } = tlsNetwork;
    await tlsNetwork[Symbol.asyncDispose]();
    redis = await TestRedis.start([
      ...["--tls-port", String(port), "--tls-ca-cert-file", pem("ca")],
      ...["--tls-cert-file", pem("server"), "--tls-key-file", pem("server-key"), "--tls-auth-clients", "yes"],
    ]);
    url = `rediss://127.0.0.1:${port}`;
  }, 30_000);
  afterAll(() => redis.stop());

  it("is spoken to with its own authority and a certificate for the client", async () => {
    const store = await opened(url, { tls: { ca: read("ca"), cert: read("client"), key: read("client-key") } });
    await expectToWork(store);
    await store.close();
  });

  it("is refused when its authority is not known, and refuses who shows no certificate", async () => {
    const own = { cert: read("client"), key: read("client-key") };
    await expect(opened(url, { tls: own })).rejects.toThrow(/cannot be used: .*certificate/);
    await expect(opened(url, { tls: { ca: read("ca") } })).rejects.toThrow(StoreError);
  });
});

describeWithRedis("Redis with users", () => {
  it("takes one that may do only what the documents name", async () => {
    await using redis = await TestRedis.start(["--requirepass", "admin"]);
    const documented = /ACL SETUSER gateway (.*)/.exec(readFileSync("docs/credentials.md", "utf8"))![1]!;
    cli(
      redis.port,
      "--no-auth-warning",
      "-a",
      "admin",
      "ACL",
      "SETUSER",
      "gateway",
      ...documented.replace("PASSWORD", "p@ss").split(" "),
    );
    const store = await opened(`redis://gateway:p%40ss@127.0.0.1:${redis.port}`);
    await expectToWork(store);
    await store.close();
    await expect(opened(`redis://gateway:wrong@127.0.0.1:${redis.port}`)).rejects.toThrow(/WRONGPASS/);
    await expect(opened(redis.url)).rejects.toThrow(/NOAUTH/);
  });

  it("is in the log with its reason, once for each connection, when it takes the password no more", async () => {
    await using redis = await TestRedis.start(["--requirepass", "former"]);
    const lines: string[] = [];
    const logged = createLogger("info", { write: (line) => void lines.push(line) });
    const url = `redis://:former@127.0.0.1:${redis.port}`;
    const store = await opened(url, { log: logged, restMs: 50 });
    const change = (from: string, to: string) =>
      cli(redis.port, "--no-auth-warning", "-a", from, "CONFIG", "SET", "requirepass", to);
    change("former", "new");
    cli(redis.port, "--no-auth-warning", "-a", "new", "CLIENT", "KILL", "SKIPME", "yes", "TYPE", "normal");
    const said = (text: string) => lines.filter((line) => line.includes(text));
    // The one for commands, and the one for messages.
    await until(() => said("WRONGPASS").length >= 2);
    await wait(200);
    change("new", "former");
    await until(() => said("Redis is back").length > 0);

    expect(said("WRONGPASS")).toHaveLength(2);
    await untilWritten(store, "key", 10_000);
    await store.close();
  });
});

describeWithRedis("A Redis that is not fit", () => {
  it("is refused in production when it may evict what is stored, and warned of elsewhere", async () => {
    await using redis = await TestRedis.start(["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"]);
    await expect(opened(redis.url, { isProduction: true })).rejects.toThrow(
      /maxmemory-policy is allkeys-lru.* noeviction/,
    );
    const warned: unknown[] = [];
    const store = await opened(redis.url, { log: { ...log, warn: (text) => warned.push(text) } });
    await store.close();
    expect(warned).toEqual([
      expect.stringMatching(/maxmemory-policy is allkeys-lru/),
      expect.stringMatching(/without appendonly/),
    ]);
    cli(redis.port, "CONFIG", "SET", "maxmemory-policy", "noeviction");
    await (await opened(redis.url, { isProduction: true })).close();
  });

  it("is refused when it is a replica, a Sentinel, or a node of a Cluster, with the URL that is right", async () => {
    await using redis = await TestRedis.start();
    await using replica = await TestRedis.start(["--replicaof", "127.0.0.1", String(redis.port)]);
    await using node = await TestRedis.start([
      "--cluster-enabled",
      "yes",
      "--cluster-config-file",
      join(folder, "node"),
    ]);
    await expect(opened(replica.url)).rejects.toThrow(/a replica, which takes no writes/);
    await expect(opened(node.url)).rejects.toThrow(/redis\+cluster:/);
    await expect(opened(`redis+cluster://127.0.0.1:${redis.port}`)).rejects.toThrow(StoreError);
  });
});

describeWithRedis("Redis with replicas", () => {
  it("counts a write as failed that too few of them have", async () => {
    await using redis = await TestRedis.start(["--repl-diskless-sync-delay", "0"]);
    await using replica = await TestRedis.start(["--replicaof", "127.0.0.1", String(redis.port)]);
    const store = await opened(redis.url, { replicas: 1 });
    await untilWritten(store, "first", 20_000);
    await expectToWork(store);
    expect(await store.compareAndSet("cas", undefined, "1")).toBe(true);
    expect(cli(replica.port, "GET", "wecom-living:cas").trim()).toBe("1");
    expect(await store.compareAndSet("cas", undefined, "2")).toBe(false);

    await replica.pause();
    await expect(store.set("key", "1")).rejects.toThrow(/0 of 1 replicas \(WECOM_STORE_REPLICAS\)/);
    // Who reads does not wait for replicas.
    expect(await store.get("cas")).toBe("1");
    replica.resume();
    await untilWritten(store, "key", 20_000);
    await store.close();
  }, 60_000);
});

describeWithRedis("Redis with Sentinels", () => {
  it("is written to again after a failover, and its listeners learn of the gap", async () => {
    await using master = await TestRedis.start(["--repl-diskless-sync-delay", "0"]);
    await using replica = await TestRedis.start(["--replicaof", "127.0.0.1", String(master.port)]);
    const sentinelWith = (name: string) => {
      const file = join(folder, `${name}.conf`);
      writeFileSync(
        file,
        [
          `sentinel monitor main 127.0.0.1 ${master.port} 2`,
          "sentinel down-after-milliseconds main 1000",
          "sentinel failover-timeout main 5000",
        ].join("\n"),
      );
      return TestRedis.startSentinel(file);
    };
    await using one = await sentinelWith("one");
    await using two = await sentinelWith("two");
    await using three = await sentinelWith("three");
    const hosts = [one, two, three].map(({ port }) => `127.0.0.1:${port}`).join(",");
    await expect(opened(one.url)).rejects.toThrow(/redis\+sentinel:/);
    await expect(opened(`redis+sentinel://${hosts}/another`)).rejects.toThrow(/know no master another/);
    const store = await opened(`redis+sentinel://${hosts}/main`);
    await expectToWork(store);
    const told: string[] = [];
    await store.listen("news", {
      onMessage: (message) => told.push(message),
      onGap: () => told.push("gap"),
      onHearing: () => told.push("hearing"),
    });
    while (!/num-slaves\n1\n/.test(cli(one.port, "SENTINEL", "master", "main"))) await wait(100);
    while (!/num-other-sentinels\n2\n/.test(cli(one.port, "SENTINEL", "master", "main"))) await wait(100);
    await store.set("before", "1");
    await master.stop();
    await untilWritten(store, "after", 40_000);
    expect(cli(replica.port, "GET", "wecom-living:after").trim()).toBe("1");
    expect(await store.get("before")).toBe("1");
    while (told.length < 3) await wait(20);
    expect(told).toEqual(["hearing", "gap", "hearing"]);
    await store.close();
  }, 90_000);
});

describeWithRedis("Redis as a Cluster", () => {
  it("is used whole: each command goes to the node that has the key", async () => {
    const start = (name: string) =>
      TestRedis.start(["--cluster-enabled", "yes", "--cluster-config-file", join(folder, name)]);
    await using one = await start("one");
    await using two = await start("two");
    await using three = await start("three");
    const nodes = [one, two, three].map(({ port }) => `127.0.0.1:${port}`);
    cli(one.port, "--cluster", "create", ...nodes, "--cluster-yes");
    for (const { port } of [one, two, three]) {
      while (!cli(port, "CLUSTER", "INFO").includes("cluster_state:ok")) await wait(50);
    }
    await expect(opened(one.url)).rejects.toThrow(/it is a node of a Cluster: REDIS_URL must be redis\+cluster:/);
    const store = await opened(`redis+cluster://${nodes.join(",")}`);
    const another = await opened(`redis+cluster://${nodes[2]}`);
    await expectToWork(store);
    const heard: string[] = [];
    await another.listen("across", { onMessage: (message) => heard.push(message) });
    await store.publish("across", "1");
    while (heard.length === 0) await wait(5);

    // A node that hangs: who asks is told so after half a second. Without that limit they would wait for as long as it hangs.
    await two.pause();
    const askedAt = performance.now();
    const asked = await Promise.allSettled(Array.from({ length: 30 }, (_, index) => store.set(`hang:${index}`, "1")));
    expect(performance.now() - askedAt).toBeLessThan(2000);
    for (const each of asked) if (each.status === "rejected") expect(each.reason).toBeInstanceOf(StoreError);
    two.resume();
    for (let index = 0; index < 30; index += 1) await untilWritten(store, `again:${index}`, 20_000);
    await store.close();
    await another.close();
  }, 90_000);
});
