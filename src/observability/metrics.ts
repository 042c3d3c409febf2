import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";

const secondsBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** What the wecom side reports. */
export interface WecomMetrics {
  /** @param outcome `ok`, an errcode, or `no-answer` */
  observeCall(api: string, outcome: string, seconds: number): void;
  /** A read is sent again. */
  countRetry(api: string): void;
  /** A call that was not sent. @param reason `queue`, `frequency`, `closed` or `unreachable` */
  countRefusal(api: string, reason: string): void;
  /** @param states asked whenever the metrics are read */
  watchGates(states: () => Iterable<GateState>): void;
}

/** Of one corp and API. */
export interface GateState {
  readonly api: string;
  readonly waiting: number;
  readonly isClosed: boolean;
  readonly isUnreachable: boolean;
}

/** What the HTTP side reports. */
export interface HttpMetrics {
  observeRequest(route: string, status: number, seconds: number): void;
  /** `known`: run by its plan; `pipeline`: through Apollo Server. */
  countOperation(way: "known" | "pipeline"): void;
}

export interface LivingMetrics {
  /** A living was asked for: known and young, read from WeCom, or old because WeCom is away. */
  countCachedRead(outcome: "hit" | "miss" | "stale"): void;
}

export interface CallbackMetrics {
  /** @param outcome what became of it, or why it was refused */
  countCallback(outcome: string): void;
}

export interface CreateMetrics {
  /**
   * What became of a create under an idempotency key, or of a lost one without: `created`, `refused`, `repeated` (answered
   * from the journal), `found` (its answer was lost), `sent-again`, `unknown` (to whoever waited), `doubled`.
   */
  countCreate(outcome: string): void;
}

export interface Metrics extends WecomMetrics, HttpMetrics, LivingMetrics, CallbackMetrics, CreateMetrics {
  /** The exposition format of Prometheus. */
  render(): Promise<{ contentType: string; text: string }>;
}

/** Every gateway has a registry of its own, so that several can live in one process. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const calls = new Histogram({
    name: "wecom_call_duration_seconds",
    help: "Calls to WeCom by API and outcome: ok, an errcode, or no-answer",
    labelNames: ["api", "outcome"],
    buckets: secondsBuckets,
    registers: [registry],
  });
  const retries = new Counter({
    name: "wecom_read_retries_total",
    help: "Reads that were sent again after a failure that passes",
    labelNames: ["api"],
    registers: [registry],
  });
  const refusals = new Counter({
    name: "wecom_calls_refused_total",
    help: "Calls that were not sent: queue too long, frequency limit near, closed by 45009, WeCom unreachable",
    labelNames: ["api", "reason"],
    registers: [registry],
  });
  let gates: () => Iterable<GateState> = () => [];
  new Gauge({
    name: "wecom_calls_waiting",
    help: "Calls that wait for their turn, over all corps",
    labelNames: ["api"],
    registers: [registry],
    collect() {
      this.reset();
      for (const { api, waiting } of gates()) this.inc({ api }, waiting);
    },
  });
  new Gauge({
    name: "wecom_gates_shut",
    help: "Corps for which an API is not called for now: closed by 45009, or unreachable",
    labelNames: ["api", "reason"],
    registers: [registry],
    collect() {
      this.reset();
      for (const { api, isClosed, isUnreachable } of gates()) {
        this.inc({ api, reason: "closed" }, Number(isClosed));
        this.inc({ api, reason: "unreachable" }, Number(isUnreachable));
      }
    },
  });
  const requests = new Histogram({
    name: "http_request_duration_seconds",
    help: "Requests to the gateway by route and status",
    labelNames: ["route", "status"],
    buckets: secondsBuckets,
    registers: [registry],
  });
  const operations = new Counter({
    name: "graphql_operations_total",
    help: "GraphQL requests by the way they took: known operations run a plan, all else takes the pipeline",
    labelNames: ["way"],
    registers: [registry],
  });
  const cachedReads = new Counter({
    name: "living_cache_reads_total",
    help: "Livings asked for: hit, miss, or stale, which is an old one because WeCom is away",
    labelNames: ["outcome"],
    registers: [registry],
  });
  const callbacks = new Counter({
    name: "wecom_callbacks_total",
    help: "Callbacks from WeCom by outcome: verified, handled, repeated, unknown, failed, late, or why it was refused",
    labelNames: ["outcome"],
    registers: [registry],
  });
  const creates = new Counter({
    name: "wecom_creates_total",
    help: "Creates under an idempotency key, and lost ones without, by outcome: created, refused, repeated, found, sent-again, unknown, doubled",
    labelNames: ["outcome"],
    registers: [registry],
  });
  return {
    countCreate: (outcome) => {
      creates.inc({ outcome });
    },
    countCallback: (outcome) => {
      callbacks.inc({ outcome });
    },
    countCachedRead: (outcome) => {
      cachedReads.inc({ outcome });
    },
    countOperation: (way) => {
      operations.inc({ way });
    },
    countRetry: (api) => {
      retries.inc({ api });
    },
    countRefusal: (api, reason) => {
      refusals.inc({ api, reason });
    },
    watchGates: (states) => {
      gates = states;
    },
    observeCall: (api, outcome, seconds) => {
      calls.observe({ api, outcome }, seconds);
    },
    observeRequest: (route, status, seconds) => {
      requests.observe({ route, status }, seconds);
    },
    render: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  };
}
