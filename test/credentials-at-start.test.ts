import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { type Simulator, startSimulator } from "../src/simulator/index.js";
import { corpid, fixedToken, type Gateway, type GatewayOptions, startGateway } from "./support/gateway.js";
import { gatewayCommand, Running } from "./support/running.js";

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
