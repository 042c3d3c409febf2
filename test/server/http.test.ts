import { once } from "node:events";
import { get } from "node:http";
import { connect } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { CreateLivingDocument } from "../../packages/client/src/index.js";
import { startSimulator } from "../../src/simulator/index.js";
import { corpid, fixedToken, type Gateway, startGateway } from "../support/gateway.js";
import { booking, minimalInput } from "../support/inputs.js";
import { until } from "../support/until.js";

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());
beforeEach(() => gateway.simulator.forgetRequests());

const graphqlJson = "application/graphql-response+json";
const json = "application/json";

const post = async (body: unknown, headers: Record<string, string> = {}) => {
  const { text, ...answer } = await gateway.fetch("/graphql", {
    method: "POST",
    headers: { "content-type": json, ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  return { ...answer, body: JSON.parse(text) };
};

describe("A request that GraphQL refuses", () => {
  it.each([
    ["a syntax error", { query: "{ living(" }, "GRAPHQL_PARSE_FAILED"],
    ["an unknown field", { query: "{ nothing }" }, "GRAPHQL_VALIDATION_FAILED"],
    [
      "an unknown input field",
      {
        query: "mutation ($input: LivingInput!) { createLiving(input: $input) { __typename } }",
        variables: { input: { ...minimalInput, banner: "x" } },
      },
      "BAD_USER_INPUT",
    ],
    [
      "a wrong type",
      {
        query: "mutation ($input: LivingInput!) { createLiving(input: $input) { __typename } }",
        variables: { input: { ...minimalInput, livingDuration: "3600" } },
      },
      "BAD_USER_INPUT",
    ],
    [
      "a missing required field",
      {
        query: "mutation ($input: LivingInput!) { createLiving(input: $input) { __typename } }",
        variables: { input: { theme: "theme" } },
      },
      "BAD_USER_INPUT",
    ],
  ])("answers %s with the status of the media type asked for, and no stack", async (_, request, code) => {
    const modern = await post(request, { accept: graphqlJson });
    const legacy = await post(request, { accept: json });

    expect(modern.status).toBe(400);
    expect(modern.headers.get("content-type")).toContain(graphqlJson);
    expect(legacy.status).toBe(200);
    expect(legacy.headers.get("content-type")).toContain(json);
    for (const { body } of [modern, legacy]) {
      expect(body.errors[0].extensions).toEqual({ code });
      expect(body.data).toBeUndefined();
      expect(JSON.stringify(body)).not.toMatch(/stacktrace|node_modules|at \w+ \(/);
    }
    expect(gateway.simulator.requests).toEqual([]);
  });

  it.each([
    ["half a JSON", '{"query":"{ __typename }"'],
    ["no JSON", "query { __typename }"],
    ["a JSON string", '"{ __typename }"'],
    ["an empty object", "{}"],
    ["a list", "[]"],
    ["nothing", ""],
    ["variables that are a string", '{"query":"{ __typename }","variables":"{}"}'],
  ])("answers a malformed body with 400: %s", async (_, body) => {
    for (const accept of [json, graphqlJson]) {
      const answer = await post(body, { accept });
      expect(answer.status).toBe(400);
      expect(answer.body.errors[0].extensions.code).toBe("BAD_REQUEST");
    }
  });

  it("does not take a body that is not UTF-8", async () => {
    const latin1 = Buffer.from('{"query":"{ living(livingid: \\"é\\") { theme } }"}', "latin1");
    const wrongBytes = await gateway.fetch("/graphql", {
      method: "POST",
      headers: { "content-type": json },
      body: latin1,
    });
    const wrongCharset = await post("{}", { "content-type": "application/json; charset=gbk" });
    const compressed = await post("{}", { "content-encoding": "gzip" });

    expect([wrongBytes.status, wrongCharset.status, compressed.status]).toEqual([400, 415, 415]);
  });
});

describe("A body over 100 kB", () => {
  const filler = (length: number) => {
    const body = (comment: string) => JSON.stringify({ query: `{ __typename } #${comment}` });
    return body("x".repeat(length - body("").length));
  };

  it("is answered with 413, a shorter one is not", async () => {
    expect((await post(filler(100_000))).status).toBe(200);

    const { status, body } = await post(filler(100_001));
    expect(status).toBe(413);
    expect(body.errors[0].extensions.code).toBe("PAYLOAD_TOO_LARGE");
  });

  it("is answered with 413 when it comes in chunks of unknown length, before it is all there", async () => {
    const { hostname, port } = new URL(gateway.url);
    const socket = connect(Number(port), hostname);
    socket.on("error", () => undefined);
    let answer = "";
    socket.on("data", (chunk: Buffer) => (answer += chunk.toString()));
    socket.write(`POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: ${json}\r\ntransfer-encoding: chunked\r\n\r\n`);
    for (let sent = 0; sent < 120_000; sent += 10_000) socket.write(`2710\r\n${"x".repeat(10_000)}\r\n`);
    await new Promise((resolve) => socket.once("close", resolve));

    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  });
});

describe("GET /graphql", () => {
  it("answers queries, and no mutations", async () => {
    const headers = { "apollo-require-preflight": "true" };
    const query = await gateway.fetch(`/graphql?query=${encodeURIComponent("{ __typename }")}`, { headers });
    const mutation = await gateway.fetch(
      `/graphql?query=${encodeURIComponent('mutation { cancelLiving(livingid: "x") { __typename } }')}`,
      { headers },
    );

    expect([query.status, query.text.trim()]).toEqual([200, '{"data":{"__typename":"Query"}}']);
    expect(mutation.status).toBe(405);
    expect(gateway.simulator.requests).toEqual([]);
  });

  it("does not answer what a foreign page could send without a preflight request", async () => {
    const simpleGet = await gateway.fetch(`/graphql?query=${encodeURIComponent("{ __typename }")}`);
    const formPost = await gateway.fetch("/graphql", {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: "query={__typename}",
    });

    expect(simpleGet.status).toBe(400);
    expect(formPost.status).toBe(400);
  });

  it("is Apollo Sandbox in a browser, with the sample filled in", async () => {
    const { status, headers, text } = await gateway.fetch("/graphql", { headers: { accept: "text/html" } });

    expect(status).toBe(200);
    expect(headers.get("content-type")).toContain("text/html");
    expect(text).toContain("ScheduleLiving");
    expect(text).toContain("zhangsan");
  });
});

describe("Browsers of other origins", () => {
  const preflight = (at: Gateway, origin: string) =>
    at.fetch("/graphql", {
      method: "OPTIONS",
      headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": "content-type" },
    });
  const allowedOrigin = async (at: Gateway, origin: string) => {
    const answers = [await preflight(at, origin), await at.fetch("/health/live", { headers: { origin } })];
    return answers.map(({ headers }) => headers.get("access-control-allow-origin"));
  };

  it("may not read where the credentials are real", async () => {
    expect(await allowedOrigin(gateway, "https://a.example")).toEqual([null, null]);
  });

  it("cannot pretend to be this one by a name of their own that leads here", async () => {
    const host = new URL(gateway.url).port;
    const statusFor = (name: string) =>
      new Promise<number | undefined>((resolve, reject) => {
        get(`${gateway.url}/health/live`, { headers: { host: name } }, ({ statusCode }) => resolve(statusCode)).on(
          "error",
          reject,
        );
      });

    expect(await statusFor(`rebound.example:${host}`)).toBe(421);
    expect(await statusFor(`localhost:${host}`)).toBe(200);
  });

  it("may read where they are configured", async () => {
    await using strict = await startGateway({ env: { CORS_ORIGINS: "https://a.example, https://b.example" } });

    expect(await allowedOrigin(strict, "https://b.example")).toEqual(["https://b.example", "https://b.example"]);
    expect(await allowedOrigin(strict, "https://c.example")).toEqual([null, null]);
  });

  it("are told what they may send and read, and caches that it is for their origin", async () => {
    await using strict = await startGateway({ env: { CORS_ORIGINS: "https://a.example" } });
    const corsHeaders = ({ headers }: { headers: Headers }) =>
      Object.fromEntries([...headers].filter(([name]) => name === "vary" || name.startsWith("access-control-")));
    const answerTo = async (origin?: string) =>
      corsHeaders(await strict.fetch("/health/live", { headers: origin === undefined ? {} : { origin } }));

    expect(await answerTo("https://a.example")).toEqual({
      vary: "origin",
      "access-control-allow-origin": "https://a.example",
      "access-control-expose-headers": "x-request-id, retry-after",
    });
    for (const other of ["https://b.example", undefined]) expect(await answerTo(other)).toEqual({ vary: "origin" });
    expect(corsHeaders(await preflight(strict, "https://a.example"))).toEqual({
      vary: "origin, access-control-request-headers",
      "access-control-allow-origin": "https://a.example",
      "access-control-allow-methods": "GET, POST",
      "access-control-allow-headers": "content-type",
      "access-control-max-age": "600",
    });
    expect(corsHeaders(await preflight(strict, "https://b.example"))).toEqual({
      vary: "origin, access-control-request-headers",
    });
  });

  it("may not read in production unless they are configured", async () => {
    await using production = await startGateway({ env: { NODE_ENV: "production", AUTH_MODE: "none" } });

    expect(await allowedOrigin(production, "https://a.example")).toEqual([null, null]);
  });
});

describe("The probes", () => {
  it("tell that the process lives and is ready", async () => {
    expect(await gateway.fetch("/health/live")).toMatchObject({ status: 200, text: '{"status":"live"}' });
    expect(await gateway.fetch("/health/ready")).toMatchObject({ status: 200, text: '{"status":"ready"}' });
  });

  it("count calls and requests for Prometheus", async () => {
    await using unused = await startGateway();
    await unused.run(CreateLivingDocument, { input: minimalInput });
    unused.simulator.faults.inject({ kind: "errcode", api: "living/create", errcode: 48002 });
    await unused.run(CreateLivingDocument, { input: minimalInput });

    const { text } = await unused.fetch("/metrics");

    expect(text).toMatch(/wecom_call_duration_seconds_count\{api="living\/create",outcome="ok"\} 1/);
    expect(text).toMatch(/wecom_call_duration_seconds_count\{api="living\/create",outcome="48002"\} 1/);
    expect(text).toMatch(/http_request_duration_seconds_count\{route="\/graphql",status="200"\} 2$/m);
  });

  it("answer 404 for what is not there, without naming a route of the caller's in the metrics", async () => {
    expect((await gateway.fetch("/.env")).status).toBe(404);
    expect((await gateway.fetch("/metrics")).text).not.toContain(".env");
  });
});

describe("A request's id", () => {
  it("is taken over from the caller, comes back, and is in the log", async () => {
    gateway.simulator.faults.inject({ kind: "errcode", api: "living/create", errcode: 48002 });
    const { headers } = await post(
      {
        query: "mutation ($input: LivingInput!) { createLiving(input: $input) { __typename } }",
        variables: { input: minimalInput },
      },
      { "x-request-id": "from-the-router-1" },
    );

    expect(headers.get("x-request-id")).toBe("from-the-router-1");
    expect(gateway.logs).toContainEqual(expect.objectContaining({ requestId: "from-the-router-1", errcode: 48002 }));
  });

  it("is made where the caller gives none that is fit for a log", async () => {
    const { headers } = await post({ query: "{ __typename }" }, { "x-request-id": 'x"}{"forged":1' });

    expect(headers.get("x-request-id")).toMatch(/^[\da-f-]{36}$/);
  });
});

describe("A subgraph", () => {
  it("shows its SDL with its entities' keys", async () => {
    const { data } = await gateway.run("{ _service { sdl } }");

    expect(data!["_service"].sdl).toMatch(/@link\(\s*url: "https:\/\/specs\.apollo\.dev\/federation\/v2/);
    expect(data!["_service"].sdl).toMatch(/type Living .*@key\(fields: "livingid"\)/);
  });

  it("refuses a reference of a foreign type or without its key, alone", async () => {
    const { data, errors } = await gateway.run(
      "query ($refs: [_Any!]!) { _entities(representations: $refs) { __typename ... on Living { livingid } } }",
      {
        refs: [
          { __typename: "Living", livingid: "a" },
          { __typename: "__proto__" },
          { __typename: "Living" },
          { livingid: "a" },
          "Living",
          { __typename: "WecomUser", userid: "u" },
        ],
      },
    );

    expect(data!["_entities"]).toEqual([
      { __typename: "Living", livingid: "a" },
      null,
      null,
      null,
      null,
      { __typename: "WecomUser" },
    ]);
    expect(errors.map(({ path }) => path)).toEqual([1, 2, 3, 4].map((index) => ["_entities", index]));
    for (const { extensions } of errors) expect(extensions["code"]).toBe("BAD_USER_INPUT");
  });
});

describe("Draining", () => {
  it("does not wait for a connection that never asked", async () => {
    // It waits a minute and a second for those that did.
    const draining = await startGateway({ env: { WECOM_TIMEOUT_MS: "60000" } });
    const socket = connect(Number(new URL(draining.url).port), "127.0.0.1");
    await new Promise((resolve) => socket.once("connect", resolve));
    // Accepted when another, that came later, was answered.
    await draining.fetch("/health/live");
    const startedAt = performance.now();
    await draining.close();
    expect(performance.now() - startedAt).toBeLessThan(30_000);
    socket.destroy();
  });

  it("turns readiness to 503, finishes what runs, and then stops", async () => {
    const draining = await startGateway({ simulator: { latencyMs: 150 } });
    const running = draining.run(CreateLivingDocument, { input: minimalInput });
    while (draining.simulator.requestsTo("gettoken").length === 0) await new Promise(setImmediate);

    const closed = draining.close({ acceptForMs: 500 });
    const statuses: number[] = [];
    while (!statuses.includes(503)) statuses.push((await fetch(`${draining.url}/health/ready`)).status);
    const live = await fetch(`${draining.url}/health/live`);
    const { data } = await running;
    await closed;

    expect(live.status).toBe(200);
    expect(data!.createLiving.__typename).toBe("CreateLivingSuccess");
    await expect(fetch(`${draining.url}/health/live`)).rejects.toThrow();
  });

  it("asks every client to open another connection, those whose answer is under way included", async () => {
    const draining = await startGateway({ simulator: { latencyMs: 1000 } });
    const before = await draining.run(CreateLivingDocument, { input: minimalInput });
    const running = draining.run(CreateLivingDocument, { input: minimalInput });
    while (draining.simulator.requestsTo("living/create").length < 2) await new Promise(setImmediate);

    const closed = draining.close({ acceptForMs: 3000 });
    while ((await draining.fetch("/health/ready")).status === 200);
    const next = await draining.run("{ __typename }");

    expect(before.headers.get("connection")).toBe("keep-alive");
    expect((await running).headers.get("connection")).toBe("close");
    expect(next.headers.get("connection")).toBe("close");
    await closed;
  });

  it("does not wait for a connection that brings no request", async () => {
    const draining = await startGateway({ env: { WECOM_TIMEOUT_MS: "60000" } });
    const { hostname, port } = new URL(draining.url);
    const silent = connect(Number(port), hostname);
    await once(silent, "connect");
    await draining.run("{ __typename }");

    await draining.close();

    await until(() => silent.destroyed || silent.readableEnded);
  });

  it("ten times over, one of two replicas after the other, loses no request", async () => {
    const simulator = await startSimulator({ fixedTokens: [fixedToken], latencyMs: 20 });
    const env = { WECOM_CORP_ID: "", WECOM_CORP_SECRET: "", WECOM_ACCESS_TOKEN: fixedToken };
    const start = async () => ({ gateway: await startGateway({ env, upstreamUrl: simulator.url }), isReady: true });
    const replicas = [await start(), await start()];
    let isOver = false;
    const outcomes: string[] = [];
    // As a balancer does: it asks who is ready, and takes turns between them.
    const client = async (first: number) => {
      for (let turn = first; !isOver; turn += 1) {
        const ready = replicas.filter(({ isReady }) => isReady);
        const { gateway: replica } = ready[turn % ready.length]!;
        const outcome = await replica.run(CreateLivingDocument, { input: minimalInput }).then(
          ({ data }) => data!.createLiving.__typename,
          (error: unknown) => String((error as Error).cause),
        );
        outcomes.push(outcome);
      }
    };
    const clients = Array.from({ length: 8 }, (_, index) => client(index));
    for (let restart = 0; restart < 10; restart += 1) {
      const old = replicas[restart % 2]!;
      const closed = old.gateway.close({ acceptForMs: 500 });
      while ((await fetch(`${old.gateway.url}/health/ready`)).status === 200);
      old.isReady = false;
      await closed;
      replicas[restart % 2] = await start();
    }
    isOver = true;
    await Promise.all(clients);
    for (const { gateway: replica } of replicas) await replica.close();
    await simulator.close();

    expect(new Set(outcomes)).toEqual(new Set(["CreateLivingSuccess"]));
    expect(simulator.requestsTo("living/create").length).toBe(outcomes.length);
  }, 60_000);
});

describe("An answer", () => {
  const livingid = () =>
    gateway.simulator.livings.reserve({ corpid, agentid: 1000014 }, { ...booking, anchorUserid: "zhangsan" }).livingid;
  const kept = async (query: string, variables: object = {}) => {
    const request = { query, variables: { id: livingid(), ...variables } };
    const ways = [{ ...request, extensions: {} }, request, request, request];
    const headers: (string | null)[] = [];
    const scopes = { "x-wecom-scopes": "living:read living:write living:push living:admin" };
    for (const way of ways) headers.push((await post(way, scopes)).headers.get("cache-control"));
    expect(new Set(headers).size).toBe(1);
    return headers[0];
  };
  const one = "private, max-age=1";

  it.each([
    ["a living", "query ($id: ID!) { living(livingid: $id) { theme anchor { userid } } }", one],
    [
      "a living, by fragments",
      "query ($id: ID!) { ...A } fragment A on Query { living(livingid: $id) { ... { ...B } } } fragment B on Living { theme }",
      one,
    ],
    ["a living with its secret", "query ($id: ID!) { living(livingid: $id) { theme pushStreamUrl } }", "no-store"],
    [
      "a secret in a fragment",
      "query ($id: ID!) { living(livingid: $id) { ...A } } fragment A on Living { pushStreamUrl }",
      "no-store",
    ],
    ["a code of a viewer's own", 'query ($id: ID!) { living(livingid: $id) { watchCode(openid: "o") } }', "no-store"],
    ["who watched", "query ($id: ID!) { living(livingid: $id) { theme viewers { nodes { watchTime } } } }", "no-store"],
    ["a member's livings", 'query { livings(anchorUserid: "zhangsan") { nodes { theme } } }', "no-store"],
    [
      "a living and a list",
      'query ($id: ID!) { living(livingid: $id) { theme } livings(anchorUserid: "a") { nodes { theme } } }',
      "no-store",
    ],
    ["a living that cannot be read", 'query { living(livingid: "nonsense") { theme } }', "no-store"],
    ["nothing but a name", "{ __typename }", "no-store"],
    ["the SDL", "{ _service { sdl } }", "no-store"],
    [
      "a mutation",
      "mutation ($id: ID!) { cancelLiving(livingid: $id) { ... on CancelLivingSuccess { living { theme } } } }",
      "no-store",
    ],
  ])("says for how long it may be kept: %s", async (_, query, header) => {
    expect(await kept(query)).toBe(header);
  });

  it("says it of references by their types", async () => {
    const query = (selection: string) =>
      `query ($refs: [_Any!]!) { _entities(representations: $refs) { ${selection} } }`;
    const refs = [{ __typename: "Living", livingid: livingid() }];

    expect(await kept(query("... on Living { theme }"), { refs })).toBe(one);
    expect(await kept(query("... on Living { theme } ... on WecomUser { userid }"), { refs })).toBe("no-store");
    expect(await kept(query("__typename"), { refs })).toBe("no-store");
  });

  it("is not for a browser to keep, which would not look at who asks", async () => {
    const query = encodeURIComponent(`{ living(livingid: "${livingid()}") { theme } }`);
    const { headers } = await gateway.fetch(`/graphql?query=${query}`, {
      headers: { "apollo-require-preflight": "1" },
    });

    expect(headers.get("cache-control")).toBe("no-store");
  });
});
