// What each part reports, and the metrics that it becomes. Over 300 lines because the interface of every part is here,
// beside the function that joins it to the table.
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import { within } from "../lib/within.js";
import { callFaults, type MetricDefinition, type MetricName, metricTable } from "./metric-table.js";
import { type Outcome, worse } from "./outcome.js";

/** What the wecom side reports. */
export interface WecomMetrics {
  /**
   * @param outcome `ok`, an errcode, or `no-answer`
   * @param fault of a call that failed: `ErrcodeFault`, `no-answer` or `unlisted`
   */
  observeCall(api: string, outcome: string, seconds: number, fault?: string): void;
  /** A read is sent again. */
  countRetry(api: string): void;
  /**
   * A call was rejected before it was sent.
   *
   * @param reason `queue`, `frequency`, `closed` or `unreachable`
   */
  countRefusal(api: string, reason: string): void;
  /** @param states read on each scrape */
  watchLimiter(states: () => Iterable<LimiterState>): void;
}

/** The limiter's state for one corp and API. */
export interface LimiterState {
  readonly api: string;
  readonly waiting: number;
  readonly isClosed: boolean;
  readonly isUnreachable: boolean;
}

/** What the HTTP side reports. */
export interface HttpMetrics {
  observeRequest(route: string, status: number, seconds: number): void;
  /** `known`: executed from a cached plan; `pipeline`: through Apollo Server. */
  countOperation(way: "known" | "pipeline"): void;
}

/** A root field of an operation, and its response key. */
export interface RootField {
  readonly key: string;
  readonly field: string;
}

/** An error in an operation's response. */
export interface FieldFailure {
  /** The response key of its root field; undefined: the error concerns the whole operation. */
  readonly key: string | undefined;
  readonly code: string;
}

/** What the executor reports. */
export interface OperationMetrics {
  /**
   * An operation was executed.
   *
   * @param failures its errors, from `errors[]` or as union members
   */
  observeOperation(type: string, roots: readonly RootField[], seconds: number, failures: readonly FieldFailure[]): void;
  /** A client receives an error, in whatever form. */
  countError(code: string): void;
}

/** What subscriptions report. */
export interface StreamMetrics {
  countDelivered(events: number): void;
  countDropped(reason: "expired" | "backlog", events: number): void;
  countEnded(reason: "left" | "completed" | "missed" | "failed", subscriptions: number): void;
}

export interface StoreMetrics {
  observeStore(operation: string, isAnswered: boolean, seconds: number): void;
}

export interface AuditMetrics {
  countAudit(action: string, outcome: Outcome): void;
  countAuditFailure(): void;
  countAuditLost(lines: number): void;
}

export interface TracingMetrics {
  countSpans(outcome: "exported" | "dropped" | "failed", spans: number): void;
}

export interface LivingMetrics {
  /**
   * A living was requested: `hit` from the cache, `miss` read from WeCom, `stale` from the cache because WeCom is
   * unreachable.
   */
  countCachedRead(outcome: "hit" | "miss" | "stale"): void;
}

export interface CallbackMetrics {
  /** @param outcome how the callback was handled, or why it was refused */
  countCallback(outcome: string): void;
}

export interface CreateMetrics {
  /**
   * The outcome of a create under an idempotency key, or of one without a key whose answer was lost: `created`,
   * `refused`, `repeated` (answered from the journal), `found` (after a lost answer), `sent-again`, `unknown` (the
   * request ended before the outcome was known), `doubled` (two livings may exist), `given-up` (the key expired first).
   */
  countCreate(outcome: string): void;
}

export type AuthorisationOutcome = "stored" | "done" | "refused" | "expired" | "lost";

export interface AuthorisationMetrics {
  /**
   * The outcome of an auth_code: `stored` first, then one of the others. After `expired` and `lost`, the corp has to
   * authorise again.
   */
  countAuthorisation(outcome: AuthorisationOutcome, corp?: string): void;
}

export interface Metrics
  extends
    WecomMetrics,
    HttpMetrics,
    OperationMetrics,
    StreamMetrics,
    StoreMetrics,
    AuditMetrics,
    TracingMetrics,
    LivingMetrics,
    CallbackMetrics,
    CreateMetrics,
    AuthorisationMetrics {
  /** @param count returns the number of open subscriptions */
  watchSubscriptions(count: () => number): void;
  /** @param count returns the number of open connections of a transport */
  watchConnections(count: (transport: string) => number): void;
  /** A gauge without labels, read on each scrape for at most a second. If the read fails it is `otherwise`, or NaN. */
  watch(name: MetricName, read: () => number | Promise<number>, otherwise?: number): void;
  /** A secret's file changed. `refused`: the gateway keeps the old secrets. */
  countSecretChange(outcome: "replaced" | "refused"): void;
  /** Metrics in Prometheus's exposition format. */
  render(): Promise<{ contentType: string; text: string }>;
}

/** Label values that come from other parts. */
export interface KnownValues {
  /** The schema's root fields with the type of their operation. */
  readonly fields: readonly { readonly field: string; readonly type: string }[];
  /** How a response with an error of this code counts. */
  readonly outcomeOfCode: Readonly<Record<string, Outcome>>;
  readonly apis: readonly string[];
  readonly build: { readonly version: string; readonly node: string; readonly schema: string };
}

const nothingKnown: KnownValues = {
  ...{ fields: [], outcomeOfCode: {}, apis: [] },
  build: { version: "unknown", node: process.version, schema: "unknown" },
};

/** How long a scrape waits for a watched gauge. */
const readLimitMs = 1000;

/** Each gateway has its own registry, so that several can run in one process. */
export function createMetrics(known: KnownValues = nothingKnown): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const make = makersFor(registry, known);
  make.gauge("wecom_gateway_build_info").set({ ...known.build }, 1);
  const watched: (() => Promise<void>)[] = [];
  return {
    ...wecomMetrics(make, known),
    ...graphqlMetrics(make, known, new FieldCounts(registry, known)),
    ...streamMetrics(make),
    ...backgroundMetrics(make),
    watch: (name, read, otherwise = NaN) => {
      const value = make.gauge(name);
      watched.push(async () => {
        value.set(await withinLimit(read, otherwise));
      });
    },
    render: async () => {
      await Promise.all(watched.map((read) => read()));
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
  };
}

type Makers = ReturnType<typeof makersFor>;

/** Calls to WeCom, their limits, and what follows from them: creates, callbacks, authorisations. */
function wecomMetrics(
  { counter, gauge, histogram }: Makers,
  { apis }: KnownValues,
): WecomMetrics & LivingMetrics & CallbackMetrics & CreateMetrics & AuthorisationMetrics {
  const calls = boundByLabels(histogram("wecom_call_duration_seconds"));
  const callFailures = counter("wecom_call_failures_total");
  const retries = counter("wecom_read_retries_total");
  const refusals = counter("wecom_calls_refused_total");
  const cachedReads = counter("living_cache_reads_total");
  const callbacks = counter("wecom_callbacks_total");
  const creates = counter("wecom_creates_total");
  const authorisations = counter("wecom_authorisations_total");
  return {
    observeCall: (api, outcome, seconds, fault) => {
      calls(api, outcome).observe(seconds);
      if (fault !== undefined) callFailures.inc({ fault: callFaults.includes(fault) ? fault : "other" });
    },
    countRetry: (api) => {
      retries.inc({ api });
    },
    countRefusal: (api, reason) => {
      refusals.inc({ api, reason });
    },
    watchLimiter: limiterGauges(gauge, apis),
    countCachedRead: (outcome) => {
      cachedReads.inc({ outcome });
    },
    countCallback: (outcome) => {
      callbacks.inc({ outcome });
    },
    countCreate: (outcome) => {
      creates.inc({ outcome });
    },
    countAuthorisation: (outcome) => {
      authorisations.inc({ outcome });
    },
  };
}

/** The limiter's states, summed per API on each scrape. */
function limiterGauges(gauge: Makers["gauge"], apis: readonly string[]): WecomMetrics["watchLimiter"] {
  let states: () => Iterable<LimiterState> = () => [];
  gauge("wecom_calls_waiting", function () {
    this.reset();
    for (const api of apis) this.set({ api }, 0);
    for (const { api, waiting } of states()) this.inc({ api }, waiting);
  });
  gauge("wecom_gates_shut", function () {
    this.reset();
    for (const api of apis) for (const reason of ["closed", "unreachable"]) this.set({ api, reason }, 0);
    for (const { api, isClosed, isUnreachable } of states()) {
      this.inc({ api, reason: "closed" }, Number(isClosed));
      this.inc({ api, reason: "unreachable" }, Number(isUnreachable));
    }
  });
  return (given) => {
    states = given;
  };
}

/** Requests and operations. */
function graphqlMetrics(
  { counter, histogram }: Makers,
  { outcomeOfCode }: KnownValues,
  fields: FieldCounts,
): HttpMetrics & OperationMetrics {
  const requests = boundByLabels(histogram("http_request_duration_seconds"));
  const operations = counter("graphql_operations_total");
  const ways = { known: operations.labels("known"), pipeline: operations.labels("pipeline") };
  const errors = counter("graphql_errors_total");
  for (const code of [...Object.keys(outcomeOfCode), "other"]) errors.inc({ code }, 0);
  return {
    observeRequest: (route, status, seconds) => {
      requests(route, String(status)).observe(seconds);
    },
    countOperation: (way) => {
      ways[way].inc();
    },
    observeOperation: (type, roots, seconds, failures) => {
      fields.count(type, roots, seconds, failures);
    },
    countError: (code) => {
      errors.inc({ code: Object.hasOwn(outcomeOfCode, code) ? code : "other" });
    },
  };
}

/** Subscriptions and open connections. */
function streamMetrics({
  counter,
  gauge,
}: Makers): StreamMetrics & Pick<Metrics, "watchSubscriptions" | "watchConnections"> {
  const delivered = counter("graphql_events_delivered_total");
  const dropped = counter("graphql_events_dropped_total");
  const ended = counter("graphql_subscriptions_ended_total");
  return {
    countDelivered: (events) => {
      delivered.inc(events);
    },
    countDropped: (reason, events) => {
      dropped.inc({ reason }, events);
    },
    countEnded: (reason, subscriptions) => {
      ended.inc({ reason }, subscriptions);
    },
    watchSubscriptions: (count) => {
      gauge("graphql_subscriptions", function () {
        this.set(count());
      });
    },
    watchConnections: (count) => {
      gauge("graphql_connections", function () {
        for (const transport of metricTable.graphql_connections.labels.transport) {
          this.set({ transport }, count(transport));
        }
      });
    },
  };
}

/** The store, the audit log, traces and secrets. */
function backgroundMetrics({
  counter,
  histogram,
}: Makers): StoreMetrics & AuditMetrics & TracingMetrics & Pick<Metrics, "countSecretChange"> {
  const storeOperations = boundByLabels(histogram("store_operation_duration_seconds"));
  const auditEvents = boundByLabels(counter("audit_events_total"));
  const auditFailures = counter("audit_write_failures_total");
  const auditLost = counter("audit_lines_lost_total");
  const spans = counter("tracing_spans_total");
  const secretChanges = counter("gateway_secret_changes_total");
  return {
    observeStore: (operation, isAnswered, seconds) => {
      storeOperations(operation, isAnswered ? "ok" : "failed").observe(seconds);
    },
    countAudit: (action, outcome) => {
      auditEvents(action, outcome).inc();
    },
    countAuditFailure: () => {
      auditFailures.inc();
    },
    countAuditLost: (lines) => {
      auditLost.inc(lines);
    },
    countSpans: (outcome, count) => {
      spans.inc({ outcome }, count);
    },
    countSecretChange: (outcome) => {
      secretChanges.inc({ outcome });
    },
  };
}

/** Creates metrics from the table, with each listed label value at 0. */
function makersFor(registry: Registry, { apis }: KnownValues) {
  const of = (name: MetricName) => {
    const { help, labels } = metricTable[name] as MetricDefinition;
    return { config: { name, help, labelNames: Object.keys(labels), registers: [registry] }, labels };
  };
  /** All combinations of listed label values; `api` takes the known APIs. */
  const combinations = (labels: MetricDefinition["labels"]): Record<string, string>[] => {
    let rows: Record<string, string>[] = [{}];
    for (const [label, values] of Object.entries(labels)) {
      const listed: readonly string[] = label === "api" ? apis : values instanceof RegExp ? [] : values;
      rows = rows.flatMap((row) => listed.map((value) => ({ ...row, [label]: value })));
    }
    return rows;
  };
  return {
    counter: (name: MetricName) => {
      const { config, labels } = of(name);
      const made = new Counter<string>(config);
      for (const row of combinations(labels)) made.inc(row, 0);
      return made;
    },
    gauge: (name: MetricName, collect?: (this: Gauge) => void) =>
      new Gauge<string>({ ...of(name).config, ...(collect && { collect }) }),
    histogram: (name: MetricName) => {
      const { config, labels } = of(name);
      const made = new Histogram<string>(config);
      for (const row of combinations(labels)) made.zero(row);
      return made;
    },
  };
}

/**
 * Root fields by outcome. Every request counts here, so plain numbers are used, and copied to Prometheus's counters on
 * each scrape.
 */
class FieldCounts {
  readonly #durations: (field: string, type: string) => Histogram.Internal<string>;
  readonly #counts = new Map<string, Record<Outcome, number>>();

  constructor(
    registry: Registry,
    private readonly known: KnownValues,
  ) {
    const { histogram, gauge: _, ...make } = makersFor(registry, known);
    const durations = histogram("graphql_operation_duration_seconds");
    this.#durations = boundByLabels(durations);
    for (const { field, type } of known.fields) {
      durations.zero({ field, type });
      this.#countsOf(field, type);
    }
    const counts = this.#counts;
    const total = make.counter("graphql_fields_total") as Counter & { collect?: () => void };
    total.collect = () => {
      total.reset();
      for (const [label, byOutcome] of counts) {
        const [type = "", field = ""] = label.split(" ");
        for (const [outcome, count] of Object.entries(byOutcome)) total.inc({ field, type, outcome }, count);
      }
    };
  }

  count(type: string, roots: readonly RootField[], seconds: number, failures: readonly FieldFailure[]): void {
    for (const { key, field } of roots) {
      let outcome: Outcome = "ok";
      for (const failure of failures) {
        if (failure.key === undefined || failure.key === key) outcome = worse(outcome, this.#outcomeOf(failure.code));
      }
      this.#countsOf(field, type)[outcome] += 1;
      this.#durations(field, type).observe(seconds);
    }
  }

  #countsOf(field: string, type: string): Record<Outcome, number> {
    const label = `${type} ${field}`;
    let counts = this.#counts.get(label);
    if (!counts) this.#counts.set(label, (counts = { ok: 0, refused: 0, limited: 0, failed: 0, unknown: 0 }));
    return counts;
  }

  #outcomeOf(code: string): Outcome {
    const { outcomeOfCode } = this.known;
    return (Object.hasOwn(outcomeOfCode, code) ? outcomeOfCode[code] : undefined) ?? "failed";
  }
}

async function withinLimit(read: () => number | Promise<number>, otherwise: number): Promise<number> {
  try {
    return await within(readLimitMs, Promise.resolve(read()), otherwise);
  } catch {
    return otherwise;
  }
}

/** Creates each child of a two-label metric once. */
function boundByLabels<Child>(metric: {
  labels(first: string, second: string): Child;
}): (first: string, second: string) => Child {
  const children = new Map<string, Map<string, Child>>();
  return (first, second) => {
    let ofFirst = children.get(first);
    if (!ofFirst) children.set(first, (ofFirst = new Map<string, Child>()));
    let child = ofFirst.get(second);
    if (!child) ofFirst.set(second, (child = metric.labels(first, second)));
    return child;
  };
}
