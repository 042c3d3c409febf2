/**
 * Every metric that the gateway defines: its meaning, its labels, and their allowed values. A test compares `/metrics`
 * with this table, so that input from clients, corps or WeCom cannot create new label values. Series with listed values
 * start at 0, because an alert on an increase misses the first count of a series that starts at 1.
 */
import type { Outcome } from "./outcome.js";

export interface MetricDefinition {
  readonly kind: "counter" | "gauge" | "histogram";
  readonly help: string;
  /** Name → its values, or a pattern if they are too many to list. */
  readonly labels: Readonly<Record<string, readonly string[] | RegExp>>;
}

const outcomes: readonly Outcome[] = ["ok", "refused", "limited", "failed", "unknown"];
const operationTypes = ["query", "mutation", "subscription"];
/** An API that `src/wecom` calls, as WeCom's documentation names it. */
const api = /^[a-z_]+(\/[a-z_0-9]+)?$/;
/** A root field of the schema, or an introspection field. */
const rootField = /^_{0,2}[a-z]\w*$/i;
const code = /^([A-Z_]+|other)$/;

/** `none`: errors without an errcode. For the other values see `ErrcodeFault`. */
export const callFaults = [
  ...[
    "no-answer",
    "unlisted",
    "caller-input",
    "caller-media",
    "not-found",
    "state",
    "permission",
    "rate",
    "concurrency",
  ],
  ...["wecom", "token", "suite-token", "credential", "ip", "license", "callback", "deprecated", "other", "none"],
];

export const auditActions = [
  ...["living.create", "living.modify", "living.cancel", "living.replay.delete", "living.upload"],
  ...["app.authorise", "app.change", "app.revoke"],
];

export const metricTable = {
  graphql_fields_total: {
    kind: "counter",
    help: "Root fields answered: ok, refused (the caller's fault), limited, failed, or unknown, which may have taken effect",
    labels: { field: rootField, type: operationTypes, outcome: outcomes },
  },
  graphql_operation_duration_seconds: {
    kind: "histogram",
    help: "Executed operations by each of their root fields",
    labels: { field: rootField, type: operationTypes },
  },
  graphql_errors_total: {
    kind: "counter",
    help: "Errors sent to clients by code: of errors[], or of the member of a mutation's union",
    labels: { code },
  },
  graphql_operations_total: {
    kind: "counter",
    help: "GraphQL requests by how they were executed: known from a cached plan, pipeline through Apollo Server",
    labels: { way: ["known", "pipeline"] },
  },
  graphql_subscriptions: {
    kind: "gauge",
    help: "Subscriptions that are open, over WebSockets and event streams",
    labels: {},
  },
  graphql_connections: {
    kind: "gauge",
    help: "Signed-in WebSockets and event streams that are open",
    labels: { transport: ["websocket", "event-stream"] },
  },
  graphql_events_delivered_total: {
    kind: "counter",
    help: "Events of subscriptions handed to subscribers' connections",
    labels: {},
  },
  graphql_events_dropped_total: {
    kind: "counter",
    help: "Events that a subscriber was not sent: its token had expired, or too many waited for WeCom",
    labels: { reason: ["expired", "backlog"] },
  },
  graphql_subscriptions_ended_total: {
    kind: "counter",
    help: "Subscriptions that ended: left (the client or its connection), completed, missed (events may have been) or failed",
    labels: { reason: ["left", "completed", "missed", "failed"] },
  },
  http_request_duration_seconds: {
    kind: "histogram",
    help: "Requests to the gateway by route and status",
    labels: { route: /^(\/[a-z/]+|other)$/, status: /^[1-5]\d\d$/ },
  },
  wecom_call_duration_seconds: {
    kind: "histogram",
    help: "Calls to WeCom by API and outcome: ok, an errcode that its documentation lists, unlisted, or no-answer",
    labels: { api, outcome: /^(ok|no-answer|unlisted|-?\d+)$/ },
  },
  wecom_call_failures_total: {
    kind: "counter",
    help: "Calls to WeCom that failed, by what is at fault",
    labels: { fault: callFaults },
  },
  wecom_read_retries_total: {
    kind: "counter",
    help: "Reads that were sent again after a failure that passes",
    labels: { api },
  },
  wecom_calls_refused_total: {
    kind: "counter",
    help: "Calls that were not sent: queue too long, frequency limit near, closed by 45009, WeCom unreachable",
    labels: { api, reason: ["queue", "frequency", "closed", "unreachable"] },
  },
  wecom_calls_waiting: { kind: "gauge", help: "Calls that wait in a queue, over all corps", labels: { api } },
  wecom_gates_shut: {
    kind: "gauge",
    help: "Corps for which an API is not called for now: closed by 45009, or unreachable",
    labels: { api, reason: ["closed", "unreachable"] },
  },
  living_cache_reads_total: {
    kind: "counter",
    help: "Livings asked for: hit, miss, or stale, which is an expired one because WeCom is unreachable",
    labels: { outcome: ["hit", "miss", "stale"] },
  },
  wecom_callbacks_total: {
    kind: "counter",
    help: "Callbacks from WeCom by outcome: verified, handled, repeated, unknown, failed, late, or why it was refused",
    labels: {
      outcome: [
        ...["verified", "handled", "repeated", "unknown", "failed", "late"],
        ...["bad-signature", "too-old", "malformed", "bad-encryption", "wrong-receiveid", "not-an-echo"],
      ],
    },
  },
  wecom_creates_total: {
    kind: "counter",
    help: "Creates under an idempotency key, and lost ones without, by outcome: created, refused, repeated, found, sent-again, unknown, doubled, given-up",
    labels: {
      outcome: ["created", "refused", "repeated", "found", "sent-again", "unknown", "doubled", "given-up"],
    },
  },
  wecom_creates_unfinished: {
    kind: "gauge",
    help: "Creates under an idempotency key whose outcome is open, of all replicas; 1000 means that many or more",
    labels: {},
  },
  wecom_create_oldest_unfinished_seconds: {
    kind: "gauge",
    help: "How long ago the oldest of them was begun; 0 where there is none",
    labels: {},
  },
  wecom_authorisations_total: {
    kind: "counter",
    help: "auth_codes by what became of them: stored, then done, refused, expired or lost; after the last three the corp may have to authorise the app again",
    labels: { outcome: ["stored", "done", "refused", "expired", "lost"] },
  },
  gateway_secret_changes_total: {
    kind: "counter",
    help: "Files of secrets that changed: replaced, or refused, and then the old secrets stay",
    labels: { outcome: ["replaced", "refused"] },
  },
  wecom_token_expiry_timestamp_seconds: {
    kind: "gauge",
    help: "When the first of the tokens that this replica uses ends; NaN: it holds none",
    labels: {},
  },
  wecom_suite_ticket_received_timestamp_seconds: {
    kind: "gauge",
    help: "WeCom's time of the newest suite_ticket, of all replicas; 0: none in the last half an hour. Only for a provider's app",
    labels: {},
  },
  store_operation_duration_seconds: {
    kind: "histogram",
    help: "What the store was asked, by operation and whether it answered",
    labels: {
      op: ["get", "set", "delete", "compareAndSet", "setNew", "enqueue", "due", "dequeue", "publish", "now"],
      outcome: ["ok", "failed"],
    },
  },
  store_up: { kind: "gauge", help: "1: the store answered within a second when the metrics were read", labels: {} },
  audit_events_total: {
    kind: "counter",
    help: "Lines of the audit log",
    labels: { action: auditActions, outcome: outcomes },
  },
  audit_write_failures_total: {
    kind: "counter",
    help: "Attempts to write audit lines that failed; the lines are kept and tried again",
    labels: {},
  },
  audit_lines_lost_total: {
    kind: "counter",
    help: "Audit lines that were given up, because too many waited to be written",
    labels: {},
  },
  tracing_spans_total: {
    kind: "counter",
    help: "Spans of recorded traces: exported, dropped because too many waited, or failed to be sent",
    labels: { outcome: ["exported", "dropped", "failed"] },
  },
  wecom_gateway_build_info: {
    kind: "gauge",
    help: "1, with the versions of the gateway and of Node, and the beginning of the schema's SHA-256",
    labels: { version: /^[\w.+-]+$/, node: /^v\d+\.\d+\.\d+/, schema: /^([0-9a-f]{12}|unknown)$/ },
  },
} as const satisfies Readonly<Record<string, MetricDefinition>>;

export type MetricName = keyof typeof metricTable;
