// Who changed what, for which corp, by which credential, and what came of it: one line for each write and authorisation.
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, openSync, readFileSync, writeSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { buildSchema } from "graphql";
import { pino } from "pino";
import { AuditLog, type AuditSink } from "../../src/observability/audit-log.js";
import * as documents from "../../packages/client/src/index.js";
import { corpid, type Gateway, startGateway } from "../support/gateway.js";
import { booking, minimalInput } from "../support/inputs.js";
import { audience, type Issuer, issuerName, startIssuer } from "../support/issuer.js";
import { corps, startProvider } from "../support/provider.js";
import { freePort } from "../support/ports.js";
import { gatewayCommand, Running } from "../support/running.js";
import { seriesIn, valueOf } from "../support/exposition.js";
import { until } from "../support/until.js";

type Line = Record<string, any>;
const linesOf = (gateway: Gateway): Line[] => gateway.logs.filter((line) => line["audit"] === 1);

/** Lines that say so are waited for: they are written behind the back of the request. */
async function untilLine(gateway: Gateway, matches: (line: Line) => boolean): Promise<Line> {
  for (;;) {
    const found = linesOf(gateway).findLast(matches);
    if (found) return found;
    await wait(10);
  }
}

async function lineAfter(gateway: Gateway, work: () => Promise<unknown>): Promise<Line> {
  const before = linesOf(gateway).length;
  await work();
  while (linesOf(gateway).length === before) await wait(5);
  expect(linesOf(gateway)).toHaveLength(before + 1);
  return linesOf(gateway).at(-1)!;
}

const app = { corpid, agentid: 1000014 };
const asZhangsan = { "x-wecom-userid": "zhangsan", "x-wecom-scopes": "living:read living:write" };

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway({ env: { WECOM_TIMEOUT_MS: "500" } });
});
afterAll(() => gateway.close());
const reserve = () => gateway.simulator.livings.reserve(app, { ...booking, anchorUserid: "zhangsan" }).livingid;
const run = (document: any, variables: any, headers: Record<string, string> = asZhangsan) =>
  lineAfter(gateway, () => gateway.run(document, variables, headers));

describe("The audit log", () => {
  it.each([
    ["living.modify", documents.ModifyLivingDocument, { input: { theme: "SECRET-THEME" } }, { changed: ["theme"] }],
    ["living.cancel", documents.CancelLivingDocument, {}, {}],
  ])("has a line for %s", async (action, document, variables, more) => {
    const livingid = reserve();
    const line = await run(document, { livingid, ...variables });

    expect(line).toMatchObject({ action, outcome: "ok", livingid, actor: { userid: "zhangsan" }, ...more });
  });

  it("has a line for living.replay.delete, which WeCom refuses while there is none", async () => {
    const livingid = reserve();
    const line = await run(documents.DeleteLivingReplayDocument, { livingid });

    const expected = { outcome: "refused", code: "LIVING_STATE", errcode: 92007, livingid };
    expect(line).toMatchObject({ action: "living.replay.delete", ...expected });
  });

  it("has a line for living.replay.delete where there was one", async () => {
    const livingid = reserve();
    gateway.simulator.livings.start(livingid);
    gateway.simulator.livings.end(livingid, "ready");

    const line = await run(documents.DeleteLivingReplayDocument, { livingid });
    expect(line).toMatchObject({ action: "living.replay.delete", outcome: "ok", livingid });
  });

  it("knows every mutation of the schema", () => {
    const mutations = buildSchema(readFileSync("schema.api.graphql", "utf8")).getMutationType()!;

    expect(Object.keys(mutations.getFields()).sort()).toEqual([
      ...["cancelLiving", "createLiving", "deleteLivingReplay", "modifyLiving", "uploadLivingImage"],
    ]);
  });

  it("is counted", async () => {
    const read = async () => seriesIn((await gateway.fetch("/metrics")).text);
    const refused = { action: "living.create", outcome: "refused" };
    const before = valueOf(await read(), "audit_events_total", refused);
    await run(documents.CreateLivingDocument, { input: { ...minimalInput, theme: "" } });
    const series = await read();

    expect(valueOf(series, "audit_events_total", refused)).toBe(before + 1);
    expect(valueOf(series, "audit_events_total")).toBe(linesOf(gateway).length);
  });

  it("has nothing about reads", async () => {
    const before = linesOf(gateway).length;
    await gateway.run(documents.ReadLivingDocument, { livingid: reserve() } as never);
    await gateway.run(documents.CreateLivingDocument, { input: minimalInput });

    await untilLine(gateway, () => linesOf(gateway).length > before);
    expect(linesOf(gateway)).toHaveLength(before + 1);
  });
});

describe("A line of the audit log", () => {
  it("says who created which living, for which corp, by which credential", async () => {
    const line = await run(
      documents.CreateLivingDocument,
      { input: minimalInput },
      { ...asZhangsan, "x-request-id": "request-1", traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01` },
    );

    expect(line).toEqual({
      audit: 1,
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      action: "living.create",
      outcome: "ok",
      corp: corpid,
      actor: { userid: "zhangsan", via: "none", scopes: "living:read living:write" },
      livingid: gateway.simulator.livings.all().at(-1)!.livingid,
      request_id: "request-1",
      trace_id: "a".repeat(32),
      replica: expect.any(String),
    });
  });

  it("says for whom, where that is another", async () => {
    const headers = { ...asZhangsan, "x-wecom-scopes": "living:admin living:write" };
    const input = { ...minimalInput, anchorUserid: "lisi" };

    expect(await run(documents.CreateLivingDocument, { input }, headers)).toMatchObject({ on_behalf_of: "lisi" });
  });

  it.each([
    ["a scope", documents.CreateLivingDocument, { "x-wecom-scopes": "living:read" }, minimalInput, "FORBIDDEN"],
    ["another's name", documents.CreateLivingDocument, {}, { ...minimalInput, anchorUserid: "lisi" }, "FORBIDDEN"],
    ["the input", documents.CreateLivingDocument, {}, { ...minimalInput, theme: "" }, "LIVING_INPUT"],
  ])("says why it was refused: %s", async (_why, document, headers, input, code) => {
    const line = await run(document, { input }, { ...asZhangsan, ...headers });

    expect(line).toMatchObject({ action: "living.create", outcome: "refused", code });
  });

  it("has the errcode with which WeCom refused", async () => {
    gateway.simulator.faults.inject({ kind: "errcode", api: "living/create", errcode: 60111 });
    const line = await run(documents.CreateLivingDocument, { input: minimalInput });

    expect(line).toMatchObject({ outcome: "refused", code: "LIVING_NOT_FOUND", errcode: 60111 });
  });

  it("has an HMAC of the idempotency key, the same for the same key, and not the key", async () => {
    const create = (idempotencyKey: string) =>
      run(documents.CreateLivingDocument, { input: minimalInput, idempotencyKey });
    const [one, again, other] = [await create("KEY-one"), await create("KEY-one"), await create("KEY-two")];

    expect(one["key"]).toMatch(/^[0-9a-f]{16}$/);
    expect(again).toMatchObject({ key: one["key"], livingid: one["livingid"], outcome: "ok" });
    expect(other["key"]).not.toBe(one["key"]);
  });

  it("never has a theme, a description, a key or a secret", async () => {
    const input = { ...minimalInput, theme: "SECRET-THEME", description: "SECRET-THEME" };
    await run(documents.CreateLivingDocument, { input, idempotencyKey: "KEY-three" });
    await run(documents.ModifyLivingDocument, { livingid: reserve(), input: { theme: "SECRET-THEME" } });
    await run(documents.CreateLivingDocument, { input: { ...input, anchorUserid: "lisi" } });
    const text = JSON.stringify(linesOf(gateway));

    for (const part of ["living.create", "living.modify", "FORBIDDEN"]) expect(text).toContain(`"${part}"`);
    expect(text).not.toMatch(/KEY-|SECRET-THEME|"theme":|description|CANARY/);
  });
});

describe("An uploaded image", () => {
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await startGateway({ env: { WECOM_TIMEOUT_MS: "1000" } });
  });
  afterAll(() => gateway.close());
  const png = Buffer.from("\x89PNG\r\n\x1a\nSECRET-PICTURE", "latin1");
  const gif = Buffer.from("GIF89a, which WeCom does not take", "latin1");
  const name = "SECRET-NAME.png";
  type Upload = (content: Buffer, headers?: Record<string, string>) => ReturnType<Gateway["fetch"]>;
  const formOf = (fields: Record<string, string>, field: string, content: Buffer) => {
    const form = new FormData();
    for (const [each, value] of Object.entries(fields)) form.append(each, value);
    form.append(field, new Blob([new Uint8Array(content)]), name);
    return form;
  };
  const preflighted = { "apollo-require-preflight": "true", "x-request-id": "request-2" };
  const ways: [string, Upload][] = [
    [
      "uploadLivingImage",
      (content, headers = asZhangsan) => {
        const query = `mutation ($image: Upload!) {
          uploadLivingImage(image: $image, purpose: COVER) { __typename }
        }`;
        const operations = JSON.stringify({ query, variables: { image: null } });
        const body = formOf({ operations, map: `{"0":["variables.image"]}` }, "0", content);
        return gateway.fetch("/graphql", { method: "POST", headers: { ...preflighted, ...headers }, body });
      },
    ],
    [
      "POST /media",
      (content, headers = asZhangsan) =>
        gateway.fetch("/media?purpose=COVER", {
          method: "POST",
          headers: { ...preflighted, ...headers },
          body: formOf({}, "file", content),
        }),
    ],
  ];

  it.each(ways)("has a line that says who brought it: %s", async (_way, upload) => {
    const line = await lineAfter(gateway, () => upload(png));

    expect(line).toEqual({
      ...{ audit: 1, time: expect.any(String), action: "living.upload", outcome: "ok", corp: corpid },
      actor: { userid: "zhangsan", via: "none", scopes: "living:read living:write" },
      ...{ request_id: "request-2", replica: expect.any(String) },
    });
  });

  it.each(ways)("has a line that says why it was refused: %s", async (_way, upload) => {
    const withoutScope = { ...asZhangsan, "x-wecom-scopes": "living:read" };

    expect(await lineAfter(gateway, () => upload(gif))).toMatchObject({ outcome: "refused", code: "LIVING_INPUT" });
    expect(await lineAfter(gateway, () => upload(png, withoutScope))).toMatchObject({
      outcome: "refused",
      code: "FORBIDDEN",
    });
    gateway.simulator.faults.inject({ kind: "errcode", api: "media/upload", errcode: 48002 });
    expect(await lineAfter(gateway, () => upload(png))).toMatchObject({
      errcode: 48002,
      actor: { userid: "zhangsan" },
    });
  });

  it.each(ways)("has a line when WeCom does not answer: %s", async (_way, upload) => {
    gateway.simulator.faults.inject({ kind: "hang", api: "media/upload", times: 0 });
    const line = await lineAfter(gateway, () => upload(png));
    gateway.simulator.faults.clear();

    expect(line).toMatchObject({ action: "living.upload", outcome: "failed" });
    expect(line["code"]).toMatch(/^LIVING_/);
  });

  it.each(ways)("leaves nothing of itself or its name in the lines, and is counted: %s", async (_way, upload) => {
    const read = async () => seriesIn((await gateway.fetch("/metrics")).text);
    const uploaded = { action: "living.upload", outcome: "ok" };
    const before = valueOf(await read(), "audit_events_total", uploaded);
    await lineAfter(gateway, () => upload(png));
    const series = await read();

    expect(JSON.stringify(linesOf(gateway))).not.toMatch(/SECRET-PICTURE|SECRET-NAME/);
    expect(valueOf(series, "audit_events_total", uploaded)).toBe(before + 1);
    expect(valueOf(series, "audit_events_total", { action: "living.upload" })).toBe(linesOf(gateway).length);
  });
});

describe("A create whose outcome was unknown", () => {
  it("has a second line when it is settled, with the same key", async () => {
    await using gateway = await startGateway({ env: { WECOM_TIMEOUT_MS: "500" } });
    await lineAfter(gateway, () => gateway.run(documents.CreateLivingDocument, { input: minimalInput }));
    gateway.simulator.faults.inject({ kind: "hang", api: "living/create", effect: "applied" });
    gateway.simulator.faults.inject({ kind: "hang", api: "living/get_user_all_livingid", times: 0 });

    const unknown = await lineAfter(gateway, () =>
      gateway.run(documents.CreateLivingDocument, { input: { ...minimalInput, theme: "lost" }, idempotencyKey: "key" }),
    );
    expect(unknown).toMatchObject({ outcome: "unknown", code: "LIVING_OUTCOME_UNKNOWN", key: expect.any(String) });

    gateway.simulator.faults.clear();
    const settled = await untilLine(gateway, ({ key, outcome }) => key === unknown["key"] && outcome === "ok");
    expect(settled).toMatchObject({
      action: "living.create",
      corp: corpid,
      on_behalf_of: "zhangsan",
      livingid: gateway.simulator.livings.all().at(-1)!.livingid,
    });
    expect(settled).not.toHaveProperty("actor");
  });
});

describe("An actor without a userid", () => {
  let issuer: Issuer;
  beforeAll(async () => {
    issuer = await startIssuer();
  });
  afterAll(async () => {
    await issuer[Symbol.asyncDispose]();
  });

  it("is identified by an HMAC of the token's subject", async () => {
    const env = { AUTH_MODE: "jwt", AUTH_JWKS_URL: issuer.jwksUrl, AUTH_ISSUER: issuerName, AUTH_AUDIENCE: audience };
    await using gateway = await startGateway({ env });
    const token = await issuer.sign({
      sub: "a-service",
      userid: undefined,
      scope: "living:write living:admin",
      corpid,
    });
    const line = await lineAfter(gateway, () =>
      gateway.run(documents.CreateLivingDocument, { input: minimalInput }, { authorization: `Bearer ${token}` }),
    );

    expect(line["actor"]).toEqual({
      identity: expect.stringMatching(/^[0-9a-f]{16}$/),
      via: "jwt",
      scopes: "living:write living:admin",
    });
  });
});

describe("A provider's app", () => {
  it("has a line for each corp that authorises it, and takes that back", async () => {
    await using provider = await startProvider();
    provider.simulator.suites.pushTicket("wwsuite");
    await provider.settle();
    await provider.install(corps[0]);
    expect(await untilLine(provider, ({ action }) => action === "app.authorise")).toMatchObject({
      outcome: "ok",
      corp: corps[0],
    });

    provider.simulator.suites.cancelAuthorisation("wwsuite", corps[0]);
    await provider.settle();
    expect(await untilLine(provider, ({ action }) => action === "app.revoke")).toMatchObject({ corp: corps[0] });
  });
});

describe("Lines that wait", () => {
  function auditLog(sink: AuditSink, isRequired = false) {
    let lost = 0;
    let failures = 0;
    const metrics = {
      countAudit: () => undefined,
      countAuditFailure: () => (failures += 1),
      countAuditLost: (count: number) => (lost += count),
    };
    const log = pino({ enabled: false });
    const options = { sink, isRequired, metrics, log, key: "key", via: "jwt", replica: "one", now: Date.now };
    const audit = new AuditLog(options);
    const record = (livingid: string) => {
      audit.record({ action: "living.create", outcome: "ok", corp: corpid, livingid });
    };
    return { audit, record, lost: () => lost, failures: () => failures };
  }
  afterEach(() => {
    jest.useRealTimers();
  });

  it("are all written at the end, however many, where the file can be written", async () => {
    const written: string[] = [];
    const { audit, record, lost } = auditLog({ write: (lines) => void written.push(...lines) });
    const livingids = Array.from({ length: 1200 }, (_, index) => `living-${index}`);
    for (const livingid of livingids) record(livingid);
    await audit.close();

    expect(written.map((line) => (JSON.parse(line) as Line)["livingid"])).toEqual(livingids);
    expect(lost()).toBe(0);
  });

  it("are tried once at the end where it cannot, and counted as lost", async () => {
    let tries = 0;
    const write = () => {
      tries += 1;
      throw new Error("the disk is full");
    };
    const { audit, record, lost } = auditLog({ write });
    for (let index = 0; index < 1200; index += 1) record(`living-${index}`);
    await audit.close();

    expect([tries, lost()]).toEqual([1, 1200]);
  });

  it("for a disk that hangs: with AUDIT_REQUIRED nothing is begun while there is room for what has begun", () => {
    const { audit, record, lost } = auditLog({ write: () => new Promise(() => undefined) }, true);
    let begun = 0;
    while (audit.mayRecord && begun < 10_001) record(`living-${(begun += 1)}`);
    for (let index = 0; index < 5000; index += 1) record(`late-${index}`);

    expect(begun).toBe(5000);
    expect(lost()).toBe(0);
  });

  it("for a disk that hangs: it is counted as long as it lasts, and with AUDIT_REQUIRED nothing is begun", async () => {
    jest.useFakeTimers();
    let finish: () => void = () => undefined;
    const write = () => new Promise<void>((resolve) => (finish = resolve));
    const { audit, record, failures } = auditLog({ write }, true);
    record("living");
    await jest.advanceTimersByTimeAsync(4000);
    expect([failures(), audit.mayRecord]).toEqual([0, true]);
    await jest.advanceTimersByTimeAsync(60_000);
    expect([failures(), audit.mayRecord]).toEqual([12, false]);
    finish();
    await jest.advanceTimersByTimeAsync(60_000);
    expect([failures(), audit.mayRecord]).toEqual([12, true]);
  });

  it("for a disk that hangs do not keep the gateway from ending, and are counted as lost", async () => {
    jest.useFakeTimers();
    const { audit, record, lost } = auditLog({ write: () => new Promise(() => undefined) });
    for (let index = 0; index < 3; index += 1) record(`living-${index}`);
    await jest.advanceTimersByTimeAsync(100);
    const closed = audit.close();
    await jest.advanceTimersByTimeAsync(2000);
    await closed;

    expect(lost()).toBe(3);
  });

  it("keep no request in memory", async () => {
    setFlagsFromString("--expose-gc");
    const collectGarbage = runInNewContext("gc") as () => void;
    const failing = () => {
      throw new Error("the disk is full");
    };
    const { audit, failures } = auditLog({ write: failing });
    const record = () => {
      const actor = { userid: "zhangsan", identity: undefined, scopes: new Set<string>() };
      audit.record({ action: "living.create", outcome: "ok", corp: corpid, actor });
      return new WeakRef(actor);
    };
    const early = record();
    while (failures() === 0) await wait(5);
    const late = record();
    await wait(0);
    collectGarbage();

    expect([early.deref(), late.deref()]).toEqual([undefined, undefined]);
    await audit.close();
  });
});

describe("A stdout that cannot be written", () => {
  const mutation = `mutation ($input: LivingInput!) { createLiving(input: $input) { __typename } }`;
  const variables = { input: minimalInput };
  const ontoFullDisk = ["sh", "-c", `exec ${gatewayCommand.join(" ")} > /dev/full`];

  it.each([
    ["off", "CreateLivingSuccess"],
    ["on", "LivingUnavailableError"],
  ])("is counted, and with AUDIT_REQUIRED=%s the next create is answered %s", async (AUDIT_REQUIRED, __typename) => {
    const ports = { PORT: String(await freePort()), ADMIN_PORT: String(await freePort()) };
    const DATA_DIR = await mkdtemp(join(tmpdir(), "stdout-"));
    await using gateway = new Running(ontoFullDisk, { ...ports, DATA_DIR, AUDIT_REQUIRED });
    const url = `http://127.0.0.1:${ports.PORT}/graphql`;
    const post = async () => {
      const body = JSON.stringify({ query: mutation, variables });
      const response = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
      return (await response.json()) as unknown;
    };
    const ready = () => fetch(`http://127.0.0.1:${ports.ADMIN_PORT}/health/ready`).then(({ ok }) => ok);
    await until(() => ready().catch(() => false));
    const failures = async () => {
      const { text } = await fetch(`http://127.0.0.1:${ports.ADMIN_PORT}/metrics`).then(async (got) => ({
        text: await got.text(),
      }));
      return valueOf(seriesIn(text), "audit_write_failures_total");
    };
    await until(() =>
      post().then(
        () => true,
        () => false,
      ),
    );
    await until(async () => (await failures()) > 0);

    expect(await post()).toEqual({ data: { createLiving: { __typename } } });
    gateway.signal("SIGTERM");
    expect(await gateway.exitCode).toBe(0);
    await rm(DATA_DIR, { recursive: true });
  });
});

describe("A stdout whose reader hangs", () => {
  const wecom = { WECOM_BASE_URL: "http://127.0.0.1:9", WECOM_ACCESS_TOKEN: "token", AUTH_MODE: "none" };

  it.each([
    ["development", {}],
    ["production", wecom],
  ])("does not keep the gateway from ending in order: %s", async (NODE_ENV, more) => {
    const folder = await mkdtemp(join(tmpdir(), "pipe-"));
    const path = join(folder, "pipe");
    execFileSync("mkfifo", [path]);
    // Opened for reading, too, but never read.
    const pipe = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    expect(() => {
      for (;;) writeSync(pipe, "x".repeat(4096));
    }).toThrow("EAGAIN");
    const PORT = String(await freePort());
    const { PATH } = process.env;
    const child = spawn(gatewayCommand[0]!, gatewayCommand.slice(1), {
      env: { PATH, NODE_ENV, PORT, DATA_DIR: folder, ...more },
      stdio: ["ignore", pipe, "ignore"],
    });
    const ended = once(child, "exit");
    await until(() =>
      fetch(`http://127.0.0.1:${PORT}/health/live`).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
    child.kill("SIGTERM");
    const limit = setTimeout(() => child.kill("SIGKILL"), 10_000);

    expect(await ended).toEqual([0, null]);
    clearTimeout(limit);
    closeSync(pipe);
    await rm(folder, { recursive: true });
  });
});
