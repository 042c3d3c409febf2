/** What the production profile gives away: the checks of graphql-cop, and what they do not think of. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { getIntrospectionQuery } from "graphql";
import { loadConfig } from "../../src/config.js";
import { type Gateway, startGateway } from "../support/gateway.js";
import { minimalInput } from "../support/inputs.js";

const secret = "CANARY-router-secret-of-32-bytes-and-more";
const production = { NODE_ENV: "production", AUTH_MODE: "none" };
const json = { "content-type": "application/json" };
const times = (count: number, text: (index: number) => string) =>
  Array.from({ length: count }, (_, i) => text(i)).join(" ");

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway({ env: production });
});
afterAll(() => gateway.close());

/** @see https://github.com/dolevf/graphql-cop */
describe("A scanner in production", () => {
  it.each([
    ["alias overloading", `{ ${times(101, (i) => `alias${i}: __typename`)} }`],
    ["field duplication", `{ ${"__typename ".repeat(500)} }`],
    ["field duplication deeper down", `{ living(livingid: "L") { ${"theme ".repeat(990)} } }`],
    ["introspection", getIntrospectionQuery()],
    ["one type", `{ __type(name: "Query") { name } }`],
    [
      "introspection behind a fragment and an alias",
      "{ ...F } fragment F on Query { a: __schema { b: queryType { name } } }",
    ],
    [
      "circular introspection",
      `{ __schema { types { fields { type { fields { type { fields { type { name } } } } } } } } }`,
    ],
    ["the subgraph's SDL", "{ _service { sdl } }"],
  ])("gets no data by %s", async (_, query) => {
    const { data, errors } = await gateway.run(query);

    expect(data ?? null).toBeNull();
    expect(errors.length).toBeGreaterThan(0);
  });

  it("gets a single error for directive overloading, not one for each", async () => {
    expect((await gateway.run(`{ __typename ${"@aa".repeat(10)} }`)).errors).toHaveLength(1);
  });

  it("gets at most five errors and a last word, whatever is wrong", async () => {
    const { errors } = await gateway.run(`{ living(livingid: "L") { ${times(100, (i) => `nothing${i}`)} } }`);

    expect(errors.length).toBeLessThanOrEqual(6);
  });

  it.each([2, 10, 1000])("gets no batch of %d executed", async (count) => {
    const body = JSON.stringify(Array.from({ length: count }, () => ({ query: "{ __typename }" })));
    const { status, text } = await gateway.fetch("/graphql", { method: "POST", headers: json, body });

    expect([status, text.includes("data")]).toEqual([400, false]);
  });

  it("gets no mutation executed by GET", async () => {
    const query = encodeURIComponent(`mutation { cancelLiving(livingid: "L") { __typename } }`);
    const { status } = await gateway.fetch(`/graphql?query=${query}`, { headers: { "apollo-require-preflight": "1" } });

    expect(status).toBe(405);
    expect(gateway.simulator.requestsTo("living/cancel")).toEqual([]);
  });
});

describe("A scanner that looks for a production gateway's details", () => {
  it.each<[string, string, unknown]>([
    ["a field", "{ livin { theme } }", {}],
    ["a type", "{ __typename ... on Livin { theme } }", {}],
    ["an argument", `{ living(livingidd: "L") { theme } }`, {}],
    [
      "an enum's value",
      `mutation { createLiving(input: { anchorUserid: "u", theme: "t", livingStart: 1, livingDuration: 1, type: EVEN }) { __typename } }`,
      {},
    ],
    ["an input field", `mutation { createLiving(input: { themee: "t" }) { __typename } }`, {}],
    [
      "an input field in a variable",
      "mutation ($input: LivingInput!) { createLiving(input: $input) { __typename } }",
      { input: { ...minimalInput, themee: "t" } },
    ],
    [
      "an enum's value in a variable",
      "mutation ($input: LivingInput!) { createLiving(input: $input) { __typename } }",
      { input: { ...minimalInput, type: "EVEN" } },
    ],
  ])("is not told how %s is spelt", async (_, query, variables) => {
    const { data, errors } = await gateway.run(query, variables);

    expect(data ?? null).toBeNull();
    expect(JSON.stringify(errors)).not.toMatch(/did you mean/i);
  });

  it("gets no traces and no plan", async () => {
    for (const headers of [
      { "apollo-federation-include-trace": "ftv1" },
      { "x-apollo-tracing": "1" },
      { "apollo-query-plan-experimental": "1" },
    ]) {
      const { text } = await gateway.fetch("/graphql", {
        method: "POST",
        headers: { ...json, ...headers },
        body: JSON.stringify({ query: "{ __typename }", extensions: { tracing: true } }),
      });
      expect(JSON.parse(text)).toEqual({ data: { __typename: "Query" } });
    }
  });

  it.each(["/", "/graphql", "/graphiql", "/playground", "/altair", "/console", "/voyager", "/schema.graphql", "/.env"])(
    "finds no page at %s",
    async (path) => {
      const { status, text } = await gateway.fetch(path, { headers: { accept: "text/html" } });

      expect([status >= 400, text.toLowerCase().includes("<html")]).toEqual([true, false]);
    },
  );

  it("gets no stack, whatever it sends", async () => {
    for (const body of [
      "{",
      "[]",
      "null",
      '"x"',
      `{"query":1}`,
      `{"query":"qwerty { abc }"}`,
      `{"query":"{"}`,
      `{"query":"{__typename}","variables":7}`,
    ]) {
      const { status, text } = await gateway.fetch("/graphql", { method: "POST", headers: json, body });

      expect(status).toBeLessThan(500);
      expect(text).not.toMatch(/stack|exception|node_modules|\.js:|at [A-Za-z.]+ \(/);
    }
  });

  it("sees headers that tell browsers to trust nothing, and no name of the software", async () => {
    for (const path of ["/graphql", "/health/live", "/metrics", "/nothing"]) {
      const { headers } = await gateway.fetch(path);

      expect(Object.fromEntries(headers)).toMatchObject({
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-resource-policy": "same-origin",
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
      });
      expect(headers.get("x-powered-by")).toBeNull();
      expect(headers.get("server")).toBeNull();
    }
    expect((await gateway.run("{ __typename }")).headers.get("cache-control")).toBe("no-store");
  });
});

describe("The schema", () => {
  it.each<[string, Record<string, string>, Record<string, string>, boolean]>([
    ["development", {}, {}, true],
    ["development with INTROSPECTION=off", { INTROSPECTION: "off" }, {}, false],
    ["production", production, {}, false],
    ["production with INTROSPECTION=on", { ...production, INTROSPECTION: "on" }, {}, true],
    [
      "production to the router",
      { NODE_ENV: "production", AUTH_MODE: "router", ROUTER_SECRET: secret },
      { "router-authorization": secret },
      true,
    ],
  ])("is told in %s: what it says of itself agrees", async (_, env, headers, isTold) => {
    await using gateway = await startGateway({ env });
    for (const query of [getIntrospectionQuery(), "{ _service { sdl } }"]) {
      // The second time, the operation plan is in the cache.
      for (const errorCount of isTold ? [0, 0] : [1, 1]) {
        const { errors } = await gateway.run(query, {}, headers);
        expect(Math.min(errors.length, 1)).toBe(errorCount);
      }
    }
    const { errors } = await gateway.run("{ livin { theme } }", {}, headers);
    expect(errors[0]!.message.includes("Did you mean")).toBe(isTold);
  });
});

describe("An error that is a bug", () => {
  it("is masked with the id by which the log line is found, on either way of execution", async () => {
    await using gateway = await startGateway({ env: production });
    // The upstream's number does not fit into GraphQL's Int: something that nobody foresaw.
    const living = gateway.simulator.livings.reserve(
      { corpid: "wwcanary0corpid00", agentid: 1000014 },
      {
        anchorUserid: "u",
        theme: "t",
        description: "",
        startSeconds: 1,
        durationSeconds: 2 ** 40,
        type: 0,
        remindSeconds: 0,
        imageMediaids: [],
      },
    );
    const query = `{ living(livingid: "${living.livingid}") { livingDuration } }`;
    const seen = [];
    for (const id of ["request-1", "request-2", "request-3"]) {
      const { errors } = await gateway.run(query, {}, { "x-request-id": id });
      seen.push(errors[0]);
      expect(gateway.logs).toContainEqual(
        expect.objectContaining({ level: "error", msg: "internal error", requestId: id }),
      );
    }

    expect(seen[0]).toMatchObject({
      message: "Internal server error",
      path: ["living", "livingDuration"],
      extensions: { code: "INTERNAL_SERVER_ERROR", requestId: "request-1" },
    });
    expect(seen.map((error) => error!.extensions["requestId"])).toEqual(["request-1", "request-2", "request-3"]);
  });
});

describe("TRUSTED_DOCUMENTS", () => {
  const body = "query Trusted { __typename }";
  const id = createHash("sha256").update(body).digest("hex");
  const manifestFile = (content: unknown) => {
    const file = join(mkdtempSync(join(tmpdir(), "manifest-")), "manifest.json");
    writeFileSync(file, JSON.stringify(content));
    return file;
  };
  const manifest = {
    format: "apollo-persisted-query-manifest",
    version: 1,
    operations: [{ id, name: "Trusted", type: "query", body }],
  };
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await startGateway({ env: { ...production, TRUSTED_DOCUMENTS: manifestFile(manifest) } });
  });
  afterAll(() => gateway.close());
  const post = async (request: unknown) => {
    const { text } = await gateway.fetch("/graphql", { method: "POST", headers: json, body: JSON.stringify(request) });
    return JSON.parse(text);
  };
  const byId = (sha256Hash: unknown) => ({ extensions: { persistedQuery: { version: 1, sha256Hash } } });
  const done = { data: { __typename: "Query" } };

  it("run by their id and as they stand in the manifest", async () => {
    for (let sight = 0; sight < 3; sight++) {
      expect(await post(byId(id))).toEqual(done);
      expect(await post({ query: body })).toEqual(done);
      expect(await post({ query: body, ...byId(id) })).toEqual(done);
    }
  });

  it("run by GET", async () => {
    const search = new URLSearchParams({ extensions: JSON.stringify(byId(id).extensions) }).toString();
    const { text } = await gateway.fetch(`/graphql?${search}`, { headers: { "apollo-require-preflight": "1" } });

    expect(JSON.parse(text)).toEqual(done);
  });

  it.each<[string, unknown, string]>([
    ["another document", { query: "{ __typename }" }, "QUERY_NOT_IN_SAFELIST"],
    ["another document under a trusted id", { query: "{ __typename }", ...byId(id) }, "QUERY_NOT_IN_SAFELIST"],
    ["a trusted document with a space more", { query: `${body} ` }, "QUERY_NOT_IN_SAFELIST"],
    ["an unknown id", byId("0".repeat(64)), "PERSISTED_QUERY_NOT_IN_LIST"],
    ["an id that is no text", byId({ toString: id }), "BAD_REQUEST"],
    ["an id __proto__", byId("__proto__"), "PERSISTED_QUERY_NOT_IN_LIST"],
    ["nothing", { variables: {} }, "PERSISTED_QUERY_NOT_IN_LIST"],
    ["a list", [{ query: body }], "PERSISTED_QUERY_NOT_IN_LIST"],
  ])("refuse %s", async (_, request, code) => {
    for (let sight = 0; sight < 3; sight++) {
      const { data, errors } = await post(request);
      expect([data, errors[0].extensions.code]).toEqual([undefined, code]);
    }
  });

  it.each<[string, unknown]>([
    ["another format", { ...manifest, format: "relay" }],
    ["another version", { ...manifest, version: 2 }],
    ["no operations", { format: manifest.format, version: 1 }],
    ["an operation without a body", { ...manifest, operations: [{ id }] }],
  ])("keep the gateway from starting with a manifest of %s", (_, content) => {
    expect(() => loadConfig({ TRUSTED_DOCUMENTS: manifestFile(content) })).toThrow(
      /TRUSTED_DOCUMENTS: found .*, expected the path/,
    );
  });
});
