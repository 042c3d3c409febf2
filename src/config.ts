/**
 * Reads the environment into a checked configuration; the only reader of process.env. All configuration errors are
 * reported together at startup, by variable, with what was found and what is expected, but never a secret's value. Over
 * 300 lines because each variable's default, description and check are kept together here.
 */
import { readFileSync, statSync } from "node:fs";
import { isIP } from "node:net";
import { hostname, networkInterfaces } from "node:os";
import type { LogLevel } from "./observability/logger.js";
import { readTracing, type TracingSettings } from "./observability/otel-settings.js";
import { Secret } from "./observability/secret.js";
import type { AuthSettings } from "./server/auth/authenticate.js";
import type { CorsPolicy } from "./server/cors.js";
import type { Limits } from "./server/graphql/limits.js";
import type { AllowedHosts } from "./server/exchange.js";
import type { StoreSettings } from "./stores/open-store.js";
import type { AppCredentials } from "./wecom/access.js";
import type { CallbackKeys } from "./wecom/callback/receiver.js";

export interface Setting {
  readonly default?: string;
  readonly meaning: string;
  /** Can also be set by `NAME_FILE`, the path of a file. */
  readonly isSecret?: true;
  /**
   * Shared with other parties that cannot change it at the same moment, so the previous value in `NAME_PREVIOUS` also
   * counts.
   */
  readonly isShared?: true;
}

const shared = { isSecret: true, isShared: true } as const;

/** Every variable that the gateway reads. A test compares docs/configuration.md with this table. */
export const settings = {
  NODE_ENV: { default: "development", meaning: "`production` closes what is open for development" },
  PORT: { default: "4000", meaning: "TCP port; 0 takes a free one" },
  HOST: { default: "127.0.0.1", meaning: "address to listen on; the image listens on `0.0.0.0`" },
  WECOM_BASE_URL: {
    default: "https://qyapi.weixin.qq.com",
    meaning: "where WeCom's `/cgi-bin/living/create` lives",
  },
  WECOM_ACCESS_TOKEN: { meaning: "a fixed access_token: never renewed", isSecret: true },
  WECOM_CORP_ID: { meaning: "the corp's id, for a self-built app" },
  WECOM_CORP_SECRET: {
    meaning: "the self-built app's secret: the gateway fetches and renews the token",
    ...shared,
  },
  WECOM_SUITE_ID: {
    meaning: "the suite_id of a provider's app, third-party or (`dk…`) customised: a token per corp that authorised it",
  },
  WECOM_SUITE_SECRET: { meaning: "its suite_secret", isSecret: true },
  WECOM_AGENT_ID: {
    meaning:
      "the app's agentid: signatures for WeCom's JS-SDK carry it, and by it a self-built app keeps its idempotency keys when its secret changes; unset: what a provider's app learnt when the corp authorised it",
  },
  PUBLIC_URL: {
    meaning:
      "the URL of the gateway in browsers, to which WeCom redirects after an app's installation; unset: where it listens",
  },
  WECOM_CALLBACK_TOKEN: { meaning: "the Token of the callback URL in WeCom's console", ...shared },
  WECOM_CALLBACK_AES_KEY: { meaning: "the EncodingAESKey beside it: 43 characters", ...shared },
  WECOM_SETTLE_MS: {
    default: "60000",
    meaning:
      "how long a create whose answer was lost may still take effect, in milliseconds: only then is one that is not found sent again, under its idempotency key",
  },
  WECOM_MAX_IN_FLIGHT: { default: "10", meaning: "concurrent calls, per corp and API" },
  WECOM_CALLS_PER_MINUTE: {
    default: "9500",
    meaning:
      "calls to WeCom that are let through, per corp and API, all replicas together; 15 times as many an hour, and twice as many (a provider's app: 4 times) per API from this address. WeCom's own limits are a twentieth higher. Unset: no limit towards a `WECOM_BASE_URL` on this machine, where a simulator or a test answers",
  },
  WECOM_TIMEOUT_MS: { default: "8000", meaning: "deadline of one operation's calls to WeCom, in milliseconds" },
  REDIS_URL: {
    meaning:
      "state that several replicas share, in Redis or Valkey: `redis://`, `redis+sentinel://` or `redis+cluster://`, with `rediss` for TLS ([forms](credentials.md#redis)); unset: the embedded store in `DATA_DIR`",
    isSecret: true,
  },
  REDIS_CA: {
    meaning: "PEM: the authority that signed Redis's certificate; unset: those that Node trusts",
    isSecret: true,
  },
  REDIS_CERT: { meaning: "PEM: the certificate that the gateway shows to Redis, with `REDIS_KEY`", isSecret: true },
  REDIS_KEY: { meaning: "PEM: its private key", isSecret: true },
  WECOM_STORE_REPLICAS: {
    default: "0",
    meaning:
      "how many replicas of Redis must have a write before it counts: a failover loses no create then that was begun; 0: none",
  },
  DATA_DIR: {
    default: "./data",
    meaning: "the embedded store's folder, which belongs to one process; for several set `REDIS_URL`",
  },
  STORE_ENCRYPTION_KEY: {
    meaning:
      "at least 32 random characters: encrypts what is stored; several keys, with spaces between them, [to change it](credentials.md#encryption-at-rest); unset: tokens and permanent codes lie in clear",
    isSecret: true,
  },
  AUTH_MODE: {
    default: "none",
    meaning:
      "who may call: `jwt` (bearer tokens), `router` (the supergraph's router alone) or `none` (everybody); it must be set in production, and where real credentials meet a `HOST` that other machines can reach, so that nothing is open by accident",
  },
  AUTH_JWKS_URL: { meaning: "for `jwt`: where the issuer's public keys are; `https` in production" },
  AUTH_JWT_SECRET: {
    meaning: "for `jwt`, instead of the URL: a secret shared with the issuer, for HS256",
    ...shared,
  },
  AUTH_ISSUER: { meaning: "for `jwt`: the only `iss` that is accepted" },
  AUTH_AUDIENCE: { meaning: "for `jwt`: the required value of `aud`" },
  AUTH_CORP_CLAIM: { default: "corpid", meaning: "the claim with the corp for which the caller acts" },
  AUTH_USER_CLAIM: { default: "userid", meaning: "the claim with the caller's userid at WeCom" },
  ROUTER_SECRET: { meaning: "for `router`: what its header `router-authorization` must hold", ...shared },
  TRUSTED_DOCUMENTS: {
    meaning: "path of a manifest of `@apollo/generate-persisted-query-manifest`: when set, only its operations run",
  },
  INTROSPECTION: {
    meaning:
      "`on` or `off`: whether the schema may be asked for, `_service` included; unset: off in production, but on for the router",
  },
  LIMIT_BODY_BYTES: { default: "100000", meaning: "length of a request's body" },
  LIMIT_TOKENS: { default: "1000", meaning: "tokens of a document" },
  LIMIT_DEPTH: { default: "16", meaning: "levels of fields" },
  LIMIT_ALIASES: { default: "30", meaning: "aliases of an operation, fragments unfolded" },
  LIMIT_ROOT_FIELDS: { default: "20", meaning: "fields at the root of an operation" },
  LIMIT_DIRECTIVES: { default: "20", meaning: "directives of an operation, fragments unfolded" },
  LIMIT_FRAGMENTS: { default: "20", meaning: "fragments of a document" },
  LIMIT_VARIABLES: { default: "1000", meaning: "values in the variables of an operation, lists and objects included" },
  LIMIT_COST: { default: "5000", meaning: "cost of an operation by the schema's `@cost` and `@listSize`" },
  LIMIT_ENTITIES: { default: "100", meaning: "references in one `_entities`" },
  LIMIT_FIRST: { default: "100", meaning: "`first` of a connection; WeCom's own pages have at most 100" },
  LIMIT_CALLS_PER_MINUTE: {
    default: "1000",
    meaning: "calls to WeCom for one caller, by userid or `sub`; anonymous callers are not counted",
  },
  LIMIT_CONNECTIONS: {
    default: "5000",
    meaning: "WebSockets and event streams open at once, per replica",
  },
  LIMIT_CONNECTIONS_PER_CALLER: {
    default: "100",
    meaning: "of these, those of one caller, by userid or `sub`; anonymous callers are not counted",
  },
  LIMIT_OPERATIONS_PER_SOCKET: {
    default: "50",
    meaning:
      "operations open at once on one WebSocket, subscriptions included; behind a router that carries all its clients' subscriptions over one (WunderGraph Cosmo), as many as there are subscribers: `10000`",
  },
  CORS_ORIGINS: {
    meaning: "browsers' origins, comma-separated; unset: none, and any only while the simulator answers",
  },
  JSSDK_ORIGINS: {
    meaning:
      "origins of the pages that `jsSdkSignature` signs for, comma-separated; unset: none, and any only while the simulator answers",
  },
  ALLOWED_HOSTS: {
    meaning:
      "names that the header `Host` may hold, comma-separated, besides this machine's own and that of `PUBLIC_URL`; unset: any in production (what is in front decides) and while the simulator answers, none besides these otherwise, against DNS rebinding",
  },
  ADMIN_PORT: {
    meaning:
      "TCP port for probes and metrics, which leave `PORT`, and for `GET /health/details`; 0 takes a free one; unset: probes and metrics answer on `PORT`",
  },
  SIMULATOR_PLAY: {
    default: "0",
    meaning:
      "1: while the simulator answers, livings go live and end by themselves when their time has come; its page, whose URL is printed at the start, moves them by hand",
  },
  AUDIT_LOG_FILE: {
    meaning:
      "file to which the [audit log](operations.md#the-audit-log) is appended, a JSON line for each write; unset: stdout",
  },
  AUDIT_REQUIRED: {
    default: "off",
    meaning: "`on`: nothing is changed while the audit log cannot be written; `off`: requests go on, and it is counted",
  },
  LOG_LEVEL: { default: "info", meaning: "`debug`, `info`, `warn`, `error` or `silent`: JSON lines to stdout" },
} as const satisfies Record<string, Setting>;

type SettingName = keyof typeof settings;
type SettingNameWithDefault = {
  [Name in SettingName]: (typeof settings)[Name] extends { default: string } ? Name : never;
}[SettingName];

/** The app's credentials, or none: then the simulator answers. */
type Credentials = { readonly kind: "simulator"; readonly playsBySelf: boolean } | AppCredentials;

/** The limits of documents and of the server. */
interface AllLimits extends Limits {
  readonly bodyBytes: number;
  readonly callsPerMinute: number;
  readonly connections: number;
  readonly connectionsPerCaller: number;
  readonly operationsPerSocket: number;
}

export interface Config {
  readonly isProduction: boolean;
  readonly port: number;
  readonly host: string;
  readonly wecom: {
    readonly baseUrl: URL;
    readonly credentials: Credentials;
    readonly callback: CallbackKeys | undefined;
    readonly agentid: number | undefined;
    readonly settleMs: number;
    readonly maxInFlight: number;
    /** Undefined: no limit. */
    readonly callsPerMinute: number | undefined;
    readonly timeoutMs: number;
  };
  readonly auth: AuthSettings;
  /** id → document; undefined if every document may be executed. */
  readonly trustedDocuments: ReadonlyMap<string, string> | undefined;
  readonly revealsSchema: boolean;
  readonly limits: AllLimits;
  /** Undefined: the URL on which it listens. */
  readonly publicUrl: URL | undefined;
  readonly store: StoreSettings;
  readonly corsOrigins: CorsPolicy;
  readonly jsSdkOrigins: "any" | readonly string[];
  readonly allowedHosts: AllowedHosts;
  /** The port of probes, metrics and details; undefined: probes and metrics use `port`, and there are no details. */
  readonly adminPort: number | undefined;
  readonly audit: {
    /** Undefined: stdout. */
    readonly file: string | undefined;
    readonly isRequired: boolean;
  };
  readonly logLevel: LogLevel;
  /** Undefined: no traces. */
  readonly tracing: TracingSettings | undefined;
  /** Allowed but dangerous settings, for the log. */
  readonly warnings: readonly string[];
  /** By variable: re-read when their files change. */
  readonly secrets: ReadonlyMap<string, Secret>;
  /** The files of secrets, to detect changes. */
  readonly secretFiles: readonly string[];
  /** @throws {ConfigurationError} as at startup */
  readAgain(): Config;
}

export class ConfigurationError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(`The configuration is not valid:\n${problems.map((problem) => `  - ${problem}`).join("\n")}`);
    this.name = "ConfigurationError";
  }
}

/** @throws {ConfigurationError} with all problems */
export function loadConfig(env: Readonly<Record<string, string | undefined>> = process.env): Config {
  const reader = new SettingReader(env);
  const isProduction = reader.oneOf("NODE_ENV", ["development", "test", "production"]) === "production";
  const origins = reader.list("CORS_ORIGINS", isOrigin, "origins such as https://app.example.com");
  const jsSdkOrigins = reader.list("JSSDK_ORIGINS", isOrigin, "origins such as https://app.example.com");
  const introspection = reader.text("INTROSPECTION");
  if (introspection !== undefined && introspection !== "on" && introspection !== "off") {
    reader.problems.push(`INTROSPECTION: found ${JSON.stringify(introspection)}, expected on or off`);
  }
  const credentials = readCredentials(reader, isProduction);
  const isSimulated = credentials.kind === "simulator";
  const host = readHost(reader);
  const auth = readAuth(reader, { isProduction, isSimulated, host });
  const publicUrl = reader.text("PUBLIC_URL") === undefined ? undefined : reader.url("PUBLIC_URL");
  const baseUrl = reader.url("WECOM_BASE_URL");
  const isWecomHere = isSimulated || isOnThisMachine(baseUrl);
  const isLimited = reader.text("WECOM_CALLS_PER_MINUTE") !== undefined || !isWecomHere;
  const warnings = warningsAbout(auth, { isProduction, isSimulated });
  const config: Config = {
    isProduction,
    port: reader.integer("PORT", 0, 65535),
    host,
    adminPort: readAdminPort(reader),
    wecom: {
      baseUrl,
      credentials,
      callback: readCallbackKeys(reader, credentials),
      agentid:
        reader.text("WECOM_AGENT_ID") === undefined ? undefined : reader.integer("WECOM_AGENT_ID", 0, 2 ** 31 - 1),
      settleMs: reader.integer("WECOM_SETTLE_MS", 1, 3_600_000),
      maxInFlight: reader.integer("WECOM_MAX_IN_FLIGHT", 1, 1000),
      callsPerMinute: isLimited ? reader.integer("WECOM_CALLS_PER_MINUTE", 1, 100_000_000) : undefined,
      timeoutMs: reader.integer("WECOM_TIMEOUT_MS", 1, 600_000),
    },
    auth,
    trustedDocuments: readManifest(reader),
    revealsSchema: introspection === undefined ? !isProduction || auth.mode === "router" : introspection === "on",
    limits: {
      bodyBytes: reader.integer("LIMIT_BODY_BYTES", 1000, 10_000_000),
      tokens: reader.integer("LIMIT_TOKENS", 1, 100_000),
      depth: reader.integer("LIMIT_DEPTH", 1, 1000),
      aliases: reader.integer("LIMIT_ALIASES", 0, 10_000),
      rootFields: reader.integer("LIMIT_ROOT_FIELDS", 1, 10_000),
      directives: reader.integer("LIMIT_DIRECTIVES", 0, 10_000),
      fragments: reader.integer("LIMIT_FRAGMENTS", 0, 10_000),
      variables: reader.integer("LIMIT_VARIABLES", 1, 1_000_000),
      cost: reader.integer("LIMIT_COST", 1, 1_000_000),
      entities: reader.integer("LIMIT_ENTITIES", 1, 10_000),
      first: reader.integer("LIMIT_FIRST", 1, 100),
      callsPerMinute: reader.integer("LIMIT_CALLS_PER_MINUTE", 1, 1_000_000),
      connections: reader.integer("LIMIT_CONNECTIONS", 1, 1_000_000),
      connectionsPerCaller: reader.integer("LIMIT_CONNECTIONS_PER_CALLER", 1, 1_000_000),
      operationsPerSocket: reader.integer("LIMIT_OPERATIONS_PER_SOCKET", 1, 1_000_000),
    },
    publicUrl,
    store: {
      redisUrl: reader.checkedSecret("REDIS_URL", isRedisUrl, "a URL such as redis://127.0.0.1:6379"),
      redisTls: {
        ca: reader.secret("REDIS_CA"),
        cert: reader.secret("REDIS_CERT"),
        key: reader.secret("REDIS_KEY"),
      },
      redisReplicas: reader.integer("WECOM_STORE_REPLICAS", 0, 10),
      isProduction,
      dataDir: reader.text("DATA_DIR") ?? settings.DATA_DIR.default,
      encryptionKey: reader.checkedSecret(
        "STORE_ENCRYPTION_KEY",
        isKeyRing,
        "at least 32 random characters, or several such keys with spaces between them",
      ),
    },
    corsOrigins: origins ?? (isSimulated ? "any" : []),
    jsSdkOrigins: jsSdkOrigins ?? (isSimulated ? "any" : []),
    allowedHosts: readAllowedHosts(reader, { isOpen: isProduction || isSimulated, host, publicUrl }),
    audit: {
      file: reader.text("AUDIT_LOG_FILE"),
      isRequired: reader.oneOf("AUDIT_REQUIRED", ["off", "on"]) === "on",
    },
    logLevel: reader.oneOf("LOG_LEVEL", ["debug", "info", "warn", "error", "silent"]),
    tracing: readTracing(
      env,
      (warning) => warnings.push(warning),
      (path) => readRegularFile(path, maxSecretBytes),
    ),
    warnings,
    secrets: reader.secrets,
    secretFiles: [...reader.secretFiles],
    readAgain: () => loadConfig(env),
  };
  const { settleMs, timeoutMs } = config.wecom;
  // Aborted calls are reset, and the kernel discards what it had not sent yet: the rest of the time is WeCom's.
  if (settleMs < timeoutMs) {
    const expected = `expected at least WECOM_TIMEOUT_MS (${timeoutMs}), better some times as much`;
    reader.problems.push(`WECOM_SETTLE_MS: found ${settleMs}, ${expected}`);
  }
  refuseUnusedRedisSettings(reader, config.store);
  if (reader.problems.length > 0) throw new ConfigurationError(reader.problems);
  return config;
}

/** Rejected, because an ignored setting would look like protection. */
function refuseUnusedRedisSettings(reader: SettingReader, store: StoreSettings): void {
  const { redisUrl, redisReplicas = 0 } = store;
  if (redisReplicas > 0 && !redisUrl)
    reader.problems.push(
      "WECOM_STORE_REPLICAS: set, but REDIS_URL is not, expected both or WECOM_STORE_REPLICAS not set",
    );
  const isTls = redisUrl?.reveal().startsWith("rediss") === true;
  const given = (["REDIS_CA", "REDIS_CERT", "REDIS_KEY"] as const).map((name) => reader.givenAs(name));
  for (const name of given) {
    if (name !== undefined && !isTls)
      reader.problems.push(`${name}: set, but there is no TLS, expected a REDIS_URL with rediss or ${name} not set`);
  }
  if ((given[1] === undefined) !== (given[2] === undefined))
    reader.problems.push("REDIS_CERT and REDIS_KEY: one of them set, expected both or none");
}

function readCredentials(reader: SettingReader, isProduction: boolean): Credentials {
  const token = reader.secret("WECOM_ACCESS_TOKEN");
  const corpid = reader.text("WECOM_CORP_ID");
  const corpsecret = reader.secret("WECOM_CORP_SECRET");
  const suiteId = reader.text("WECOM_SUITE_ID");
  const suiteSecret = reader.secret("WECOM_SUITE_SECRET");
  const kinds = [
    ...(token ? ["WECOM_ACCESS_TOKEN"] : []),
    ...(corpsecret ? ["WECOM_CORP_SECRET"] : []),
    ...(suiteId !== undefined ? ["WECOM_SUITE_ID"] : suiteSecret ? ["WECOM_SUITE_SECRET"] : []),
  ];
  if (kinds.length > 1) {
    reader.problems.push(
      `${kinds.join(" and ")}: ${kinds.length === 2 ? "both" : "all"} set, expected one kind of credentials`,
    );
  }
  const playsBySelf = reader.integer("SIMULATOR_PLAY", 0, 1) === 1;
  if (playsBySelf && kinds.length > 0)
    reader.problems.push(
      `SIMULATOR_PLAY: set, but WeCom answers (${kinds[0]} is set), expected SIMULATOR_PLAY not set`,
    );
  if (token) return { kind: "fixed-token", token, corpid };
  if (suiteId !== undefined && suiteSecret) return { kind: "suite", suiteId, suiteSecret, providerCorpid: corpid };
  if (corpid !== undefined && corpsecret) return { kind: "self-built", corpid, corpsecret };
  if (suiteId !== undefined) {
    reader.problems.push("WECOM_SUITE_SECRET: not set, expected the secret of the suite (WECOM_SUITE_ID is set)");
  } else if (suiteSecret) {
    reader.problems.push("WECOM_SUITE_ID: not set, expected the suite's id (WECOM_SUITE_SECRET is set)");
  } else if (corpid !== undefined)
    reader.problems.push("WECOM_CORP_SECRET: not set, expected the secret of the app (WECOM_CORP_ID is set)");
  else if (corpsecret)
    reader.problems.push("WECOM_CORP_ID: not set, expected the corp's id (WECOM_CORP_SECRET is set)");
  else if (isProduction || reader.text("WECOM_BASE_URL") !== undefined) {
    const why = isProduction ? "in production" : "with WECOM_BASE_URL";
    reader.problems.push(
      `WECOM_CORP_ID: not set, expected the corp's id, together with WECOM_CORP_SECRET (${why} there is no simulator)`,
      "WECOM_CORP_SECRET: not set, expected the secret of the app, together with WECOM_CORP_ID",
      "WECOM_ACCESS_TOKEN: not set, expected a fixed access_token, if the two above are not given",
      "WECOM_SUITE_ID: not set, expected a provider's suite_id, together with WECOM_SUITE_SECRET, if none of these is given",
    );
  }
  return { kind: "simulator", playsBySelf };
}

interface Surroundings {
  readonly isProduction: boolean;
  readonly isSimulated: boolean;
  readonly host: string;
}

function warningsAbout(auth: AuthSettings, { isProduction, isSimulated }: Omit<Surroundings, "host">): string[] {
  if (auth.mode !== "none" || isSimulated) return [];
  if (!auth.trustsHeaders) {
    return ["AUTH_MODE is not set: any program on this machine can act for the corp, with every scope"];
  }
  const where = isProduction ? " in production" : "";
  return [`AUTH_MODE=none${where}: everybody who reaches this gateway acts for the corp, with every scope`];
}

const authModes = ["none", "router", "jwt"] as const;

/** RFC 7518 requires a key of at least the digest's length for HS256; the same minimum applies to a router's secret. */
const minSecretBytes = 32;

function readAuth(reader: SettingReader, surroundings: Surroundings): AuthSettings {
  const { isProduction, isSimulated, host } = surroundings;
  const isChosen = reader.text("AUTH_MODE") !== undefined;
  const why = isProduction
    ? "production needs an explicit choice"
    : !isSimulated && !isLoopback(host) && `other machines reach HOST ${host}, and the credentials are real`;
  if (!isChosen && why) {
    reader.problems.push(`AUTH_MODE: not set, expected one of: ${authModes.join(", ")} (${why})`);
    return { mode: "none", trustsHeaders: false };
  }
  const mode = reader.oneOf("AUTH_MODE", authModes);
  refuseSettingsOfOtherModes(mode, reader);
  switch (mode) {
    case "none":
      return { mode, trustsHeaders: isChosen || isSimulated };
    case "router":
      return { mode, secret: reader.longSecret("ROUTER_SECRET") ?? missingSecret };
    case "jwt":
      return {
        mode,
        keys: readKeys(reader, isProduction),
        issuer: reader.required("AUTH_ISSUER", "the `iss` of the tokens"),
        audience: reader.required("AUTH_AUDIENCE", "the `aud` of the tokens that are meant for this gateway"),
        corpClaim: reader.text("AUTH_CORP_CLAIM") ?? settings.AUTH_CORP_CLAIM.default,
        userClaim: reader.text("AUTH_USER_CLAIM") ?? settings.AUTH_USER_CLAIM.default,
      };
  }
}

const settingsOfMode = {
  none: [],
  jwt: ["AUTH_JWKS_URL", "AUTH_JWT_SECRET", "AUTH_ISSUER", "AUTH_AUDIENCE", "AUTH_CORP_CLAIM", "AUTH_USER_CLAIM"],
  router: ["ROUTER_SECRET"],
} as const;

/**
 * Rejected, because an ignored setting would look like protection: ROUTER_SECRET with AUTH_MODE=none protects nothing.
 */
function refuseSettingsOfOtherModes(chosen: AuthSettings["mode"], reader: SettingReader): void {
  for (const mode of ["jwt", "router"] as const) {
    if (mode === chosen) continue;
    for (const setting of settingsOfMode[mode]) {
      const name = reader.givenAs(setting);
      if (name === undefined) continue;
      reader.problems.push(`${name}: set, but AUTH_MODE is ${chosen}, expected AUTH_MODE=${mode} or ${name} not set`);
    }
  }
}

function readKeys(reader: SettingReader, isProduction: boolean): Extract<AuthSettings, { mode: "jwt" }>["keys"] {
  const isUrlGiven = reader.text("AUTH_JWKS_URL") !== undefined;
  if ((reader.givenAs("AUTH_JWT_SECRET") !== undefined) === isUrlGiven) {
    const found = isUrlGiven ? "both set" : "neither is set";
    reader.problems.push(`AUTH_JWKS_URL and AUTH_JWT_SECRET: ${found}, expected one of them`);
    return { kind: "secret", secret: missingSecret };
  }
  if (isUrlGiven) {
    const url = reader.url("AUTH_JWKS_URL");
    // Over plain HTTP, anybody on the network path could substitute keys.
    if (isProduction && url.protocol === "http:" && !isOnThisMachine(url)) {
      reader.problems.push("AUTH_JWKS_URL: found http, expected https in production");
    }
    return { kind: "jwks", url };
  }
  return { kind: "secret", secret: reader.longSecret("AUTH_JWT_SECRET") ?? missingSecret };
}

/** @see https://www.apollographql.com/docs/graphos/platform/security/persisted-queries#manifest-format */
function readManifest(reader: SettingReader): ReadonlyMap<string, string> | undefined {
  const path = reader.text("TRUSTED_DOCUMENTS");
  if (path === undefined) return undefined;
  try {
    const { format, version, operations } = parseJson(readRegularFile(path, maxManifestBytes));
    if (format !== "apollo-persisted-query-manifest" || version !== 1 || !Array.isArray(operations)) {
      throw new UnusableFile("another format");
    }
    return new Map(
      (operations as (Record<string, unknown> | null)[]).map((operation) => {
        const { id, body } = operation ?? {};
        if (typeof id !== "string" || typeof body !== "string")
          throw new UnusableFile("an operation without id or body");
        return [id, body] as const;
      }),
    );
  } catch (error) {
    const found = foundInstead(error);
    reader.problems.push(
      `TRUSTED_DOCUMENTS: found ${found}, expected the path of an apollo-persisted-query-manifest, version 1`,
    );
    return undefined;
  }
}

const maxManifestBytes = 50_000_000;
const maxSecretBytes = 100_000;

/** Describes a file's problem, without its content. */
class UnusableFile extends Error {}

/**
 * Only regular files: a pipe or a device could block the start forever, deaf to signals.
 *
 * @throws {UnusableFile}, and errors of `fs`
 */
function readRegularFile(path: string, maxBytes: number): string {
  const file = statSync(path);
  if (!file.isFile()) throw new UnusableFile("no regular file");
  if (file.size > maxBytes) throw new UnusableFile(`${file.size} bytes`);
  return readFileSync(path, "utf8");
}

function parseJson(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // V8's message quotes a part of the text, which may be a secret.
  }
  throw new UnusableFile("no JSON object");
}

function foundInstead(error: unknown): string {
  if (error instanceof UnusableFile) return error.message;
  const code = typeof error === "object" && error !== null && "code" in error ? String(error.code) : "an error";
  return `${code} when reading it`;
}

/** Returned after a problem was recorded; a configuration with problems is never used. */
const missingSecret = new Secret("");

function readCallbackKeys(reader: SettingReader, credentials: Credentials): CallbackKeys | undefined {
  const isToken = (text: string) => /^[A-Za-z0-9]{1,32}$/.test(text);
  const isAesKey = (text: string) => /^[A-Za-z0-9+/]{43}$/.test(text);
  const token = reader.checkedSecret("WECOM_CALLBACK_TOKEN", isToken, "at most 32 letters and digits");
  const aesKey = reader.checkedSecret("WECOM_CALLBACK_AES_KEY", isAesKey, "43 characters of base64");
  if (!token !== !aesKey) {
    const [missing, given] = token
      ? ["WECOM_CALLBACK_AES_KEY", "WECOM_CALLBACK_TOKEN"]
      : ["WECOM_CALLBACK_TOKEN", "WECOM_CALLBACK_AES_KEY"];
    reader.problems.push(`${missing}: not set, expected its value beside it in WeCom's console (${given} is set)`);
  }
  if (credentials.kind === "suite" && !token && !aesKey) {
    reader.problems.push(
      "WECOM_CALLBACK_TOKEN: not set, expected that of the callback URL: WeCom pushes the suite_ticket there",
      "WECOM_CALLBACK_AES_KEY: not set, expected its value beside it in WeCom's console",
    );
  }
  if (!token || !aesKey) return undefined;
  if (credentials.kind === "fixed-token" && credentials.corpid === undefined) {
    reader.problems.push(
      "WECOM_CORP_ID: not set, expected the corp for which callbacks are meant (WECOM_CALLBACK_TOKEN is set)",
    );
  }
  return { token, aesKey };
}

/** Reads one variable at a time and records problems; the value that it returns then is never used. */
class SettingReader {
  readonly secrets = new Map<string, Secret>();
  readonly secretFiles = new Set<string>();

  readonly problems: string[] = [];

  constructor(private readonly env: Readonly<Record<string, string | undefined>>) {}

  /** An empty variable counts as not set, because compose files and shells unset variables this way. */
  text(name: SettingName): string | undefined {
    const value = this.env[name]?.trim();
    return value === "" ? undefined : value;
  }

  secret(name: SettingName): Secret | undefined {
    const value = this.#secretText(name);
    const setting: Setting = settings[name];
    // Its file is there before there is one: only then can both be changed without a restart.
    const previous = setting.isShared ? this.#secretText(`${name}_PREVIOUS`, { mayBeEmpty: true }) : undefined;
    if (previous !== undefined && this.givenAs(name) === undefined)
      this.problems.push(`${name}_PREVIOUS: set, but ${name} is not, expected both or ${name}_PREVIOUS not set`);
    if (value === undefined) return undefined;
    const secret = new Secret(value, previous);
    this.secrets.set(name, secret);
    return secret;
  }

  #secretText(name: string, { mayBeEmpty = false } = {}): string | undefined {
    const fileVariable = `${name}_FILE`;
    const path = this.env[fileVariable]?.trim();
    const value = this.env[name]?.trim() || undefined;
    if (!path) return value;
    this.secretFiles.add(path);
    if (value !== undefined) this.problems.push(`${name} and ${fileVariable}: both set, expected one of them`);
    try {
      const content = readRegularFile(path, maxSecretBytes).trim();
      if (content !== "") return content;
      if (!mayBeEmpty) this.problems.push(`${fileVariable}: found an empty file, expected a secret in it`);
    } catch (error) {
      this.problems.push(`${fileVariable}: found ${foundInstead(error)}, expected the path of a readable file`);
    }
    return undefined;
  }

  /** The variable that is set: the name itself, or its `NAME_FILE`. */
  givenAs(name: SettingName): string | undefined {
    return [name, `${name}_FILE`].find((variable) => Boolean(this.env[variable]?.trim()));
  }

  longSecret(name: SettingName): Secret | undefined {
    if (this.givenAs(name) === undefined) {
      this.problems.push(`${name}: not set, expected a secret of at least ${minSecretBytes} bytes`);
      return undefined;
    }
    return this.#checked(name, (value) => {
      const bytes = Buffer.byteLength(value);
      return bytes < minSecretBytes ? `found ${bytes} bytes, expected at least ${minSecretBytes}` : undefined;
    });
  }

  required(name: SettingName, expected: string): string {
    const value = this.text(name);
    if (value === undefined) this.problems.push(`${name}: not set, expected ${expected}`);
    return value ?? "";
  }

  /** A secret in a required format. Its value is never reported. */
  checkedSecret(name: SettingName, isValid: (value: string) => boolean, expected: string): Secret | undefined {
    return this.#checked(name, (value) => (isValid(value) ? undefined : `found something else, expected ${expected}`));
  }

  /** The previous value must meet the same requirements; problems are reported by each variable's own name. */
  #checked(name: SettingName, problemOf: (value: string) => string | undefined): Secret | undefined {
    const secret = this.secret(name);
    for (const [index, value] of (secret?.revealAll() ?? []).entries()) {
      const problem = problemOf(value);
      if (problem !== undefined) this.problems.push(`${index === 0 ? name : `${name}_PREVIOUS`}: ${problem}`);
    }
    return secret;
  }

  integer(name: SettingNameWithDefault | "ADMIN_PORT" | "WECOM_AGENT_ID", min: number, max: number): number {
    const value = this.text(name) ?? (name === "ADMIN_PORT" || name === "WECOM_AGENT_ID" ? "" : settings[name].default);
    const number = Number(value);
    if (!/^\d+$/.test(value) || number < min || number > max) {
      this.problems.push(`${name}: found ${JSON.stringify(value)}, expected a whole number from ${min} to ${max}`);
    }
    return number;
  }

  oneOf<T extends string>(name: "NODE_ENV" | "AUTH_MODE" | "AUDIT_REQUIRED" | "LOG_LEVEL", allowed: readonly T[]): T {
    const value = this.text(name) ?? settings[name].default;
    const found = allowed.find((candidate) => candidate === value);
    if (found !== undefined) return found;
    this.problems.push(`${name}: found ${JSON.stringify(value)}, expected one of: ${allowed.join(", ")}`);
    return allowed[0] as T;
  }

  list(name: SettingName, isValid: (item: string) => boolean, expected: string): string[] | undefined {
    const items = this.text(name)
      ?.split(",")
      .map((item) => item.trim());
    const wrong = items?.filter((item) => !isValid(item)) ?? [];
    if (wrong.length > 0) {
      // The part before an @ may be a password.
      const shown = wrong.map((item) => item.replace(/.*@/, "…@"));
      this.problems.push(`${name}: found ${JSON.stringify(shown)}, expected ${expected}`);
    }
    return items;
  }

  url(name: "WECOM_BASE_URL" | "AUTH_JWKS_URL" | "PUBLIC_URL"): URL {
    const value = this.text(name) ?? settings.WECOM_BASE_URL.default;
    const url = URL.canParse(value) ? new URL(value) : null;
    const hasCredentials = url !== null && `${url.username}${url.password}` !== "";
    const isHttp = url !== null && /^https?:$/.test(url.protocol) && url.search === "" && url.hash === "";
    if (isHttp && !hasCredentials) return url;
    // Not echoed: the URL may contain a token or a password.
    const found = hasCredentials ? "a user name or password in it" : "something else";
    this.problems.push(`${name}: found ${found}, expected an http or https URL without query and credentials`);
    return new URL(settings.WECOM_BASE_URL.default);
  }
}

/** An address or a host name; whether it resolves shows when listening starts. */
function readHost(reader: SettingReader): string {
  const host = reader.text("HOST") ?? settings.HOST.default;
  if (isIP(host) === 0 && !/^[\w-]+(\.[\w-]+)*\.?$/.test(host)) {
    const shown = JSON.stringify(host.replace(/.*@/, "…@"));
    reader.problems.push(`HOST: found ${shown}, expected an address such as 127.0.0.1 or ::1, or a name`);
  }
  return host;
}

function readAdminPort(reader: SettingReader): number | undefined {
  const text = reader.text("ADMIN_PORT");
  if (text === undefined) return undefined;
  const port = reader.integer("ADMIN_PORT", 0, 65535);
  if (port !== 0 && text === (reader.text("PORT") ?? settings.PORT.default)) {
    reader.problems.push(`ADMIN_PORT: found ${port}, expected another port than PORT's`);
  }
  return port;
}

interface HostPolicy {
  readonly isOpen: boolean;
  readonly host: string;
  readonly publicUrl: URL | undefined;
}

function readAllowedHosts(reader: SettingReader, { isOpen, host, publicUrl }: HostPolicy): AllowedHosts {
  const given = reader.list("ALLOWED_HOSTS", isHostName, "names such as gateway.example.com, without port");
  if (given === undefined && isOpen) return "any";
  const isWildcard = host === "0.0.0.0" || host === "::";
  const addresses = isWildcard ? Object.values(networkInterfaces()).flatMap((all) => all ?? []) : [];
  return [
    ...["localhost", "127.0.0.1", "[::1]", inUrl(host)],
    ...(isWildcard ? [hostname(), ...addresses.map(({ address }) => inUrl(address))] : []),
    ...(publicUrl ? [publicUrl.hostname] : []),
    ...(given ?? []),
  ].map((name) => name.toLowerCase());
}

function inUrl(host: string): string {
  return isIP(host) === 6 ? `[${host}]` : host;
}

function isHostName(text: string): boolean {
  return URL.canParse(`http://${text}`) && new URL(`http://${text}`).host === text.toLowerCase();
}

function isLoopback(host: string): boolean {
  return isOnThisMachine({ hostname: inUrl(host).toLowerCase() });
}

function isOnThisMachine({ hostname }: Pick<URL, "hostname">): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d+){3}$/.test(hostname);
}

function isRedisUrl(text: string): boolean {
  return /^rediss?(\+(sentinel|cluster))?:\/\/[^/]/.test(text);
}

/** Keys separated by whitespace; `plaintext` stands for no encryption. */
function isKeyRing(text: string): boolean {
  return text.split(/\s+/).every((key) => key === "plaintext" || key.length >= 32);
}

function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text;
}
