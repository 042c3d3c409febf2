// The simulator's options, and the demo corp that is used without any.

import { type Assumptions, DEFAULT_ASSUMPTIONS } from "./assumptions.js";
import type { CallbackEndpoint } from "./callbacks.js";

export interface UserOptions {
  userid: string;
  /** Default 1, the root department. */
  mainDepartment?: number;
}

export interface AppOptions {
  agentid: number;
  secret: string;
  /** Members that the app may name as an anchor. Default "all". */
  visibleUserids?: readonly string[] | "all";
  /** The system app 「直播」 sees every living of its corp; others only their own. Default false. */
  isSystemApp?: boolean;
  /** False: living/* returns 48002. Default true. */
  hasLivingPermission?: boolean;
  /** If given, callers from other addresses get 60020. */
  trustedIps?: readonly string[];
  /** Where living_status_change of this app's livings is sent. Default nowhere; see Simulator.subscribe. */
  callback?: CallbackEndpoint;
}

export interface CorpOptions {
  corpid: string;
  apps: readonly AppOptions[];
  /** The contact book. "any" (default): every well-formed userid exists. */
  users?: readonly UserOptions[] | "any";
}

/** A third-party or customised (代开发) app, as its provider registered it. */
export interface SuiteOptions {
  suiteId: string;
  suiteSecret: string;
  /** The app's name in every corp that authorises it. */
  agentid: number;
  /** 代开发: the permanent code is the secret for gettoken. Default false: third-party, get_corp_token. */
  isCustomised?: boolean;
  /** Default "all". */
  visibleUserids?: readonly string[] | "all";
  /** 指令回调URL: suite_ticket and authorisations. Default none. */
  commandCallback?: CallbackEndpoint;
  /** 数据回调URL: living_status_change of every authorised corp. Default none. */
  dataCallback?: CallbackEndpoint;
}

/** Calls per minute and hour that are answered; the next one gets 45009 until the block ends. */
export interface RateLimits {
  perCorpPerMinute?: number;
  perCorpPerHour?: number;
  perIpPerMinute?: number;
  perIpPerHour?: number;
}

/** @see https://developer.work.weixin.qq.com/document/path/90454 */
export const DOCUMENTED_RATE_LIMITS: Readonly<Required<RateLimits>> = {
  perCorpPerMinute: 10_000,
  perCorpPerHour: 150_000,
  perIpPerMinute: 20_000,
  perIpPerHour: 600_000,
};

export interface SimulatorOptions {
  /** Default 0: any free port. */
  port?: number;
  /** Default "127.0.0.1". */
  host?: string;
  /** Default: the demo corp. */
  corps?: readonly CorpOptions[];
  /** Default none. */
  suites?: readonly SuiteOptions[];
  /** Tokens of the first app of the first corp that never expire, and that invalidateTokens() keeps. Default none. */
  fixedTokens?: readonly string[];
  /** Default 7200. */
  tokenTtlSeconds?: number;
  /** The length of issued tokens. Default 512, the documented maximum, to find storage that reserves less. */
  tokenLength?: number;
  /** Wrong secrets per address and hour before gettoken returns 45009 for an hour. Default 2000. */
  wrongSecretsPerHour?: number;
  /** Milliseconds since 1970. Default Date.now. */
  now?: () => number;
  /** From 0 (inclusive) to 1 (exclusive); see seededRandom. Default Math.random. */
  random?: () => number;
  /** The delay before every answer, after its effect. Default 0. */
  latencyMs?: number;
  /** Calls in flight per corp and API; one more gets 45033. Default unlimited, because no number is documented. */
  maxConcurrentPerApi?: number;
  /** Per corp and API, and per address and API. Default none; see DOCUMENTED_RATE_LIMITS. */
  rateLimits?: RateLimits;
  /** media_ids that exist besides those uploaded; others get 40007. Default "any". */
  mediaIds?: readonly string[] | "any";
  /** The caller's address in errmsg. Default "203.0.113.7". */
  egressIp?: string;
  /** How many requests are recorded; false: none. Default 10,000. */
  record?: number | false;
  /** How many livings are kept; the oldest are dropped. Default 50,000. */
  maxLivings?: number;
  /** The time limit of a callback before it is sent again. Default 5000, as WeCom. */
  callbackTimeoutMs?: number;
  /** Whether livings start and end automatically at their times. Default false. */
  playsBySelf?: boolean;
  assumptions?: Partial<Assumptions>;
}

/** A fictitious corp: zhangsan and lisi may host livings, wangwu exists but is outside the app's visible range. */
export const DEMO_CORP = {
  corpid: "ww0000000000000000",
  apps: [{ agentid: 1000014, secret: "demo-secret-for-the-simulator-only", visibleUserids: ["zhangsan", "lisi"] }],
  users: [{ userid: "zhangsan" }, { userid: "lisi" }, { userid: "wangwu" }],
} as const satisfies CorpOptions;

export type Settings = Required<Omit<SimulatorOptions, "assumptions">> & { assumptions: Assumptions };

export function settingsFrom(options: SimulatorOptions): Settings {
  return {
    port: 0,
    host: "127.0.0.1",
    corps: [DEMO_CORP],
    suites: [],
    fixedTokens: [],
    tokenTtlSeconds: 7200,
    tokenLength: 512,
    wrongSecretsPerHour: 2000,
    now: Date.now,
    random: Math.random,
    latencyMs: 0,
    maxConcurrentPerApi: Infinity,
    rateLimits: {},
    mediaIds: "any",
    egressIp: "203.0.113.7",
    record: 10_000,
    maxLivings: 50_000,
    callbackTimeoutMs: 5000,
    playsBySelf: false,
    ...options,
    assumptions: { ...DEFAULT_ASSUMPTIONS, ...options.assumptions },
  };
}
