/** The gateway as a process of its own: what it prints, what it does on a signal, the status that it ends with. */
import { once } from "node:events";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { checkout, gatewayCommand, Running } from "../support/running.js";
import { until } from "../support/until.js";

const packageJson = readFileSync(join(checkout, "package.json"), "utf8");
const [, readmeRequest] = /-d '([^']+)'/.exec(readFileSync(join(checkout, "README.md"), "utf8"))!;

describe("npm start in a fresh checkout", () => {
  const folder = mkdtempSync(join(tmpdir(), "gateway-"));
  const start = (env: Readonly<Record<string, string>> = {}) => new Running(["npm", "start"], env, folder);
  let gateway: Running;
  beforeAll(async () => {
    for (const entry of ["package.json", "tsconfig.json", "tsconfig.build.json", "scripts", "src"]) {
      cpSync(join(checkout, entry), join(folder, entry), { recursive: true });
    }
    symlinkSync(join(checkout, "node_modules"), join(folder, "node_modules"));
    gateway = start();
    await gateway.printed(/Apollo Sandbox +http:\/\/127\.0\.0\.1:\d+\/graphql\n/);
    // From here on it is built.
    writeFileSync(join(folder, "package.json"), packageJson.replace(/"build": ".*"/, '"build": "true"'));
  }, 120_000);
  afterAll(async () => {
    await gateway[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  it("builds, prints its URL and says that WeCom is simulated", async () => {
    const page = await gateway.printed(/simulated WeCom (http:\/\/127\.0\.0\.1:\d+)\n/);
    expect(await (await fetch(page)).text()).toContain("<title>Simulated WeCom</title>");
    await gateway.printed(/SIMULATOR: no WeCom credentials are set/);
  });

  it("answers the README's request with a livingid", async () => {
    const answer = await gateway.post(readmeRequest!);

    expect(answer).toEqual({
      data: { createLiving: { __typename: "CreateLivingSuccess", livingid: expect.any(String) } },
    });
  });

  it("serves the explorer that needs no internet", async () => {
    const url = await gateway.printed(/without internet +(\S+)/);

    const page = await fetch(url);

    expect(page.status).toBe(200);
    expect(await page.text()).toContain("<title>WeCom living gateway</title>");
  });

  it("ends with 0 when npm gets SIGTERM, and leaves no process", async () => {
    await using ending = start({ DATA_DIR: "other-data" });
    await ending.printed(/Apollo Sandbox/);
    ending.signal("SIGTERM");

    expect(await ending.exitCode).toBe(0);
    // An orphan is a process until the machine's first one has noticed its end.
    await until(() => !ending.hasProcesses);
  });

  it("exits with 78 in production without settings, and names each that is missing", async () => {
    await using refused = start({ NODE_ENV: "production" });

    expect(await refused.exitCode).toBe(78);
    for (const name of ["WECOM_CORP_ID", "WECOM_CORP_SECRET", "WECOM_ACCESS_TOKEN", "AUTH_MODE"]) {
      expect(refused.output).toContain(`  - ${name}: not set`);
    }
  });
});

describe("The gateway's process", () => {
  it("lets a living go live and end by itself with SIMULATOR_PLAY=1, and tells who subscribed", async () => {
    await using gateway = new Running(gatewayCommand, { SIMULATOR_PLAY: "1" });
    const url = await gateway.printed(/"msg":"listening on ([^"]+)"/);
    const headers = { "content-type": "application/json", accept: "text/event-stream" };
    const body = JSON.stringify({ query: "subscription { livingStatusChanged { livingid status } }" });
    const stream = await fetch(url, { method: "POST", headers, body });
    const input = {
      anchorUserid: "zhangsan",
      theme: "theme",
      livingStart: Math.floor(Date.now() / 1000),
      livingDuration: 3,
    };
    const query = "mutation ($input: LivingInput!) { createLiving(input: $input) { __typename } }";
    await gateway.post(JSON.stringify({ query, variables: { input } }));

    let told = "";
    for await (const part of stream.body!.pipeThrough(new TextDecoderStream())) {
      told += part;
      if (told.includes("ENDED")) break;
    }
    expect(told.match(/LIVE|ENDED/g)).toEqual(["LIVE", "ENDED"]);
  });

  it.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)("ends with 0 on %s", async (signal) => {
    await using gateway = new Running(gatewayCommand, {});
    await gateway.printed(/listening on/);
    gateway.signal(signal);

    expect(await gateway.exitCode).toBe(0);
  });

  it("finishes running requests, however many signals it gets", async () => {
    let answer: (response: ServerResponse) => void;
    const asked = new Promise<ServerResponse>((resolve) => (answer = resolve));
    await using wecom = createServer((_, response) => answer(response)).listen(0, "127.0.0.1");
    await once(wecom, "listening");
    await using gateway = new Running(gatewayCommand, {
      WECOM_BASE_URL: `http://127.0.0.1:${(wecom.address() as AddressInfo).port}`,
      WECOM_ACCESS_TOKEN: "ACCESS_TOKEN",
    });
    const running = gateway.post(readmeRequest!);
    const pending = await asked;
    for (const drains of [/draining/, /draining[^]+draining/]) {
      gateway.signal("SIGINT");
      await gateway.printed(drains);
    }
    pending.end(JSON.stringify({ errcode: 0, errmsg: "ok", livingid: "XXXXXXXXX" }));

    expect(await running).toMatchObject({ data: { createLiving: { livingid: "XXXXXXXXX" } } });
    expect(await gateway.exitCode).toBe(0);
  });

  it("never prints a secret that is set in a wrong variable", async () => {
    const canary = "CANARY-secret-31f0";
    await using refused = new Running(gatewayCommand, {
      WECOM_BASE_URL: `https://wecom.example/?access_token=${canary}`,
      WECOM_CORP_SECRET_FILE: canary,
      WECOM_ACCESS_TOKEN: canary,
      PORT: "eighty",
    });

    expect(await refused.exitCode).toBe(78);
    for (const name of ["WECOM_BASE_URL: ", "WECOM_CORP_SECRET_FILE: "]) expect(refused.output).toContain(name);
    expect(refused.output).not.toContain(canary);
  });
});
