// A bug that nobody catches: the process ends, but not before what it was asked for is answered.
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startSimulator } from "../src/simulator/index.js";
import { corpid, fixedToken } from "./support/gateway.js";
import { minimalInput } from "./support/inputs.js";
import { Replica } from "./support/replica.js";
import { gatewayCommand, Running } from "./support/running.js";
import { until } from "./support/until.js";

const create = `mutation ($input: LivingInput!) { createLiving(input: $input) { __typename ... on CreateLivingSuccess { livingid } } }`;

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

    expect(await (await running).json()).toMatchObject({
      data: { createLiving: { __typename: "CreateLivingSuccess" } },
    });
    expect(await replica.exited()).toBe(1);
    expect(replica.hasLogged(new RegExp(`"level":"error".*"fault":"${fault}"`))).toBe(true);
  });
});

describe("A disk that fills", () => {
  it("ends nothing: what the embedded store holds is read, and creates go on as soon as there is room", async () => {
    await using simulator = await startSimulator({
      corps: [{ corpid, apps: [{ agentid: 1000014, secret: "secret" }] }],
      fixedTokens: [fixedToken],
    });
    // The kernel refuses what a file would have beyond 80 kB.
    const command = `ulimit -S -f 80; exec ${gatewayCommand.join(" ")}`;
    await using running = new Running(["bash", "-c", command], {
      ...{ AUTH_MODE: "none", WECOM_BASE_URL: simulator.url, DATA_DIR: await mkdtemp(join(folder, "data-")) },
      ...{ WECOM_CORP_ID: corpid, WECOM_ACCESS_TOKEN: fixedToken },
    });
    const url = await running.printed(/"msg":"listening on ([^"]+)"/);
    const creating = async (key: string) => {
      const response = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json", "idempotency-key": key },
        body: JSON.stringify({ query: create, variables: { input: { ...minimalInput, theme: key } } }),
      });
      return ((await response.json()) as { data: { createLiving: { __typename: string } } }).data.createLiving;
    };
    const first = await creating("first");
    expect(first.__typename).toBe("CreateLivingSuccess");
    const refused: string[] = [];
    for (let count = 0; refused.length < 20; count += 1) {
      expect(count).toBeLessThan(500);
      const { __typename } = await creating(`key ${count}`);
      if (__typename !== "CreateLivingSuccess") refused.push(__typename);
    }
    expect(new Set(refused)).toEqual(new Set(["LivingOutcomeUnknownError"]));
    const sent = simulator.requestsTo("living/create").length;
    expect(await creating("first")).toEqual(first);
    expect((await fetch(new URL("/health/ready", url))).status).toBe(200);

    expect(spawnSync("prlimit", ["--pid", String(running.pid), "--fsize=unlimited"]).status).toBe(0);
    expect(await creating("another")).toMatchObject({ __typename: "CreateLivingSuccess" });
    expect(await creating("first")).toEqual(first);
    expect(simulator.requestsTo("living/create").length).toBe(sent + 1);
    running.signal("SIGTERM");
    expect(await running.exitCode).toBe(0);
  });
});
