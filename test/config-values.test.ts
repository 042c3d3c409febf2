/** Every setting by its value: its default, its bounds, and where it shows in the configuration. */
import { mkdtempSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { type Config, loadConfig, settings } from "../src/config.js";
import type { Secret } from "../src/observability/secret.js";
import { problemsOf } from "./support/config.js";

type Env = Record<string, string>;
const selfBuilt = { WECOM_CORP_ID: "ww1", WECOM_CORP_SECRET: "secret-of-the-app" };
const router = { AUTH_MODE: "router", ROUTER_SECRET: "r".repeat(32) };
const jwt = { AUTH_MODE: "jwt", AUTH_JWT_SECRET: "j".repeat(32), AUTH_ISSUER: "issuer", AUTH_AUDIENCE: "audience" };
const redis = { REDIS_URL: "rediss://redis.example" };
const reveal = (secret: Secret | undefined) => secret?.reveal();
/** A file with this content. */
function fileWith(content: string): string {
  const file = join(mkdtempSync(join(tmpdir(), "config-")), "file");
  writeFileSync(file, content);
  return file;
}

describe("A number among the settings", () => {
  // Each row: default, smallest, largest.
  const numbers: [string, (config: Config) => number | undefined, number | undefined, number, number, Env?][] = [
    ["PORT", (config) => config.port, 4000, 0, 65_535],
    ["ADMIN_PORT", (config) => config.adminPort, undefined, 0, 65_535],
    ["WECOM_AGENT_ID", (config) => config.wecom.agentid, undefined, 0, 2_147_483_647],
    ["WECOM_SETTLE_MS", (config) => config.wecom.settleMs, 60_000, 1, 3_600_000, { WECOM_TIMEOUT_MS: "1" }],
    ["WECOM_MAX_IN_FLIGHT", (config) => config.wecom.maxInFlight, 10, 1, 1000],
    ["WECOM_CALLS_PER_MINUTE", (config) => config.wecom.callsPerMinute, 9500, 1, 100_000_000, selfBuilt],
    ["WECOM_TIMEOUT_MS", (config) => config.wecom.timeoutMs, 8000, 1, 600_000, { WECOM_SETTLE_MS: "600000" }],
    ["WECOM_STORE_REPLICAS", (config) => config.store.redisReplicas, 0, 0, 10, redis],
    ["LIMIT_BODY_BYTES", (config) => config.limits.bodyBytes, 100_000, 1000, 10_000_000],
    ["LIMIT_TOKENS", (config) => config.limits.tokens, 1000, 1, 100_000],
    ["LIMIT_DEPTH", (config) => config.limits.depth, 16, 1, 1000],
    ["LIMIT_ALIASES", (config) => config.limits.aliases, 30, 0, 10_000],
    ["LIMIT_ROOT_FIELDS", (config) => config.limits.rootFields, 20, 1, 10_000],
    ["LIMIT_DIRECTIVES", (config) => config.limits.directives, 20, 0, 10_000],
    ["LIMIT_FRAGMENTS", (config) => config.limits.fragments, 20, 0, 10_000],
    ["LIMIT_VARIABLES", (config) => config.limits.variables, 1000, 1, 1_000_000],
    ["LIMIT_COST", (config) => config.limits.cost, 5000, 1, 1_000_000],
    ["LIMIT_ENTITIES", (config) => config.limits.entities, 100, 1, 10_000],
    ["LIMIT_FIRST", (config) => config.limits.first, 100, 1, 100],
    ["LIMIT_CALLS_PER_MINUTE", (config) => config.limits.callsPerMinute, 1000, 1, 1_000_000],
    ["LIMIT_CONNECTIONS", (config) => config.limits.connections, 5000, 1, 1_000_000],
    ["LIMIT_CONNECTIONS_PER_CALLER", (config) => config.limits.connectionsPerCaller, 100, 1, 1_000_000],
    ["LIMIT_OPERATIONS_PER_SOCKET", (config) => config.limits.operationsPerSocket, 50, 1, 1_000_000],
  ];

  it.each(numbers)("%s has its default and its bounds", (name, pick, byDefault, smallest, largest, env = {}) => {
    expect(pick(loadConfig(env))).toBe(byDefault);
    for (const value of [smallest, largest]) expect(pick(loadConfig({ ...env, [name]: ` ${value} ` }))).toBe(value);
    for (const value of [String(smallest - 1), String(largest + 1), "one", "7x", "x7", "1.5", "0x10"])
      expect(problemsOf({ ...env, [name]: value })).toContain(
        `${name}: found ${JSON.stringify(value)}, expected a whole number from ${smallest} to ${largest}`,
      );
    expect(pick(loadConfig({ ...env, [name]: "" }))).toBe(byDefault);
  });

  it("says for each what it is: none is missing here", () => {
    const isNumber = (name: string) =>
      /^(PORT|ADMIN_PORT|LIMIT_|WECOM_(AGENT|SETTLE|MAX|CALLS|TIMEOUT|STORE))/.test(name);
    expect(Object.keys(settings).filter(isNumber).sort()).toEqual(numbers.map(([name]) => name).sort());
  });
});

describe("A setting that is no number", () => {
  it.each<[string, Env, (config: Config) => unknown, unknown]>([
    ["DATA_DIR", {}, ({ store }) => store.dataDir, "./data"],
    ["DATA_DIR", { DATA_DIR: "/var/data" }, ({ store }) => store.dataDir, "/var/data"],
    ["AUDIT_LOG_FILE", {}, ({ audit }) => audit.file, undefined],
    ["AUDIT_LOG_FILE", { AUDIT_LOG_FILE: "/var/audit" }, ({ audit }) => audit.file, "/var/audit"],
    ["AUDIT_REQUIRED", {}, ({ audit }) => audit.isRequired, false],
    ["AUDIT_REQUIRED", { AUDIT_REQUIRED: "off" }, ({ audit }) => audit.isRequired, false],
    ["AUDIT_REQUIRED", { AUDIT_REQUIRED: "on" }, ({ audit }) => audit.isRequired, true],
    ["PUBLIC_URL", {}, ({ publicUrl }) => publicUrl, undefined],
    ["PUBLIC_URL", { PUBLIC_URL: "https://a.example/b" }, ({ publicUrl }) => publicUrl?.href, "https://a.example/b"],
    ["JSSDK_ORIGINS", {}, ({ jsSdkOrigins }) => jsSdkOrigins, "any"],
    ["JSSDK_ORIGINS", selfBuilt, ({ jsSdkOrigins }) => jsSdkOrigins, []],
    [
      "JSSDK_ORIGINS",
      { JSSDK_ORIGINS: "https://a.example, http://b.example:81" },
      ({ jsSdkOrigins }) => jsSdkOrigins,
      ["https://a.example", "http://b.example:81"],
    ],
    ["CORS_ORIGINS", { CORS_ORIGINS: "https://c.example" }, ({ corsOrigins }) => corsOrigins, ["https://c.example"]],
    ["REDIS_URL", redis, ({ store }) => reveal(store.redisUrl), "rediss://redis.example"],
    ["REDIS_CA", { ...redis, REDIS_CA: "ca" }, ({ store }) => reveal(store.redisTls?.ca), "ca"],
    ["REDIS_CERT", { ...redis, REDIS_CERT: "c", REDIS_KEY: "k" }, ({ store }) => reveal(store.redisTls?.cert), "c"],
    ["REDIS_KEY", { ...redis, REDIS_CERT: "c", REDIS_KEY: "k" }, ({ store }) => reveal(store.redisTls?.key), "k"],
    ["NODE_ENV", { ...selfBuilt, ...router, NODE_ENV: "production" }, ({ store }) => store.isProduction, true],
    ["NODE_ENV", { NODE_ENV: "test" }, ({ isProduction, store }) => [isProduction, store.isProduction], [false, false]],
    [
      "SIMULATOR_PLAY",
      { SIMULATOR_PLAY: "1" },
      ({ wecom }) => wecom.credentials,
      { kind: "simulator", playsBySelf: true },
    ],
    ["OTEL_TRACES_EXPORTER", {}, ({ tracing }) => tracing, undefined],
  ])("%s of %j", (_, env, pick, expected) => {
    expect(pick(loadConfig(env))).toEqual(expected);
  });

  it.each(["debug", "info", "warn", "error", "silent"])("LOG_LEVEL can be %s", (LOG_LEVEL) => {
    expect(loadConfig({ LOG_LEVEL }).logLevel).toBe(LOG_LEVEL);
  });

  it("is one of its values", () => {
    expect(problemsOf({ NODE_ENV: "prod" })).toEqual([
      'NODE_ENV: found "prod", expected one of: development, test, production',
    ]);
    expect(problemsOf({ AUDIT_REQUIRED: "yes" })).toEqual(['AUDIT_REQUIRED: found "yes", expected one of: off, on']);
    expect(problemsOf({ INTROSPECTION: "yes" })).toEqual(['INTROSPECTION: found "yes", expected on or off']);
    expect(problemsOf({ JSSDK_ORIGINS: "https://u:p@a.example/" })).toEqual([
      'JSSDK_ORIGINS: found ["…@a.example/"], expected origins such as https://app.example.com',
    ]);
  });

  it("shows the schema, unless it is production without a router in front, or as it is told to", () => {
    const production = { ...selfBuilt, NODE_ENV: "production" };
    const reveals = (env: Env) => loadConfig(env).revealsSchema;

    expect([{}, { ...production, ...router }, { ...selfBuilt, ...jwt }].map(reveals)).toEqual([true, true, true]);
    expect(
      [
        { ...production, ...jwt },
        { ...production, AUTH_MODE: "none" },
      ].map(reveals),
    ).toEqual([false, false]);
    expect(reveals({ ...production, ...jwt, INTROSPECTION: "on" })).toBe(true);
    expect(reveals({ INTROSPECTION: "off" })).toBe(false);
    expect(reveals({ ...production, ...router, INTROSPECTION: "off" })).toBe(false);
  });

  it("warns of what OTEL_ settings cannot mean", () => {
    expect(loadConfig({ OTEL_TRACES_EXPORTER: "zipkin" }).warnings).toEqual([
      expect.stringMatching(/^OTEL_TRACES_EXPORTER: its value is not understood/),
    ]);
  });

  it("is wrong in one message, which lists every problem", () => {
    expect(() => loadConfig({ PORT: "x", NODE_ENV: "y" })).toThrow(
      expect.objectContaining({
        name: "ConfigurationError",
        message: expect.stringMatching(/^The configuration is not valid:\n {2}- NODE_ENV: .*\n {2}- PORT: .*$/),
      }),
    );
  });
});

describe("A time that must not be less than another", () => {
  it("is WECOM_SETTLE_MS, which may equal WECOM_TIMEOUT_MS", () => {
    expect(problemsOf({ WECOM_SETTLE_MS: "500", WECOM_TIMEOUT_MS: "500" })).toEqual([]);
    expect(problemsOf({ WECOM_SETTLE_MS: "499", WECOM_TIMEOUT_MS: "500" })).toEqual([
      "WECOM_SETTLE_MS: found 499, expected at least WECOM_TIMEOUT_MS (500), better some times as much",
    ]);
  });
});

describe("How callers sign in", () => {
  it("has its secrets and claims", () => {
    const { auth } = loadConfig({ ...selfBuilt, ...router });
    expect(auth.mode === "router" && reveal(auth.secret)).toBe("r".repeat(32));

    const signedIn = loadConfig({ ...selfBuilt, ...jwt, AUTH_CORP_CLAIM: "corp", AUTH_USER_CLAIM: "user" }).auth;
    expect(signedIn).toMatchObject({ issuer: "issuer", audience: "audience", corpClaim: "corp", userClaim: "user" });
    expect(signedIn.mode === "jwt" && signedIn.keys.kind === "secret" && reveal(signedIn.keys.secret)).toBe(
      "j".repeat(32),
    );
    expect(loadConfig({ ...selfBuilt, ...jwt }).auth).toMatchObject({ corpClaim: "corpid", userClaim: "userid" });
  });

  it("counts a secret's bytes, of which there are 32 at least", () => {
    expect(problemsOf({ ...selfBuilt, ...router, ROUTER_SECRET: "r".repeat(31) })).toEqual([
      "ROUTER_SECRET: found 31 bytes, expected at least 32",
    ]);
    expect(problemsOf({ ...selfBuilt, ...router, ROUTER_SECRET: "密".repeat(11) })).toEqual([]);
    expect(problemsOf({ ...selfBuilt, AUTH_MODE: "router" })).toEqual([
      "ROUTER_SECRET: not set, expected a secret of at least 32 bytes",
    ]);
  });

  it("is told to the operator where it protects nothing", () => {
    const warned = (env: Env) => loadConfig({ ...selfBuilt, ...env }).warnings;

    expect(warned({ AUTH_MODE: "none" })).toEqual([
      "AUTH_MODE=none: everybody who reaches this gateway acts for the corp, with every scope",
    ]);
    expect(warned({ AUTH_MODE: "none", NODE_ENV: "production" })).toEqual([
      "AUTH_MODE=none in production: everybody who reaches this gateway acts for the corp, with every scope",
    ]);
    expect([warned(router), warned(jwt)]).toEqual([[], []]);
  });
});

describe("A secret among the settings", () => {
  it("is known by its name, with the one before it, and is read again from its file", () => {
    const file = fileWith("first-of-the-app\n");
    const config = loadConfig({
      ...{ WECOM_CORP_ID: "ww1", WECOM_CORP_SECRET_FILE: ` ${file} `, WECOM_CORP_SECRET_PREVIOUS: "former" },
      ...{ REDIS_URL: "", REDIS_URL_FILE: "" },
    });

    expect([...config.secrets.keys()]).toEqual(["WECOM_CORP_SECRET"]);
    expect(config.secrets.get("WECOM_CORP_SECRET")!.revealAll()).toEqual(["first-of-the-app", "former"]);
    expect(config.secretFiles).toEqual([file]);
    writeFileSync(file, "second-of-the-app");
    expect(reveal(config.readAgain().secrets.get("WECOM_CORP_SECRET"))).toBe("second-of-the-app");
    writeFileSync(file, " \n");
    expect(() => config.readAgain()).toThrow("WECOM_CORP_SECRET_FILE: found an empty file, expected a secret in it");
  });

  it("has no former one without itself", () => {
    expect(problemsOf({ WECOM_CORP_SECRET_PREVIOUS: "former" })).toEqual([
      "WECOM_CORP_SECRET_PREVIOUS: set, but WECOM_CORP_SECRET is not, expected both or WECOM_CORP_SECRET_PREVIOUS not set",
    ]);
    expect(problemsOf({ ...selfBuilt, ...router, ROUTER_SECRET_PREVIOUS: "short" })).toEqual([
      "ROUTER_SECRET_PREVIOUS: found 5 bytes, expected at least 32",
    ]);
  });

  it("is not read from a file of more than 100,000 bytes", () => {
    const file = fileWith("s");
    const problems = () => problemsOf({ WECOM_CORP_ID: "ww1", WECOM_CORP_SECRET_FILE: file });
    truncateSync(file, 100_000);
    expect(problems()).toEqual([]);
    truncateSync(file, 100_001);
    expect(problems()[0]).toBe("WECOM_CORP_SECRET_FILE: found 100001 bytes, expected the path of a readable file");
  });

  it.each([
    ["redis://h", true],
    ["rediss+sentinel://u:p@h:1/m", true],
    ["redis+cluster://h", true],
    ["xredis://h", false],
    ["redis:///0", false],
    ["redis+other://h", false],
    ["http://h", false],
  ])("is a URL of Redis: %s %s", (url, isValid) => {
    const expected = "REDIS_URL: found something else, expected a URL such as redis://127.0.0.1:6379";
    expect(problemsOf({ REDIS_URL: url })).toEqual(isValid ? [] : [expected]);
  });

  it.each([
    ["k".repeat(32), true],
    [`${"k".repeat(32)} \n ${"l".repeat(40)}`, true],
    [`plaintext ${"k".repeat(32)}`, true],
    ["k".repeat(31), false],
    [`${"k".repeat(32)} short`, false],
    [`${"k".repeat(16)} ${"k".repeat(16)}`, false],
  ])("is a ring of keys: %j %s", (STORE_ENCRYPTION_KEY, isValid) => {
    const problems = problemsOf({ STORE_ENCRYPTION_KEY });
    expect(problems).toEqual(isValid ? [] : [expect.stringMatching(/^STORE_ENCRYPTION_KEY: found something else/)]);
  });

  it.each([
    ["WECOM_CALLBACK_TOKEN", "t".repeat(32), true],
    ["WECOM_CALLBACK_TOKEN", "t-t", false],
    ["WECOM_CALLBACK_AES_KEY", `${"+/".repeat(21)}a`, true],
    ["WECOM_CALLBACK_AES_KEY", "k".repeat(44), false],
    ["WECOM_CALLBACK_AES_KEY", `=${"k".repeat(43)}`, false],
    ["WECOM_CALLBACK_AES_KEY", `${"k".repeat(43)}=`, false],
  ])("is a key of the callback: %s=%s %s", (name, value, isValid) => {
    const keys = { WECOM_CALLBACK_TOKEN: "token", WECOM_CALLBACK_AES_KEY: "k".repeat(43) };
    expect(problemsOf({ ...selfBuilt, ...keys, [name]: value })).toHaveLength(isValid ? 0 : 1);
  });

  it("brings the callback's keys, where they may be missing", () => {
    const keys = { WECOM_CALLBACK_TOKEN: "token", WECOM_CALLBACK_AES_KEY: "k".repeat(43) };
    const { callback } = loadConfig({ ...selfBuilt, ...keys }).wecom;

    expect([reveal(callback?.token), reveal(callback?.aesKey)]).toEqual(["token", "k".repeat(43)]);
    expect(loadConfig(selfBuilt).wecom.callback).toBeUndefined();
    expect(loadConfig({ WECOM_ACCESS_TOKEN: "t", WECOM_CORP_ID: "ww1", ...keys }).wecom.callback).toBeDefined();
  });
});

describe("TRUSTED_DOCUMENTS", () => {
  const manifest = (change: object = {}) =>
    JSON.stringify({
      ...{ format: "apollo-persisted-query-manifest", version: 1 },
      operations: [
        { id: "one", body: "{ a }", name: "A", type: "query" },
        { id: "two", body: "{ b }" },
      ],
      ...change,
    });
  const documentsOf = (content: string) => loadConfig({ TRUSTED_DOCUMENTS: fileWith(content) }).trustedDocuments;

  it("are the documents of the manifest by their ids", () => {
    expect([...documentsOf(manifest())!]).toEqual([
      ["one", "{ a }"],
      ["two", "{ b }"],
    ]);
    expect(documentsOf(manifest({ operations: [] }))!.size).toBe(0);
    expect(loadConfig({}).trustedDocuments).toBeUndefined();
  });

  it.each([
    ["another format", manifest({ format: "relay" })],
    ["another format", manifest({ version: 2 })],
    ["another format", manifest({ operations: { one: "{ a }" } })],
    ["an operation without id or body", manifest({ operations: [{ id: "one" }] })],
    ["an operation without id or body", manifest({ operations: [{ body: "{ a }" }] })],
    ["an operation without id or body", manifest({ operations: [null] })],
    ["no JSON object", "null"],
    ["no JSON object", '"text"'],
    ["no JSON object", "{"],
  ])("are refused as %s: %s", (found, content) => {
    expect(problemsOf({ TRUSTED_DOCUMENTS: fileWith(content) })).toEqual([
      `TRUSTED_DOCUMENTS: found ${found}, expected the path of an apollo-persisted-query-manifest, version 1`,
    ]);
  });

  it("are refused where the file cannot be read", () => {
    expect(problemsOf({ TRUSTED_DOCUMENTS: "/nowhere" })).toEqual([
      expect.stringMatching(/^TRUSTED_DOCUMENTS: found ENOENT when reading it, expected/),
    ]);
  });
});

describe("An address among the settings", () => {
  it.each(["http://127.0.0.1x", "http://1127.0.0.1.example", "http://127.0.0.1.example"])(
    "is not this machine's: %s",
    (WECOM_BASE_URL) => {
      expect(loadConfig({ ...selfBuilt, WECOM_BASE_URL }).wecom.callsPerMinute).toBe(9500);
    },
  );

  it.each(["ftp://a.example", "xhttp://a.example", "https://a.example/?q", "https://a.example/#h", "a.example"])(
    "is http or https without a query: %s",
    (PUBLIC_URL) => {
      expect(problemsOf({ PUBLIC_URL })).toEqual([
        "PUBLIC_URL: found something else, expected an http or https URL without query and credentials",
      ]);
    },
  );

  it.each(["a b", "a/b", "-", "a..b", ".a"])("is no HOST: %j", (HOST) => {
    const problems = problemsOf({ HOST });
    // A hyphen alone may be a name.
    expect(problems).toHaveLength(HOST === "-" ? 0 : 1);
  });

  it("is compared without port among ALLOWED_HOSTS", () => {
    const env = { ...selfBuilt, ALLOWED_HOSTS: "a.example" };
    expect(loadConfig(env).allowedHosts).toEqual(["localhost", "127.0.0.1", "[::1]", "127.0.0.1", "a.example"]);
    expect(loadConfig({ ...env, HOST: "::1" }).allowedHosts).toEqual([
      "localhost",
      ...["127.0.0.1", "[::1]", "[::1]", "a.example"],
    ]);
  });
});
