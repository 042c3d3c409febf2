// What operators copy from deploy/: manifests by the upstream schemas, rules and dashboard by promtool and by what /metrics has.
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PrometheusRule } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRule";
import { ServiceMonitor } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor";
import { Deployment } from "kubernetes-models/apps/v1/Deployment";
import { HorizontalPodAutoscaler } from "kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler";
import { NetworkPolicy } from "kubernetes-models/networking.k8s.io/v1/NetworkPolicy";
import { PodDisruptionBudget } from "kubernetes-models/policy/v1/PodDisruptionBudget";
import { Namespace } from "kubernetes-models/v1/Namespace";
import { Service } from "kubernetes-models/v1/Service";
import { ServiceAccount } from "kubernetes-models/v1/ServiceAccount";
import { parse } from "yaml";
import { loadConfig, settings } from "../../src/config.js";
import { type Gateway, startGateway } from "../support/gateway.js";
import { startProvider } from "../support/provider.js";
import { checkout } from "../support/running.js";

const read = (path: string) => readFileSync(join(checkout, "deploy", path), "utf8");
const yaml = (path: string): any => parse(read(path));
const isPromtoolThere = spawnSync("promtool", ["--version"]).status === 0;

/** In CI its absence is a failure, elsewhere it is said and skipped. */
const itWithPromtool = ((): typeof it | typeof it.skip => {
  if (isPromtoolThere) return it;
  if (process.env["CI"] === "true") throw new Error("promtool is not there, and in CI nothing is skipped");
  process.stderr.write("SKIPPED: tests with promtool (Debian's package prometheus has it)\n");
  return it.skip;
})();
const promtool = (args: readonly string[], input?: string) => {
  const { status, stdout, stderr } = spawnSync("promtool", args, { input, encoding: "utf8" });
  return { status, words: stdout + stderr };
};

interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly labels?: { readonly severity: string };
  readonly annotations?: Readonly<Record<string, string>>;
}
const rules = (yaml("observability/rules.yaml").groups as { rules: Rule[] }[]).flatMap(({ rules }) => rules);
const alerts = rules.filter(({ alert }) => alert !== undefined);
const dashboard = JSON.parse(read("observability/dashboard.json"));
const panels = dashboard.panels as {
  type: string;
  title: string;
  targets?: { expr: string }[];
  datasource?: unknown;
}[];
const dashboardQueries = [
  ...panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
  ...(dashboard.annotations.list as { expr: string }[]).map(({ expr }) => expr),
];

/** With what Grafana puts in. */
const filledIn = (query: string) =>
  query.replaceAll("$__rate_interval", "1m").replaceAll("$job", ".*").replaceAll("$instance", ".*");
/** Names of metrics in a query: what is no function, label or keyword there. */
const metricsIn = (query: string): string[] =>
  [
    ...query
      .replace(/"[^"]*"/g, "")
      .replace(/\b(by|without) \([^)]*\)/g, "")
      .replace(/\{[^}]*\}/g, "")
      .matchAll(/\b(?:graphql|http|wecom|living|store|audit|nodejs|process|job|up)(?:[_:][\w:]+|\b(?!\())/g),
  ].map(([name]) => name);

describe("deploy/observability", () => {
  let plain: Gateway;
  let provider: Gateway;
  const names = new Set<string>();
  let exposition = "";
  beforeAll(async () => {
    [plain, provider] = await Promise.all([startGateway(), startProvider()]);
    exposition = (await provider.fetch("/metrics")).text;
    for (const gateway of [plain, provider]) {
      const { text } = await gateway.fetch("/metrics");
      for (const [, name, kind] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
        names.add(name!);
        if (kind === "histogram" || kind === "summary")
          for (const part of ["_bucket", "_sum", "_count"]) names.add(name! + part);
      }
    }
  });
  afterAll(() => Promise.all([plain.close(), provider.close()]));
  const recorded = rules.flatMap(({ record = [] }) => record);

  it("asks only for metrics that the gateway has, in its rules and its dashboard", () => {
    const asked = [...rules.map(({ expr }) => expr), ...dashboardQueries].flatMap(metricsIn);
    const unknown = asked.filter((name) => !names.has(name) && !recorded.includes(name) && name !== "up");

    expect(new Set(asked).size).toBeGreaterThan(30);
    expect(unknown).toEqual([]);
  });

  itWithPromtool("has rules that promtool takes, and that do what their tests say", () => {
    const folder = join(checkout, "deploy/observability");

    expect(promtool(["check", "rules", join(folder, "rules.yaml")])).toMatchObject({ status: 0 });
    expect(promtool(["test", "rules", join(folder, "rules.test.yaml")])).toMatchObject({ status: 0 });
  });

  itWithPromtool("has queries in the dashboard that Prometheus can read", () => {
    const folder = mkdtempSync(join(tmpdir(), "queries-"));
    const asRules = dashboardQueries.map((query, index) => ({ record: `query${index}`, expr: filledIn(query) }));
    writeFileSync(join(folder, "queries.yaml"), JSON.stringify({ groups: [{ name: "queries", rules: asRules }] }));
    const checked = promtool(["check", "rules", join(folder, "queries.yaml")]);
    rmSync(folder, { recursive: true });

    expect(checked).toMatchObject({ status: 0 });
    expect(checked.words).toContain(`${dashboardQueries.length} rules found`);
  });

  itWithPromtool("is asked of metrics with which promtool finds no fault but three names of prom-client's own", () => {
    const { words } = promtool(["check", "metrics"], exposition);
    const complaints = words
      .trim()
      .split("\n")
      .filter((line) => !/^nodejs_active_\w+_total /.test(line));

    expect(complaints.filter((line) => line !== "")).toEqual([]);
  });

  it("tells for each alert how urgent it is, what it means, and where to read what to do", () => {
    const operations = readFileSync(join(checkout, "docs/operations.md"), "utf8");

    expect(alerts.length).toBeGreaterThan(20);
    for (const { alert = "", labels, annotations } of alerts) {
      expect(["page", "ticket"]).toContain(labels?.severity);
      expect(annotations).toEqual({
        summary: expect.any(String),
        description: expect.any(String),
        runbook_url: `docs/operations.md#${alert.toLowerCase()}`,
      });
      const [, paragraph = ""] = new RegExp(`^### ${alert}\n\n([^#]+)`, "m").exec(operations) ?? [];
      expect([alert, paragraph.length > 80]).toEqual([alert, true]);
    }
  });

  it("has a dashboard of eight rows, which names no data source but the one that is chosen", () => {
    expect(panels.filter(({ type }) => type === "row")).toHaveLength(8);
    expect(new Set(panels.map(({ datasource }) => JSON.stringify(datasource)))).toEqual(
      new Set([undefined, JSON.stringify({ type: "prometheus", uid: "${datasource}" })]),
    );
    expect(dashboard).toMatchObject({ id: null, uid: "wecom-living-gateway" });
    expect((dashboard.templating.list as { name: string }[]).map(({ name }) => name)).toEqual([
      "datasource",
      "job",
      "instance",
    ]);
  });

  it("is up to date: the dashboard, and the operator's rules from the plain ones", () => {
    execFileSync("node", ["scripts/write-deploy.mjs", "--check"], { cwd: checkout, stdio: "pipe" });

    expect(yaml("observability/prometheus-rule.yaml").spec).toEqual(yaml("observability/rules.yaml"));
  });
});

type Model = new (manifest: any) => { validate(): void };
const models: Readonly<Record<string, Model>> = {
  ...{ Deployment, HorizontalPodAutoscaler, NetworkPolicy, PodDisruptionBudget, Namespace, Service, ServiceAccount },
  ...{ PrometheusRule, ServiceMonitor },
};

describe("deploy/kubernetes", () => {
  const manifests = ["kubernetes", "observability"].flatMap((folder) =>
    (yaml(`${folder}/kustomization.yaml`).resources as string[]).map((file) => `${folder}/${file}`),
  );
  const deployment = yaml("kubernetes/deployment.yaml");
  const pod = deployment.spec.template.spec;
  const [container] = pod.containers;

  it.each(manifests)("%s keeps to the upstream schema", (file) => {
    const manifest = yaml(file);
    const Schema = models[manifest.kind]!;

    expect(() => {
      new Schema(manifest).validate();
    }).not.toThrow();
    expect(() => {
      new Schema({ ...manifest, metadata: "nonsense" }).validate();
    }).toThrow();
  });

  it("leaves no manifest out", () => {
    const files = ["kubernetes", "observability"].flatMap((folder) =>
      readdirSync(join(checkout, "deploy", folder))
        .filter((file) => file.endsWith(".yaml"))
        .map((file) => `${folder}/${file}`),
    );
    const others = [
      "kustomization",
      "rules",
      "rules.test",
      "prometheus",
      "grafana-datasource",
      "grafana-dashboards",
      "otel-collector",
    ];

    expect(files.filter((file) => !others.includes(file.replace(/^.*\/|\.yaml$/g, ""))).sort()).toEqual(
      [...manifests].sort(),
    );
  });

  it("runs as the restricted standard asks, and writes nothing but its volume", () => {
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
    });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
    expect(yaml("kubernetes/namespace.yaml").metadata.labels["pod-security.kubernetes.io/enforce"]).toBe("restricted");
  });

  it("asks the three probes on the admin port", () => {
    const [startup, live, ready] = [container.startupProbe, container.livenessProbe, container.readinessProbe];

    expect([startup, live, ready].map(({ httpGet }) => httpGet)).toEqual([
      { path: "/health/live", port: "admin" },
      { path: "/health/live", port: "admin" },
      { path: "/health/ready", port: "admin" },
    ]);
  });

  it("waits for as long as a drain may take", () => {
    const needed =
      Number(container.lifecycle.preStop.sleep.seconds) + 1 + Number(settings.WECOM_TIMEOUT_MS.default) / 1000 + 1;

    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(needed);
  });

  it("selects its own pods everywhere, by one label", () => {
    const label = { "app.kubernetes.io/name": "wecom-living-gateway" };
    const selectors = [
      deployment.spec.selector.matchLabels,
      deployment.spec.template.metadata.labels,
      ...(pod.topologySpreadConstraints as any[]).map(({ labelSelector }) => labelSelector.matchLabels),
      yaml("kubernetes/service.yaml").spec.selector,
      yaml("kubernetes/service.yaml").metadata.labels,
      yaml("kubernetes/pod-disruption-budget.yaml").spec.selector.matchLabels,
      yaml("kubernetes/network-policy.yaml").spec.podSelector.matchLabels,
      yaml("observability/service-monitor.yaml").spec.selector.matchLabels,
    ];

    for (const selector of selectors) expect(selector).toEqual(label);
  });

  it("has settings with which the gateway starts, and gives each secret as a file", () => {
    const env = Object.fromEntries(
      read("kubernetes/gateway.env")
        .trim()
        .split("\n")
        .map((line) => line.split(/=(.*)/s).slice(0, 2)),
    );
    const folder = mkdtempSync(join(tmpdir(), "secrets-"));
    const values: Record<string, string> = {
      WECOM_CALLBACK_TOKEN_FILE: "token",
      WECOM_CALLBACK_AES_KEY_FILE: "a".repeat(43),
      STORE_ENCRYPTION_KEY_FILE: "k".repeat(32),
      REDIS_URL_FILE: "redis://redis:6379",
    };
    for (const { name, value } of container.env as { name: string; value: string }[]) {
      const file = join(folder, value.slice(value.lastIndexOf("/") + 1));
      writeFileSync(file, values[name] ?? "a secret that is long enough for all of them");
      env[name] = file;
      const setting = settings[name.replace(/_FILE$/, "") as keyof typeof settings];
      expect([name, "isSecret" in setting]).toEqual([name, true]);
    }

    expect(loadConfig(env)).toMatchObject({ isProduction: true, adminPort: 4001, auth: { mode: "jwt" } });
    rmSync(folder, { recursive: true });
  });
});

describe("deploy/compose.yaml", () => {
  const compose = yaml("compose.yaml");

  it("sets only variables that the gateway reads", () => {
    const known = [...Object.keys(settings), "OTEL_EXPORTER_OTLP_ENDPOINT"];

    expect(known).toEqual(expect.arrayContaining(Object.keys(compose.services.gateway.environment)));
  });

  it("mounts only files that are there", () => {
    const mounts = Object.values<{ volumes?: string[] }>(compose.services).flatMap(({ volumes = [] }) => volumes);
    const files = mounts.map((mount) => mount.split(":")[0]!).filter((path) => path.startsWith("./"));

    expect(files.length).toBeGreaterThan(4);
    for (const file of files) expect(read(file).length).toBeGreaterThan(0);
  });

  it("keeps the store's promises, and starts the gateway when it answers", () => {
    expect((compose.services.valkey.command as string[]).join(" ")).toMatch(
      /--appendonly yes --appendfsync always --maxmemory-policy noeviction/,
    );
    expect(compose.services.gateway.depends_on).toEqual({ valkey: { condition: "service_healthy" } });
  });

  it("starts what is not needed only with its profile", () => {
    const always = Object.entries(compose.services as Record<string, { profiles?: string[] }>).filter(
      ([, { profiles }]) => !profiles,
    );

    expect(always.map(([name]) => name)).toEqual(["gateway", "valkey"]);
  });
});
