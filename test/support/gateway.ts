/**
 * A gateway as it runs in production, in front of a simulated WeCom, both behind real sockets. Everything that leaves it
 * is collected, and when it is closed, searched for what must never leave.
 */
import type { ResultOf, TypedDocumentNode, VariablesOf } from "./typed-documents.js";
import { print } from "graphql";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type App, type AppOptions, createApp } from "../../src/app.js";
import { loadConfig, type Setting, settings } from "../../src/config.js";
import { type Simulator, type SimulatorOptions, startSimulator } from "../../src/simulator/index.js";

export const corpid = "wwcanary0corpid00";
const corpsecret = "CANARY-corpsecret-4f1c9a";
/** A token that the simulator accepts for ever; for gateways that are given a fixed one. */
export const fixedToken = "CANARY-fixed-token-77b1d2";
const egressIp = "203.0.113.77";
/** Stands in every push URL of the simulator's. */
const pushHost = "push.simulator.invalid";

export interface GatewayOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly simulator?: SimulatorOptions;
  /** Another upstream instead of a simulator. */
  readonly upstreamUrl?: string;
  /** The gateway's clock, in milliseconds since 1970. */
  readonly now?: () => number;
  readonly callLimits?: AppOptions["callLimits"];
  /** As `main.ts` does. Elsewhere the first request fetches the first token. */
  readonly checksCredentials?: true;
}

export interface Answer<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly data: T | null | undefined;
  readonly errors: readonly { message: string; path?: (string | number)[]; extensions: Record<string, unknown> }[];
}

export interface Gateway extends AsyncDisposable {
  readonly url: string;
  /** With `ADMIN_PORT`. */
  readonly adminUrl: string | undefined;
  readonly simulator: Simulator;
  readonly logs: readonly Record<string, unknown>[];
  /** Any request; the answer is read whole. */
  fetch(path: string, init?: RequestInit): Promise<{ status: number; headers: Headers; text: string }>;
  /** An operation, typed by codegen or written out. */
  run<T extends TypedDocumentNode>(
    document: T,
    variables: VariablesOf<T>,
    headers?: Record<string, string>,
  ): Promise<Answer<ResultOf<T>>>;
  run(document: string, variables?: unknown, headers?: Record<string, string>): Promise<Answer<Record<string, any>>>;
  /** What was said by another way than `fetch` is searched as well. */
  alsoSearch(exchange: { received?: string; credential?: string }): void;
  close(drain?: { acceptForMs: number }): Promise<void>;
}

export async function startGateway(options: GatewayOptions = {}): Promise<Gateway> {
  const simulator = await startSimulator({
    corps: [{ corpid, apps: [{ agentid: 1000014, secret: corpsecret }] }],
    fixedTokens: [fixedToken],
    egressIp,
    ...options.simulator,
  });
  const dataDir = await mkdtemp(join(tmpdir(), "gateway-"));
  const logLines: string[] = [];
  const outputs: string[] = [];
  const planted = new Set<string>();
  const env = {
    PORT: "0",
    WECOM_BASE_URL: options.upstreamUrl ?? simulator.url,
    WECOM_CORP_ID: corpid,
    WECOM_CORP_SECRET: corpsecret,
    DATA_DIR: dataDir,
    LOG_LEVEL: "debug",
    // On purpose: headers may say who is calling.
    AUTH_MODE: "none",
    // What raw requests call it.
    ALLOWED_HOSTS: "x",
    ...options.env,
  };
  for (const [name, { isSecret }] of Object.entries<Setting>(settings)) {
    const value = (env as Readonly<Record<string, string>>)[name];
    if (isSecret && value) planted.add(value);
  }
  let app: App | undefined;
  let url: string;
  try {
    app = await createApp(loadConfig(env), {
      logTo: { write: (lines) => logLines.push(...lines.trimEnd().split("\n")) },
      explorerPage: new URL("../../dist/graphiql.html.gz", import.meta.url),
      ...(options.now && { now: options.now }),
      ...(options.callLimits && { callLimits: options.callLimits }),
    });
    url = await app.listen();
    if (options.checksCredentials) await app.checkCredentials();
  } catch (error) {
    // What was started before would keep the test run from ending.
    await app?.close({ acceptForMs: 0 });
    await rm(dataDir, { recursive: true });
    await simulator.close();
    throw error;
  }

  const fetchText: Gateway["fetch"] = async (path, init) => {
    const response = await fetch(`${url}${path}`, init);
    const text = await response.text();
    for (const credential of credentialsIn(init?.headers)) planted.add(credential);
    outputs.push(JSON.stringify([...response.headers]));
    outputs.push(asksForPushUrl(path, init) ? text.replace(/"rtmp:[^"]*"/g, "") : text);
    return { status: response.status, headers: response.headers, text };
  };
  const run = async (document: string | TypedDocumentNode, variables: unknown = {}, more = {}) => {
    const query = typeof document === "string" ? document : print(document);
    const { status, headers, text } = await fetchText("/graphql", {
      method: "POST",
      headers: { "content-type": "application/json", ...more },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors = [] } = JSON.parse(text);
    return { status, headers, data, errors };
  };
  let closed: Promise<void> | undefined;
  const close = (drain = { acceptForMs: 0 }) =>
    (closed ??= (async () => {
      const metrics = await fetchText("/metrics").catch(() => undefined);
      // A code that `outcomeOfCode` does not list would be missing in the service levels.
      const strange = /graphql_errors_total\{code="other"\} [1-9]/.test(metrics?.text ?? "");
      if (strange) throw new Error("a client was told an error whose code is not listed in errors.ts");
      await app.close(drain);
      for (const value of [corpsecret, fixedToken, egressIp, pushHost, ...issuedSecrets(simulator)]) planted.add(value);
      await rm(dataDir, { recursive: true });
      await simulator.close();
      refuseLeaks([...outputs, ...logLines, metrics?.text ?? "", process.title], [...planted]);
    })());
  return {
    url,
    adminUrl: app.adminUrl,
    simulator,
    get logs() {
      return logLines.map((line) => JSON.parse(line) as Record<string, unknown>);
    },
    fetch: fetchText,
    alsoSearch: ({ received, credential }) => {
      if (received !== undefined) outputs.push(received);
      if (credential !== undefined) planted.add(credential);
    },
    run: run as Gateway["run"],
    close,
    [Symbol.asyncDispose]: () => close(),
  };
}

const secretFields = ["access_token", "suite_access_token", "corpsecret", "suite_secret", "suite_ticket"];
const codeFields = ["permanent_code", "auth_code"];

function issuedSecrets({ requests }: Simulator): string[] {
  const sent = requests.flatMap(({ query, body }) => [query, (body ?? {}) as Record<string, unknown>]);
  const values = sent.flatMap((fields) => [...secretFields, ...codeFields].map((name) => fields[name]));
  return [...new Set(values)].filter((value): value is string => typeof value === "string" && value.length > 8);
}

/** Tokens and secrets that a caller sent: nothing may repeat them. Short ones are made up to be refused. */
function credentialsIn(headers: RequestInit["headers"]): string[] {
  const sent = new Headers(headers);
  return ["authorization", "router-authorization"]
    .map((name) => (sent.get(name) ?? "").replace(/^\w+ /, ""))
    .filter((credential) => credential.length >= 32);
}

/** The one place where a push URL may stand is the answer to a request for it. */
function asksForPushUrl(path: string, init: RequestInit | undefined): boolean {
  return `${path} ${typeof init?.body === "string" ? init.body : ""}`.includes("pushStreamUrl");
}

/** @throws when an output holds a planted value, or a stack that a client could have seen */
export function refuseLeaks(outputs: readonly string[], planted: readonly string[]): void {
  for (const output of outputs) {
    for (const value of planted) {
      // The beginning of a long one is a leak as well.
      if (output.includes(value.slice(0, 40)))
        throw new Error(`leaked ${value.slice(0, 24)}… in: ${output.slice(0, 300)}`);
    }
  }
}
