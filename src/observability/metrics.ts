import { collectDefaultMetrics, Counter, Gauge, Registry } from "prom-client";
import { Durations } from "./durations.js";

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
  /** @param count how many subscriptions are open */
  watchSubscriptions(count: () => number): void;
  /** The exposition format of Prometheus. */
  render(): Promise<{ contentType: string; text: string }>;
}

/** Every gateway has a registry of its own, so that several can live in one process. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const calls = new Durations({
    name: "wecom_call_duration_seconds",
    help: "Calls to WeCom by API and outcome: ok, an errcode, or no-answer",
    labels: ["api", "outcome"],
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
  const requests = new Durations({
    name: "http_request_duration_seconds",
    help: "Requests to the gateway by route and status",
    labels: ["route", "status"],
  });
  const ways = { known: 0, pipeline: 0 };
  new Counter({
    name: "graphql_operations_total",
    help: "GraphQL requests by the way they took: known operations run a plan, all else takes the pipeline",
    labelNames: ["way"],
    registers: [registry],
    collect() {
      this.reset();
      for (const [way, count] of Object.entries(ways)) if (count > 0) this.inc({ way }, count);
    },
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
    watchSubscriptions: (count) => {
      new Gauge({
        name: "graphql_subscriptions",
        help: "Subscriptions that are open, over WebSockets and event streams",
        registers: [registry],
        collect() {
          this.set(count());
        },
      });
    },
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
      ways[way] += 1;
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
      calls.observe(api, outcome, seconds);
    },
    observeRequest: (route, status, seconds) => {
      requests.observe(route, String(status), seconds);
    },
    render: async () => ({
      contentType: registry.contentType,
      text: `${await registry.metrics()}${calls.render()}${requests.render()}`,
    }),
  };
}
