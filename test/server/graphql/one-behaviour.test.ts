/**
 * One request has one answer, however it is asked: by its plan, through Apollo Server, as an event stream; the first time and
 * the third; and the one that graphql-js gives by itself. `npm test` generates some thousand, `npm run test:fuzz` 200,000.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { graphql, GraphQLObjectType, GraphQLString, GraphQLSchema, GraphQLScalarType, GraphQLNonNull } from "graphql";
import { Pool } from "undici";
import { Executor } from "../../../src/server/graphql/execution.js";
import type { Simulator } from "../../../src/simulator/index.js";
import { Deadline } from "../../../src/wecom/deadline.js";
import { areAlike, type Sent } from "../../support/both-ways.js";
import { corpid, type Gateway, startGateway } from "../../support/gateway.js";
import { generatedDocuments, type GeneratedRequest, livingPlaceholders } from "../../support/generated-documents.js";
import { createReference, source } from "../../support/reference.js";
import { minimalInput } from "../../support/inputs.js";

const requestCount = Number(process.env["FUZZ_REQUESTS"] ?? 2000);
const isLong = process.env["FUZZ_REQUESTS"] !== undefined;
const seed = process.env["FUZZ_SEED"] === undefined ? undefined : Number(process.env["FUZZ_SEED"]);
/** A machine that is busy compares fewer; what it says of them holds all the same. */
const timeLimitMs = isLong ? 8 * 3600_000 : 120_000;
const parameters: fc.Parameters<[GeneratedRequest]> = {
  numRuns: requestCount,
  plugins: [fc.interruptAfterTimeLimit(timeLimitMs) as unknown as fc.Plugin<[GeneratedRequest]>],
  ...(seed !== undefined && { seed }),
};

const reference = createReference();

const plain = { accept: "application/json" };
const create = "mutation ($input: LivingInput!) { createLiving(input: $input) { __typename } }";
const cancel = "cancelLiving(livingid: $k) { __typename }";
const magic = "__MAGIC_DATE__33a9e76d_02e0_4128_8e92_3530ad3da74d";

/** What was answered otherwise by a compiler, or by one way and not by another. */
const cases: [string, GeneratedRequest["body"]][] = [
  [
    "text that a compiler took for code",
    { query: `mutation { cancelLiving(livingid: "${magic}globalThis.polluted = 1") { __typename } }` },
  ],
  [
    "a null for a variable with a default, in turn",
    {
      query: `mutation ($k: ID = "x") { a: cancelLiving(livingid: "y") { __typename } b: ${cancel} }`,
      variables: { k: null },
    },
  ],
  ["a null for a variable with a default", { query: `mutation ($k: ID = "x") { ${cancel} }`, variables: { k: null } }],
  [
    "a null deep in an input",
    {
      query: `mutation ($s: UnixTime = 4102444800) { createLiving(input: { anchorUserid: "zhangsan", theme: "t", livingStart: $s, livingDuration: 60 }) { __typename } }`,
      variables: { s: null },
    },
  ],
  [
    "a shared fragment under a condition",
    {
      query: `query ($no: Boolean!) { a: livings(anchorUserid: "zhangsan") { ...E @include(if: $no) } b: livings(anchorUserid: "zhangsan") { ...E } } fragment E on LivingConnection { edges { cursor } }`,
      variables: { no: false },
    },
  ],
  [
    "the second of two operations",
    {
      query:
        "query A($no: Boolean!) { a: __typename ...F @include(if: $no) } query B { ...F } fragment F on Query { f: __typename }",
      operationName: "B",
    },
  ],
  [
    "the first of two operations",
    {
      query:
        "query A($no: Boolean!) { a: __typename ...F @include(if: $no) } query B { ...F } fragment F on Query { f: __typename }",
      operationName: "A",
      variables: { no: false },
    },
  ],
  [
    "a list where an input object is asked for",
    {
      query: `mutation ($i: ModifyLivingInput!) { modifyLiving(livingid: "LIVING-1", input: $i) { __typename } }`,
      variables: { i: [] },
    },
  ],
  [
    "a variable $__proto__",
    {
      query: "query ($__proto__: ID!) { living(livingid: $__proto__) { livingid theme } }",
      variables: JSON.parse('{"__proto__":"LIVING-1"}'),
    },
  ],
  [
    "a variable $toString that is not given",
    {
      query:
        'query ($toString: String, $constructor: Int) { livings(anchorUserid: "zhangsan", first: $constructor, after: $toString) { edges { cursor } } }',
    },
  ],
  [
    "aliases of prototypes",
    {
      query: `{ __proto__: __typename constructor: __typename toString: living(livingid: "LIVING-1") { __proto__: theme } }`,
    },
  ],
  [
    "a null for a condition",
    {
      query: 'query ($c: Boolean = true) { __typename living(livingid: "LIVING-1") { theme @include(if: $c) } }',
      variables: { c: null },
    },
  ],
  [
    "a null for a condition at the root",
    { query: "query ($c: Boolean = true) { __typename @include(if: $c) }", variables: { c: null } },
  ],
  ["an input that is right", { query: create, variables: { input: minimalInput } }],
  ["no variables", { query: create }],
  ["a subscription", { query: "subscription { livingStatusChanged { livingid } }" }],
  ["variables of a wrong kind", { query: create, variables: [] }],
];

/** Those of a prepared operation, and of graphql-js by itself; twice, for the first could spoil the second. */
async function asPrepared({ body }: GeneratedRequest) {
  const answers = [];
  for (let sight = 0; sight < 2; sight += 1) {
    const calls: unknown[] = [];
    const operation = reference.preparation.prepare(body, "post");
    const { result } =
      operation.kind === "refused"
        ? reference.executor.refuse(operation, source)
        : await reference.executor.execute(operation, reference.newContext(calls), source);
    answers.push({ ...comparable(result), calls: await allOf(calls) });
  }
  return answers;
}

async function asGraphqlJs({ body: { query, variables, operationName } }: GeneratedRequest) {
  const calls: unknown[] = [];
  const result = await graphql({
    schema: reference.schema,
    source: query as string,
    variableValues: (variables ?? {}) as Record<string, unknown>,
    operationName: (operationName ?? null) as string | null,
    contextValue: reference.newContext(calls).value,
  });
  return { ...comparable(result), calls: await allOf(calls) };
}

/** A null that reaches `data` answers the operation at once, while the neighbours of the field still read. */
async function allOf(calls: readonly unknown[]): Promise<readonly unknown[]> {
  let count = -1;
  while (count !== calls.length) {
    count = calls.length;
    await nextTurn();
  }
  return calls;
}

/** Fields that are read together fail in any order, and validation stops after some mistakes. */
function comparable({
  data,
  errors = [],
}: {
  data?: unknown;
  errors?: readonly { message: string; path?: unknown }[];
}) {
  const told = errors.map(({ message, path }) => JSON.stringify([message.replaceAll("$$", "$"), path ?? null]));
  return { data: JSON.stringify(data), errors: data === undefined ? told.slice(0, 5) : told.sort() };
}

const isForGraphqlJs = ({ body }: GeneratedRequest): boolean =>
  typeof body["query"] === "string" &&
  body["query"] !== "" &&
  !body["query"].startsWith("subscription") &&
  ["string", "undefined"].includes(typeof (body["operationName"] ?? undefined)) &&
  !Array.isArray(body["variables"]) &&
  typeof (body["variables"] ?? {}) === "object";

describe("A prepared operation", () => {
  const expectAlike = async (request: GeneratedRequest) => {
    if (!isForGraphqlJs(request)) return;
    const [first, again] = await asPrepared(request);
    expect(first).toEqual(await asGraphqlJs(request));
    expect(again).toEqual(first);
  };

  it.each(cases)("is answered as graphql-js answers it: %s", async (_, body) => {
    await expectAlike({ body, headers: plain });
  });

  it(
    `is answered as graphql-js answers it: ${requestCount} generated ones`,
    async () => {
      const property = fc.asyncProperty(generatedDocuments(reference.schema), expectAlike);
      await fc.assert(property, parameters);
    },
    timeLimitMs + 30_000,
  );

  it("takes what a name inherits for no value, inside an input object either", async () => {
    const calls: unknown[] = [];
    const query = `mutation ($toString: String) { modifyLiving(livingid: "LIVING-1", input: { theme: "t", description: $toString }) { __typename } }`;
    const operation = reference.preparation.prepare({ query }, "post");
    if (operation.kind === "refused") throw new Error(operation.errors[0]!.message);
    const { result } = await reference.executor.execute(operation, reference.newContext(calls), source);

    expect(result).toEqual({ data: { modifyLiving: { __typename: "ModifyLivingSuccess" } } });
    expect(calls).toEqual([["modify", { livingid: "LIVING-1", theme: "t" }]]);
  });

  it("has the identity of those that do the same, and of no others", () => {
    const identityOf = (body: object) => {
      const operation = reference.preparation.prepare(body, "stream");
      if (operation.kind === "refused") throw new Error(operation.errors[0]!.message);
      return operation.identity;
    };
    const query =
      'subscription A($l: ID, $a: ID = "x") { livingStatusChanged(livingid: $l, anchorUserid: $a) { livingid } }';
    const a = identityOf({ query, variables: { l: "1", a: "x" } });

    expect(identityOf({ query, variables: { a: "x", l: 1 }, operationName: "A" })).toBe(a);
    expect(identityOf({ query, variables: { l: "1", extra: 1 } })).toBe(a);
    expect(identityOf({ query, variables: { l: "2" } })).not.toBe(a);
    expect(identityOf({ query, variables: { l: "1", a: null } })).not.toBe(a);
    expect(identityOf({ query: `${query} `, variables: { l: "1" } })).not.toBe(a);
  });
});

interface Way {
  readonly gateway: Gateway;
  readonly pool: Pool;
  readonly livingids: readonly string[];
  ask(way: Way, request: GeneratedRequest): Promise<Sent>;
}

let clock = Date.now();

describe("Each way of answering", () => {
  let ways: { plan: Way; pipeline: Way; stream: Way };
  beforeAll(async () => {
    const [plan, pipeline, stream] = await Promise.all([
      startWay(byPlan),
      startWay(throughApollo),
      startWay(asEventStream),
    ]);
    ways = { plan, pipeline, stream };
  });
  afterAll(async () => {
    for (const { pool, gateway } of Object.values(ways)) {
      await pool.destroy();
      await gateway.close();
    }
  });

  const expectAlike = async (request: GeneratedRequest) => {
    for (let sight = 0; sight < 3; sight += 1) {
      // What was read a moment ago is not known any more.
      clock += 6 * 60_000;
      const [plan, pipeline] = await Promise.all([observe(ways.plan, request), observe(ways.pipeline, request)]);
      // `expect` costs as much as an answer, so it is called for a difference alone.
      const expectSame = (isSame: boolean, other: unknown, expected: unknown) => {
        const where = `sight ${sight}`;
        if (!isSame) expect([where, request, other]).toEqual([where, request, expected]);
      };
      expectSame(areEqual(pipeline.reached, plan.reached), pipeline.reached, plan.reached);
      expectSame(areAlike(pipeline.sent, plan.sent), pipeline.sent, plan.sent);
      const asStream = ofStream(plan.sent);
      // What the others refuse by its header may be executed here: the livings would differ from then on.
      if (asStream === undefined) continue;
      const stream = await observe(ways.stream, request);
      expectSame(areEqual(stream.reached, plan.reached), stream.reached, plan.reached);
      expectSame(areAlike(stream.sent, asStream), stream.sent, asStream);
    }
  };

  it.each(cases)("gives the same answer: %s", async (_, body) => {
    for (const accept of ["application/json", "application/graphql-response+json"])
      await expectAlike({ body, headers: { accept } });
    expect("polluted" in globalThis).toBe(false);
  });

  it(
    `gives the same answer, three times: ${requestCount} generated requests`,
    async () => {
      let done = 0;
      const startedAt = Date.now();
      const property = fc.asyncProperty(generatedDocuments(reference.schema), async (request) => {
        await expectAlike(request);
        if (isLong && (done += 1) % 1000 === 0) {
          process.stderr.write(`${done} requests, ${Math.round((Date.now() - startedAt) / 1000)} s\n`);
        }
      });
      await fc.assert(property, parameters);
    },
    timeLimitMs + 60_000,
  );

  it("says of a null that no argument takes that it is the caller's mistake, and logs it as theirs", async () => {
    await using gateway = await startGateway();
    const [, body] = cases.find(([name]) => name === "a null for a variable with a default")!;
    const { data, errors } = await gateway.run(body["query"] as string, body["variables"]);

    expect(data).toBeNull();
    expect(errors).toEqual([
      {
        message: 'Argument "livingid" of non-null type "ID!" must not be null.',
        locations: expect.anything(),
        path: ["cancelLiving"],
        extensions: { code: "BAD_USER_INPUT" },
      },
    ]);
    const { requestId, level, codes } = gateway.logs.find((line) => "codes" in line)!;
    expect({ requestId, level, codes }).toEqual({
      requestId: expect.any(String),
      level: "debug",
      codes: ["BAD_USER_INPUT"],
    });
    expect(gateway.logs.filter((line) => line["level"] === "error")).toEqual([]);
  });

  async function startWay(ask: Way["ask"]): Promise<Way> {
    const gateway = await startGateway({ now: () => clock, env: { LOG_LEVEL: "error" } });
    const livingids = livingPlaceholders.map(
      (theme) =>
        gateway.simulator.livings.reserve(
          { corpid, agentid: 1000014 },
          {
            ...{ anchorUserid: "zhangsan", theme, startSeconds: 4102444800, durationSeconds: 60, type: 4 },
            ...{ description: "", remindSeconds: 0, imageMediaids: [] },
          },
        ).livingid,
    );
    return { gateway, livingids, ask, pool: new Pool(gateway.url, { connections: 1 }) };
  }
});

async function observe(way: Way, request: GeneratedRequest) {
  const { simulator } = way.gateway;
  simulator.forgetRequests();
  let text = JSON.stringify(request.body);
  way.livingids.forEach((livingid, index) => (text = text.replaceAll(livingPlaceholders[index]!, livingid)));
  const sent = await way.ask(way, { ...request, body: JSON.parse(text) as GeneratedRequest["body"] });
  const masked = (value: string) =>
    way.livingids.reduce((left, livingid, index) => left.replaceAll(livingid, livingPlaceholders[index]!), value);
  // A field that may not be null ends the operation, whatever its neighbours still read.
  const isCutShort = sent.body.includes('"data":null');
  if (isCutShort) await untilNothingIsRead(simulator);
  const reached = simulator.requests
    .filter(({ api }) => api !== "gettoken" && !(isCutShort && api.startsWith("living/get_")))
    .map(({ api, query, rawBody }) =>
      maskedIds(masked(JSON.stringify([api, { ...query, access_token: "" }]) + rawBody)),
    );
  return {
    sent: { ...sent, body: maskedIds(masked(sent.body)) },
    reached: reached.sort(),
  };
}

/** The gateway and WeCom run in this process: when fifty turns of its loop bring no call, none is under way. */
async function untilNothingIsRead(simulator: Simulator): Promise<void> {
  for (let turns = 0, count = 0; turns < 50; turns += 1) {
    await nextTurn();
    if (simulator.requests.length > count) turns = 0;
    count = simulator.requests.length;
  }
}

const areEqual = (some: readonly string[], others: readonly string[]): boolean =>
  some.length === others.length && some.every((text, index) => text === others[index]);

/** What differs from call to call by its nature: the ids of new livings and of WeCom's hints, codes, secrets of a living. */
function maskedIds(text: string): string {
  return text
    .replaceAll(/"[\w-]{32}"/g, '"ID"')
    .replaceAll(/"abc\w+"/g, '"CODE"')
    .replaceAll(/"rtmp:[^"]*"/g, '"RTMP"')
    .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, "UUID");
}

async function post({ pool }: Way, { body, headers }: GeneratedRequest): Promise<Sent> {
  const answer = await pool.request({
    ...{ path: "/graphql", method: "POST", body: JSON.stringify(body) },
    headers: { "content-type": "application/json", "x-request-id": "same-for-all", ...headers },
  });
  const own = Object.entries(answer.headers)
    .filter(([name]) => !["date", "content-length"].includes(name))
    .map(
      ([name, value]) =>
        [
          name,
          name === "x-request-id" && value !== "same-for-all"
            ? headers["x-request-id"] === value
              ? String(value)
              : "made here"
            : String(value),
        ] as const,
    );
  return {
    status: answer.statusCode,
    headers: own.sort(([a], [b]) => (a < b ? -1 : 1)),
    body: await answer.body.text(),
  };
}

const byPlan: Way["ask"] = (way, request) => post(way, request);

/** What has `extensions` is not answered by its plan. */
const throughApollo: Way["ask"] = (way, { body, headers }) => post(way, { headers, body: { ...body, extensions: {} } });

const asEventStream: Way["ask"] = async (way, { body, headers }) => {
  const { status, body: text } = await post(way, { body, headers: { ...headers, accept: "text/event-stream" } });
  const [, data = text] = /^event: next\ndata: (.*)$/m.exec(text) ?? [];
  return { status, headers: [], body: data };
};

/** The answer that a stream's event should be, by the answer to a POST; undefined where there need be none. */
function ofStream({ status, body }: Sent): Sent | undefined {
  // Nothing was executed, and words may differ: what is no request at all, or what only a stream answers.
  if (status === 406 || body.includes('"BAD_REQUEST"')) return undefined;
  return { status: 200, headers: [], body: body.trim() };
}

describe("An operation whose resolver never resolves", () => {
  const never = new Promise<string>(() => undefined);
  const fields = (log: string[]) => ({
    stuck: { type: GraphQLString, resolve: () => (log.push("stuck"), never) },
    late: { type: GraphQLString, resolve: () => (log.push("late"), "late") },
    quick: { type: new GraphQLNonNull(GraphQLString), resolve: () => "quick" },
  });
  const any = new GraphQLScalarType({ name: "_Any" });

  it.each(["query { stuck quick }", "mutation { quick stuck late }"])(
    "ends at its deadline and 250 ms: %s",
    async (query) => {
      const ran: string[] = [];
      const logged: unknown[] = [];
      const schema = new GraphQLSchema({
        query: new GraphQLObjectType({ name: "Query", fields: fields(ran) }),
        mutation: new GraphQLObjectType({ name: "Mutation", fields: fields(ran) }),
        types: [any],
      });
      const { preparation } = createReference(schema);
      const executor = new Executor({ schema, formatError: (formatted) => formatted });
      const operation = preparation.prepare({ query }, "post");
      if (operation.kind === "refused") throw new Error(operation.errors[0]!.message);
      const deadline = new Deadline(300);
      const context = { ...reference.newContext([]), deadline };
      const log = { ...source.log, error: (line: unknown) => logged.push(line) };

      let endedAt = NaN;
      deadline.onCancel(() => (endedAt = performance.now()));
      const { result } = await executor.execute(operation, context, { ...source, log });

      // Not from the start: a busy machine comes late to the deadline's own timer. Nothing else would ever end what is stuck.
      expect(performance.now() - endedAt).toBeLessThan(250);
      expect(result).toEqual({
        data: null,
        errors: [expect.objectContaining({ extensions: { code: "OPERATION_TIMEOUT" } })],
      });
      expect(ran).toEqual(["stuck"]);
      expect(logged).toHaveLength(1);
    },
  );
});
