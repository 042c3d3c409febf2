// Writes what in deploy/observability follows from something else: the dashboard from the list of panels below, and the rules
// for Prometheus's operator from rules.yaml. With --check only compares.
import { readFile } from "node:fs/promises";
import { parse, stringify } from "yaml";
import { writeOrCheck } from "./write-or-check.mjs";

const datasource = { type: "prometheus", uid: "${datasource}" };
const own = 'job=~"$job",instance=~"$instance"';
/** Each row: its title, then panels of [title, unit, ...[query, legend]]. `$own` stands for the chosen job and instances. */
const rows = [
  [
    "Service level",
    [
      "Availability, 30 days' level 99.9 %",
      "percentunit",
      ['1 - job:graphql_fields:error_ratio_rate1h{job=~"$job"}', "1 h"],
      ['1 - job:graphql_fields:error_ratio_rate24h{job=~"$job"}', "24 h"],
    ],
    [
      "Burn of the error budget",
      "none",
      ['job:graphql_fields:error_ratio_rate1h{job=~"$job"} / 0.001', "1 h (page at 14.4)"],
      ['job:graphql_fields:error_ratio_rate6h{job=~"$job"} / 0.001', "6 h (page at 6)"],
    ],
    [
      "Budget left of three days'",
      "percentunit",
      ['1 - job:graphql_fields:error_ratio_rate3d{job=~"$job"} / 0.001', "left"],
    ],
  ],
  [
    "Root fields",
    [
      "Answers by field",
      "reqps",
      ["sum by (field) (rate(graphql_fields_total{$own}[$__rate_interval])) > 0", "{{field}}"],
    ],
    [
      "Answers that were not ok",
      "reqps",
      [
        'sum by (field, outcome) (rate(graphql_fields_total{$own,outcome!="ok"}[$__rate_interval])) > 0',
        "{{field}} {{outcome}}",
      ],
    ],
    ["Errors by code", "reqps", ["sum by (code) (rate(graphql_errors_total{$own}[$__rate_interval])) > 0", "{{code}}"]],
    [
      "Time, all operations",
      "s",
      ...[0.5, 0.95, 0.99].map((q) => [
        `histogram_quantile(${q}, sum by (le) (rate(graphql_operation_duration_seconds_bucket{$own}[$__rate_interval])))`,
        `p${q * 100}`,
      ]),
    ],
  ],
  [
    "WeCom",
    [
      "Calls by API and outcome",
      "reqps",
      [
        "sum by (api, outcome) (rate(wecom_call_duration_seconds_count{$own}[$__rate_interval]))",
        "{{api}} {{outcome}}",
      ],
    ],
    [
      "Failures by what is at fault",
      "reqps",
      ["sum by (fault) (rate(wecom_call_failures_total{$own}[$__rate_interval])) > 0", "{{fault}}"],
    ],
    [
      "Time of calls, p99",
      "s",
      [
        "histogram_quantile(0.99, sum by (le, api) (rate(wecom_call_duration_seconds_bucket{$own}[$__rate_interval])))",
        "{{api}}",
      ],
    ],
    [
      "Waiting, shut, refused, sent again",
      "none",
      ["sum(wecom_calls_waiting{$own})", "waiting"],
      ["sum by (reason) (wecom_gates_shut{$own})", "shut: {{reason}}"],
      ["sum by (reason) (rate(wecom_calls_refused_total{$own}[$__rate_interval])) > 0", "refused a second: {{reason}}"],
      ["sum(rate(wecom_read_retries_total{$own}[$__rate_interval]))", "reads sent again a second"],
    ],
  ],
  [
    "Livings",
    [
      "Changes in an hour",
      "none",
      ['sum by (action) (increase(audit_events_total{$own,outcome="ok"}[1h])) > 0', "{{action}}"],
    ],
    [
      "Creates under a key, in an hour",
      "none",
      ["sum by (outcome) (increase(wecom_creates_total{$own}[1h]))", "{{outcome}}"],
    ],
    ["Unfinished creates", "none", ["max(wecom_creates_unfinished{$own})", "open"]],
    ["Age of the oldest", "s", ["max(wecom_create_oldest_unfinished_seconds{$own})", "oldest"]],
    [
      "Livings from memory",
      "reqps",
      ["sum by (outcome) (rate(living_cache_reads_total{$own}[$__rate_interval]))", "{{outcome}}"],
    ],
  ],
  [
    "Tokens, tickets, callbacks",
    ["Until the first token ends", "s", ["min(wecom_token_expiry_timestamp_seconds{$own}) - time()", "left"]],
    [
      "Since the newest suite_ticket",
      "s",
      // 0: none in the last half an hour, which is no age.
      ["time() - (max(wecom_suite_ticket_received_timestamp_seconds{$own}) > 0)", "age"],
    ],
    [
      "Callbacks",
      "reqps",
      ["sum by (outcome) (rate(wecom_callbacks_total{$own}[$__rate_interval])) > 0", "{{outcome}}"],
    ],
    [
      "Authorisations in an hour",
      "none",
      ["sum by (outcome) (increase(wecom_authorisations_total{$own}[1h]))", "{{outcome}}"],
    ],
  ],
  [
    "Subscriptions",
    [
      "Open",
      "none",
      ["sum(graphql_subscriptions{$own})", "subscriptions"],
      ["sum by (transport) (graphql_connections{$own})", "{{transport}}"],
    ],
    [
      "Events",
      "reqps",
      ["sum(rate(graphql_events_delivered_total{$own}[$__rate_interval]))", "delivered"],
      ["sum by (reason) (rate(graphql_events_dropped_total{$own}[$__rate_interval]))", "dropped: {{reason}}"],
    ],
    [
      "Ended",
      "reqps",
      ["sum by (reason) (rate(graphql_subscriptions_ended_total{$own}[$__rate_interval]))", "{{reason}}"],
    ],
  ],
  [
    "Process and store",
    ["CPU", "percentunit", ["rate(process_cpu_seconds_total{$own}[$__rate_interval])", "{{instance}}"]],
    [
      "Memory",
      "bytes",
      ["process_resident_memory_bytes{$own}", "{{instance}} resident"],
      ["nodejs_heap_size_used_bytes{$own}", "{{instance}} heap"],
    ],
    ["Event loop, p99", "s", ["nodejs_eventloop_lag_p99_seconds{$own}", "{{instance}}"]],
    [
      "Garbage collection",
      "percentunit",
      ["sum by (kind) (rate(nodejs_gc_duration_seconds_sum{$own}[$__rate_interval]))", "{{kind}}"],
    ],
    ["Open files", "none", ["process_open_fds{$own}", "{{instance}}"]],
    [
      "Store, p99",
      "s",
      [
        "histogram_quantile(0.99, sum by (le, op) (rate(store_operation_duration_seconds_bucket{$own}[$__rate_interval])))",
        "{{op}}",
      ],
    ],
    [
      "Store: up, failing",
      "none",
      ["min(store_up{$own})", "up"],
      [
        'sum(rate(store_operation_duration_seconds_count{$own,outcome="failed"}[$__rate_interval]))',
        "failing a second",
      ],
    ],
  ],
  [
    "Releases and the audit log",
    [
      "Versions",
      "none",
      [
        "count by (version, node, schema) (wecom_gateway_build_info{$own})",
        "{{version}}, Node {{node}}, schema {{schema}}",
      ],
    ],
    [
      "Requests by status",
      "reqps",
      ["sum by (status) (rate(http_request_duration_seconds_count{$own}[$__rate_interval]))", "{{status}}"],
    ],
    [
      "Lines of the audit log",
      "none",
      ["sum by (outcome) (rate(audit_events_total{$own}[$__rate_interval])) > 0", "{{outcome}} a second"],
      ["sum(rate(audit_write_failures_total{$own}[$__rate_interval]))", "failed attempts a second"],
      ["sum(rate(audit_lines_lost_total{$own}[$__rate_interval]))", "lost a second"],
    ],
    [
      "Operations by their way",
      "reqps",
      ["sum by (way) (rate(graphql_operations_total{$own}[$__rate_interval]))", "{{way}}"],
    ],
  ],
];

const width = 24;
const height = 7;

function panelsOf() {
  const panels = [];
  let y = 0;
  const add = (panel) => panels.push({ id: panels.length + 1, ...panel });
  for (const [title, ...inRow] of rows) {
    add({ type: "row", title, collapsed: false, gridPos: { x: 0, y, w: width, h: 1 }, panels: [] });
    y += 1;
    // At most four beside each other.
    const columns = Math.min(inRow.length, inRow.length > 4 ? 3 : 4);
    const w = width / columns;
    inRow.forEach(([name, unit, ...queries], index) => {
      const gridPos = { x: (index % columns) * w, y: y + Math.floor(index / columns) * height, w, h: height };
      const targets = queries.map(([query, legendFormat], number) => {
        const expr = query.replaceAll("$own", own);
        return { refId: String.fromCharCode(65 + number), datasource, expr, legendFormat };
      });
      const fieldConfig = { defaults: { unit, custom: { fillOpacity: 10, showPoints: "never" } }, overrides: [] };
      const options = {
        legend: { displayMode: "list", placement: "bottom" },
        tooltip: { mode: "multi", sort: "desc" },
      };
      add({ type: "timeseries", title: name, datasource, gridPos, fieldConfig, options, targets });
    });
    y += Math.ceil(inRow.length / columns) * height;
  }
  return panels;
}

const query = (name, label, of) => ({
  ...{ type: "query", name, label, datasource, refresh: 2, includeAll: true, multi: true },
  ...{ current: { text: "All", value: "$__all" }, query: { query: of, refId: name } },
});

const dashboard = {
  id: null,
  uid: "wecom-living-gateway",
  title: "WeCom living gateway",
  tags: ["wecom", "graphql"],
  schemaVersion: 39,
  editable: true,
  graphTooltip: 1,
  refresh: "30s",
  time: { from: "now-6h", to: "now" },
  templating: {
    list: [
      { type: "datasource", name: "datasource", label: "Prometheus", query: "prometheus", current: {} },
      query("job", "Job", "label_values(wecom_gateway_build_info, job)"),
      query("instance", "Replica", 'label_values(wecom_gateway_build_info{job=~"$job"}, instance)'),
    ],
  },
  annotations: {
    list: [
      {
        ...{ name: "Releases", enable: true, iconColor: "blue", datasource, titleFormat: "{{version}}" },
        expr: `count by (version) (wecom_gateway_build_info{job=~"$job"}) unless count by (version) (wecom_gateway_build_info{job=~"$job"} offset 1m)`,
      },
    ],
  },
  panels: panelsOf(),
};

const folder = "deploy/observability";
const { groups } = parse(await readFile(new URL(`../${folder}/rules.yaml`, import.meta.url), "utf8"));
const prometheusRule = {
  apiVersion: "monitoring.coreos.com/v1",
  kind: "PrometheusRule",
  metadata: { name: "wecom-living-gateway", labels: { "app.kubernetes.io/name": "wecom-living-gateway" } },
  spec: { groups },
};
const note = "# Written by scripts/write-deploy.mjs from rules.yaml.\n";
const command = "node scripts/write-deploy.mjs";
await writeOrCheck(`${folder}/dashboard.json`, `${JSON.stringify(dashboard, null, 2)}\n`, command);
await writeOrCheck(`${folder}/prometheus-rule.yaml`, note + stringify(prometheusRule, { lineWidth: 0 }), command);
