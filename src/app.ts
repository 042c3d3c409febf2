/**
 * The composition root: it creates every long-lived object and decides nothing. Over 300 lines because all parts are
 * connected here.
 */
import "reflect-metadata";
import { createHash, randomBytes } from "node:crypto";
import { hostname, tmpdir } from "node:os";
import { setTimeout } from "node:timers/promises";
import { createApolloServer } from "./server/graphql/apollo.js";
import { createAuthenticator } from "./server/auth/authenticate.js";
import { CallerQuota } from "./wecom/limits/caller-quota.js";
import { noSchemaExposure, withoutSuggestions } from "./server/graphql/documents.js";
import { Executor, type ExecutorOptions } from "./server/graphql/execution.js";
import { explorerRoute, toExplorer } from "./server/explorer-route.js";
import { eventStreams } from "./server/streaming/event-stream.js";
import type { CreateContext } from "./server/graphql/context.js";
import { graphqlRoute } from "./server/graphql/graphql-route.js";
import { Preparation } from "./server/graphql/prepare.js";
import { callbackRoute, installRoute } from "./server/wecom-routes.js";
import { explainListening } from "./server/listen-faults.js";
import { createListener, type Listener } from "./server/listener.js";
import { OpenConnections } from "./server/streaming/open-connections.js";
import { mediaRoute } from "./server/uploads/media-route.js";
import { Uploads } from "./server/uploads/uploads.js";
import { securityHeaders } from "./server/security-headers.js";
import { StreamedOperations } from "./server/streaming/streamed-operations.js";
import { webSocketUpgrade } from "./server/streaming/websocket.js";
import { TrustedDocuments } from "./server/graphql/document-source.js";
import { detailRoutes, probeRoutes, type Readiness } from "./server/probes.js";
import type { Route } from "./server/exchange.js";
import type { DestinationStream } from "pino";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { GraphQLSchema } from "graphql";
import { Agent, Pool } from "undici";
import type { Config } from "./config.js";
import { formatError, outcomeOfCode } from "./errors.js";
import { BoundedMap } from "./lib/bounded-map.js";
import { within } from "./lib/within.js";
import { LivingCache } from "./living/living.cache.js";
import { mediaOperation } from "./living/living.uploads.js";
import { sample } from "./living/living.sample.js";
import { auditFile } from "./observability/audit-file.js";
import { type AuditEvent, AuditLog, type AuditSink } from "./observability/audit-log.js";
import { createLogger, type Logger } from "./observability/logger.js";
import { auditOnto, flushed, standardOutput } from "./observability/standard-output.js";
import { createMetrics, type Metrics } from "./observability/metrics.js";
import type { SpanIds, Tracing } from "./observability/tracing.js";
import { Secret } from "./observability/secret.js";
import { SecretFiles } from "./secret-files.js";
import { buildLivingSubgraph } from "./graphql/schema.js";
import { operationContexts } from "./operation-contexts.js";
import { observed } from "./stores/observed.js";
import { openStore } from "./stores/open-store.js";
import { reasonOf, type Store, StoreError } from "./stores/store.js";
import { type Access, accessWith, type AppCredentials } from "./wecom/access.js";
import { LivingStatusChanges } from "./wecom/callback/living-status-changes.js";
import { type CallbackKeys, CallbackReceiver } from "./wecom/callback/receiver.js";
import { CallLimiter } from "./wecom/limits/call-limiter.js";
import { type CallLimits, callLimits } from "./wecom/limits/call-limits.js";
import { CreateOnce, type CreateTraces } from "./wecom/create-once/create-once.js";
import type { SettledCreate } from "./wecom/create-once/keyed-create.js";
import type { Suite } from "./wecom/suite/suite.js";
import { steadyUnixMs, systemClock } from "./wecom/clock.js";
import { resettingConnector } from "./wecom/connector.js";
import { WecomClient } from "./wecom/client.js";
import { LivingChangePublisher, listenToLivingChanges } from "./wecom/living-changes.js";
import { imageBytes, MediaDataSource } from "./wecom/media.datasource.js";
import { livingApis, LivingDataSource } from "./wecom/living.datasource.js";
import { ReadRetries } from "./wecom/retry.js";
import { StoreLimitSync } from "./wecom/limits/limit-sync.js";
import { CredentialCheck } from "./wecom/tokens/credential-check.js";
import { TokenExpiries } from "./wecom/tokens/token-expiries.js";
import { RenewedToken } from "./wecom/tokens/renewed-token.js";
import { Installation } from "./wecom/suite/installation.js";

export interface App {
  /** @returns the URL on which the gateway listens */
  listen(): Promise<string>;
  /** Tests the credentials of a self-built app or a suite. Never rejects: a problem is logged and reported by `/health/ready`. */
  checkCredentials(): Promise<void>;
  /** Whether callers can be authenticated: false until the issuer's keys have been fetched. */
  canServe(): boolean;
  /** The URL of the admin port with its probes, metrics and details; undefined without one, and before it listens. */
  readonly adminUrl: string | undefined;
  /** The simulator's URL with its control page; undefined when the gateway calls WeCom itself. */
  readonly simulatorUrl: string | undefined;
  /**
   * Drains: reports "not ready", accepts requests for `acceptForMs` more so that load balancers notice, finishes
   * running requests, then closes everything. Further calls return the same promise.
   */
  close(options?: { acceptForMs?: number }): Promise<void>;
  readonly log: Logger;
}

/** Requests that are running when a drain begins may take the operations' deadline, plus this time to write their answers. */
const answerGraceMs = 1000;
/** What is closed after them may take this long in total. */
const closeGraceMs = 10_000;

export interface AppOptions {
  readonly logTo?: DestinationStream;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** Default: slightly below WeCom's documented limits. */
  readonly callLimits?: CallLimits;
  /** Called with each step that the start waits for. */
  readonly onWait?: (what: string) => void;
  /** Written by the build. Absent: there is no offline explorer. */
  readonly explorerPage?: URL;
  /** The gateway's version, for `/health/details` and metrics. */
  readonly version?: string;
}

/** What every part is created from. */
interface Base {
  readonly config: Config;
  /** Where the log is written. */
  readonly output: DestinationStream;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly audit: AuditLog;
  /** Undefined: off. */
  readonly tracing: Tracing | undefined;
  readonly store: Store;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds since 1970 by a monotonic clock that was set by the store's at startup, for counts over time. */
  readonly steady: () => number;
}

/** @throws when something required is unavailable; the message names it */
export async function createApp(config: Config, options: AppOptions = {}): Promise<App> {
  const { onWait = () => undefined, explorerPage, version = "unknown" } = options;
  const subgraph = buildLivingSubgraph();
  const base = await createBase(config, { ...options, onWait, version }, subgraph);
  const { log, store, audit, tracing } = base;
  const wecom = await createWecom(base, options);
  const callbacks = createCallbacks(base, wecom);
  const graphql = createGraphql(base, subgraph.schema);
  const streaming = createStreaming(base, graphql, await createContexts(base, wecom, callbacks.statusChanges));
  await graphql.apollo.start();
  const secretFiles = await watchSecretFiles(base, wecom);
  onWait("what the store has of the suite");
  await wecom.access.suite?.start();
  onWait("what the store has of unfinished creates");
  await wecom.creates.start();

  let url = "";
  let closing: Promise<void> | undefined;
  const { authenticator } = streaming;
  const waiting = (): Readiness => (authenticator.isReady() ? "ready" : "waiting for the issuer's keys");
  const readiness = (): Readiness => (closing ? "draining" : waiting());
  const routes = createRoutes(base, { wecom, callbacks, graphql, streaming, explorerPage, listensAt: () => url });
  const probes = probeRoutes(readiness, () => wecom.credentials.problem, base.metrics);
  const details = detailRoutes(createDetails(base, { wecom, callbacks, streaming, version }));
  const listeners = createListeners(base, { ...routes, probes, details });
  let adminUrl: string | undefined;
  const close = async (acceptForMs: number): Promise<void> => {
    listeners.main.drain();
    secretFiles.stop();
    // Immediately, so that clients reconnect to other replicas while remaining requests are still answered here.
    streaming.connections.drain();
    await setTimeout(acceptForMs);
    await Promise.all([listeners.main.close(config.wecom.timeoutMs + answerGraceMs), wecom.creates.stopReconciling()]);
    await wecom.creates.stop();
    await graphql.apollo.stop();
    authenticator.close();
    await wecom.close();
    await Promise.all([audit.close(), tracing?.close()]);
    await store.close();
    // After the others, so that probes are answered until the end of the drain.
    await Promise.all([listeners.admin?.close(0), flushed(base.output)]);
  };
  return {
    log,
    canServe: () => authenticator.isReady(),
    simulatorUrl: wecom.upstream.simulatorUrl,
    get adminUrl() {
      return adminUrl;
    },
    listen: async () => {
      onWait(`the address ${config.host}`);
      ({ url, adminUrl } = await listeners.listen());
      wecom.upstream.pushTo(`${url}/wecom/callback`);
      return url;
    },
    checkCredentials: () => wecom.tryCredentials(),
    close: ({ acceptForMs = 1000 } = {}) =>
      (closing ??= atMost(config.wecom.timeoutMs + acceptForMs + closeGraceMs, close(acceptForMs))),
  };
}

async function createBase(
  config: Config,
  { logTo, onWait, version, now: givenNow }: AppOptions & Required<Pick<AppOptions, "onWait" | "version">>,
  { schema, sdl }: ReturnType<typeof buildLivingSubgraph>,
): Promise<Base> {
  const output = logTo ?? standardOutput();
  const log = createLogger(config.logLevel, output);
  for (const warning of config.warnings) log.warn(warning);
  const digest = createHash("sha256").update(sdl).digest("hex");
  const metrics = createMetrics({
    ...{ fields: rootFieldsOf(schema), outcomeOfCode, apis: livingApis },
    build: { version, node: process.version, schema: digest.slice(0, 12) },
  });
  onWait("the audit log's file");
  const sink = config.audit.file === undefined ? auditOnto(output) : await auditFile(config.audit.file);
  onWait("the store");
  const store = observed(await openStore(config.store, log, givenNow), metrics, log);
  const now = givenNow ?? Date.now;
  const monotonic = givenNow ?? steadyUnixMs;
  // Replicas tell each other times, and the clocks of their machines may differ.
  const aheadMs = (await store.now()) - monotonic();
  const steady = (): number => monotonic() + aheadMs;
  const audit = await createAudit({ config, log, metrics, store, now, steady }, sink);
  const tracing = await createTracing(config, version, log, metrics);
  return { config, output, log, metrics, audit, tracing, store, now, steady };
}

/** @throws when it takes longer: the process must end, whatever hangs */
async function atMost(ms: number, work: Promise<void>): Promise<void> {
  const isInTime = await within(
    ms,
    work.then(() => true),
    false,
  );
  if (!isInTime) throw new Error(`it took longer than ${ms} ms`);
}

async function watchSecretFiles({ config, log, metrics }: Base, wecom: Wecom): Promise<SecretFiles> {
  const { access, name, credentials, tryCredentials } = wecom;
  const secretFiles = new SecretFiles({
    ...{ config, log },
    count: (outcome) => {
      metrics.countSecretChange(outcome);
    },
    onReplaced: () => {
      // So that `/health/ready` shows at once whether WeCom accepts them.
      if (credentials.isOpen) void tryCredentials();
      access.noteName(name).catch((error: unknown) => {
        log.warn({ reason: reasonOf(error) }, "idempotency keys may not be recognised after the next start");
      });
    },
  });
  await secretFiles.start();
  return secretFiles;
}

/** Loaded only if tracing is configured. */
async function createTracing({ tracing: settings, auth }: Config, version: string, log: Logger, metrics: Metrics) {
  if (!settings) return undefined;
  const { Tracing } = await import("./observability/tracing.js");
  const resource = { "service.version": version, ...settings.resource };
  const trustsCallers = auth.mode === "router";
  const { key, ...certificates } = settings.tls;
  const connect = { ...certificates, ...(key && { key: key.reveal() }) };
  const dispatcher = Object.keys(connect).length > 0 ? new Agent({ connect }) : undefined;
  return new Tracing({
    ...{ settings: { ...settings, resource }, dispatcher, trustsCallers, metrics, log, random: Math.random },
  });
}

const maxLinkable = 1000;

/** The spans of recent keyed creates, so that later work on them in this process can link to the original trace. */
function createTraces(tracing: Tracing | undefined): CreateTraces | undefined {
  if (!tracing) return undefined;
  const begun = new BoundedMap<string, SpanIds>(maxLinkable);
  return {
    remember: (id, { traceId, spanId }) => {
      begun.set(id, { traceId, spanId });
    },
    resume: (id) => {
      const link = begun.get(id);
      return link && tracing.beginLinked("wecom.reconcile", link);
    },
  };
}

interface ListenerRoutes extends ReturnType<typeof createRoutes> {
  readonly probes: Readonly<Record<string, Route>>;
  readonly details: Readonly<Record<string, Route>>;
}

/** The port for clients and WeCom, and with `ADMIN_PORT` one for operators. */
function createListeners({ config, log, metrics }: Base, { http, upgrade, probes, details }: ListenerRoutes) {
  const { adminPort, allowedHosts, corsOrigins, host, port } = config;
  const shared = { log, metrics, allowedHosts, headers: securityHeaders(config) };
  const main = createListener({
    ...{ ...shared, upgrade, cors: corsOrigins },
    routes: { ...http, ...(adminPort === undefined && probes) },
  });
  const admin = createListener({ ...shared, cors: [], upgrade: endSocket, routes: { ...probes, ...details } });
  const at = async (listener: Listener, port: number, setting: string): Promise<string> =>
    urlOf(await listener.listen(port, host).catch(explainListening({ host, port, setting })));
  return {
    main,
    admin: adminPort === undefined ? undefined : admin,
    listen: async () => ({
      adminUrl: adminPort === undefined ? undefined : await at(admin, adminPort, "ADMIN_PORT"),
      url: await at(main, port, "PORT"),
    }),
  };
}

function urlOf({ address, family, port }: AddressInfo): string {
  return `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
}

function endSocket(_request: unknown, socket: Duplex): void {
  socket.destroy();
}

interface DetailParts {
  readonly wecom: Wecom;
  readonly callbacks: Callbacks;
  readonly streaming: Streaming;
  readonly version: string;
}

/** The state that `/health/details` shows operators. Contains no secret. */
function createDetails({ config, store }: Base, { wecom, callbacks, streaming, version }: DetailParts) {
  return {
    versions: () => ({ gateway: version, node: process.version }),
    uptimeSeconds: () => Math.floor(process.uptime()),
    credentials: () => config.wecom.credentials.kind,
    store: async () => {
      const startedAtMs = performance.now();
      await store.get("health");
      const kind = config.store.redisUrl ? "redis" : "embedded";
      return { kind, answeredAfterMs: Math.round(performance.now() - startedAtMs) };
    },
    limiter: () => [...wecom.limiter.states()],
    token: async () => ({ endsAt: timeOf(await RenewedToken.endOf(store, wecom.access.app)) }),
    callbacks: () => ({ ...callbacks.received(), subscriptions: streaming.operations.size }),
  };
}

function timeOf(unixMs: number | undefined): string | null {
  return unixMs === undefined ? null : new Date(unixMs).toISOString();
}

/**
 * The audit log. Its HMAC key is generated once and stored, so that all replicas share it.
 *
 * @throws {StoreError}
 */
async function createAudit(
  { config, log, metrics, store, now }: Omit<Base, "audit" | "output" | "tracing">,
  sink: AuditSink,
) {
  const name = "audit:key";
  await store.compareAndSet(name, undefined, randomBytes(32).toString("base64"));
  const key = await store.get(name);
  if (key === undefined) throw new StoreError("the store lost a record that it had just written");
  const { mode } = config.auth;
  return new AuditLog({
    ...{ sink, key, log, metrics, now },
    ...{ via: mode, isRequired: config.audit.isRequired, replica: hostname() },
  });
}

function rootFieldsOf(schema: GraphQLSchema) {
  return [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()].flatMap((type) =>
    Object.keys(type?.getFields() ?? {}).map((field) => ({ field, type: type?.name.toLowerCase() ?? "" })),
  );
}

type Wecom = Awaited<ReturnType<typeof createWecom>>;

/** The WeCom side: the client with its limits, the tokens, and what uses them. */
async function createWecom({ config, log, metrics, audit, tracing, store, now, steady }: Base, options: AppOptions) {
  const upstream = await connectUpstream(config, log);
  const { credentials, baseUrl } = upstream;
  const { maxInFlight, timeoutMs, callsPerMinute, settleMs } = config.wecom;
  const clock = options.now ? { ...systemClock, monotonicMs: options.now } : systemClock;
  const dispatcher = createPool(baseUrl, timeoutMs);
  const limitSync = new StoreLimitSync({ store, log, clock: systemClock, now: steady });
  const limiter = new CallLimiter({
    ...{ maxInFlight, connections, now: steady, sync: limitSync, metrics },
    limits: options.callLimits ?? callLimits(callsPerMinute, credentials.kind === "suite"),
  });
  await limitSync.connect(limiter);
  metrics.watchLimiter(() => limiter.states());
  const client = new WecomClient({
    ...{ baseUrl, dispatcher, limiter, metrics },
    retries: new ReadRetries(Math.random),
    silentAfterMs: timeoutMs / 4,
  });
  const dependencies = { store, log, now, random: Math.random, timeoutMs };
  const { expiries, check, listeners } = watchTokens(now, () => access.app);
  const tryCredentials = () => checkCredentials(check, config.wecom, access, log);
  const access: Access = accessWith(credentials, baseUrl, client, {
    ...{ ...dependencies, ...listeners, agentid: upstream.agentid },
    onTicket: () => {
      if (check.isOpen) void tryCredentials();
    },
    metrics: {
      countAuthorisation: (outcome, corp = "") => {
        metrics.countAuthorisation(outcome);
        const audited = auditedAuthorisations[outcome];
        if (audited) audit.record({ action: "app.authorise", outcome: audited, corp });
      },
    },
  });
  const name = await access.findName();
  const livings = new LivingDataSource(client, access.tokens);
  const media = new MediaDataSource(client, access.tokens, now);
  const creates = new CreateOnce({
    ...{ ...dependencies, livings, metrics, clock, settleMs, app: name, isShared: config.store.redisUrl !== undefined },
    traces: createTraces(tracing),
    onSettledLate: ({ id, corp, anchorUserid, outcome }) => {
      audit.record({ action: "living.create", corp, keyId: id, onBehalfOf: anchorUserid, ...endingOf(outcome) });
    },
  });
  watchWecom(metrics, { store, expiries, creates, suite: access.suite });
  return {
    ...{ upstream, access, name, livings, media, creates, limiter, credentials: check, tryCredentials },
    close: async () => {
      await access.suite?.stop();
      await dispatcher.close();
      await upstream.close();
      limitSync.close();
    },
  };
}

/** What the audit log says of an auth_code, once that is known. */
const auditedAuthorisations = {
  done: "ok",
  refused: "refused",
  expired: "failed",
  lost: "unknown",
  stored: undefined,
} as const;

/** Tracks token expiries and whether WeCom accepts the app's credentials. */
function watchTokens(now: () => number, app: () => string) {
  const expiries = new TokenExpiries(now);
  const check = new CredentialCheck(app);
  const onHeld = (key: string, endsAtMs: number): void => {
    expiries.note(key, endsAtMs);
    check.noteHeld(key);
  };
  return { expiries, check, listeners: { onHeld, onRefused: check.noteRefused } };
}

/** The first call tests a fixed token. A suite's secret can be tested only with a ticket, which WeCom pushes. */
async function checkCredentials(
  check: CredentialCheck,
  { credentials, timeoutMs }: Config["wecom"],
  { suite, tokens }: Access,
  log: Logger,
): Promise<void> {
  if (credentials.kind === "self-built") await check.run(tokens, { corp: credentials.corpid, timeoutMs, log });
  if (credentials.kind === "suite" && suite)
    await check.run(suite.ownTokens, { corp: credentials.suiteId, timeoutMs, log });
}

function endingOf(outcome: SettledCreate["outcome"]): Pick<AuditEvent, "outcome" | "livingid" | "errcode" | "code"> {
  if (!outcome) return { outcome: "unknown", code: "LIVING_OUTCOME_UNKNOWN" };
  if ("livingid" in outcome) return { outcome: "ok", livingid: outcome.livingid };
  return { outcome: "refused", errcode: outcome.refusal.errcode };
}

interface Watched {
  readonly store: Store;
  readonly expiries: TokenExpiries;
  readonly creates: CreateOnce;
  readonly suite: Suite | undefined;
}

/** Registers the gauges that are read on each scrape. */
function watchWecom(metrics: Metrics, { store, expiries, creates, suite }: Watched): void {
  const unfinished = sharedBriefly(() => creates.unfinished());
  metrics.watch("wecom_creates_unfinished", async () => (await unfinished()).count);
  metrics.watch("wecom_create_oldest_unfinished_seconds", async () => (await unfinished()).oldestSeconds);
  metrics.watch("wecom_token_expiry_timestamp_seconds", () => expiries.earliestSeconds());
  if (suite) {
    const receivedAt = async () => (await suite.ticketAtSeconds()) ?? 0;
    metrics.watch("wecom_suite_ticket_received_timestamp_seconds", receivedAt);
  }
  metrics.watch("store_up", () => store.get("health").then(() => 1), 0);
}

/** Concurrent callers share one read. */
function sharedBriefly<T>(read: () => Promise<T>): () => Promise<T> {
  let reading: Promise<T> | undefined;
  return () =>
    (reading ??= read().finally(() => {
      reading = undefined;
    }));
}

/**
 * Connections to WeCom. The limiter admits fewer calls than this, so none waits in the pool's own queue, which is not
 * fair.
 */
const connections = 4096;

function createPool({ origin }: URL, timeoutMs: number): Pool {
  return new Pool(origin, {
    connections,
    pipelining: 1,
    // Shorter than a call's deadline, so that a connection failure is reported as such and not as a timeout.
    connect: resettingConnector({ timeout: Math.min(3000, timeoutMs / 2) }),
    // Each call has its own deadline instead.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
}

type Callbacks = ReturnType<typeof createCallbacks>;

/** Receives WeCom's callbacks and passes status changes to subscriptions. */
function createCallbacks({ log, metrics, audit, store, now }: Base, { access, upstream }: Wecom) {
  const { receiver } = access;
  let lastAtMs: number | undefined;
  let ticketAtMs: number | undefined;
  const callbackReceiver =
    upstream.callback &&
    new CallbackReceiver({
      ...upstream.callback,
      ...{ receiver, store, metrics, log, now },
      handle: async (event) => {
        await access.handle(event);
        lastAtMs = now();
        if (event.kind === "suite_ticket") ticketAtMs = lastAtMs;
        if (event.kind === "cancel_auth" || event.kind === "change_auth") {
          const action = event.kind === "cancel_auth" ? "app.revoke" : "app.change";
          audit.record({ action, outcome: "ok", corp: event.corpid });
        }
      },
    });
  const statusChanges = new LivingStatusChanges({ store, log, receiver, isSetUp: callbackReceiver !== undefined });
  /** Times of the last callbacks that this replica received. */
  const received = () => ({ lastAt: timeOf(lastAtMs), suiteTicketAt: timeOf(ticketAtMs) });
  return { receiver: callbackReceiver, statusChanges, received };
}

type Graphql = ReturnType<typeof createGraphql>;

/** The schema, and how its operations are prepared and executed. */
function createGraphql({ config, log, metrics }: Base, schema: GraphQLSchema) {
  const formatAnswerError: ExecutorOptions["formatError"] = (formatted, error, source) => {
    const answer = formatError(formatted, error, source);
    return config.revealsSchema ? answer : { ...answer, message: withoutSuggestions(answer.message) };
  };
  const preparation = new Preparation({
    ...{ schema, limits: config.limits },
    validationRules: config.revealsSchema ? [] : [noSchemaExposure],
    trusted: config.trustedDocuments && new TrustedDocuments(config.trustedDocuments),
  });
  // The gateway's own upload document is in no manifest, so trusted documents do not apply.
  const uploadPreparation = new Preparation({ schema, limits: config.limits, validationRules: [], trusted: undefined });
  const executor = new Executor({ schema, metrics, formatError: formatAnswerError });
  const apollo = createApolloServer({
    ...{ schema, sample, log, isProduction: config.isProduction },
    formatError: (formatted, error) => formatAnswerError(formatted, error, { log }),
  });
  return { schema, preparation, uploadPreparation, executor, apollo };
}

/** A cache that drops livings when another replica changes them. */
async function createLivingCache({ metrics, store, now, steady }: Pick<Base, "metrics" | "store" | "now" | "steady">) {
  const cache = new LivingCache({ now, steady, metrics, changes: new LivingChangePublisher(store) });
  await listenToLivingChanges(
    store,
    ({ corp, livingid }) => {
      cache.forget(corp, livingid);
    },
    (isHearing) => {
      cache.hear(isHearing);
    },
  );
  return cache;
}

/** Creates the context of each operation. */
async function createContexts(
  { config, log, metrics, audit, tracing, store, now, steady }: Base,
  { access, livings, media, creates }: Wecom,
  statusChanges: LivingStatusChanges,
): Promise<CreateContext> {
  const { limits, jsSdkOrigins, wecom } = config;
  const { jsSdk, defaultCorp } = access;
  return operationContexts({
    ...{ livings, media, creates, statusChanges, limits, jsSdk, jsSdkOrigins, audit, tracing, defaultCorp },
    cache: await createLivingCache({ metrics, store, now, steady }),
    quota: new CallerQuota(limits.callsPerMinute, steady),
    timeoutMs: wecom.timeoutMs,
    onUnknownCode: onceEach((field, code) => {
      log.warn({ field, code }, "WeCom sent a code that this gateway does not know");
    }),
  });
}

type Streaming = ReturnType<typeof createStreaming>;

/** Authentication, and operations whose answers are streamed. */
function createStreaming(
  { config: { auth, limits }, log, metrics, now }: Base,
  { preparation, executor }: Graphql,
  createContext: CreateContext,
) {
  const operations = new StreamedOperations({ preparation, executor, createContext, log, metrics, now });
  metrics.watchSubscriptions(() => operations.size);
  const { connections: maximum, connectionsPerCaller: maximumPerCaller } = limits;
  const connections = new OpenConnections({ maximum, maximumPerCaller });
  metrics.watchConnections((transport) => connections.sizeOf(transport));
  return {
    ...{ createContext, now, connections, operations },
    authenticator: createAuthenticator(auth, log, now),
  };
}

interface RouteParts {
  readonly wecom: Wecom;
  readonly callbacks: Callbacks;
  readonly graphql: Graphql;
  readonly streaming: Streaming;
  /** The gateway's own URL, known once it listens. */
  readonly listensAt: () => string;
  readonly explorerPage: URL | undefined;
}

/** All routes except probes. */
function createRoutes(base: Base, { wecom, callbacks, graphql, streaming, listensAt, explorerPage }: RouteParts) {
  const { config, log, metrics, store, now } = base;
  const { suite } = wecom.access;
  const installation =
    suite &&
    new Installation({
      ...{ suite, store, log, now },
      redirectUri: () => new URL("wecom/install", withSlash(config.publicUrl?.href ?? listensAt())).href,
    });
  const { apollo, preparation, uploadPreparation, executor } = graphql;
  const { createContext } = streaming;
  const { authenticate } = streaming.authenticator;
  const uploads = new Uploads({
    ...{ maxBytes: imageBytes.atMost, maxUploads: 100, maxUploadsPerCaller: 10 },
    maxPipedPerCaller: Math.floor(config.wecom.maxInFlight / 3),
    folders: [tmpdir(), config.store.dataDir],
  });
  const http: Record<string, Route> = {
    "/graphql": graphqlRoute({
      ...{ apollo, preparation, executor, metrics, authenticate, createContext, uploads },
      maxBodyBytes: config.limits.bodyBytes,
      answerAsEventStream: eventStreams(streaming),
      hasLandingPage: !config.isProduction,
    }),
    "/media": mediaRoute({
      ...{ uploads, executor, authenticate, createContext, operation: mediaOperation },
      preparation: uploadPreparation,
    }),
    ...(callbacks.receiver && { "/wecom/callback": callbackRoute(callbacks.receiver) }),
    ...(installation && { "/wecom/install": installRoute((query) => installation.visit(query)) }),
    ...(!config.isProduction && explorerPage && { "/": toExplorer, "/graphiql": explorerRoute(explorerPage) }),
  };
  const upgrade = webSocketUpgrade({
    ...streaming,
    ...{ path: "/graphql", authenticate, log, cors: config.corsOrigins },
    maxMessageBytes: config.limits.bodyBytes,
    maxOperations: config.limits.operationsPerSocket,
  });
  return { http, upgrade };
}

interface Upstream {
  readonly credentials: AppCredentials;
  readonly baseUrl: URL;
  readonly callback: CallbackKeys | undefined;
  readonly simulatorUrl?: string;
  readonly agentid: number | undefined;
  /** Tells the simulator where to send callbacks. At WeCom, an administrator sets the URL. */
  pushTo(callbackUrl: string): void;
  close(): Promise<void>;
}

/** Connects to WeCom, or starts the simulator if no credentials are set. */
async function connectUpstream({ wecom }: Config, log: Logger): Promise<Upstream> {
  const { credentials, baseUrl, callback, agentid } = wecom;
  if (credentials.kind !== "simulator") {
    return { credentials, baseUrl, callback, agentid, pushTo: () => undefined, close: () => Promise.resolve() };
  }
  const { startSimulator, DEMO_CORP } = await import("./simulator/index.js");
  const simulator = await startSimulator({ playsBySelf: credentials.playsBySelf });
  const [app] = DEMO_CORP.apps;
  const token = randomBytes(16).toString("hex");
  const aesKey = randomBytes(32).toString("base64").slice(0, 43);
  log.warn(
    { url: simulator.url },
    "SIMULATOR: no WeCom credentials are set, so nothing reaches WeCom; livings exist in this process only",
  );
  return {
    credentials: {
      kind: "self-built",
      corpid: DEMO_CORP.corpid,
      corpsecret: new Secret(app.secret),
    },
    baseUrl: new URL(simulator.url),
    simulatorUrl: simulator.url,
    agentid: app.agentid,
    callback: { token: new Secret(token), aesKey: new Secret(aesKey) },
    pushTo: (url) => {
      simulator.subscribe({ corpid: DEMO_CORP.corpid, agentid: app.agentid }, { url, token, aesKey });
    },
    close: () => simulator.close(),
  };
}

function withSlash(url: string): string {
  return url.endsWith("/") ? url : `${url}/`;
}

function onceEach(report: (field: string, code: number) => void): (field: string, code: number) => void {
  const seen = new Set<string>();
  return (field, code) => {
    const key = `${field}=${code}`;
    if (seen.has(key) || seen.size >= 1000) return;
    seen.add(key);
    report(field, code);
  };
}
