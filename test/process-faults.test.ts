// A bug that nobody catches: the process ends, but not before what it was asked for is answered.
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startSimulator } from "../src/simulator/index.js";
import { corpid, fixedToken } from "./support/gateway.js";
import { minimalInput } from "./support/inputs.js";
import { Replica } from "./support/replica.js";
import { until } from "./support/until.js";

const create = `mutation ($input: LivingInput!) { createLiving(input: $input) { __typename } }`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "faults-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe("A fault that nothing catches", () => {
  it.each([
    ["unhandledRejection", 'void Promise.reject(new Error("a bug"))'],
    ["uncaughtException", 'setImmediate(() => { throw new Error("a bug") })'],
    ["unhandledRejection", "void Promise.reject(undefined)"],
  ])("drains the process and is logged once: %s", async (fault, code) => {
    await using simulator = await startSimulator({
      corps: [{ corpid, apps: [{ agentid: 1000014, secret: "secret" }] }],
      fixedTokens: [fixedToken],
      latencyMs: 700,
    });
    const preload = join(folder, "fault.cjs");
    await writeFile(preload, `process.on("SIGUSR2", () => { ${code}; });`);
    await using replica = await Replica.start({
      NODE_OPTIONS: `--require ${preload}`,
      WECOM_BASE_URL: simulator.url,
      WECOM_ACCESS_TOKEN: fixedToken,
      DATA_DIR: await mkdtemp(join(folder, "data-")),
    });
    const running = fetch(`${replica.url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query: create, variables: { input: minimalInput } }),
    });
    await until(() => simulator.requestsTo("living/create").length === 1);
    replica.signal("SIGUSR2");

    expect(await (await running).json()).toEqual({ data: { createLiving: { __typename: "CreateLivingSuccess" } } });
    expect(await replica.exited()).toBe(1);
    expect(replica.hasLogged(new RegExp(`"level":"error".*"fault":"${fault}"`))).toBe(true);
  });
});
