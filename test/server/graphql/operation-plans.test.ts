import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { print } from "graphql";
import { serverAudits } from "graphql-http";
import { buildLivingSubgraph } from "../../../src/graphql/schema.js";
import type { Fault } from "../../../src/simulator/index.js";
import * as documents from "../../../packages/client/src/index.js";
import { createAndReadMutation, livingidsQuery } from "../../support/documents.js";
import {
  areAlike,
  bothWaysRequest,
  countKnown,
  type Request,
  send as sendOneWay,
  sendBothWays,
} from "../../support/both-ways.js";
import { corpid, type Gateway, startGateway } from "../../support/gateway.js";
import { generatedBodies, mutatedBodies } from "../../support/generated-requests.js";
import { hostileRequests } from "../../support/hostile-corpus.js";
import { documentedInput, minimalInput } from "../../support/inputs.js";
import { createReference } from "../../support/reference.js";

let gateway: Gateway;
let livingid: string;
beforeAll(async () => {
  gateway = await startGateway();
  for (const theme of ["one", "two", "three"]) livingid = reserve(theme);
  gateway.simulator.livings.addViewer(livingid, { userid: "lisi" });
  gateway.simulator.livings.addViewer(livingid, { externalUserid: "wm1", name: "Wang", type: 1 });
});
afterAll(() => gateway.close());

const reserve = (theme: string) =>
  gateway.simulator.livings.reserve(
    { corpid, agentid: 1000014 },
    {
      anchorUserid: "anchor",
      theme,
      startSeconds: 4102444800,
      durationSeconds: 60,
      type: 4,
      description: "",
      remindSeconds: 0,
      imageMediaids: [],
    },
  ).livingid;

const send = (request: Request, headers?: Record<string, string>) => sendOneWay(gateway, request, headers);
const known = () => countKnown(gateway);
const bothWays = async (request: Request, headers?: Record<string, string>) => {
  const before = await known();
  const sent = await sendBothWays(gateway, request, headers);
  return { ...sent, isKnown: (await known()) > before };
};

const typed: [string, Request][] = (
  [
    [documents.CreateLivingDocument, { input: documentedInput }],
    [documents.CreateLivingDocument, { input: { ...minimalInput, theme: "", remindTime: -1 } }],
    [createAndReadMutation, { input: minimalInput }],
    [documents.ReadLivingDocument, { livingid: "LIVINGID" }],
    [documents.ReadLivingDocument, { livingid: "nonsense" }],
    [documents.ModifyLivingDocument, { livingid: "LIVINGID", input: { theme: "new" } }],
    [documents.ModifyLivingDocument, { livingid: "nonsense", input: {} }],
    [documents.CancelLivingDocument, { livingid: "nonsense" }],
    [documents.DeleteLivingReplayDocument, { livingid: "LIVINGID" }],
    [documents.LivingsDocument, { anchorUserid: "anchor" }],
    [documents.LivingsDocument, { anchorUserid: "anchor", first: 0 }],
    [livingidsQuery, { anchorUserid: "anchor", first: 2 }],
    [documents.LivingViewersDocument, { livingid: "LIVINGID" }],
    [documents.LivingShareDocument, { wwShareCode: "nonsense" }],
  ] as const
).map(([document, variables]) => {
  const query = typeof document === "string" ? document : print(document);
  const name = /(?:query|mutation) (\w+)/.exec(query)?.[1];
  return [`${name} ${JSON.stringify(variables).slice(0, 60)}`, { query, variables }];
});

const create =
  "mutation ($input: LivingInput!) { createLiving(input: $input) { ... on CreateLivingSuccess { livingid } } }";

const written: [string, Request][] = [
  [
    "an inline input",
    {
      query: `mutation { createLiving(input: { anchorUserid: "a", theme: "t", livingStart: 1, livingDuration: 1 }) { __typename ... on LivingError { message } } }`,
    },
  ],
  [
    "two mutations in one, in order",
    {
      query: `mutation ($input: LivingInput!) { a: createLiving(input: $input) { __typename } b: cancelLiving(livingid: "x") { __typename ... on LivingError { message errcode } } }`,
      variables: { input: minimalInput },
    },
  ],
  [
    "skip and include",
    {
      query: `query ($id: ID!, $no: Boolean!) { living(livingid: $id) { theme @skip(if: $no) status @include(if: $no) type @include(if: true) } }`,
      variables: { id: "LIVINGID", no: true },
    },
  ],
  [
    "skip in a mutation",
    {
      query: `mutation ($input: LivingInput!, $no: Boolean = true) { createLiving(input: $input) { __typename @skip(if: $no) ... on LivingError @include(if: $no) { message retryable } } }`,
      variables: { input: { ...minimalInput, theme: "" } },
    },
  ],
  [
    "fragments on the interface",
    {
      query: `mutation ($input: LivingInput!) { createLiving(input: $input) { ...E } } fragment E on LivingError { __typename message ... on LivingInputError { fields { ...F } } } fragment F on LivingInputViolation { path constraint }`,
      variables: { input: { ...minimalInput, livingDuration: 0 } },
    },
  ],
  [
    "aliases",
    {
      query: `mutation ($input: LivingInput!) { mine: createLiving(input: $input) { kind: __typename ... on LivingInputError { f: fields { p: path } } } }`,
      variables: { input: { ...minimalInput, theme: "" } },
    },
  ],
  [
    "references",
    {
      query: `query ($refs: [_Any!]!) { _entities(representations: $refs) { __typename ... on Living { livingid theme } ... on WecomUser { userid livings(first: 1) { nodes { theme } } } } }`,
      variables: {
        refs: [
          { __typename: "Living", livingid: "LIVINGID" },
          { __typename: "Living", livingid: "nonsense" },
          { __typename: "No" },
          { __typename: "WecomUser", userid: "anchor" },
        ],
      },
    },
  ],
  [
    "a null that spreads to the root",
    { query: `query { livings(anchorUserid: "anchor", first: 101) { nodes { livingid } } }` },
  ],
  ["a field that is not allowed", { query: `query { living(livingid: "LIVINGID") { theme pushStreamUrl } }` }],
  ["the SDL", { query: "{ _service { sdl } }" }],
  ["__typename alone", { query: "{ __typename }" }],
  ["introspection", { query: '{ __schema { queryType { name } } __type(name: "Living") { kind } }' }],
  ["an operation chosen by name", { query: "query A { __typename } query B { a: __typename }", operationName: "B" }],
  ["an operation not chosen", { query: "query A { __typename } query B { a: __typename }" }],
  ["an operation that is not there", { query: "query A { __typename }", operationName: "Z" }],
  ["an empty operation name", { query: "query A { __typename }", operationName: "" }],
  ["a null operation name and null variables", { query: "{ __typename }", operationName: null, variables: null }],
  ["an operation name of a wrong type", { query: "{ __typename }", operationName: 7 }],
  ["variables of a wrong type", { query: create, variables: "x" }],
  ["a list as variables", { query: create, variables: [] }],
  ["a missing variable", { query: create, variables: {} }],
  ["a variable of a wrong type", { query: create, variables: { input: { ...minimalInput, theme: 7 } } }],
  ["an unknown input field", { query: create, variables: { input: { ...minimalInput, extra: 1 } } }],
  ["a variable that nobody asks for", { query: create, variables: { input: minimalInput, extra: 1 } }],
  ["an enum value that does not exist", { query: create, variables: { input: { ...minimalInput, type: "PARTY" } } }],
  ["an integer as a string", { query: create, variables: { input: { ...minimalInput, livingDuration: "60" } } }],
  ["an integer with a fraction", { query: create, variables: { input: { ...minimalInput, livingDuration: 60.5 } } }],
  ["an integer beyond int32", { query: create, variables: { input: { ...minimalInput, livingDuration: 2 ** 31 } } }],
  [
    "a string where a list is asked for",
    { query: create, variables: { input: { ...minimalInput, activityDetail: { imageList: "one" } } } },
  ],
  ["a number as an id", { query: create, variables: { input: { ...minimalInput, anchorUserid: 7 } } }],
  [
    "__proto__ as an input field",
    { query: create, variables: JSON.parse('{"input":{"__proto__":{"theme":"x"}}}') as unknown },
  ],
  ["a syntax error", { query: "{ living(" }],
  ["an unknown field", { query: "{ nothing }" }],
  ["an empty document", { query: "" }],
  ["a document of a comment", { query: "# nothing" }],
  ["a type only", { query: "type A { b: Int }" }],
  ["a subscription, where there is none", { query: "subscription { x }" }],
];

const fill = (request: Request): Request =>
  JSON.parse(JSON.stringify(request).replaceAll("LIVINGID", livingid)) as Request;

describe("An operation whose plan is in the cache", () => {
  it.each([...typed, ...written])("answers by its plan as through the pipeline: %s", async (_, request) => {
    const { pipeline, plan, again } = await bothWays(fill(request));

    expect(plan).toEqual(pipeline);
    expect(again).toEqual(pipeline);
  });

  it.each<[string, Fault]>([
    ["an errcode", { kind: "errcode", errcode: 48002, times: 0 }],
    ["a lost answer", { kind: "drop", times: 0 }],
    ["silence", { kind: "hang", times: 0 }],
  ])(
    "answers as through the pipeline when WeCom has %s for it",
    async (_, fault) => {
      await using impatient = await startGateway({ env: { WECOM_TIMEOUT_MS: "500" } });
      impatient.simulator.faults.inject({ ...fault, api: "living/*" });
      for (const [, request] of typed.filter(([name]) => /^(Create|Read|Livings)/.test(name)).slice(0, 2)) {
        const { pipeline, plan, again } = await sendBothWays(impatient, fill(request));
        expect(plan).toEqual(pipeline);
        expect(again).toEqual(pipeline);
      }
    },
    30_000,
  );

  it.each([
    "application/json",
    "application/graphql-response+json",
    "*/*",
    "application/graphql-response+json, application/json;q=0.9",
    "application/json;q=0.2, application/graphql-response+json;q=0.1",
    "application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed",
    "application/json, */*;q=0.1",
    "multipart/mixed;deferSpec=20220824, application/json",
    "text/html",
    "image/png",
    "",
    "nonsense;;q=2",
  ])("answers as through the pipeline to Accept: %s", async (accept) => {
    for (const request of [{ query: "{ __typename }" }, { query: create, variables: {} }, { query: "{" }]) {
      const { pipeline, plan, again } = await bothWays(request, { accept });
      expect(plan).toEqual(pipeline);
      expect(again).toEqual(pipeline);
    }
  });

  const refusals: [string, Request][] = [
    ["no document", { query: "{" }],
    ["a field that is not there", { query: "{ nothing }" }],
    ["a limit", { query: `{ ${"__typename ".repeat(21)} }` }],
    ["an operation that is not there", { query: "query A { __typename }", operationName: "B" }],
    ["a variable", { query: create, variables: {} }],
    [
      "a hash that is no hash",
      { query: "{ __typename }", extensions: { persistedQuery: { version: 1, sha256Hash: 1 } } },
    ],
  ];

  it.each([
    ["application/json, application/graphql-response+json;q=0.1", 200],
    ["application/json", 200],
    ["application/graphql-response+json", 400],
    ["application/json;q=0.1, application/graphql-response+json", 400],
  ])("is refused with one status, that of the media type which was agreed on: %s", async (accept, status) => {
    for (const [name, request] of refusals) {
      const { pipeline, plan } = await bothWays(request, { accept });
      const expected = name === "a hash that is no hash" ? 400 : status;
      expect([name, plan.status]).toEqual([name, expected]);
      if (request.extensions === undefined) expect([name, pipeline.status]).toEqual([name, expected]);
    }
  });

  it("runs its plan, from the first sight on", async () => {
    const before = await known();
    await send({ query: "{ firstSight: __typename }" });
    expect(await known()).toBe(before + 1);
    for (const [name, request] of typed) expect([name, (await bothWays(fill(request))).isKnown]).toEqual([name, true]);
  });

  it("is answered alike when so many others came that its plan was forgotten", async () => {
    const requests = typed.map(([, request]) => fill(request));
    for (const request of requests) await sendBothWays(gateway, request);
    for (let sent = 0; sent < 1500; sent += 100) {
      const others = Array.from({ length: 100 }, (_, index) => ({ query: `{ other${sent + index}: __typename }` }));
      await Promise.all(others.map((other) => send(other)));
    }

    for (const request of requests) {
      // First the plan that was made anew, before the pipeline has looked at it.
      const plan = await send(request);
      expect(plan).toEqual((await sendBothWays(gateway, request)).pipeline);
    }
  }, 60_000);
});

describe("What is remembered of a document", () => {
  setFlagsFromString("--expose-gc");
  const collectGarbage = runInNewContext("gc") as () => void;
  const heapBytes = () => {
    collectGarbage();
    return process.memoryUsage().heapUsed;
  };
  const unknown = Array.from({ length: 900 }, (_, index) => `x${index}`).join(" ");

  it.each<[string, (name: string) => string]>([
    ["whose comments are most of it", (name) => `${"#\n".repeat(4500)} query ${name} { __typename }`],
    ["that ends too early", (name) => `${"#\n".repeat(4500)} query ${name} {`],
    ["of mistakes only", (name) => `query ${name} { living(livingid: "x") { ${unknown} } }`],
  ])("is little, for a caller without any scope may send it: one %s", (_, documentOf) => {
    const { preparation } = createReference();
    const before = heapBytes();
    for (let index = 0; index < 300; index += 1) preparation.prepare({ query: documentOf(`Q${index}`) }, "post");
    const growth = heapBytes() - before;
    // So that it is not collected before.
    expect(preparation.prepare({ query: "{ __typename }" }, "post").kind).toBe("prepared");

    expect(growth / 300).toBeLessThan(60_000);
  });

  const listOf = (value: string, count: number) => (name: string) =>
    `query ${name} { _entities(representations: [{ __typename: "Living", a: [${value.repeat(count)}] }]) { __typename } }`;

  it.each<[string, (name: string) => string]>([
    ["fields", (name) => `query ${name} { ${"__typename ".repeat(480)} }`],
    ["numbers", listOf("1 ", 950)],
    ["lists", listOf("[]", 480)],
    ["objects", listOf("{}", 480)],
  ])("is bounded for all documents together, however many %s each has", (_, documentOf) => {
    const { preparation } = createReference();
    expect(preparation.prepare({ query: documentOf("First") }, "post").kind).toBe("prepared");
    const before = heapBytes();
    for (let index = 0; index < 500; index += 1) preparation.prepare({ query: documentOf(`Q${index}`) }, "post");

    expect((heapBytes() - before) / 1e6).toBeLessThan(60);
    expect(preparation.prepare({ query: "{ __typename }" }, "post").kind).toBe("prepared");
  });
});

describe("Both ways answer alike", () => {
  /** The requests of a corpus that the plan answered otherwise than the pipeline; it has some that can take both. */
  const differing = async (bodies: readonly (string | Uint8Array)[]) => {
    const requests = bodies.map(bothWaysRequest).filter((request) => request !== undefined);
    expect(requests.length).toBeGreaterThan(20);
    const before = await known();
    const different = [];
    for (const request of requests) {
      const sent = await sendBothWays(gateway, request);
      if (!areAlike(sent.plan, sent.pipeline) || !areAlike(sent.again, sent.pipeline))
        different.push({ request, ...sent });
    }
    expect(await known()).toBeGreaterThan(before);
    return different;
  };
  const made = generatedBodies(buildLivingSubgraph().schema, { livingids: ["L1", "L2"], userids: ["zhangsan"] });

  it.each<[string, () => readonly (string | Uint8Array)[]]>([
    ["operations made of the schema", () => fc.sample(made, { numRuns: 300, seed: 7 })],
    ["operations changed at random", () => fc.sample(mutatedBodies(made), { numRuns: 3000, seed: 7 })],
    ["hostile requests", () => hostileRequests.map(({ body }) => body)],
  ])(
    "to %s",
    async (_, bodies) => {
      expect(await differing(bodies())).toEqual([]);
    },
    180_000,
  );

  it("to what audits GraphQL over HTTP", async () => {
    const different: unknown[] = [];
    let compared = 0;
    const fetchFn = async (url: string, init: RequestInit = {}) => {
      const headers = (init.headers ?? {}) as Record<string, string>;
      const request = typeof init.body === "string" ? bothWaysRequest(init.body) : undefined;
      if (request && Object.values(headers).includes("application/json")) {
        const sent = await sendBothWays(gateway, request, headers);
        compared += 1;
        const [pipeline, ...others] = [sent.pipeline, sent.plan, sent.again].map((each) => JSON.stringify(each));
        if (others.some((each) => each !== pipeline)) different.push({ request, ...sent });
      }
      return await fetch(url, init);
    };
    for (const audit of serverAudits({ url: () => `${gateway.url}/graphql`, fetchFn })) await audit.fn();

    expect(different).toEqual([]);
    expect(compared).toBeGreaterThan(30);
  }, 60_000);
});
