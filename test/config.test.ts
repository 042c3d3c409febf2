import { execFileSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { hostname, networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { describe, expect, it } from "@jest/globals";
import { loadConfig } from "../src/config.js";
import { problemsOf } from "./support/config.js";

const suite = { WECOM_SUITE_ID: "wwsuite", WECOM_SUITE_SECRET: "s3cret-of-the-suite" };
const callbackKeys = { WECOM_CALLBACK_TOKEN: "token", WECOM_CALLBACK_AES_KEY: "k".repeat(43) };
const selfBuilt = { WECOM_CORP_ID: "ww1", WECOM_CORP_SECRET: "s3cret-of-the-app" };

describe("The configuration", () => {
  it("uses the simulator when nothing about WeCom is set, outside production", () => {
    expect(loadConfig({}).wecom.credentials).toEqual({ kind: "simulator", playsBySelf: false });
  });

  it("has the defaults that are promised", () => {
    expect(loadConfig(selfBuilt)).toMatchObject({
      isProduction: false,
      port: 4000,
      host: "127.0.0.1",
      wecom: { baseUrl: new URL("https://qyapi.weixin.qq.com"), maxInFlight: 10, timeoutMs: 8000 },
      corsOrigins: [],
      logLevel: "info",
    });
  });

  it("names each missing variable in production", () => {
    const problems = problemsOf({ NODE_ENV: "production" }).join("\n");

    for (const name of ["WECOM_CORP_ID", "WECOM_CORP_SECRET", "WECOM_ACCESS_TOKEN", "AUTH_MODE"]) {
      expect(problems).toContain(`${name}: not set`);
    }
  });

  it("tells all mistakes at once: the variable, what was found, what is expected", () => {
    const problems = problemsOf({
      ...selfBuilt,
      PORT: "http",
      WECOM_TIMEOUT_MS: "-1",
      WECOM_MAX_IN_FLIGHT: "0",
      LOG_LEVEL: "loud",
      WECOM_BASE_URL: "qyapi.weixin.qq.com",
      CORS_ORIGINS: "https://ok.example,not an origin",
    });

    expect(problems).toHaveLength(6);
    expect(problems).toContain('PORT: found "http", expected a whole number from 0 to 65535');
    expect(problems.join("\n")).toMatch(/LOG_LEVEL: found "loud", expected one of: debug, info/);
    expect(problems.join("\n")).toMatch(/CORS_ORIGINS: found \["not an origin"\], expected/);
  });

  it("limits the calls to WeCom, and to a server on this machine only when it is told to", () => {
    const limitAt = (env: Record<string, string>) => loadConfig({ ...selfBuilt, ...env }).wecom.callsPerMinute;

    expect(limitAt({})).toBe(9500);
    expect(limitAt({ WECOM_BASE_URL: "https://proxy.example" })).toBe(9500);
    for (const host of ["127.0.0.1:8080", "localhost", "[::1]:1"]) {
      expect(limitAt({ WECOM_BASE_URL: `http://${host}` })).toBeUndefined();
      expect(limitAt({ WECOM_BASE_URL: `http://${host}`, WECOM_CALLS_PER_MINUTE: "100" })).toBe(100);
    }
  });

  it("refuses two kinds of credentials, naming both", () => {
    expect(problemsOf({ ...selfBuilt, WECOM_ACCESS_TOKEN: "t" })[0]).toMatch(
      /WECOM_ACCESS_TOKEN and WECOM_CORP_SECRET: both set/,
    );
  });

  it.each([
    [{ WECOM_ACCESS_TOKEN: "t", ...suite }, /WECOM_ACCESS_TOKEN and WECOM_SUITE_ID: both set/],
    [{ ...selfBuilt, ...suite }, /WECOM_CORP_SECRET and WECOM_SUITE_ID: both set/],
    [{ ...selfBuilt, WECOM_SUITE_SECRET: "s" }, /WECOM_CORP_SECRET and WECOM_SUITE_SECRET: both set/],
    [{ WECOM_ACCESS_TOKEN: "t", ...selfBuilt, ...suite }, /WECOM_ACCESS_TOKEN and .* and WECOM_SUITE_ID: all set/],
  ])("refuses a suite beside another kind of credentials, naming both", (env, problem) => {
    expect(problemsOf(env)[0]).toMatch(problem);
  });

  it("takes a suite with the provider's own corp, and wants its callback keys", () => {
    const env = { ...suite, WECOM_CORP_ID: "wwprovider" };
    const { credentials } = loadConfig({ ...env, ...callbackKeys }).wecom;

    expect(credentials).toMatchObject({ kind: "suite", suiteId: "wwsuite", providerCorpid: "wwprovider" });
    expect(problemsOf(env).join("\n")).toMatch(/WECOM_CALLBACK_TOKEN: not set[^]*WECOM_CALLBACK_AES_KEY: not set/);
  });

  it.each([
    [{ WECOM_CALLBACK_TOKEN: "t" }, "WECOM_CALLBACK_AES_KEY: not set"],
    [{ WECOM_CALLBACK_AES_KEY: "k".repeat(43) }, "WECOM_CALLBACK_TOKEN: not set"],
    [{ ...callbackKeys, WECOM_CALLBACK_AES_KEY: "short" }, "WECOM_CALLBACK_AES_KEY: found something else"],
    [{ ...callbackKeys, WECOM_CALLBACK_TOKEN: "t".repeat(33) }, "WECOM_CALLBACK_TOKEN: found something else"],
    [{ ...callbackKeys, WECOM_ACCESS_TOKEN: "t" }, "WECOM_CORP_ID: not set"],
  ])("refuses callback keys that cannot work: %j", (env, problem) => {
    expect(problemsOf(env).join("\n")).toContain(problem);
  });

  it.each([
    [{ WECOM_SUITE_ID: "wwsuite" }, "WECOM_SUITE_SECRET"],
    [{ WECOM_SUITE_SECRET: "s" }, "WECOM_SUITE_ID"],
    [{ WECOM_CORP_ID: "ww1" }, "WECOM_CORP_SECRET"],
    [{ WECOM_CORP_SECRET: "s" }, "WECOM_CORP_ID"],
    [{ WECOM_BASE_URL: "http://127.0.0.1:1" }, "WECOM_ACCESS_TOKEN"],
  ])("names what is missing beside %j", (env, missing) => {
    expect(problemsOf(env).join("\n")).toContain(`${missing}: not set`);
  });

  it("reads a secret from the file that NAME_FILE names", () => {
    const file = join(mkdtempSync(join(tmpdir(), "secret-")), "secret");
    writeFileSync(file, "from-a-file\n");

    const { credentials } = loadConfig({ WECOM_CORP_ID: "ww1", WECOM_CORP_SECRET_FILE: file }).wecom;

    expect(credentials.kind === "self-built" && credentials.corpsecret.reveal()).toBe("from-a-file");
    expect(problemsOf({ ...selfBuilt, WECOM_CORP_SECRET_FILE: file })[0]).toContain("both set");
    expect(problemsOf({ WECOM_CORP_ID: "ww1", WECOM_CORP_SECRET_FILE: "/does/not/exist" }).join()).toContain("ENOENT");
  });

  it("never prints a secret, neither in an error nor in a dump of itself", () => {
    const problems = problemsOf({
      WECOM_CORP_SECRET: "s3cret-of-the-app",
      WECOM_ACCESS_TOKEN: "t0ken-of-the-app",
      WECOM_BASE_URL: "https://user:passw0rd@host/?access_token=t0ken-of-the-app",
    });
    const config = loadConfig(selfBuilt);

    const printed = [problems.join(), inspect(config, { depth: 9 }), JSON.stringify(config)];
    for (const text of printed) expect(text).not.toMatch(/s3cret|t0ken|passw0rd/);
    expect(problems.length).toBeGreaterThan(0);
  });
});

describe("The configuration of sign-in", () => {
  const jwt = { ...selfBuilt, AUTH_MODE: "jwt", AUTH_ISSUER: "i", AUTH_AUDIENCE: "a" };
  const longSecret = "s".repeat(32);

  it("takes keys by URL or a shared secret, and claims by name", () => {
    const byUrl = { ...jwt, AUTH_JWKS_URL: "https://issuer.example/keys", AUTH_USER_CLAIM: "uid" };

    expect(loadConfig(byUrl).auth).toMatchObject({ mode: "jwt", keys: { kind: "jwks" }, userClaim: "uid" });
    expect(loadConfig({ ...jwt, AUTH_JWT_SECRET: longSecret }).auth).toMatchObject({ keys: { kind: "secret" } });
    for (const host of ["localhost", "127.0.0.1:8080", "[::1]"]) {
      const sidecar = { ...jwt, NODE_ENV: "production", AUTH_JWKS_URL: `http://${host}/keys` };
      expect(loadConfig(sidecar).auth).toMatchObject({ keys: { kind: "jwks" } });
    }
  });

  it.each<[string, Record<string, string>, RegExp]>([
    ["no keys", jwt, /AUTH_JWKS_URL and AUTH_JWT_SECRET: neither is set/],
    ["two kinds of keys", { ...jwt, AUTH_JWKS_URL: "https://i.example", AUTH_JWT_SECRET: longSecret }, /both set/],
    [
      "a short shared secret",
      { ...jwt, AUTH_JWT_SECRET: "short" },
      /AUTH_JWT_SECRET: found 5 bytes, expected at least 32/,
    ],
    [
      "keys over plain HTTP in production",
      { ...jwt, NODE_ENV: "production", AUTH_JWKS_URL: "http://issuer.example/keys" },
      /AUTH_JWKS_URL: found http, expected https in production/,
    ],
    ["no issuer", { ...jwt, AUTH_JWT_SECRET: longSecret, AUTH_ISSUER: "" }, /AUTH_ISSUER: not set/],
    ["no audience", { ...jwt, AUTH_JWT_SECRET: longSecret, AUTH_AUDIENCE: "" }, /AUTH_AUDIENCE: not set/],
    ["livings that go live by themselves at WeCom", { ...selfBuilt, SIMULATOR_PLAY: "1" }, /SIMULATOR_PLAY: set, but/],
    ["router mode without its secret", { ...selfBuilt, AUTH_MODE: "router" }, /ROUTER_SECRET: not set/],
    [
      "another mode",
      { ...selfBuilt, AUTH_MODE: "open" },
      /AUTH_MODE: found "open", expected one of: none, router, jwt/,
    ],
  ])("refuses %s", (_, env, problem) => {
    expect(problemsOf(env)).toEqual([expect.stringMatching(problem)]);
  });
});

describe("Settings that contradict each other", () => {
  const jwt = { ...selfBuilt, AUTH_MODE: "jwt", AUTH_ISSUER: "i", AUTH_AUDIENCE: "a", AUTH_JWT_SECRET: "s".repeat(32) };

  it.each(["WECOM_BASE_URL", "PUBLIC_URL", "AUTH_JWKS_URL"])("are refused: credentials in %s, unseen", (name) => {
    const jwks = { ...jwt, AUTH_JWT_SECRET: "", AUTH_JWKS_URL: "https://issuer.example/keys" };
    for (const credentials of ["user:passw0rd", ":passw0rd", "passw0rd", "passw0rd:"]) {
      const problems = problemsOf({ ...jwks, [name]: `https://${credentials}@host.example` });

      expect(problems).toEqual([
        `${name}: found a user name or password in it, expected an http or https URL without query and credentials`,
      ]);
    }
  });

  it("are refused: a password in HOST, unseen", () => {
    expect(problemsOf({ ...selfBuilt, AUTH_MODE: "none", HOST: "user:passw0rd@host.example" })).toEqual([
      'HOST: found "…@host.example", expected an address such as 127.0.0.1 or ::1, or a name',
    ]);
  });

  it.each<[string, Record<string, string>, string]>([
    [
      "replicas of a Redis that is not there",
      { WECOM_STORE_REPLICAS: "1" },
      "WECOM_STORE_REPLICAS: set, but REDIS_URL",
    ],
    ["an authority without Redis", { REDIS_CA: "pem" }, "REDIS_CA: set, but there is no TLS"],
    [
      "an authority for a Redis without TLS",
      { REDIS_CA: "pem", REDIS_URL: "redis://host.example" },
      "REDIS_CA: set, but there is no TLS",
    ],
    [
      "a certificate without its key",
      { REDIS_CERT: "pem", REDIS_URL: "rediss+cluster://host.example" },
      "REDIS_CERT and REDIS_KEY: one of them set",
    ],
  ])("are refused: %s", (_, env, problem) => {
    expect(problemsOf({ ...selfBuilt, AUTH_MODE: "none", ...env })).toEqual([expect.stringContaining(problem)]);
  });

  it("are refused: settings of an AUTH_MODE that is not chosen, all at once", () => {
    const { AUTH_MODE: _, ...settingsOfJwt } = jwt;
    const all = { ...settingsOfJwt, AUTH_CORP_CLAIM: "c", AUTH_USER_CLAIM: "u", ROUTER_SECRET: "r".repeat(32) };
    const named = (env: Record<string, string>) => problemsOf(env).map((problem) => problem.split(":")[0]);
    const ofJwt = ["AUTH_JWT_SECRET", "AUTH_ISSUER", "AUTH_AUDIENCE", "AUTH_CORP_CLAIM", "AUTH_USER_CLAIM"];

    expect(named({ ...all, AUTH_MODE: "none" })).toEqual([...ofJwt, "ROUTER_SECRET"]);
    expect(named(all)).toEqual([...ofJwt, "ROUTER_SECRET"]);
    expect(named({ ...all, AUTH_MODE: "router" })).toEqual(ofJwt);
    expect(named({ ...all, AUTH_MODE: "jwt" })).toEqual(["ROUTER_SECRET"]);
    expect(problemsOf({ ...selfBuilt, ROUTER_SECRET_FILE: "/nowhere" })).toEqual([
      "ROUTER_SECRET_FILE: set, but AUTH_MODE is none, expected AUTH_MODE=router or ROUTER_SECRET_FILE not set",
    ]);
  });

  it("does not blame the other settings when production has no AUTH_MODE", () => {
    expect(problemsOf({ ...selfBuilt, NODE_ENV: "production", ROUTER_SECRET: "r".repeat(32) })).toEqual([
      expect.stringMatching(/^AUTH_MODE: not set/),
    ]);
  });

  it("are refused: public keys over plain http in production, but on this machine", () => {
    const over = (url: string) => ({ ...jwt, AUTH_JWT_SECRET: "", NODE_ENV: "production", AUTH_JWKS_URL: url });

    expect(problemsOf(over("http://issuer.example/keys"))).toEqual([
      "AUTH_JWKS_URL: found http, expected https in production",
    ]);
    expect(problemsOf(over("http://127.0.0.1:1/keys"))).toEqual([]);
    expect(problemsOf({ ...over("http://issuer.example/keys"), NODE_ENV: "development" })).toEqual([]);
  });

  it("never print what stands in a file or in a list", () => {
    const file = join(mkdtempSync(join(tmpdir(), "secret-")), "secret");
    writeFileSync(file, "CANARY-of-a-file");

    const printed = problemsOf({
      ...selfBuilt,
      TRUSTED_DOCUMENTS: file,
      CORS_ORIGINS: "https://user:CANARY@app.example",
    }).join("\n");

    for (const name of ["TRUSTED_DOCUMENTS", "CORS_ORIGINS"]) expect(printed).toContain(`${name}: found`);
    expect(printed).not.toContain("CANARY");
  });

  it("does not wait for a secret's file that is a pipe or a device", () => {
    const pipe = join(mkdtempSync(join(tmpdir(), "pipe-")), "pipe");
    execFileSync("mkfifo", [pipe]);

    for (const path of [pipe, "/dev/zero", "/"]) {
      expect(problemsOf({ WECOM_CORP_ID: "ww1", WECOM_CORP_SECRET_FILE: path }).join()).toContain(
        "WECOM_CORP_SECRET_FILE: found no regular file",
      );
      expect(problemsOf({ ...selfBuilt, TRUSTED_DOCUMENTS: path }).join()).toContain("found no regular file");
    }
  });
});

describe("The defaults outside production", () => {
  const auth = (env: Record<string, string>) => loadConfig(env).auth;
  const own = ["localhost", "127.0.0.1", "[::1]"];

  it("are open while the simulator answers, on any address", () => {
    expect(loadConfig({ HOST: "0.0.0.0" })).toMatchObject({
      corsOrigins: "any",
      allowedHosts: "any",
      auth: { mode: "none", trustsHeaders: true },
      warnings: [],
    });
  });

  it("are closed to other websites with real credentials, and say who may call", () => {
    const config = loadConfig({ ...selfBuilt, PUBLIC_URL: "https://Gateway.example:8443/" });

    expect(config).toMatchObject({ corsOrigins: [], auth: { mode: "none", trustsHeaders: false } });
    expect(config.allowedHosts).toEqual([...own, "127.0.0.1", "gateway.example"]);
    expect(config.warnings).toEqual([expect.stringMatching(/^AUTH_MODE is not set: any program on this machine/)]);
  });

  it.each(["0.0.0.0", "::", "192.168.1.5", "gateway.example"])(
    "do not let other machines in by HOST=%s with real credentials, unless AUTH_MODE is set",
    (HOST) => {
      const chosen = { ...selfBuilt, HOST, AUTH_MODE: "none" };

      expect(problemsOf({ ...selfBuilt, HOST })).toEqual([
        `AUTH_MODE: not set, expected one of: none, router, jwt (other machines reach HOST ${HOST}, and the credentials are real)`,
      ]);
      expect(auth(chosen)).toEqual({ mode: "none", trustsHeaders: true });
      expect(loadConfig(chosen).warnings).toEqual([expect.stringMatching(/^AUTH_MODE=none: everybody/)]);
    },
  );

  it.each(["127.0.0.1", "127.1.2.3", "::1", "localhost"])("take %s for this machine", (HOST) => {
    expect(auth({ ...selfBuilt, HOST })).toEqual({ mode: "none", trustsHeaders: false });
  });

  it("let a request name any of this machine's addresses, and what ALLOWED_HOSTS adds", () => {
    const env = { ...selfBuilt, AUTH_MODE: "none", HOST: "0.0.0.0" };
    const addresses = Object.values(networkInterfaces()).flatMap((all) => all!.map(({ address }) => address));

    expect(loadConfig(env).allowedHosts).toEqual(expect.arrayContaining([...own, hostname().toLowerCase()]));
    for (const address of addresses) {
      expect(loadConfig(env).allowedHosts).toContain(address.includes(":") ? `[${address}]` : address);
    }
    expect(loadConfig({ ...env, ALLOWED_HOSTS: "a.example, B.example" }).allowedHosts).toEqual(
      expect.arrayContaining(["a.example", "b.example"]),
    );
    expect(problemsOf({ ...env, ALLOWED_HOSTS: "https://a.example,a.example:80,a b" })).toHaveLength(1);
  });

  it("leave hosts to what is in front in production, unless ALLOWED_HOSTS is set", () => {
    const production = { ...selfBuilt, NODE_ENV: "production", AUTH_MODE: "none" };

    expect(loadConfig(production).allowedHosts).toBe("any");
    expect(loadConfig({ ...production, ALLOWED_HOSTS: "a.example" }).allowedHosts).toContain("a.example");
  });
});

describe("ADMIN_PORT", () => {
  it("is another port than PORT's", () => {
    expect(loadConfig({}).adminPort).toBeUndefined();
    expect(loadConfig({ ADMIN_PORT: "9000" }).adminPort).toBe(9000);
    expect(loadConfig({ ADMIN_PORT: "0", PORT: "0" }).adminPort).toBe(0);
    expect(problemsOf({ ADMIN_PORT: "4000" })).toEqual(["ADMIN_PORT: found 4000, expected another port than PORT's"]);
    expect(problemsOf({ ADMIN_PORT: "high" })).toHaveLength(1);
  });
});
