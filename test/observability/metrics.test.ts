// What Prometheus is told: enough for service levels, and nothing that grows with what clients send.
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { readFile } from "node:fs/promises";
import { buildLivingSubgraph } from "../../src/graphql/schema.js";
import { type MetricDefinition, type MetricName, metricTable } from "../../src/observability/metric-table.js";
import * as documents from "../../packages/client/src/generated/operations.js";
import { type Gateway, startGateway } from "../support/gateway.js";
import { seriesIn, valueOf } from "../support/exposition.js";
import { minimalInput } from "../support/inputs.js";
import { startProvider } from "../support/provider.js";
import { callbackEnv, overEventStream, overWebSocket, statusChanges, tell, untilOpen } from "../support/subscribers.js";

const outcomes = ["ok", "refused", "limited", "failed", "unknown"];
const table: Readonly<Record<string, MetricDefinition>> = metricTable;

const read = async (gateway: Gateway) => seriesIn((await gateway.fetch("/metrics")).text);
const baseName = (name: string) => (name in table ? name : name.replace(/_(bucket|sum|count)$/, ""));

/** Of the table: a name and labels that it does not have, or values that it does not allow. */
async function strangersIn(gateway: Gateway): Promise<string[]> {
  return (await read(gateway)).flatMap(({ name, labels }) => {
    if (/^(process|nodejs)_/.test(name)) return [];
    const definition = table[baseName(name)];
    if (!definition) return [name];
    const { le: _, ...own } = labels;
    const isKnown = ([label, value]: [string, string]) => {
      const allowed = definition.labels[label];
      return allowed instanceof RegExp ? allowed.test(value) : allowed?.includes(value);
    };
    const isWhole = Object.keys(own).sort().join() === Object.keys(definition.labels).sort().join();
    return isWhole && Object.entries(own).every(isKnown) ? [] : [`${name}${JSON.stringify(own)}`];
  });
}

describe("Metrics of a gateway that has just started", () => {
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());

  it.each(
    Object.entries(table)
      .filter(([, { kind, labels }]) => kind === "counter" && Object.values(labels).every(Array.isArray))
      .map(([name, { labels }]) => [name, labels] as const),
  )("%s has each value of its labels at 0, so that an alert sees the first one", async (name, labels) => {
    const expected = Object.values(labels).reduce((count, values) => count * (values as string[]).length, 1);
    const found = (await read(gateway)).filter((one) => one.name === name);

    expect(found).toHaveLength(expected);
    expect(found.filter(({ value }) => value !== 0)).toEqual([]);
  });

  it("each root field of the schema has each outcome at 0", async () => {
    const { schema } = buildLivingSubgraph();
    const found = (await read(gateway)).filter(({ name }) => name === "graphql_fields_total");
    const fields = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()].flatMap((type) =>
      Object.keys(type!.getFields()).flatMap((field) =>
        outcomes.map((outcome) => ({ field, type: type!.name.toLowerCase(), outcome })),
      ),
    );

    expect(found.map(({ labels }) => labels)).toEqual(expect.arrayContaining(fields));
    expect(found).toHaveLength(fields.length);
  });

  it("each API of the livings can be refused from 0 on", async () => {
    const refused = { api: "living/create", reason: "queue" };
    expect(valueOf(await read(gateway), "wecom_calls_refused_total", refused)).toBe(0);
  });

  it("the build tells which version runs", async () => {
    const [build] = (await read(gateway)).filter(({ name }) => name === "wecom_gateway_build_info");
    expect(build).toMatchObject({
      value: 1,
      labels: { node: process.version, schema: expect.stringMatching(/^\w{12}$/) },
    });
  });

  it("the store is up, no create is unfinished, and there is no token yet", async () => {
    const series = await read(gateway);
    expect(valueOf(series, "store_up")).toBe(1);
    expect(valueOf(series, "wecom_creates_unfinished")).toBe(0);
    expect(valueOf(series, "wecom_create_oldest_unfinished_seconds")).toBe(0);
    expect(valueOf(series, "wecom_token_expiry_timestamp_seconds")).toBeNaN();
  });
});

describe("Root fields", () => {
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await startGateway({ env: { WECOM_TIMEOUT_MS: "400" } });
  });
  afterAll(() => gateway.close());

  /** What the counters have grown by. */
  const counted = async (work: () => Promise<unknown>, field: string, code: string, by = gateway) => {
    const of = async () => {
      const series = await read(by);
      const byOutcome = outcomes.map((outcome) => valueOf(series, "graphql_fields_total", { field, outcome }));
      return [...byOutcome, valueOf(series, "graphql_errors_total", { code })];
    };
    const before = await of();
    await work();
    const grown = (await of()).map((value, index) => value - before[index]!);
    return {
      outcomes: Object.fromEntries(outcomes.map((outcome, index) => [outcome, grown[index]])),
      errors: grown.at(-1),
    };
  };
  const only = (outcome: string) => Object.fromEntries(outcomes.map((each) => [each, each === outcome ? 1 : 0]));
  const create = (input = {}, by = gateway) =>
    by.run(documents.CreateLivingDocument, { input: { ...minimalInput, ...input } });

  it.each([
    ["ok", "LIVING_INPUT", 0, {}, 0],
    ["refused", "LIVING_INPUT", 1, { theme: "" }, 0],
    ["refused", "LIVING_NOT_FOUND", 1, {}, 60111],
    ["limited", "LIVING_RATE_LIMIT", 1, {}, 45009],
    ["failed", "LIVING_CONFIGURATION", 1, {}, 60020],
  ])("count a create as %s, with the code %s %i times", async (outcome, code, errors, input, errcode) => {
    await using fresh = await startGateway();
    if (errcode > 0) fresh.simulator.faults.inject({ kind: "errcode", api: "living/create", errcode });
    const grown = await counted(() => create(input, fresh), "createLiving", code, fresh);

    expect(grown).toEqual({ outcomes: only(outcome), errors });
  });

  it("count a create whose answer is lost as unknown", async () => {
    await create();
    gateway.simulator.faults.inject({ kind: "hang", api: "living/*", times: 0 });
    expect(await counted(create, "createLiving", "LIVING_OUTCOME_UNKNOWN")).toEqual({
      outcomes: only("unknown"),
      errors: 1,
    });
    gateway.simulator.faults.clear();
  });

  it("count what a scope refuses, and a read of what is not there", async () => {
    const noScope = () =>
      gateway.run(documents.CreateLivingDocument, { input: minimalInput }, { "x-wecom-scopes": "living:read" });
    expect(await counted(noScope, "createLiving", "FORBIDDEN")).toEqual({ outcomes: only("refused"), errors: 1 });
    gateway.simulator.faults.inject({ kind: "errcode", api: "living/get_living_info", errcode: 92008 });
    const absent = () => gateway.run(`{ living(livingid: "none") { theme } }`);
    expect(await counted(absent, "living", "LIVING_PERMISSION")).toEqual({ outcomes: only("refused"), errors: 1 });
  });

  it("count each field under an alias by itself, the one that failed and the one that did not", async () => {
    const both = () =>
      gateway.run(
        "mutation ($good: LivingInput!, $bad: LivingInput!) { a: createLiving(input: $good) { __typename } b: createLiving(input: $bad) { __typename } }",
        {
          good: minimalInput,
          bad: { ...minimalInput, theme: "" },
        },
      );
    expect(await counted(both, "createLiving", "LIVING_INPUT")).toEqual({
      outcomes: { ...only("ok"), refused: 1 },
      errors: 1,
    });
  });

  it("are not what is refused before: that has a code alone", async () => {
    const invalid = () => gateway.run("{ nothing }");
    expect(await counted(invalid, "createLiving", "GRAPHQL_VALIDATION_FAILED")).toEqual({
      outcomes: only("none"),
      errors: 1,
    });
  });

  it("are timed once each", async () => {
    const of = async () =>
      valueOf(await read(gateway), "graphql_operation_duration_seconds_count", { field: "createLiving" });
    const before = await of();
    await create();
    expect((await of()) - before).toBe(1);
  });
});

describe("Labels", () => {
  it("are those of the table, whatever clients and WeCom send", async () => {
    await using gateway = await startGateway({ env: callbackEnv });
    gateway.simulator.faults.inject({ kind: "errcode", api: "living/create", errcode: 987654 });
    for (const document of Object.values(documents)) await gateway.run(document as never, {} as never);
    for (const scopes of ["living:read living:write", "living:admin"]) {
      await gateway.run(documents.CreateLivingDocument, { input: minimalInput }, { "x-wecom-scopes": scopes });
    }
    for (const query of [
      "{ nothing }",
      "query Hostile { hostile: __typename }",
      "{",
      `{ __type(name: "Hostile") { name } }`,
    ]) {
      await gateway.run(query);
    }
    await gateway.fetch("/hostile", { headers: { "x-request-id": "hostile-request" } });
    await gateway.fetch("/graphql", { method: "DELETE" });
    await gateway.fetch("/wecom/callback?msg_signature=hostile");

    expect(await strangersIn(gateway)).toEqual([]);
    expect((await gateway.fetch("/metrics")).text).not.toMatch(/hostile|987654/i);
  });

  it("are those of the table for a provider's app as well, whose newest ticket has a time", async () => {
    await using provider = await startProvider();
    expect(valueOf(await read(provider), "wecom_suite_ticket_received_timestamp_seconds")).toBe(0);
    provider.simulator.suites.pushTicket("wwsuite");
    await provider.settle();

    const receivedAt = valueOf(await read(provider), "wecom_suite_ticket_received_timestamp_seconds");
    expect(Math.abs(Date.now() / 1000 - receivedAt)).toBeLessThan(60);
    expect(await strangersIn(provider)).toEqual([]);
  });
});

describe("What goes on inside", () => {
  it("is counted: calls by what is at fault, answers of the store, the token's end", async () => {
    await using gateway = await startGateway();
    gateway.simulator.faults.inject({ kind: "errcode", api: "living/create", errcode: 60020 });
    await gateway.run(documents.CreateLivingDocument, { input: minimalInput, idempotencyKey: "key" });

    const series = await read(gateway);
    expect(valueOf(series, "wecom_call_failures_total", { fault: "ip" })).toBe(1);
    expect(
      valueOf(series, "store_operation_duration_seconds_count", { op: "compareAndSet", outcome: "ok" }),
    ).toBeGreaterThan(0);
    const endsInSeconds = valueOf(series, "wecom_token_expiry_timestamp_seconds") - Date.now() / 1000;
    expect(endsInSeconds).toBeGreaterThan(7000);
    expect(endsInSeconds).toBeLessThan(7300);
  });

  it("takes as long as the histograms say, in seconds, those of WeCom's calls as well", async () => {
    const latencyMs = 100;
    await using gateway = await startGateway({ simulator: { latencyMs } });
    await read(gateway);
    const startedAt = performance.now();
    await gateway.run(documents.CreateLivingDocument, { input: minimalInput, idempotencyKey: "key" });
    const tookSeconds = (performance.now() - startedAt) / 1000;
    const series = await read(gateway);

    for (const [name, labels] of [
      ["wecom_call_duration_seconds", { api: "living/create", outcome: "ok" }],
      ["graphql_operation_duration_seconds", { field: "createLiving" }],
      ["http_request_duration_seconds", { route: "/graphql" }],
      ["store_operation_duration_seconds", { op: "compareAndSet" }],
    ] as const) {
      const isOfWecom = !name.startsWith("store");
      const [sum, count] = [valueOf(series, `${name}_sum`, labels), valueOf(series, `${name}_count`, labels)];
      expect([name, count > 0]).toEqual([name, true]);
      // Timers may fire a millisecond early.
      expect(sum).toBeGreaterThan(isOfWecom ? (latencyMs - 2) / 1000 : 0);
      expect(sum).toBeLessThan(tookSeconds * count);
      if (isOfWecom) expect(valueOf(series, `${name}_bucket`, { ...labels, le: "0.05" })).toBe(0);
    }
  });

  it("includes an unfinished create, with its age", async () => {
    let ahead = 0;
    await using gateway = await startGateway({ now: () => Date.now() + ahead, env: { WECOM_TIMEOUT_MS: "400" } });
    await gateway.run(documents.CreateLivingDocument, { input: minimalInput });
    gateway.simulator.faults.inject({ kind: "hang", api: "living/*", times: 0 });
    await gateway.run(documents.CreateLivingDocument, { input: minimalInput, idempotencyKey: "key" });
    ahead = 30_000;

    const series = await read(gateway);
    expect(valueOf(series, "wecom_creates_unfinished")).toBe(1);
    expect(valueOf(series, "wecom_create_oldest_unfinished_seconds")).toBeGreaterThan(29);
    gateway.simulator.faults.clear();
  });

  it("includes subscriptions: connections, events delivered, and why they ended", async () => {
    await using gateway = await startGateway({ env: callbackEnv });
    const socket = overWebSocket(gateway);
    const stream = overEventStream(gateway);
    const runs = [socket, stream].map((subscriber) => subscriber.run({ query: statusChanges }));
    const firsts = runs.map((run) => run.next());
    await untilOpen(gateway, 2);
    await tell(gateway, { LivingId: "any", Status: 1 });
    await Promise.all(firsts);

    const open = await read(gateway);
    expect(valueOf(open, "graphql_connections", { transport: "websocket" })).toBe(1);
    expect(valueOf(open, "graphql_connections", { transport: "event-stream" })).toBe(1);
    expect(valueOf(open, "graphql_events_delivered_total")).toBe(2);
    await Promise.all([socket, stream].map((subscriber) => subscriber[Symbol.asyncDispose]()));
    await untilOpen(gateway, 0);
    expect(valueOf(await read(gateway), "graphql_subscriptions_ended_total", { reason: "left" })).toBe(2);
  });
});

describe("The table", () => {
  it("is the one in docs/operations.md, with the labels of each metric", async () => {
    const operations = await readFile(new URL("../../docs/operations.md", import.meta.url), "utf8");
    const [, section = ""] = /^## Metrics\n([^]*?)^## /m.exec(operations) ?? [];
    const rows = [...section.matchAll(/^\| `(\w+_\w+)` \| (.*?) \|/gm)].map(([, name, labels]) => [
      name!,
      [...labels!.matchAll(/\w+/g)].map(([label]) => label),
    ]);

    expect(rows).toHaveLength(Object.keys(table).length);
    expect(Object.fromEntries(rows)).toEqual(
      Object.fromEntries(Object.entries(table).map(([name, { labels }]) => [name, Object.keys(labels)])),
    );
  });

  it("names no metric that is not there, and explains each", async () => {
    await using provider = await startProvider();
    const { text } = await provider.fetch("/metrics");
    for (const [name, { kind, help }] of Object.entries(metricTable) as [MetricName, MetricDefinition][]) {
      expect(text).toContain(`# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n`);
    }
  });
});
