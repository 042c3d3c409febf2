// Traces: what is recorded, what must never be in a span, and that nobody waits for the collector.
import { afterEach, describe, expect, it } from "@jest/globals";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer, type ServerOptions } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { Readable } from "node:stream";
import { json } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { gunzipSync } from "node:zlib";
import { readTracing } from "../../src/observability/otel-settings.js";
import { traceParentIn } from "../../src/observability/trace-context.js";
import { CreateLivingDocument, ReadLivingDocument } from "../../packages/client/src/index.js";
import { corpid, type Gateway, type GatewayOptions, startGateway } from "../support/gateway.js";
import { seriesIn, valueOf } from "../support/exposition.js";
import { minimalInput } from "../support/inputs.js";
import { corps, startProvider } from "../support/provider.js";
import { until } from "../support/until.js";

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  readonly links: readonly { traceId: string; spanId: string }[];
  readonly isError: boolean;
  readonly durationMs: number;
}

function* endless(): Generator<string> {
  for (;;) yield "x".repeat(10_000);
}

/** A collector of traces, which may as well hang, refuse, or answer without end. */
class Collector implements AsyncDisposable {
  readonly bodies: any[] = [];
  readonly headers: Record<string, unknown>[] = [];
  behaviour: "take" | "refuse" | "hang" | "flood" = "take";
  readonly #server;

  constructor(private readonly tls?: ServerOptions) {
    const answer = (request: IncomingMessage, response: ServerResponse): void => void this.#answer(request, response);
    this.#server = tls ? createTlsServer(tls, answer) : createServer(answer);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.headers.push({ ...request.headers, url: request.url });
    if (this.behaviour === "hang") return;
    if (this.behaviour === "refuse") return void response.writeHead(503).end();
    if (this.behaviour === "flood") return void pipeline(Readable.from(endless()), response).catch(() => undefined);
    if (request.headers["content-encoding"] === "gzip") {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      this.bodies.push(JSON.parse(gunzipSync(Buffer.concat(chunks)).toString()));
    } else this.bodies.push(await json(request));
    response.writeHead(200, { "content-type": "application/json" }).end("{}");
  }

  async start(): Promise<this> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return this;
  }

  get url(): string {
    return `${this.tls ? "https" : "http"}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get spans(): Span[] {
    return this.bodies
      .flatMap(({ resourceSpans }) => resourceSpans)
      .flatMap(({ scopeSpans }) => scopeSpans)
      .flatMap(({ spans }) => spans)
      .map(({ attributes, links = [], status, startTimeUnixNano, endTimeUnixNano, ...span }) => ({
        ...span,
        links,
        isError: status.code === 2,
        durationMs: Number(BigInt(endTimeUnixNano) - BigInt(startTimeUnixNano)) / 1e6,
        attributes: Object.fromEntries(
          (attributes as { key: string; value: Record<string, string> }[]).map(({ key, value }) => [
            key,
            value["intValue"] === undefined ? Object.values(value)[0]! : Number(value["intValue"]),
          ]),
        ),
      }));
  }

  async until(count: number): Promise<Span[]> {
    while (this.spans.length < count) await wait(10);
    return this.spans;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

const soon = { OTEL_BSP_SCHEDULE_DELAY: "20" };
const traced = (collector: Collector, env: GatewayOptions["env"] = {}) =>
  startGateway({ env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, ...soon, ...env } });
const create = (gateway: Gateway, headers: Record<string, string> = {}, idempotencyKey?: string) =>
  gateway.run(CreateLivingDocument, { input: minimalInput, idempotencyKey: idempotencyKey ?? null }, headers);
const parentOf = (flags: "00" | "01") => ({ traceparent: `00-${"a1".repeat(16)}-${"b2".repeat(8)}-${flags}` });

const open: Gateway[] = [];
afterEach(() => Promise.all(open.splice(0).map((gateway) => gateway.close())).then(() => undefined));

describe("A trace of a create", () => {
  it("has a span of the operation, and below it one of the call to WeCom, in the caller's trace", async () => {
    await using collector = await new Collector().start();
    await using gateway = await traced(collector);
    await create(gateway);
    await collector.until(2);
    const before = collector.spans.length;
    await create(gateway, parentOf("01"));
    const [call, operation] = (await collector.until(before + 2)).slice(before);

    expect(operation).toMatchObject({
      traceId: "a1".repeat(16),
      parentSpanId: "b2".repeat(8),
      name: "POST /graphql",
      kind: 2,
      isError: false,
      attributes: {
        "graphql.operation.type": "mutation",
        "graphql.operation.name": "CreateLiving",
        "http.route": "/graphql",
      },
    });
    expect(call).toMatchObject({ traceId: operation!.traceId, parentSpanId: operation!.spanId, name: "POST", kind: 3 });
    expect(call!.attributes).toEqual({
      "http.request.method": "POST",
      "server.address": "127.0.0.1",
      "server.port": Number(new URL(gateway.simulator.url).port),
      "url.full": `${gateway.simulator.url}/cgi-bin/living/create`,
      "wecom.api": "living/create",
      "wecom.wait_ms": expect.any(Number),
    });
    expect(operation!.durationMs).toBeGreaterThanOrEqual(call!.durationMs);
    const [resource] = collector.bodies[0].resourceSpans;
    expect(resource.resource.attributes).toContainEqual({
      key: "service.name",
      value: { stringValue: "wecom-living-gateway" },
    });
  });

  it("says which errcode, which code, and which attempt it was", async () => {
    await using collector = await new Collector().start();
    await using gateway = await traced(collector);
    gateway.simulator.faults.inject({ kind: "errcode", api: "living/create", errcode: 60020 });
    await create(gateway);
    const [call, operation] = await collector.until(2);
    expect(call).toMatchObject({ isError: true, attributes: { "wecom.errcode": 60020, "error.type": "60020" } });
    expect(operation).toMatchObject({
      isError: true,
      attributes: { "graphql.error.codes": "LIVING_CONFIGURATION", "error.type": "LIVING_CONFIGURATION" },
    });

    const livingid = gateway.simulator.livings.reserve(
      { corpid, agentid: 1000014 },
      {
        ...{ anchorUserid: "a", theme: "t", startSeconds: 4102444800, durationSeconds: 60, type: 0 as const },
        ...{ description: "", remindSeconds: 0, imageMediaids: [] },
      },
    ).livingid;
    gateway.simulator.faults.inject({ kind: "drop", api: "living/get_living_info" });
    await gateway.run(ReadLivingDocument, { livingid } as never);
    const reads = (await collector.until(5)).slice(2).filter(({ kind }) => kind === 3);
    expect(reads.map(({ attributes }) => attributes["http.request.resend_count"])).toEqual([undefined, 1]);
    expect(reads.map(({ attributes }) => attributes["url.full"])).toEqual(
      Array(2).fill(`${gateway.simulator.url}/cgi-bin/living/get_living_info?livingid=${livingid}`),
    );
  });

  it("goes on where the reconciler settles it, linked to the operation that began it", async () => {
    await using collector = await new Collector().start();
    await using gateway = await traced(collector, { WECOM_TIMEOUT_MS: "500" });
    await create(gateway);
    gateway.simulator.faults.inject({ kind: "hang", api: "living/create", effect: "applied" });
    gateway.simulator.faults.inject({ kind: "hang", api: "living/get_user_all_livingid", times: 0 });
    await gateway.run(CreateLivingDocument, { input: { ...minimalInput, theme: "lost" }, idempotencyKey: "key" });
    gateway.simulator.faults.clear();
    const find = () => ({
      reconciled: collector.spans.find(({ name }) => name === "wecom.reconcile"),
      lost: collector.spans.find(({ attributes }) => attributes["graphql.error.codes"] === "LIVING_OUTCOME_UNKNOWN"),
    });
    // The operation's may be exported after the other.
    await until(() => Object.values(find()).every((span) => span !== undefined), find);

    const { reconciled, lost } = find() as { reconciled: Span; lost: Span };
    expect(reconciled.links).toEqual([{ traceId: lost.traceId, spanId: lost.spanId }]);
    expect(reconciled.traceId).not.toBe(lost.traceId);
  });
});

describe("Whether a trace is recorded", () => {
  it.each([
    ["none of a router's that says no", "router", "parentbased_always_on", "00", 0],
    ["one of a router's that says yes, whatever the part", "router", "parentbased_always_off", "01", 1],
    ["none of a client's that says yes, where the part is none", "none", "parentbased_always_off", "01", 0],
    ["one of a client's that says no, where the part is all", "none", "parentbased_always_on", "00", 1],
  ] as const)("%s", async (_what, mode, sampler, flags, count) => {
    await using collector = await new Collector().start();
    const secret = "CANARY-router-secret-of-32-bytes-and-more";
    const gateway = await traced(collector, {
      ...{ AUTH_MODE: mode, OTEL_TRACES_SAMPLER: sampler },
      ...(mode === "router" && { ROUTER_SECRET: secret }),
    });
    const identity = {
      "router-authorization": secret,
      "x-wecom-userid": "zhangsan",
      "x-wecom-scopes": "living:write",
      "x-wecom-corpid": corpid,
    };
    await create(gateway, { ...parentOf(flags), ...(mode === "router" && identity) });
    await gateway.close();

    expect(collector.spans.filter(({ kind }) => kind === 2)).toHaveLength(count);
  });

  it("log lines name the trace, recorded or not", async () => {
    await using gateway = await startGateway();
    gateway.simulator.faults.inject({ kind: "errcode", api: "living/create", errcode: 60020 });
    await create(gateway, parentOf("00"));

    expect(gateway.logs).toContainEqual(
      expect.objectContaining({
        errcode: 60020,
        trace_id: "a1".repeat(16),
        span_id: "b2".repeat(8),
        trace_flags: "00",
      }),
    );
  });
});

describe("traceparent", () => {
  const ids = `${"a1".repeat(16)}-${"b2".repeat(8)}`;

  it.each([
    ["of version 00", `00-${ids}-01`, true],
    ["of a later version", `cc-${ids}-01`, true],
    ["of a later version with more parts", `cc-${ids}-01-more`, true],
    ["of version 00 with more parts", `00-${ids}-01-more`, false],
    ["of version 00 with an empty part more", `00-${ids}-01-`, false],
    ["of the version that never exists", `ff-${ids}-01`, false],
    ["that is there twice", `00-${ids}-01, 00-${ids}-01`, false],
    ["in capitals", `00-${ids}-01`.toUpperCase(), false],
    ["without a trace", `00-${"0".repeat(32)}-${"b2".repeat(8)}-01`, false],
    ["without a parent", `00-${"a1".repeat(16)}-${"0".repeat(16)}-01`, false],
  ])("%s: %s", (_what, traceparent, isContinued) => {
    expect(traceParentIn({ traceparent }) !== undefined).toBe(isContinued);
  });
});

describe("No secret leaves in a span", () => {
  it("of a self-built app: neither token nor corpsecret, and no trace header is sent to WeCom", async () => {
    await using collector = await new Collector().start();
    const gateway = await traced(collector, { OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20CANARY-collector" });
    await create(gateway, parentOf("01"));
    await gateway.run('query CANARYname { livings(anchorUserid: "zhangsan") { nodes { livingid } } }');
    await collector.until(4);
    for (const body of collector.bodies) gateway.alsoSearch({ received: JSON.stringify(body) });
    await gateway.close();

    expect(collector.headers[0]).toMatchObject({ authorization: "Bearer CANARY-collector", url: "/v1/traces" });
    expect(JSON.stringify(collector.bodies)).not.toMatch(/access_token|corpsecret|zhangsan|CANARY-/);
    expect(JSON.stringify(gateway.logs)).not.toContain("CANARY-collector");
    for (const { headers } of gateway.simulator.requests as unknown as { headers?: Record<string, string> }[]) {
      expect(Object.keys(headers ?? {})).not.toContain("traceparent");
    }
  });

  it("of a provider's app: no suite_access_token, suite_secret or permanent code", async () => {
    await using collector = await new Collector().start();
    const provider = await startProvider({ env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, ...soon } });
    provider.simulator.suites.pushTicket("wwsuite");
    await provider.settle();
    await provider.install(corps[0]);
    await provider.readFor(corps[0]);
    await collector.until(2);
    for (const body of collector.bodies) provider.alsoSearch({ received: JSON.stringify(body) });
    await provider.close();

    expect(JSON.stringify(collector.bodies)).not.toMatch(/access_token|suite_secret|permanent_code/);
  });
});

describe("A collector that", () => {
  it.each(["hang", "refuse"] as const)(
    "does nothing but %s keeps nobody waiting, and is told of once",
    async (behaviour) => {
      await using collector = await new Collector().start();
      collector.behaviour = behaviour;
      const gateway = await traced(collector, {
        ...{ OTEL_BSP_MAX_QUEUE_SIZE: "10", OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "5", OTEL_EXPORTER_OTLP_TIMEOUT: "100" },
      });
      open.push(gateway);
      for (let count = 0; count < 20; count += 1) expect((await create(gateway)).errors).toEqual([]);
      const spans = async (outcome: string) =>
        valueOf(seriesIn((await gateway.fetch("/metrics")).text), "tracing_spans_total", { outcome });

      await until(async () => (await spans("failed")) > 0);
      if (behaviour === "hang") await until(async () => (await spans("dropped")) > 0);
      expect(gateway.logs.filter(({ msg }) => msg === "spans cannot be sent")).toHaveLength(1);
    },
  );

  it("is not there is the same, and what waits at the end does not keep the gateway from ending", async () => {
    const gateway = await startGateway({ env: { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9", ...soon } });
    await create(gateway);
    const startedAt = performance.now();
    await gateway.close();

    // A timeout of the exporter is ten seconds.
    expect(performance.now() - startedAt).toBeLessThan(9000);
  });

  it("hangs when the gateway ends is waited for once, however many spans wait", async () => {
    await using collector = await new Collector().start();
    collector.behaviour = "hang";
    const limits = { OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "1", OTEL_EXPORTER_OTLP_TIMEOUT: "400" };
    const gateway = await traced(collector, limits);
    for (let count = 0; count < 40; count += 1) await create(gateway);
    const startedAt = performance.now();
    await gateway.close();

    // One timeout of 0.4 s. One for each create would be 16 s.
    expect(performance.now() - startedAt).toBeLessThan(12_000);
  });

  it("answers without end is not listened to", async () => {
    await using collector = await new Collector().start();
    collector.behaviour = "flood";
    const gateway = await traced(collector);
    open.push(gateway);
    await create(gateway);
    const said = () => gateway.logs.filter(({ msg }) => msg === "spans cannot be sent");
    await until(() => said().length === 1);

    expect(said()[0]).toMatchObject({ reason: "the answer is too long" });
  });

  it("has a certificate of its own authority, and asks for the gateway's, is sent spans", async () => {
    const folder = await mkdtemp(join(tmpdir(), "collector-"));
    const pem = (name: string) => join(folder, name);
    const openssl = (...args: string[]) => expect(spawnSync("openssl", args, { stdio: "ignore" }).status).toBe(0);
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    // It signs itself, and stands for both sides.
    const names = ["-subj", "/CN=collector", "-addext", "subjectAltName=IP:127.0.0.1"];
    openssl("req", "-x509", ...curve, "-keyout", pem("key"), "-out", pem("certificate"), ...names);
    const [cert, key] = [readFileSync(pem("certificate")), readFileSync(pem("key"))];
    await using collector = await new Collector({ cert, key, ca: cert, requestCert: true }).start();
    const gateway = await traced(collector, {
      ...{ OTEL_EXPORTER_OTLP_CERTIFICATE: pem("certificate"), OTEL_EXPORTER_OTLP_CLIENT_KEY: pem("key") },
      ...{ OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE: pem("certificate") },
    });
    await create(gateway);
    await gateway.close();
    await rm(folder, { recursive: true });

    expect(collector.spans).toHaveLength(2);
  });

  it("takes gzip is sent it", async () => {
    await using collector = await new Collector().start();
    const gateway = await traced(collector, { OTEL_EXPORTER_OTLP_COMPRESSION: "gzip" });
    await create(gateway);
    await gateway.close();

    expect(collector.spans).toHaveLength(2);
  });
});

describe("OTEL_* variables", () => {
  const readWith = (env: Record<string, string>) => {
    const warnings: string[] = [];
    return {
      settings: readTracing(
        env,
        (warning) => warnings.push(warning),
        (path) => readFileSync(path, "utf8"),
      ),
      warnings,
    };
  };
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318/base" };

  it.each([
    ["nothing is set", {}],
    ["OTEL_SDK_DISABLED", { ...endpoint, OTEL_SDK_DISABLED: "true" }],
    ["OTEL_TRACES_EXPORTER is none", { ...endpoint, OTEL_TRACES_EXPORTER: "none" }],
    ["variables are empty", { OTEL_EXPORTER_OTLP_ENDPOINT: "", OTEL_TRACES_EXPORTER: " " }],
  ])("turn traces off: %s", (_what, env) => {
    expect(readWith(env)).toEqual({ settings: undefined, warnings: [] });
  });

  it("have the defaults of their specification", () => {
    const { settings, warnings } = readWith(endpoint);

    expect(warnings).toEqual([]);
    expect(settings).toMatchObject({
      ...{ timeoutMs: 10_000, isCompressed: false, ratio: 1, followsParent: true, headers: [] },
      ...{ scheduleDelayMs: 5000, maxQueueSize: 2048, maxBatchSize: 512 },
    });
    expect(settings!.endpoint.href).toBe("http://collector:4318/base/v1/traces");
    expect(readWith({ OTEL_TRACES_EXPORTER: "otlp" }).settings!.endpoint.href).toBe("http://localhost:4318/v1/traces");
  });

  it("of traces go before those of all signals", () => {
    const { settings } = readWith({
      ...endpoint,
      ...{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://traces:1/as-is", OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: "5" },
      ...{ OTEL_SERVICE_NAME: "mine", OTEL_RESOURCE_ATTRIBUTES: "service.name=other,zone=a%2Cb" },
      ...{ OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "0.01" },
    });

    expect(settings).toMatchObject({ timeoutMs: 5, ratio: 0.01, followsParent: false });
    expect(settings!.endpoint.href).toBe("https://traces:1/as-is");
    expect(settings!.resource).toEqual({ "service.name": "mine", zone: "a,b" });
  });

  it.each([
    ["OTEL_EXPORTER_OTLP_ENDPOINT", "CANARY nonsense", { OTEL_TRACES_EXPORTER: "otlp" }],
    ["OTEL_EXPORTER_OTLP_ENDPOINT", "https://user:CANARY@host", { OTEL_TRACES_EXPORTER: "otlp" }],
    ["OTEL_TRACES_SAMPLER", "sometimes", endpoint],
    ["OTEL_TRACES_SAMPLER_ARG", "2", { ...endpoint, OTEL_TRACES_SAMPLER: "traceidratio" }],
    ["OTEL_TRACES_EXPORTER", "zipkin", endpoint],
    ["OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", endpoint],
    ["OTEL_EXPORTER_OTLP_HEADERS", "CANARY", endpoint],
    ["OTEL_EXPORTER_OTLP_HEADERS", "a=%E0%A4%A", endpoint],
    ["OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20CANARY%0Aanother", endpoint],
    ["OTEL_EXPORTER_OTLP_HEADERS", "authorization=CANARY%E5%AF%86", endpoint],
    ["OTEL_EXPORTER_OTLP_HEADERS", "not/a/name=CANARY", endpoint],
    ["OTEL_EXPORTER_OTLP_TIMEOUT", "-1", endpoint],
    ["OTEL_BSP_MAX_QUEUE_SIZE", "many", endpoint],
    ["OTEL_SDK_DISABLED", "maybe", endpoint],
    ["OTEL_EXPORTER_OTLP_CERTIFICATE", "/CANARY/missing", endpoint],
    ["OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "package.json", endpoint],
  ])("that are wrong are told and ignored: %s=%s", (name, value, env) => {
    const { settings, warnings } = readWith({ ...env, [name]: value });

    expect(warnings).toEqual([expect.stringContaining(`${name}: its value is not understood and is ignored`)]);
    expect(warnings.join()).not.toContain("CANARY");
    expect(settings).toEqual(readWith(env).settings);
  });

  it("of a client's certificate are told and ignored together, if one is missing or of another", () => {
    const { settings, warnings } = readWith({ ...endpoint, OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: "package.json" });

    expect(warnings).toEqual([
      expect.stringMatching(/^OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY: .* ignored/),
    ]);
    expect(settings!.tls).toEqual({});
  });
});
