/** `node dist/main.js doctor`: what it says of each mistake, against a simulated WeCom. */
import { once } from "node:events";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { loadConfig } from "../../src/config.js";
import { runDoctor } from "../../src/doctor/doctor.js";
import { type Simulator, startSimulator } from "../../src/simulator/index.js";
import { startGateway } from "../support/gateway.js";
import { freePort } from "../support/ports.js";
import { checkout, gatewayCommand, Running } from "../support/running.js";

const secret = "CANARY-corpsecret-4f1c9a";
const corpid = "wwdoctor00corpid0";
const closers: (() => unknown)[] = [];
let simulator: Simulator;
let dataDir: string;
beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), "doctor-"));
  const users = [{ userid: "zhangsan" }, { userid: "lisi" }];
  simulator = await startSimulator({
    corps: [
      {
        corpid,
        users,
        apps: [
          { agentid: 1, secret, visibleUserids: ["zhangsan"] },
          { agentid: 2, secret: "without-permission-00", hasLivingPermission: false },
          { agentid: 3, secret: "another-address-00000", trustedIps: ["198.51.100.9"] },
        ],
      },
    ],
  });
});
afterAll(async () => {
  await simulator.close();
  rmSync(dataDir, { recursive: true });
});
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

interface Options {
  readonly env?: Readonly<Record<string, string>>;
  readonly parameters?: readonly string[];
  readonly now?: () => number;
}

/** By check; `exit` is the exit code. */
async function examine({ env = {}, parameters = [], now }: Options = {}): Promise<Record<string, string>> {
  const lines: string[] = [];
  const base = { WECOM_BASE_URL: simulator.url, WECOM_CORP_ID: corpid, WECOM_CORP_SECRET: secret, DATA_DIR: dataDir };
  const exit = await runDoctor(() => loadConfig({ ...base, ...env }), parameters, {
    print: (line) => lines.push(line),
    ...(now && { now }),
  });
  expect(lines.join("\n")).not.toContain("CANARY");
  const found = lines.slice(0, -1).map((line) => /^(\S+) +([^:]+): ([^]*)$/.exec(line)!);
  return {
    exit: String(exit),
    ...Object.fromEntries(found.map(([, mark, check, text]) => [check!, `${mark} ${text}`])),
  };
}

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, "127.0.0.1");
  closers.push(() => server.close());
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe("The doctor", () => {
  it("finds nothing wrong where nothing is, and changes nothing at WeCom", async () => {
    simulator.forgetRequests();
    expect(await examine({ parameters: ["--userid=zhangsan"] })).toEqual({
      exit: "0",
      settings: "ok all are valid",
      token: "ok WeCom takes WECOM_CORP_ID and WECOM_CORP_SECRET",
      clock: "ok within 60 s of WeCom's",
      "living API": "ok the app may call it, from this address",
      "visible range": "ok the app sees zhangsan",
      "callback URL": expect.stringMatching(/^- .*no subscriptions$/),
      store: expect.stringMatching(/^ok DATA_DIR can be written/),
      JWKS: "- AUTH_JWKS_URL is not set",
    });
    expect(simulator.requests.map(({ api }) => api)).toEqual([
      "gettoken",
      "living/get_living_info",
      "living/get_user_all_livingid",
    ]);
  });

  it("names every mistake in the settings", async () => {
    const { exit, settings } = await examine({ env: { PORT: "seventy", WECOM_TIMEOUT_MS: "0" } });

    expect(exit).toBe("1");
    expect(settings).toMatch(/^WRONG [^]*PORT: found[^]*WECOM_TIMEOUT_MS: found/);
  });

  it.each([
    [301_000, /^WRONG 30[0-2] s ahead of WeCom's/],
    [-301_000, /^WRONG (299|30[0-2]) s behind WeCom's/],
  ])("says how far off the clock is: %i ms", async (offset, text) => {
    expect((await examine({ now: () => Date.now() + offset }))["clock"]).toMatch(text);
  });

  it("says that Redis is not there", async () => {
    const found = await examine({ env: { REDIS_URL: `redis://127.0.0.1:${await freePort()}` } });

    expect(found["store"]).toMatch(/^WRONG .*\(REDIS_URL\)$/);
  });

  it("says that DATA_DIR cannot be written", async () => {
    expect((await examine({ env: { DATA_DIR: "/dev/null/data" } }))["store"]).toMatch(
      /^WRONG DATA_DIR cannot be written \(ENOTDIR\)/,
    );
  });

  it("counts the issuer's keys, and says that there are none", async () => {
    const keys: object[] = [{ kty: "RSA" }];
    const url = await serve((_request, response) => response.end(JSON.stringify({ keys })));
    const env = { AUTH_MODE: "jwt", AUTH_JWKS_URL: url, AUTH_ISSUER: "me", AUTH_AUDIENCE: "gateway" };

    expect((await examine({ env }))["JWKS"]).toMatch(/^ok 127\.0\.0\.1:\d+ has 1 key$/);
    keys.pop();
    expect((await examine({ env }))["JWKS"]).toMatch(/^WRONG .* answered HTTP 200 without keys: check AUTH_JWKS_URL$/);
  });

  it("is a command of the gateway, with its exit code", async () => {
    const env = { WECOM_BASE_URL: simulator.url, WECOM_CORP_ID: corpid, DATA_DIR: dataDir };
    await using well = new Running([...gatewayCommand, "doctor"], { ...env, WECOM_CORP_SECRET: secret });
    await using ill = new Running([...gatewayCommand, "doctor"], { ...env, WECOM_CORP_SECRET: "wrong-secret-000000" });

    const image = mkdtempSync(join(tmpdir(), "image-"));
    cpSync(join(checkout, "scripts/doctor.js"), join(image, "doctor.js"));
    for (const name of ["dist", "node_modules", "package.json"]) symlinkSync(join(checkout, name), join(image, name));
    // As the base image's entry point runs `docker run … doctor`.
    await using inImage = new Running(["node", "doctor"], { ...env, WECOM_CORP_SECRET: secret }, image);

    expect([await well.exitCode, await ill.exitCode, await inImage.exitCode]).toEqual([0, 1, 0]);
    rmSync(image, { recursive: true });
    expect(well.output).toMatch(/Nothing is wrong\.\n$/);
  });
});

describe("The doctor asking WeCom", () => {
  it.each([
    [
      "a wrong secret",
      { WECOM_CORP_SECRET: "nobody-has-this-one" },
      /^WRONG errcode 40001: .*\(WECOM_CORP_ID, WECOM_CORP_SECRET\)$/,
    ],
    ["a wrong corp", { WECOM_CORP_ID: "wwnobody" }, /^WRONG errcode 40013: /],
  ])("says which credentials are wrong: %s", async (_what, env, text) => {
    const found = await examine({ env });

    expect(found).toMatchObject({
      exit: "1",
      token: expect.stringMatching(text),
      "living API": "- needs a token first",
    });
  });

  it("says where an app gets the permission for livings", async () => {
    const found = await examine({ env: { WECOM_CORP_SECRET: "without-permission-00" } });

    expect(found["living API"]).toMatch(/^WRONG errcode 48002: .*可调用接口的应用/);
    expect(found["exit"]).toBe("1");
  });

  it("says which address is missing among the trusted ones", async () => {
    const found = await examine({ env: { WECOM_CORP_SECRET: "another-address-00000" } });

    expect(found["living API"]).toMatch(/^WRONG errcode 60020: .* WeCom saw this address: [0-9a-f.:]+\.$/);
  });

  it("says that the app does not see a member", async () => {
    const found = await examine({ parameters: ["--userid=lisi"] });

    expect(found["visible range"]).toMatch(/^WRONG errcode \d+: .*lisi.*可见范围/);
  });

  it("says that a fixed token is refused", async () => {
    const found = await examine({
      env: { WECOM_CORP_ID: "", WECOM_CORP_SECRET: "", WECOM_ACCESS_TOKEN: "CANARY-old-token-000" },
    });

    expect(found["living API"]).toMatch(/^WRONG errcode 40014: .*WECOM_ACCESS_TOKEN/);
  });

  it("says that nothing answers for WeCom, without the query that holds the secret", async () => {
    const found = await examine({ env: { WECOM_BASE_URL: `http://127.0.0.1:${await freePort()}` } });

    expect(found["token"]).toMatch(/^WRONG 127\.0\.0\.1:\d+ does not answer \(ECONNREFUSED\): check WECOM_BASE_URL/);
  });

  it("says that a proxy answers for WeCom", async () => {
    const url = await serve((_request, response) => response.writeHead(502).end("<html>"));

    expect((await examine({ env: { WECOM_BASE_URL: url } }))["token"]).toMatch(/^WRONG .* HTTP 502 without JSON/);
  });

  const callbackKeys = { WECOM_CALLBACK_TOKEN: "tokenOfTheCallback", WECOM_CALLBACK_AES_KEY: "k".repeat(43) };

  it("tries the callback URL as WeCom does", async () => {
    await using gateway = await startGateway({ env: callbackKeys });
    const env = { ...callbackKeys, PUBLIC_URL: gateway.url, WECOM_CORP_ID: "wwcanary0corpid00" };

    expect((await examine({ env }))["callback URL"]).toBe(`ok ${gateway.url}/wecom/callback answers as WeCom asks for`);
    expect((await examine({ env: { ...env, WECOM_CALLBACK_TOKEN: "anotherToken" } }))["callback URL"]).toMatch(
      /^WRONG .*answered HTTP 4\d\d and not the text that was sent/,
    );
  });
});

describe("The doctor in docs/first-living.md", () => {
  const page = readFileSync(join(checkout, "docs/first-living.md"), "utf8");
  const blocks = [...page.matchAll(/^ *```(?:sh|text)\n([^]*?)^ *```/gm)].map(([, text]) => text!.trim().split(/\n */));
  const { scripts } = JSON.parse(readFileSync(join(checkout, "package.json"), "utf8")) as {
    scripts: { doctor: string };
  };

  /** What the command on the page prints, with that app's secret, without building again. */
  async function print(appSecret: string): Promise<string[]> {
    const command = blocks[0]!
      .join(" ")
      .replace("WECOM_CORP_ID=ww…", `WECOM_CORP_ID=${corpid}`)
      .replace("WECOM_CORP_SECRET=…", `WECOM_CORP_SECRET=${appSecret}`)
      .replace("ZHANGSAN", "zhangsan")
      .replace("npm run doctor --", scripts.doctor.replace("npm run --silent build && ", ""));
    const env = { WECOM_BASE_URL: simulator.url, DATA_DIR: dataDir };
    await using doctor = new Running(["sh", "-c", command], env);
    await doctor.exitCode;
    return doctor.output.trim().split("\n");
  }

  it("prints what the page shows while the address is not trusted", async () => {
    const shown = blocks[1]!;
    const printed = await print("another-address-00000");

    expect(shown).toHaveLength(4);
    for (const [index, line] of shown.entries()) {
      const [start = "", end] = line.split("…");
      if (end === undefined) expect(printed[index]).toBe(line);
      else expect([printed[index]!.slice(0, start.length), printed[index]!.slice(-end.length)]).toEqual([start, end]);
    }
  });

  it("finds nothing wrong once it is", async () => {
    const printed = await print(secret);

    expect(printed).toContain("ok     visible range: the app sees zhangsan");
    expect(printed.at(-1)).toBe("Nothing is wrong.");
  });

  it("is the page's only command", () => {
    expect(blocks).toHaveLength(2);
  });
});
