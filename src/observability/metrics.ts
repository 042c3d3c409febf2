import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";

/** What the wecom side reports. */
export interface WecomMetrics {
  /** @param outcome `ok`, an errcode, or `no-answer` */
  observeCall(api: string, outcome: string, seconds: number): void;
  /** A read is sent again. */
  countRetry(api: string): void;
  /** A call that was not sent. @param reason `queue`, `frequency`, `closed` or `unreachable` */
  countRefusal(api: string, reason: string): void;
  /** @param states asked whenever the metrics are read */
  watchLimiter(states: () => Iterable<LimiterState>): void;
}

/** Of one corp and API. */
export interface LimiterState {
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
   * from the journal), `found` (its answer was lost), `sent-again`, `unknown` (to whoever waited), `doubled`, `given-up` (its key has ended).
   */
  countCreate(outcome: string): void;
}

export interface AuthorisationMetrics {
  /** What became of an auth_code: `stored`, then one of the others. `expired` and `lost`: the corp has to authorise again. */
  countAuthorisation(outcome: "stored" | "done" | "refused" | "expired" | "lost"): void;
}

export interface Metrics
  extends WecomMetrics, HttpMetrics, LivingMetrics, CallbackMetrics, CreateMetrics, AuthorisationMetrics {
  /** @param count how many subscriptions are open */
  watchSubscriptions(count: () => number): void;
  /** The exposition format of Prometheus. */
  render(): Promise<{ contentType: string; text: string }>;
}

/** Every gateway has a registry of its own, so that several can live in one process. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const calls = boundByLabels(
    new Histogram({
      name: "wecom_call_duration_seconds",
      help: "Calls to WeCom by API and outcome: ok, an errcode, or no-answer",
      labelNames: ["api", "outcome"],
      registers: [registry],
    }),
  );
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
  let limiterStates: () => Iterable<LimiterState> = () => [];
  new Gauge({
    name: "wecom_calls_waiting",
    help: "Calls that wait for their turn, over all corps",
    labelNames: ["api"],
    registers: [registry],
    collect() {
      this.reset();
      for (const { api, waiting } of limiterStates()) this.inc({ api }, waiting);
    },
  });
  new Gauge({
    name: "wecom_gates_shut",
    help: "Corps for which an API is not called for now: closed by 45009, or unreachable",
    labelNames: ["api", "reason"],
    registers: [registry],
    collect() {
      this.reset();
      for (const { api, isClosed, isUnreachable } of limiterStates()) {
        this.inc({ api, reason: "closed" }, Number(isClosed));
        this.inc({ api, reason: "unreachable" }, Number(isUnreachable));
      }
    },
  });
  const requests = boundByLabels(
    new Histogram({
      name: "http_request_duration_seconds",
      help: "Requests to the gateway by route and status",
      labelNames: ["route", "status"],
      registers: [registry],
    }),
  );
  const operations = new Counter({
    name: "graphql_operations_total",
    help: "GraphQL requests by the way they took: known operations run a plan, all else takes the pipeline",
    labelNames: ["way"],
    registers: [registry],
  });
  const ways = { known: operations.labels("known"), pipeline: operations.labels("pipeline") };
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
  const authorisations = new Counter({
    name: "wecom_authorisations_total",
    help: "auth_codes by what became of them: stored, then done, refused, expired or lost; after the last three the corp may have to authorise the app again",
    labelNames: ["outcome"],
    registers: [registry],
  });
  // An alert on the first one lost sees nothing in a series that begins with it.
  for (const outcome of ["stored", "done", "refused", "expired", "lost"]) authorisations.inc({ outcome }, 0);
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
    countAuthorisation: (outcome) => {
      authorisations.inc({ outcome });
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
      ways[way].inc();
    },
    countRetry: (api) => {
      retries.inc({ api });
    },
    countRefusal: (api, reason) => {
      refusals.inc({ api, reason });
    },
    watchLimiter: (states) => {
      limiterStates = states;
    },
    observeCall: (api, outcome, seconds) => {
      calls(api, outcome).observe(seconds);
    },
    observeRequest: (route, status, seconds) => {
      requests(route, String(status)).observe(seconds);
    },
    render: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  };
}

/** Each child of a histogram with two labels is made once, so that an observation does not sort and check its labels. */
function boundByLabels<T extends string>(
  histogram: Histogram<T>,
): (first: string, second: string) => Histogram.Internal<T> {
  const children = new Map<string, Map<string, Histogram.Internal<T>>>();
  return (first, second) => {
    let ofFirst = children.get(first);
    if (!ofFirst) children.set(first, (ofFirst = new Map<string, Histogram.Internal<T>>()));
    let child = ofFirst.get(second);
    if (!child) ofFirst.set(second, (child = histogram.labels(first, second)));
    return child;
  };
}
