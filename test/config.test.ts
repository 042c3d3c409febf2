import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { describe, expect, it } from "@jest/globals";
import { ConfigurationError, loadConfig } from "../src/config.js";

const problemsOf = (env: Record<string, string>): readonly string[] => {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
  return [];
};

const suite = { WECOM_SUITE_ID: "wwsuite", WECOM_SUITE_SECRET: "s3cret-of-the-suite" };
const callbackKeys = { WECOM_CALLBACK_TOKEN: "token", WECOM_CALLBACK_AES_KEY: "k".repeat(43) };
const selfBuilt = { WECOM_CORP_ID: "ww1", WECOM_CORP_SECRET: "s3cret-of-the-app" };

describe("The configuration", () => {
  it("uses the simulator when nothing about WeCom is set, outside production", () => {
    expect(loadConfig({}).wecom.credentials).toEqual({ kind: "simulator" });
  });

  it("has the defaults that are promised", () => {
    expect(loadConfig(selfBuilt)).toMatchObject({
      isProduction: false,
      port: 4000,
      host: "127.0.0.1",
      wecom: { baseUrl: new URL("https://qyapi.weixin.qq.com"), maxInFlight: 10, timeoutMs: 8000 },
      corsOrigins: "any",
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
  });

  it.each<[string, Record<string, string>, RegExp]>([
    ["no keys", jwt, /AUTH_JWKS_URL and AUTH_JWT_SECRET: neither is set/],
    ["two kinds of keys", { ...jwt, AUTH_JWKS_URL: "https://i.example", AUTH_JWT_SECRET: longSecret }, /both set/],
    [
      "a short shared secret",
      { ...jwt, AUTH_JWT_SECRET: "short" },
      /AUTH_JWT_SECRET: found 5 bytes, expected at least 32/,
    ],
    ["no issuer", { ...jwt, AUTH_JWT_SECRET: longSecret, AUTH_ISSUER: "" }, /AUTH_ISSUER: not set/],
    ["no audience", { ...jwt, AUTH_JWT_SECRET: longSecret, AUTH_AUDIENCE: "" }, /AUTH_AUDIENCE: not set/],
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
