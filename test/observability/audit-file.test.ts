// The audit log's file: what is in it, when it is full, when it is rotated by renaming it.
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { appendFile, mkdir, mkdtemp, open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { CreateLivingDocument } from "../../packages/client/src/index.js";
import { auditFile } from "../../src/observability/audit-file.js";
import { seriesIn, valueOf } from "../support/exposition.js";
import { type Gateway, type GatewayOptions, startGateway } from "../support/gateway.js";
import { minimalInput } from "../support/inputs.js";
import { checkout, gatewayCommand, Running } from "../support/running.js";
import { until } from "../support/until.js";
import { postImage } from "../support/uploads.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "audit-"));
});
afterAll(() => rm(folder, { recursive: true }));
const start = (file: string, more: GatewayOptions["env"] = {}) =>
  startGateway({ env: { AUDIT_LOG_FILE: file, ...more } });
const create = (gateway: Gateway) => gateway.run(CreateLivingDocument, { input: minimalInput });

describe("AUDIT_LOG_FILE", () => {
  it("is appended to, in whole lines, all of them before the gateway ends, and stdout has none", async () => {
    const file = join(folder, "audit.log");
    await writeFile(file, "before\n");
    const gateway = await start(file);
    await Promise.all(Array.from({ length: 50 }, () => create(gateway)));
    const onStdout = gateway.logs.filter((line) => line["audit"] === 1);
    await gateway.close();

    const [first, ...lines] = (await readFile(file, "utf8")).trim().split("\n");
    expect(first).toBe("before");
    expect(lines.map((line) => (JSON.parse(line) as { outcome: string }).outcome)).toEqual(Array(50).fill("ok"));
    expect(onStdout).toEqual([]);
  });

  it("that ends in a part of a line, after a kill or a full disk, has whole lines from there on", async () => {
    const file = join(folder, "cut.log");
    await writeFile(file, '{"audit":1,"ti');
    for (let round = 0; round < 2; round += 1) {
      const gateway = await start(file);
      await create(gateway);
      await gateway.close();
    }

    const [part, ...lines] = (await readFile(file, "utf8")).trimEnd().split("\n");
    expect(part).toBe('{"audit":1,"ti');
    expect(lines.map((line) => (JSON.parse(line) as { outcome: string }).outcome)).toEqual(["ok", "ok"]);
  });

  it("that cannot be opened keeps the gateway from starting, and says so", async () => {
    await using gateway = new Running(
      gatewayCommand,
      { NODE_ENV: "development", AUDIT_LOG_FILE: join(folder, "missing", "audit.log"), DATA_DIR: join(folder, "data") },
      checkout,
    );

    expect(await gateway.exitCode).toBe(69);
    expect(gateway.output).toContain("cannot start: the audit log cannot be opened: ENOENT");
  });

  it("that is full: counted, said once a minute, and requests go on", async () => {
    await using gateway = await start("/dev/full");
    for (let count = 0; count < 3; count += 1)
      expect((await create(gateway)).data!.createLiving.__typename).toBe("CreateLivingSuccess");
    await until(
      async () => valueOf(seriesIn((await gateway.fetch("/metrics")).text), "audit_write_failures_total") > 1,
    );
    expect(gateway.logs.filter(({ msg }) => msg === "the audit log cannot be written")).toHaveLength(1);
  });

  it("that is full, and AUDIT_REQUIRED: nothing is changed any more, and the answer says so", async () => {
    await using gateway = await start("/dev/full", { AUDIT_REQUIRED: "on" });
    await create(gateway);
    while (!gateway.logs.some(({ msg }) => msg === "the audit log cannot be written")) await wait(5);
    const sent = gateway.simulator.requestsTo("living/create").length;
    const { data, errors } = await create(gateway);

    expect(errors).toEqual([]);
    expect(data!.createLiving).toMatchObject({ __typename: "LivingUnavailableError", retryable: true });
    expect(gateway.simulator.requestsTo("living/create")).toHaveLength(sent);
    expect((await postImage(gateway, Buffer.from("\x89PNG\r\n\x1a\n", "latin1"))).status).toBe(503);
    expect(gateway.simulator.requestsTo("media/upload")).toEqual([]);
    expect((await gateway.fetch("/health/ready")).status).toBe(200);
  });
});

describe("An AUDIT_LOG_FILE that is renamed", () => {
  it("is created again, and no line is lost", async () => {
    const folderOfLogs = await mkdtemp(join(folder, "rotated-"));
    const file = join(folderOfLogs, "audit.log");
    const gateway = await start(file);
    await create(gateway);
    await until(async () => (await readFile(file, "utf8")) !== "");
    await rename(file, `${file}.1`);
    await create(gateway);
    await gateway.close();

    for (const each of [`${file}.1`, file])
      expect((await readFile(each, "utf8")).match(/"outcome":"ok"/g)).toHaveLength(1);
  });

  it("is written to no more if it cannot be created again, and with AUDIT_REQUIRED nothing is changed", async () => {
    const folderOfLogs = await mkdtemp(join(folder, "moved-"));
    const file = join(folderOfLogs, "audit.log");
    await using gateway = await start(file, { AUDIT_REQUIRED: "on" });
    await create(gateway);
    await until(async () => (await readFile(file, "utf8")) !== "");
    await rename(folderOfLogs, `${folderOfLogs}.1`);
    await create(gateway);
    await until(() => gateway.logs.some(({ msg }) => msg === "the audit log cannot be written"));
    expect((await create(gateway)).data!.createLiving.__typename).toBe("LivingUnavailableError");
    await mkdir(folderOfLogs);
    await until(() => gateway.logs.some(({ msg }) => msg === "the audit log can be written again"));

    expect((await create(gateway)).data!.createLiving.__typename).toBe("CreateLivingSuccess");
    await until(async () => (await readFile(file, "utf8")).match(/"outcome":"ok"/g)?.length === 2);
  });

  it("after a part of a line was written has the whole line in the new file", async () => {
    const file = join(folder, "part.log");
    const sink = await auditFile(file);
    const [one, two] = [`${"1".repeat(50)}\n`, `${"2".repeat(50)}\n`];
    const write = jest.spyOn(Object.getPrototypeOf(await handleOf(file)), "write");
    write.mockImplementationOnce(async (...args: unknown[]) => {
      await appendFile(file, (args[0] as Buffer).subarray(0, 60));
      return { bytesWritten: 60 };
    });
    write.mockRejectedValueOnce(new Error("the disk is full"));
    await expect((async () => sink.write([one, two]))()).rejects.toThrow("full");
    await rename(file, `${file}.1`);
    await sink.write([one, two]);
    write.mockRestore();

    expect(await readFile(`${file}.1`, "utf8")).toBe(one + two.slice(0, 9));
    expect(await readFile(file, "utf8")).toBe(two);
  });

  async function handleOf(file: string): Promise<object> {
    const handle = await open(file);
    await handle.close();
    return handle;
  }
});
