/**
 * The environment as a checked configuration: the only reader of process.env. All mistakes are told at once, by variable,
 * with what was found and what is expected; the value of a secret never.
 * Over 300 lines because every variable, its default, its meaning and its check stand together here.
 */
import { readFileSync } from "node:fs";
import type { LogLevel } from "./observability/logger.js";
import { Secret } from "./observability/secret.js";

export interface Setting {
  readonly default?: string;
  readonly meaning: string;
  /** Can also be given as the path of a file, in `NAME_FILE`. */
  readonly isSecret?: true;
}

/** Every variable that the gateway reads; the table in the README is compared with this one. */
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
    isSecret: true,
  },
  WECOM_SUITE_ID: {
    meaning: "the suite_id of a provider's app, third-party or (`dk…`) customised: a token per corp that authorised it",
  },
  WECOM_SUITE_SECRET: { meaning: "its suite_secret", isSecret: true },
  PUBLIC_URL: {
    meaning: "how browsers reach the gateway, for the way back from an app's installation; unset: where it listens",
  },
  WECOM_CALLBACK_TOKEN: { meaning: "the Token of the callback URL in WeCom's console", isSecret: true },
  WECOM_CALLBACK_AES_KEY: { meaning: "the EncodingAESKey beside it: 43 characters", isSecret: true },
  WECOM_SETTLE_MS: {
    default: "60000",
    meaning:
      "how long a create whose answer was lost may still take effect, in milliseconds: only then is one that is not found sent again, under its idempotency key",
  },
  WECOM_MAX_IN_FLIGHT: { default: "10", meaning: "calls under way at once, per corp and API" },
  WECOM_CALLS_PER_MINUTE: {
    default: "9500",
    meaning:
      "calls to WeCom that are let through, per corp and API, all replicas together; 15 times as many an hour, and twice as many (a provider's app: 4 times) per API from this address. WeCom's own limits are a twentieth higher. Unset: no limit towards a `WECOM_BASE_URL` on this machine, where a simulator or a test answers",
  },
  WECOM_TIMEOUT_MS: { default: "8000", meaning: "deadline of one operation's calls to WeCom, in milliseconds" },
  REDIS_URL: {
    meaning: "state that several replicas share, in Redis or Valkey; unset: the embedded store in `DATA_DIR`",
    isSecret: true,
  },
  DATA_DIR: {
    default: "./data",
    meaning: "the embedded store's folder; several processes of one machine may share it",
  },
  STORE_ENCRYPTION_KEY: {
    meaning: "at least 32 random characters: encrypts what is stored; unset: tokens and permanent codes lie in clear",
    isSecret: true,
  },
  AUTH_MODE: {
    default: "none",
    meaning:
      "who may call: `jwt` (bearer tokens), `router` (the supergraph's router alone) or `none` (everybody); in production it must be set, so that nothing is open by accident",
  },
  AUTH_JWKS_URL: { meaning: "for `jwt`: where the issuer's public keys are" },
  AUTH_JWT_SECRET: {
    meaning: "for `jwt`, instead of the URL: a secret shared with the issuer, for HS256",
    isSecret: true,
  },
  AUTH_ISSUER: { meaning: "for `jwt`: the only `iss` that is accepted" },
  AUTH_AUDIENCE: { meaning: "for `jwt`: what must stand in `aud`" },
  AUTH_CORP_CLAIM: { default: "corpid", meaning: "the claim with the corp for which the caller acts" },
  AUTH_USER_CLAIM: { default: "userid", meaning: "the claim with the caller's userid at WeCom" },
  ROUTER_SECRET: { meaning: "for `router`: what its header `router-authorization` must hold", isSecret: true },
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
    meaning: "calls to WeCom for one caller, by userid or `sub`; callers who cannot be told apart are not counted",
  },
  LIMIT_CONNECTIONS: {
    default: "5000",
    meaning: "WebSockets and event streams open at once, per replica; on a WebSocket, 50 operations",
  },
  CORS_ORIGINS: {
    meaning: "origins of browsers, comma-separated; unset: none in production, any outside it",
  },
  LOG_LEVEL: { default: "info", meaning: "`debug`, `info`, `warn`, `error` or `silent`: JSON lines to stdout" },
} as const satisfies Record<string, Setting>;

type SettingName = keyof typeof settings;
type SettingNameWithDefault = {
  [Name in SettingName]: (typeof settings)[Name] extends { default: string } ? Name : never;
}[SettingName];

export type Credentials =
  | { readonly kind: "simulator" }
  | { readonly kind: "fixed-token"; readonly token: Secret; readonly corpid: string | undefined }
  | { readonly kind: "self-built"; readonly corpid: string; readonly corpsecret: Secret }
  | {
      readonly kind: "suite";
      readonly suiteId: string;
      readonly suiteSecret: Secret;
      /** The provider's own: only the verification of a callback URL is addressed to it. */
      readonly providerCorpid: string | undefined;
    };

export type AuthSettings =
  | { readonly mode: "none" }
  | { readonly mode: "router"; readonly secret: Secret }
  | {
      readonly mode: "jwt";
      readonly keys:
        { readonly kind: "jwks"; readonly url: URL } | { readonly kind: "secret"; readonly secret: Secret };
      readonly issuer: string;
      readonly audience: string;
      readonly corpClaim: string;
      readonly userClaim: string;
    };

export type LimitName =
  | "bodyBytes"
  | "tokens"
  | "depth"
  | "aliases"
  | "rootFields"
  | "directives"
  | "fragments"
  | "variables"
  | "cost"
  | "entities"
  | "first"
  | "callsPerMinute"
  | "connections";

/** What WeCom's pushes to `/wecom/callback` are signed and encrypted with. */
export interface CallbackKeys {
  readonly token: Secret;
  readonly aesKey: Secret;
}

export interface Config {
  readonly isProduction: boolean;
  readonly port: number;
  readonly host: string;
  readonly wecom: {
    readonly baseUrl: URL;
    readonly credentials: Credentials;
    readonly callback: CallbackKeys | undefined;
    readonly settleMs: number;
    readonly maxInFlight: number;
    /** Undefined: no limit. */
    readonly callsPerMinute: number | undefined;
    readonly timeoutMs: number;
  };
  readonly auth: AuthSettings;
  /** id → document; undefined where every document may run. */
  readonly trustedDocuments: ReadonlyMap<string, string> | undefined;
  readonly revealsSchema: boolean;
  readonly limits: Readonly<Record<LimitName, number>>;
  /** Undefined: the URL under which it listens. */
  readonly publicUrl: URL | undefined;
  readonly store: {
    readonly redisUrl: Secret | undefined;
    readonly dataDir: string;
    readonly encryptionKey: Secret | undefined;
  };
  readonly corsOrigins: "any" | readonly string[];
  readonly logLevel: LogLevel;
}

export class ConfigurationError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(`The configuration is not valid:\n${problems.map((problem) => `  - ${problem}`).join("\n")}`);
    this.name = "ConfigurationError";
  }
}

/** @throws {ConfigurationError} with every problem that there is */
export function loadConfig(env: Readonly<Record<string, string | undefined>> = process.env): Config {
  const problems: string[] = [];
  const reader = new SettingReader(env, problems);
  const isProduction = reader.oneOf("NODE_ENV", ["development", "test", "production"]) === "production";
  const origins = reader.list("CORS_ORIGINS", isOrigin, "origins such as https://app.example.com");
  const auth = readAuth(reader, isProduction, problems);
  const introspection = reader.text("INTROSPECTION");
  if (introspection !== undefined && introspection !== "on" && introspection !== "off") {
    problems.push(`INTROSPECTION: found ${JSON.stringify(introspection)}, expected on or off`);
  }
  const credentials = readCredentials(reader, isProduction, problems);
  const baseUrl = reader.url("WECOM_BASE_URL");
  const isWecomHere = credentials.kind === "simulator" || isOnThisMachine(baseUrl);
  const isLimited = reader.text("WECOM_CALLS_PER_MINUTE") !== undefined || !isWecomHere;
  const config: Config = {
    isProduction,
    port: reader.integer("PORT", 0, 65535),
    host: reader.text("HOST") ?? settings.HOST.default,
    wecom: {
      baseUrl,
      credentials,
      callback: readCallbackKeys(reader, credentials, problems),
      settleMs: reader.integer("WECOM_SETTLE_MS", 0, 3_600_000),
      maxInFlight: reader.integer("WECOM_MAX_IN_FLIGHT", 1, 1000),
      callsPerMinute: isLimited ? reader.integer("WECOM_CALLS_PER_MINUTE", 1, 100_000_000) : undefined,
      timeoutMs: reader.integer("WECOM_TIMEOUT_MS", 1, 600_000),
    },
    auth,
    trustedDocuments: readManifest(reader, problems),
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
    },
    publicUrl: reader.text("PUBLIC_URL") === undefined ? undefined : reader.url("PUBLIC_URL"),
    store: {
      redisUrl: reader.checkedSecret("REDIS_URL", isRedisUrl, "a URL such as redis://127.0.0.1:6379"),
      dataDir: reader.text("DATA_DIR") ?? settings.DATA_DIR.default,
      encryptionKey: reader.checkedSecret(
        "STORE_ENCRYPTION_KEY",
        (key) => key.length >= 32,
        "at least 32 random characters",
      ),
    },
    corsOrigins: origins ?? (isProduction ? [] : "any"),
    logLevel: reader.oneOf("LOG_LEVEL", ["debug", "info", "warn", "error", "silent"]),
  };
  if (problems.length > 0) throw new ConfigurationError(problems);
  return config;
}

function readCredentials(reader: SettingReader, isProduction: boolean, problems: string[]): Credentials {
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
    problems.push(
      `${kinds.join(" and ")}: ${kinds.length === 2 ? "both" : "all"} set, expected one kind of credentials`,
    );
  }
  if (token) return { kind: "fixed-token", token, corpid };
  if (suiteId !== undefined && suiteSecret) return { kind: "suite", suiteId, suiteSecret, providerCorpid: corpid };
  if (corpid !== undefined && corpsecret) return { kind: "self-built", corpid, corpsecret };
  if (suiteId !== undefined) {
    problems.push("WECOM_SUITE_SECRET: not set, expected the secret of the suite (WECOM_SUITE_ID is set)");
  } else if (suiteSecret) {
    problems.push("WECOM_SUITE_ID: not set, expected the suite's id (WECOM_SUITE_SECRET is set)");
  } else if (corpid !== undefined)
    problems.push("WECOM_CORP_SECRET: not set, expected the secret of the app (WECOM_CORP_ID is set)");
  else if (corpsecret) problems.push("WECOM_CORP_ID: not set, expected the corp's id (WECOM_CORP_SECRET is set)");
  else if (isProduction || reader.text("WECOM_BASE_URL") !== undefined) {
    const why = isProduction ? "in production" : "with WECOM_BASE_URL";
    problems.push(
      `WECOM_CORP_ID: not set, expected the corp's id, together with WECOM_CORP_SECRET (${why} there is no simulator)`,
      "WECOM_CORP_SECRET: not set, expected the secret of the app, together with WECOM_CORP_ID",
      "WECOM_ACCESS_TOKEN: not set, expected a fixed access_token, if the two above are not given",
      "WECOM_SUITE_ID: not set, expected a provider's suite_id, together with WECOM_SUITE_SECRET, if none of these is given",
    );
  }
  return { kind: "simulator" };
}

const authModes = ["none", "router", "jwt"] as const;

/** RFC 7518 wants a key as long as the digest of HS256; a router's secret may as well be as long. */
const minSecretBytes = 32;

function readAuth(reader: SettingReader, isProduction: boolean, problems: string[]): AuthSettings {
  if (isProduction && reader.text("AUTH_MODE") === undefined) {
    problems.push(`AUTH_MODE: not set, expected one of: ${authModes.join(", ")} (production needs an explicit choice)`);
    return { mode: "none" };
  }
  const mode = reader.oneOf("AUTH_MODE", authModes);
  switch (mode) {
    case "none":
      return { mode };
    case "router":
      return { mode, secret: reader.longSecret("ROUTER_SECRET") ?? missingSecret };
    case "jwt":
      return {
        mode,
        keys: readKeys(reader, problems),
        issuer: reader.required("AUTH_ISSUER", "the `iss` of the tokens"),
        audience: reader.required("AUTH_AUDIENCE", "the `aud` of the tokens that are meant for this gateway"),
        corpClaim: reader.text("AUTH_CORP_CLAIM") ?? settings.AUTH_CORP_CLAIM.default,
        userClaim: reader.text("AUTH_USER_CLAIM") ?? settings.AUTH_USER_CLAIM.default,
      };
  }
}

function readKeys(reader: SettingReader, problems: string[]): Extract<AuthSettings, { mode: "jwt" }>["keys"] {
  const isUrlGiven = reader.text("AUTH_JWKS_URL") !== undefined;
  if (reader.isGiven("AUTH_JWT_SECRET") === isUrlGiven) {
    const found = isUrlGiven ? "both set" : "neither is set";
    problems.push(`AUTH_JWKS_URL and AUTH_JWT_SECRET: ${found}, expected one of them`);
    return { kind: "secret", secret: missingSecret };
  }
  if (isUrlGiven) return { kind: "jwks", url: reader.url("AUTH_JWKS_URL") };
  return { kind: "secret", secret: reader.longSecret("AUTH_JWT_SECRET") ?? missingSecret };
}

/** @see https://www.apollographql.com/docs/graphos/platform/security/persisted-queries#manifest-format */
function readManifest(reader: SettingReader, problems: string[]): ReadonlyMap<string, string> | undefined {
  const path = reader.text("TRUSTED_DOCUMENTS");
  if (path === undefined) return undefined;
  try {
    const { format, version, operations } = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
    if (format !== "apollo-persisted-query-manifest" || version !== 1 || !Array.isArray(operations)) {
      throw new Error("another format");
    }
    return new Map(
      (operations as Record<string, unknown>[]).map(({ id, body }) => {
        if (typeof id !== "string" || typeof body !== "string") throw new Error("an operation without id or body");
        return [id, body] as const;
      }),
    );
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    problems.push(
      `TRUSTED_DOCUMENTS: found ${found}, expected the path of an apollo-persisted-query-manifest, version 1`,
    );
    return undefined;
  }
}

/** Stands where a problem has been noted; a configuration with problems is never used. */
const missingSecret = new Secret("");

function readCallbackKeys(
  reader: SettingReader,
  credentials: Credentials,
  problems: string[],
): CallbackKeys | undefined {
  const isToken = (text: string) => /^[A-Za-z0-9]{1,32}$/.test(text);
  const isAesKey = (text: string) => /^[A-Za-z0-9+/]{43}$/.test(text);
  const token = reader.checkedSecret("WECOM_CALLBACK_TOKEN", isToken, "at most 32 letters and digits");
  const aesKey = reader.checkedSecret("WECOM_CALLBACK_AES_KEY", isAesKey, "43 characters of base64");
  if (!token !== !aesKey) {
    const [missing, given] = token
      ? ["WECOM_CALLBACK_AES_KEY", "WECOM_CALLBACK_TOKEN"]
      : ["WECOM_CALLBACK_TOKEN", "WECOM_CALLBACK_AES_KEY"];
    problems.push(`${missing}: not set, expected what stands beside it in WeCom's console (${given} is set)`);
  }
  if (credentials.kind === "suite" && !token && !aesKey) {
    problems.push(
      "WECOM_CALLBACK_TOKEN: not set, expected that of the callback URL: WeCom pushes the suite_ticket there",
      "WECOM_CALLBACK_AES_KEY: not set, expected what stands beside it in WeCom's console",
    );
  }
  if (!token || !aesKey) return undefined;
  if (credentials.kind === "fixed-token" && credentials.corpid === undefined) {
    problems.push(
      "WECOM_CORP_ID: not set, expected the corp for which callbacks are meant (WECOM_CALLBACK_TOKEN is set)",
    );
  }
  return { token, aesKey };
}

/** Reads one variable at a time and notes what is wrong with it; what it returns then is never used. */
class SettingReader {
  constructor(
    private readonly env: Readonly<Record<string, string | undefined>>,
    private readonly problems: string[],
  ) {}

  /** An empty variable counts as not set: that is how compose files and shells unset one. */
  text(name: SettingName): string | undefined {
    const value = this.env[name]?.trim();
    return value === "" ? undefined : value;
  }

  secret(name: SettingName): Secret | undefined {
    const fileVariable = `${name}_FILE`;
    const path = this.env[fileVariable]?.trim();
    const value = this.text(name);
    if (!path) return value === undefined ? undefined : new Secret(value);
    if (value !== undefined) this.problems.push(`${name} and ${fileVariable}: both set, expected one of them`);
    try {
      const content = readFileSync(path, "utf8").trim();
      if (content !== "") return new Secret(content);
      this.problems.push(`${fileVariable}: found an empty file, expected a secret in it`);
    } catch (error) {
      const code = typeof error === "object" && error !== null && "code" in error ? String(error.code) : "an error";
      this.problems.push(`${fileVariable}: found ${code} when reading it, expected the path of a readable file`);
    }
    return undefined;
  }

  isGiven(name: SettingName): boolean {
    return this.text(name) !== undefined || Boolean(this.env[`${name}_FILE`]?.trim());
  }

  longSecret(name: SettingName): Secret | undefined {
    if (!this.isGiven(name)) {
      this.problems.push(`${name}: not set, expected a secret of at least ${minSecretBytes} bytes`);
      return undefined;
    }
    const secret = this.secret(name);
    const length = secret && Buffer.byteLength(secret.reveal());
    if (length === undefined || length >= minSecretBytes) return secret;
    this.problems.push(`${name}: found ${length} bytes, expected at least ${minSecretBytes}`);
    return undefined;
  }

  required(name: SettingName, expected: string): string {
    const value = this.text(name);
    if (value === undefined) this.problems.push(`${name}: not set, expected ${expected}`);
    return value ?? "";
  }

  /** A secret of a certain form. What was found instead is not told. */
  checkedSecret(name: SettingName, isValid: (value: string) => boolean, expected: string): Secret | undefined {
    const secret = this.secret(name);
    if (secret && !isValid(secret.reveal())) this.problems.push(`${name}: found something else, expected ${expected}`);
    return secret;
  }

  integer(name: SettingNameWithDefault, min: number, max: number): number {
    const value = this.text(name) ?? settings[name].default;
    const number = Number(value);
    if (!/^\d+$/.test(value) || number < min || number > max) {
      this.problems.push(`${name}: found ${JSON.stringify(value)}, expected a whole number from ${min} to ${max}`);
    }
    return number;
  }

  oneOf<T extends string>(name: "NODE_ENV" | "AUTH_MODE" | "LOG_LEVEL", allowed: readonly T[]): T {
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
    if (wrong.length > 0) this.problems.push(`${name}: found ${JSON.stringify(wrong)}, expected ${expected}`);
    return items;
  }

  url(name: "WECOM_BASE_URL" | "AUTH_JWKS_URL" | "PUBLIC_URL"): URL {
    const value = this.text(name) ?? settings.WECOM_BASE_URL.default;
    const url = URL.canParse(value) ? new URL(value) : null;
    const isUsable =
      url !== null && /^https?:$/.test(url.protocol) && url.search === "" && url.hash === "" && url.username === "";
    if (isUsable) return url;
    // Not echoed: a URL that somebody put a token or a password into must not reach the log.
    this.problems.push(`${name}: found something else, expected an http or https URL without query and credentials`);
    return new URL(settings.WECOM_BASE_URL.default);
  }
}

function isOnThisMachine({ hostname }: URL): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d+){3}$/.test(hostname);
}

function isRedisUrl(text: string): boolean {
  return URL.canParse(text) && /^rediss?:$/.test(new URL(text).protocol);
}

function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text;
}
