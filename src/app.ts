/**
 * The composition root: every `new` of a long-lived object stands here, and nothing is decided. Over 300 lines because all
 * parts meet in this one place.
 */
import "reflect-metadata";
import { randomBytes } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { callbackRoute } from "./server/callback-route.js";
import { createApolloServer } from "./server/apollo.js";
import { createAuthenticate } from "./server/auth/authenticate.js";
import type { Caller } from "./server/caller.js";
import { CallRates } from "./server/call-rates.js";
import { Documents, noSchemaExposure, withoutSuggestions } from "./server/documents.js";
import { explorerRoute } from "./server/explorer.js";
import { idempotencyKeyIn } from "./server/graphql-request.js";
import { eventStreams } from "./server/event-stream.js";
import { type ContextSource, graphqlRoute } from "./server/graphql-route.js";
import { KnownOperations } from "./server/known-operations.js";
import { installRoute } from "./server/install-route.js";
import { createListener } from "./server/listener.js";
import { OpenConnections } from "./server/open-connections.js";
import { requestTimeoutMs } from "./server/request-timeout.js";
import { securityHeaders } from "./server/security-headers.js";
import { StreamedOperations } from "./server/streamed-operations.js";
import { webSocketUpgrade } from "./server/websocket.js";
import { TrustedDocuments } from "./server/trusted-documents.js";
import { probeRoutes } from "./server/probes.js";
import type { DestinationStream } from "pino";
import type { GraphQLFormattedError } from "graphql";
import { Pool } from "undici";
import type { CallbackKeys, Config, Credentials } from "./config.js";
import { formatError } from "./errors.js";
import type { LivingContext } from "./living/context.js";
import { LivingCache } from "./living/living.cache.js";
import { LivingReader } from "./living/living.reader.js";
import { sample } from "./living/living.sample.js";
import { createLogger, type Logger } from "./observability/logger.js";
import { createMetrics } from "./observability/metrics.js";
import { Secret } from "./observability/secret.js";
import { buildLivingSubgraph } from "./schema.js";
import { openStore } from "./stores/open-store.js";
import { reasonOf } from "./stores/store.js";
import { accessWith } from "./wecom/access.js";
import { LivingStatusChanges } from "./wecom/callback/living-status-changes.js";
import { CallbackReceiver } from "./wecom/callback/receiver.js";
import { CallGates } from "./wecom/call-gates.js";
import { type CallLimits, callLimits } from "./wecom/call-limits.js";
import { Creates } from "./wecom/creates/creates.js";
import { WecomClient } from "./wecom/client.js";
import { Deadline, Ending } from "./wecom/deadline.js";
import { WecomOverloadError } from "./wecom/errors.js";
import { onLivingChange, publishLivingChange } from "./wecom/living-changes.js";
import { LivingDataSource } from "./wecom/living.datasource.js";
import { ReadRetries } from "./wecom/read-retries.js";
import { SharedGates } from "./wecom/shared-gates.js";
import { Installation } from "./wecom/suite/installation.js";

export interface App {
  /** @returns the URL under which it answers */
  listen(): Promise<string>;
  /**
   * Drains: says that it is not ready, accepts for a moment more, so that whoever asks can hear it, finishes what runs,
   * and closes everything. Calling it again waits for the same end.
   */
  close(options?: { acceptForMs?: number }): Promise<void>;
  readonly log: Logger;
}

/** Something that the gateway needs cannot be had: it does not start. */
export class StartError extends Error {
  constructor(cause: unknown) {
    super(`The gateway cannot start: ${reasonOf(cause)}`, { cause });
    this.name = "StartError";
  }
}

/** A drain takes at most the deadline of the operations that run, and this for writing their answers. */
const answerGraceMs = 1000;

export interface AppOptions {
  readonly logTo?: DestinationStream;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** Default: below WeCom's documented ones. */
  readonly callLimits?: CallLimits;
}

/** @throws {StartError} when the store cannot be opened */
export async function createApp(config: Config, options: AppOptions = {}): Promise<App> {
  const now = options.now ?? Date.now;
  const log = createLogger(config.logLevel, options.logTo);
  const metrics = createMetrics();
  const cannotStart = (error: unknown): never => {
    throw new StartError(error);
  };
  const store = await openStore(config.store, log).catch(cannotStart);
  const wecom = await upstream(config, log);
  const { credentials, baseUrl } = wecom;
  const dispatcher = new Pool(baseUrl.origin, {
    connections: 128,
    pipelining: 1,
    connect: { timeout: 3000 },
    // Each call's own deadline ends it.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const sharedGates = new SharedGates({ store, log, now });
  const gates = new CallGates({
    maxInFlight: config.wecom.maxInFlight,
    silentAfterMs: config.wecom.timeoutMs / 4,
    limits: options.callLimits ?? callLimits(config.wecom.callsPerMinute, credentials.kind === "suite"),
    now,
    sharing: sharedGates,
    onRefusal: (api, reason) => {
      metrics.countRefusal(api, reason);
    },
  });
  await sharedGates.connect(gates);
  metrics.watchGates(() => gates.states());
  const client = new WecomClient({ baseUrl, dispatcher, gates, retries: new ReadRetries(Math.random), metrics });
  const kit = { store, log, now, random: Math.random, timeoutMs: config.wecom.timeoutMs };
  const access = accessWith(credentials, baseUrl, client, kit);
  const { suite } = access;
  const livings = new LivingDataSource(client, access.tokens);
  const { settleMs } = config.wecom;
  const creates = new Creates({ ...kit, livings, metrics, settleMs, app: access.app });
  const cache = new LivingCache({
    now,
    tellChange: (corp, livingid) => void publishLivingChange(store, { corp, livingid }).catch(() => undefined),
    count: (outcome) => {
      metrics.countCachedRead(outcome);
    },
  });
  await onLivingChange(store, ({ corp, livingid }) => {
    cache.forget(corp, livingid);
  }).catch((error: unknown) => {
    log.warn({ reason: reasonOf(error) }, "this replica does not hear which livings the others change");
  });
  const reportUnknownCode = onceEach((field: string, code: number) => {
    log.warn({ field, code }, "WeCom sent a code that this gateway does not know");
  });
  const callbacks =
    wecom.callback &&
    new CallbackReceiver({
      ...wecom.callback,
      receiver: access.receiver,
      ...{ store, metrics, log, now },
      handle: (event) => access.handle(event),
    });
  const statusChanges = new LivingStatusChanges({
    ...{ store, log },
    receiver: access.receiver,
    isSetUp: callbacks !== undefined,
  });
  metrics.watchSubscriptions(() => statusChanges.size);
  const { schema } = buildLivingSubgraph();
  const formatAnswerError = (
    formatted: GraphQLFormattedError,
    error: unknown,
    context: Partial<LivingContext> = {},
  ) => {
    const { call = { log }, requestId } = context;
    const answer = formatError(formatted, error, { log: call.log, ...(requestId !== undefined && { requestId }) });
    return config.revealsSchema ? answer : { ...answer, message: withoutSuggestions(answer.message) };
  };
  const documents = new Documents(schema, config.limits);
  const validationRules = config.revealsSchema ? [] : [noSchemaExposure];
  const operations = new KnownOperations({
    schema,
    validationRules,
    documents,
    lazyTypes: new Set(["Living"]),
    formatError: formatAnswerError,
    extensionsOf,
  });
  const apollo = createApolloServer<LivingContext>({
    schema,
    sample,
    log,
    isProduction: config.isProduction,
    documents,
    maxTokens: config.limits.tokens,
    validationRules,
    formatError: formatAnswerError,
    extensionsOf,
  });
  await apollo.start();
  await suite?.start();
  await creates.start().catch(cannotStart);

  const authenticate = createAuthenticate(config.auth, log, now);
  if (config.isProduction && config.auth.mode === "none") {
    log.warn("AUTH_MODE=none in production: everybody who reaches this gateway acts for the corp, with every scope");
  }
  const rates = new CallRates(config.limits.callsPerMinute, now);
  const countFor = ({ identity }: Caller) =>
    identity === undefined
      ? {}
      : {
          count: (api: string) => {
            const retryAfterSeconds = rates.take(identity);
            if (retryAfterSeconds === 0) return;
            throw new WecomOverloadError("You have caused too many calls to WeCom within a minute", {
              api,
              retryAfterSeconds,
            });
          },
        };
  const createContext = ({ log: requestLog, requestId, request }: ContextSource, caller: Caller) => {
    const deadline = new Deadline(requestTimeoutMs(request.headers, config.wecom.timeoutMs));
    const departure = new Ending();
    const call = { corp: caller.corp ?? access.defaultCorp, deadline, departure, log: requestLog, ...countFor(caller) };
    return {
      value: {
        caller,
        livings,
        creates,
        statusChanges,
        idempotencyKey: idempotencyKeyIn(request.headers),
        call,
        limits: config.limits,
        requestId,
        reader: new LivingReader(livings, cache, call, reportUnknownCode),
      },
      close: () => deadline.close(),
      abandon: () => {
        departure.end("the client left");
      },
    };
  };
  const trusted = config.trustedDocuments && new TrustedDocuments(config.trustedDocuments);
  const connections = new OpenConnections(config.limits.connections);
  const streaming = {
    operations: new StreamedOperations<LivingContext>({
      ...{ apollo, schema, documents, trusted, createContext, extensionsOf },
      formatError: formatAnswerError,
    }),
    ...{ connections, now },
  };
  let url = "";
  const installation =
    suite &&
    new Installation({
      ...{ suite, store, log, now },
      redirectUri: () => new URL("wecom/install", withSlash(config.publicUrl?.href ?? url)).href,
    });
  let closing: Promise<void> | undefined;
  const listener = createListener({
    routes: {
      "/graphql": graphqlRoute({
        apollo,
        operations,
        documents,
        trusted,
        maxBodyBytes: config.limits.bodyBytes,
        metrics,
        authenticate,
        createContext,
        answerAsEventStream: eventStreams(streaming),
        hasLandingPage: !config.isProduction,
      }),
      ...(callbacks && { "/wecom/callback": callbackRoute(callbacks) }),
      ...(installation && { "/wecom/install": installRoute((query) => installation.visit(query)) }),
      ...(!config.isProduction && { "/graphiql": explorerRoute(new URL("../dist/graphiql.html", import.meta.url)) }),
      ...probeRoutes(() => closing !== undefined, metrics),
    },
    upgrade: webSocketUpgrade({
      ...streaming,
      ...{ path: "/graphql", schema, authenticate, log },
      cors: config.corsOrigins,
      maxMessageBytes: config.limits.bodyBytes,
    }),
    cors: config.corsOrigins,
    headers: securityHeaders(config),
    log,
    metrics,
  });

  const close = async ({ acceptForMs = 1000 }): Promise<void> => {
    listener.drain();
    // At once, so that clients connect again elsewhere while those who ask are still answered here.
    connections.drain();
    await setTimeout(acceptForMs);
    await Promise.all([listener.close(config.wecom.timeoutMs + answerGraceMs), creates.stopReconciling()]);
    await creates.stop();
    await apollo.stop();
    await dispatcher.close();
    await wecom.close();
    sharedGates.close();
    await store.close();
  };
  return {
    log,
    listen: async () => {
      const { address, family, port } = await listener.listen(config.port, config.host);
      url = `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
      wecom.pushTo(`${url}/wecom/callback`);
      return url;
    },
    close: (options = {}) => (closing ??= close(options)),
  };
}

/** Said of the livings in an answer: these may have changed, for WeCom could not be asked. */
function extensionsOf({ reader }: Partial<LivingContext>): Readonly<Record<string, unknown>> | undefined {
  const stale = reader?.staleLivingids ?? [];
  return stale.length === 0 ? undefined : { stale };
}

interface Upstream {
  readonly credentials: Exclude<Credentials, { kind: "simulator" }>;
  readonly baseUrl: URL;
  readonly callback: CallbackKeys | undefined;
  /** To the simulator: where its callbacks go. WeCom is told by its administrator. */
  pushTo(callbackUrl: string): void;
  close(): Promise<void>;
}

/** WeCom itself, or the simulator where no credentials are given. */
async function upstream({ wecom }: Config, log: Logger): Promise<Upstream> {
  const { credentials, baseUrl, callback } = wecom;
  if (credentials.kind !== "simulator") {
    return { credentials, baseUrl, callback, pushTo: () => undefined, close: () => Promise.resolve() };
  }
  const { startSimulator, DEMO_CORP } = await import("./simulator/index.js");
  const simulator = await startSimulator();
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
