// The audit log's file, when it is rotated by renaming it.
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { appendFile, mkdir, mkdtemp, open, readFile, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateLivingDocument } from "../../packages/client/src/index.js";
import { auditFile } from "../../src/observability/audit-file.js";
import { type Gateway, type GatewayOptions, startGateway } from "../support/gateway.js";
import { minimalInput } from "../support/inputs.js";
import { until } from "../support/until.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "audit-"));
});
afterAll(() => rm(folder, { recursive: true }));
const start = (file: string, more: GatewayOptions["env"] = {}) =>
  startGateway({ env: { AUDIT_LOG_FILE: file, ...more } });
const create = (gateway: Gateway) => gateway.run(CreateLivingDocument, { input: minimalInput });

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
