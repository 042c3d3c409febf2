// A store that answers, but refuses writes or holds a damaged record: the log says why, and never quotes what is stored.
import { describe, expect, it } from "@jest/globals";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { createClient } from "@redis/client";
import { CreateLivingDocument } from "../../packages/client/src/index.js";
import { createLogger } from "../../src/observability/logger.js";
import { openEmbeddedStore } from "../../src/stores/embedded.js";
import { openRedisStore } from "../../src/stores/redis.js";
import { startGateway } from "../support/gateway.js";
import { minimalInput } from "../support/inputs.js";
import { describeWithRedis, TestRedis } from "../support/redis.js";
import { Running } from "../support/running.js";
import { until } from "../support/until.js";

const mutation = `mutation ($input: LivingInput!, $idempotencyKey: ID) {
  createLiving(input: $input, idempotencyKey: $idempotencyKey) { __typename }
}`;
let keys = 0;
const variables = () => ({ input: minimalInput, idempotencyKey: `key-${(keys += 1)}` });

async function adminOf(redis: TestRedis) {
  const admin = createClient({ url: redis.url });
  await admin.connect();
  return { send: (...words: string[]) => admin.sendCommand(words), [Symbol.dispose]: () => admin.destroy() };
}

describeWithRedis("A Redis at its maxmemory", () => {
  it("is in the log with its reason, once a minute, and nothing is created under a key", async () => {
    await using redis = await TestRedis.start();
    using admin = await adminOf(redis);
    await using gateway = await startGateway({ env: { REDIS_URL: redis.url } });
    await admin.send("CONFIG", "SET", "maxmemory", "1");
    for (let count = 0; count < 5; count += 1) {
      const { data } = await gateway.run(CreateLivingDocument, variables());
      expect(data?.createLiving.__typename).toBe("LivingUnavailableError");
    }

    const said = gateway.logs.filter(({ msg }) => msg === "the store failed");
    expect(said).toEqual([expect.objectContaining({ level: "error", reason: expect.stringMatching(/OOM/) })]);
  });
});

describeWithRedis("A Redis that is made a replica", () => {
  it("is in the log with its reason once a minute, however often it is connected to again", async () => {
    await using redis = await TestRedis.start();
    using admin = await adminOf(redis);
    const lines: string[] = [];
    const log = createLogger("info", { write: (line) => void lines.push(line) });
    const store = await openRedisStore(redis.url, { log, restMs: 50 });
    await admin.send("REPLICAOF", "127.0.0.1", "1");
    let refused = 0;
    while (refused < 5) {
      await store.set("key", "1").catch((error: unknown) => (refused += String(error).includes("READONLY") ? 1 : 0));
      await wait(10);
    }
    await store.close();

    expect(lines.filter((line) => line.includes("READONLY"))).toHaveLength(1);
  });
});

describe("A server that does not know a command and quotes it, as Redis does", () => {
  it("puts no password and no record into an error", async () => {
    const quoting = createServer((socket) => {
      socket.on("data", (bytes) => {
        const [name, ...words] = bytes.toString().match(/^[^*$\r\n].*/gm)!;
        socket.write(`-ERR unknown command '${name}', with args beginning with: '${words.join("' '")}'\r\n`.repeat(3));
      });
    }).listen(0, "127.0.0.1");
    await once(quoting, "listening");
    const { port } = quoting.address() as AddressInfo;
    const lines: string[] = [];
    const log = createLogger("debug", { write: (line) => void lines.push(line) });
    const error: unknown = await openRedisStore(`redis://:CANARY-password@127.0.0.1:${port}`, { log }).catch(
      (reason: unknown) => reason,
    );
    log.error({ err: error }, "as it would be logged");
    quoting.close();

    expect(String(error)).toContain("unknown command 'HELLO'");
    expect(lines.join("")).not.toContain("CANARY");
  });
});

describe("An embedded store on a full disk", () => {
  it("refuses a create under a key and says why, once a minute, and the gateway goes on and ends in order", async () => {
    const DATA_DIR = await mkdtemp(join(tmpdir(), "full-"));
    // No file may grow beyond this: as on a full disk, LMDB cannot write its pages. `ulimit` counts blocks of 512 bytes.
    const withFullDisk = ["sh", "-c", "ulimit -f 150; exec node dist/main.js"];
    await using gateway = new Running(withFullDisk, { DATA_DIR });
    let answer = "";
    const create = async () => {
      answer = JSON.stringify(await gateway.post(JSON.stringify({ query: mutation, variables: variables() })));
    };
    const isRefused = () => /LivingUnavailableError|LivingOutcomeUnknownError/.test(answer);
    const isLogged = () => gateway.output.includes('"msg":"the store failed"');
    for (let count = 0; count < 300 && !(isRefused() && isLogged()); count += 1) await create();
    // More commits that fail than LMDB's memory survives.
    for (let count = 0; count < 30; count += 1) await create();

    const said = gateway.output.split("\n").filter((line) => line.includes('"msg":"the store failed"'));
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(/EFBIG/);
    gateway.signal("SIGTERM");
    expect(await gateway.exitCode).toBe(0);
    await rm(DATA_DIR, { recursive: true });
  });
});

describe("A damaged record of a token", () => {
  it("is replaced by a new token, and neither details nor the log quote it", async () => {
    const DATA_DIR = await mkdtemp(join(tmpdir(), "damaged-"));
    const canary = "CANARY-token";
    await using gateway = await startGateway({ env: { DATA_DIR, ADMIN_PORT: "0" } });
    const details = async () => (await fetch(`${gateway.adminUrl}/health/details`)).text();
    const create = async () =>
      (await gateway.run(CreateLivingDocument, { input: minimalInput })).data?.createLiving.__typename;
    await create();
    await until(async () => (await details()).includes('"endsAt":"'));
    // In one process several stores may use one folder.
    const store = openEmbeddedStore(DATA_DIR);
    for await (const [key] of store.scan("token:")) await store.set(key, canary);
    await store.close();

    const damaged = await details();
    expect(damaged).toContain("is not JSON");
    gateway.simulator.invalidateTokens();
    expect(await create()).toBe("CreateLivingSuccess");
    expect(damaged + JSON.stringify(gateway.logs)).not.toContain(canary);
    await until(async () => (await details()).includes('"endsAt":"'));
    await gateway.close();
    await rm(DATA_DIR, { recursive: true });
  });
});
