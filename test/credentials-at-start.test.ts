import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { type Simulator, startSimulator } from "../src/simulator/index.js";
import { corpid, fixedToken, type Gateway, type GatewayOptions, startGateway } from "./support/gateway.js";
import { startProvider, suiteId } from "./support/provider.js";
import { gatewayCommand, Running } from "./support/running.js";
import { until } from "./support/until.js";

const secret = "CANARY-corpsecret-4f1c9a";
const wrongSecret = { WECOM_CORP_SECRET: "CANARY-of-another-app" };
const refused = "WeCom refused the gateway's credentials";
const refusals = ({ logs }: Gateway) => logs.filter(({ msg }) => String(msg).startsWith(refused));
const readiness = async (gateway: Gateway): Promise<{ status: number; body: unknown }> => {
  const { status, text } = await gateway.fetch("/health/ready");
  return { status, body: JSON.parse(text) };
};

let wecom: Simulator;
beforeEach(async () => {
  wecom = await startSimulator({
    corps: [{ corpid, apps: [{ agentid: 1000014, secret }] }],
    fixedTokens: [fixedToken],
  });
});
afterEach(() => wecom.close());
const start = (options: GatewayOptions = {}) =>
  startGateway({ ...options, upstreamUrl: wecom.url, checksCredentials: true });

describe("Credentials, at the start", () => {
  it("are tried once, and nothing is said of good ones", async () => {
    await using gateway = await start();

    expect(wecom.requestsTo("gettoken")).toHaveLength(1);
    expect(await readiness(gateway)).toEqual({ status: 200, body: { status: "ready" } });
    expect(refusals(gateway)).toEqual([]);
  });

  it("are one line of the log when they are wrong, and a reason of a gateway that is ready all the same", async () => {
    await using gateway = await start({ env: wrongSecret });

    expect(refusals(gateway)).toEqual([
      expect.objectContaining({ level: "error", msg: refused, errcode: 40001, todo: expect.any(String) }),
    ]);
    const reason = expect.stringMatching(/^WeCom refused the gateway's credentials \(errcode 40001\): The secret/);
    expect(await readiness(gateway)).toEqual({ status: 200, body: { status: "ready", reason } });
  });

  it("are no reason any more once WeCom takes them", async () => {
    let now = Date.now();
    wecom.faults.inject({ kind: "errcode", api: "gettoken", errcode: 40001 });
    await using gateway = await start({ now: () => now });
    expect(await readiness(gateway)).toMatchObject({ body: { reason: expect.any(String) } });
    now += 5000;
    await gateway.run(`{ livings(anchorUserid: "zhangsan") { nodes { livingid } } }`);

    expect(await readiness(gateway)).toEqual({ status: 200, body: { status: "ready" } });
  });

  it("are tried again when the file of the secret has changed, though nobody calls", async () => {
    const folder = await mkdtemp(join(tmpdir(), "credentials-"));
    const file = join(folder, "secret");
    await writeFile(file, wrongSecret.WECOM_CORP_SECRET);
    await using gateway = await start({ env: { WECOM_CORP_SECRET: "", WECOM_CORP_SECRET_FILE: file } });
    expect(await readiness(gateway)).toMatchObject({ body: { reason: expect.any(String) } });
    await writeFile(file, secret);
    await until(async () => JSON.stringify((await readiness(gateway)).body) === '{"status":"ready"}');

    expect(wecom.requestsTo("gettoken")).toHaveLength(2);
    await rm(folder, { recursive: true });
  });

  it("are told by a process that WeCom is not asked by, because it has refused them a moment ago", async () => {
    const folder = await mkdtemp(join(tmpdir(), "credentials-"));
    const env = { ...wrongSecret, DATA_DIR: folder };
    await (await start({ env })).close();
    await using gateway = await start({ env });

    expect(wecom.requestsTo("gettoken")).toHaveLength(1);
    expect(refusals(gateway)).toEqual([expect.objectContaining({ msg: `${refused} a moment ago`, errcode: 40001 })]);
    expect(await readiness(gateway)).toMatchObject({ status: 200, body: { reason: expect.any(String) } });
    await gateway.close();
    await rm(folder, { recursive: true });
  });

  it("are not called wrong when WeCom cannot be reached", async () => {
    wecom.faults.inject({ kind: "drop", api: "gettoken", times: 0 });
    await using gateway = await start();

    expect(gateway.logs).toContainEqual(
      expect.objectContaining({ level: "warn", msg: "the credentials could not be tried" }),
    );
    expect(await readiness(gateway)).toEqual({ status: 200, body: { status: "ready" } });
  });

  it("are tried by the process itself, which listens meanwhile", async () => {
    const folder = await mkdtemp(join(tmpdir(), "credentials-"));
    const gateway = new Running(gatewayCommand, {
      ...{ WECOM_BASE_URL: wecom.url, WECOM_CORP_ID: corpid, ...wrongSecret, DATA_DIR: folder },
    });

    await gateway.printed(/listening on/);
    expect(await gateway.printed(/"errcode":(\d+)[^\n]*"msg":"WeCom refused the gateway's credentials"/)).toBe("40001");
    await gateway[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });
});

describe("A provider's credentials", () => {
  const start = (env: Readonly<Record<string, string>> = {}) => startProvider({ env, checksCredentials: true });
  const wrongSuiteSecret = { WECOM_SUITE_SECRET: "CANARY-of-another-suite" };
  const fetches = (provider: Gateway) => provider.simulator.requestsTo("service/get_suite_token").length;

  it("wait for WeCom's ticket, as the reason says, and are tried when it comes", async () => {
    await using provider = await start();
    const before = await readiness(provider);
    provider.simulator.suites.pushTicket(suiteId);
    await until(async () => !("reason" in ((await readiness(provider)).body as object)));

    const reason = "WeCom has pushed no suite_ticket to the callback URL within half an hour";
    expect(before).toEqual({ status: 200, body: { status: "ready", reason } });
    expect(fetches(provider)).toBe(1);
    expect(refusals(provider)).toEqual([]);
  });

  it("are one line of the log when they are wrong, and a reason, before anybody has asked for anything", async () => {
    await using provider = await start(wrongSuiteSecret);
    provider.simulator.suites.pushTicket(suiteId);
    await until(() => refusals(provider).length > 0);

    expect(refusals(provider)).toEqual([
      expect.objectContaining({ level: "error", msg: refused, api: "service/get_suite_token", errcode: 40080 }),
    ]);
    const reason = expect.stringMatching(/^WeCom refused the gateway's credentials \(errcode 40080\)/);
    expect(await readiness(provider)).toEqual({ status: 200, body: { status: "ready", reason } });
  });

  it("are tried at once by a process that finds a ticket in the store", async () => {
    const folder = await mkdtemp(join(tmpdir(), "credentials-"));
    const first = await startProvider({ env: { DATA_DIR: folder } });
    first.simulator.suites.pushTicket(suiteId);
    await first.settle();
    await first.close();
    await using second = await start({ DATA_DIR: folder, ...wrongSuiteSecret });

    expect(refusals(second)).toHaveLength(1);
    expect(await readiness(second)).toMatchObject({ status: 200, body: { reason: expect.stringContaining("40080") } });
    await second.close();
    await rm(folder, { recursive: true });
  });

  it("are tried again with each ticket, until WeCom takes them", async () => {
    let now = Date.now();
    await using provider = await startProvider({ checksCredentials: true, now: () => now });
    provider.simulator.faults.inject({ kind: "errcode", api: "service/get_suite_token", errcode: 40085 });
    provider.simulator.suites.pushTicket(suiteId);
    await until(() => refusals(provider).length > 0);
    now += 600_000;
    provider.simulator.suites.pushTicket(suiteId);
    await until(async () => !("reason" in ((await readiness(provider)).body as object)));

    expect(fetches(provider)).toBe(2);
    now += 600_000;
    provider.simulator.suites.pushTicket(suiteId);
    await provider.settle();
    expect(fetches(provider)).toBe(2);
  });
});
