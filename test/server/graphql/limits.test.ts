import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { buildSchema, getIntrospectionQuery, parse, Kind } from "graphql";
import { readFileSync } from "node:fs";
import { compileCost } from "../../../src/server/graphql/cost.js";
import { sample } from "../../../src/living/living.sample.js";
import { type Gateway, startGateway } from "../../support/gateway.js";
import { minimalInput } from "../../support/inputs.js";

const times = (count: number, text: (index: number) => string) =>
  Array.from({ length: count }, (_, i) => text(i)).join(" ");

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());
beforeEach(() => gateway.simulator.forgetRequests());

const nested = (levels: number): string =>
  levels === 0 ? "userid" : `livings { nodes { anchor { ${nested(levels - 1)} } } }`;
const user = (fields: string) =>
  `{ _entities(representations: [{ __typename: "WecomUser", userid: "u" }]) { ... on WecomUser { ${fields} } } }`;

/** Each has one more than the default allows, and costs next to nothing otherwise. */
const tooLarge: [string, string, string][] = [
  ["depth", "17 levels of fields", user(nested(5))],
  ["aliases", "31 aliases", `{ ${times(31, (i) => `a${i}: __typename`)} }`],
  [
    "aliases",
    "31 aliases of __typename deeper down",
    `{ living(livingid: "L") { ${times(31, (i) => `a${i}: __typename`)} } }`,
  ],
  [
    "aliases",
    "31 aliases by fragments",
    `{ ...A ...A ...A ...A } fragment A on Query { ${times(8, (i) => `a${i}: __typename`)} }`,
  ],
  ["rootFields", "21 root fields", `{ ${"__typename ".repeat(21)} }`],
  [
    "rootFields",
    "21 root fields by fragments",
    `{ ...A ...A ...A } fragment A on Query { ${"__typename ".repeat(7)} }`,
  ],
  ["directives", "21 directives", `{ living(livingid: "L") { ${"theme @skip(if: false) ".repeat(21)} } }`],
  [
    "directives",
    "21 directives, three of them of the operation",
    `query @a @b @c { living(livingid: "L") { ${"theme @skip(if: false) ".repeat(18)} } }`,
  ],
  [
    "directives",
    "21 directives, three of them of a variable",
    `query ($id: ID! @a @b @c) { living(livingid: $id) { ${"theme @skip(if: false) ".repeat(18)} } }`,
  ],
  [
    "directives",
    "21 directives, three of them of a fragment's spread",
    `{ ...F @a @b @c } fragment F on Query { living(livingid: "L") { ${"theme @skip(if: false) ".repeat(18)} } }`,
  ],
  ["directives at one location", "four directives at one location", "{ __typename @aa @aa @aa @aa }"],
  ["fragments", "21 fragments", `{ __typename } ${times(21, (i) => `fragment F${i} on Query { __typename }`)}`],
  [
    "aliases",
    "a ladder of fragments that unfolds to a million aliases",
    `{ ...F0 } ${times(19, (i) => `fragment F${i} on Query { a: __typename ...F${i + 1} b: __typename ...F${i + 1} }`)}
     fragment F19 on Query { __typename }`,
  ],
];

describe("An operation over a limit", () => {
  it.each(tooLarge)("(%s: %s) is refused before it is validated or executed", async (limit, _, query) => {
    const { status, data, errors } = await gateway.run(query);

    expect([status, data]).toEqual([200, undefined]);
    expect(errors).toEqual([
      expect.objectContaining({ extensions: expect.objectContaining({ code: "OPERATION_LIMIT_EXCEEDED", limit }) }),
    ]);
    expect(gateway.simulator.requests).toEqual([]);
  });

  it.each(tooLarge)("(%s: %s) is refused by GET and with a hash alike", async (limit, _, query) => {
    const headers = { "apollo-require-preflight": "1", accept: "application/graphql-response+json" };
    const byGet = await gateway.fetch(`/graphql?${new URLSearchParams({ query }).toString()}`, { headers });
    expect(byGet.status).toBe(400);
    expect(JSON.parse(byGet.text).errors[0].extensions.limit).toBe(limit);

    const extensions = { persistedQuery: { version: 1, sha256Hash: await sha256(query) } };
    const register = await post({ query, extensions });
    expect(register.errors[0].extensions.limit).toBe(limit);
    expect((await post({ extensions })).errors[0].extensions.code).toBe("PERSISTED_QUERY_NOT_FOUND");
  });

  it("of tokens is a syntax error, reported after a thousand", async () => {
    const { errors } = await gateway.run(`{ ${"__typename ".repeat(999)} }`);

    expect(errors[0]).toMatchObject({
      message: expect.stringContaining("more that 1000 tokens"),
      extensions: { code: "GRAPHQL_PARSE_FAILED" },
    });
  });

  it("is found by going through each fragment once, however many fields they unfold to", () => {
    const query = `{ ...F0 } ${times(19, (i) => `fragment F${i} on Query { ${`...F${i + 1} `.repeat(20)} }`)} fragment F19 on Query { x }`;

    expect(compileCost(buildSchema("type Query { x: Int }"), parse(query))(undefined, {})).toBe(0);
  });

  it("is found by going through each fragment once where it depends on a variable, too", () => {
    const spreads = (i: number) => `...F${i + 1} `.repeat(40);
    const ladder = times(4, (i) => `fragment F${i} on Thing { thing { ${spreads(i)} } }`);
    const query = `query ($n: Int) { thing { ...F0 } } ${ladder} fragment F4 on Thing { things(first: $n) { x } }`;
    const schema = buildSchema(`
      directive @listSize(slicingArguments: [String!]) on FIELD_DEFINITION
      type Query { thing: Thing }
      type Thing { x: Int thing: Thing things(first: Int): [Thing] @listSize(slicingArguments: ["first"]) }
    `);
    let reads = 0;
    const variables = {
      get n() {
        reads += 1;
        return 3;
      },
    };

    const cost = compileCost(schema, parse(query))(undefined, variables);

    // The root's thing, and at the end of every way down the ladder three things.
    expect(cost).toBe(1 + (1 + 40 + 40 ** 2 + 40 ** 3) + 40 ** 4 * 3);
    expect(reads).toBe(1);
  });
});

describe("The default limits", () => {
  it.each([
    ["the query by which tools read the schema", getIntrospectionQuery({ oneOf: true, inputValueDeprecation: true })],
    ["the operation that the explorers open with", sample.document],
    [
      "21 fields of a fragment that is not spread at the root",
      `${user("...F")} fragment F on WecomUser { ${"userid ".repeat(21)} }`,
    ],
    ["20 aliases at the root", `{ ${times(20, (i) => `a${i}: __typename`)} }`],
  ])("let %s pass", async (_, query) => {
    const { errors } = await gateway.run(query, sample.variables);

    expect(errors).toEqual([]);
  });

  it("let every operation of our own pass, with the largest pages", async () => {
    const text = readFileSync(new URL("../../../packages/client/operations/living.graphql", import.meta.url), "utf8");
    const document = parse(text, { noLocation: false });
    const fragments = document.definitions
      .filter(({ kind }) => kind === Kind.FRAGMENT_DEFINITION)
      .map(({ loc }) => text.slice(loc!.start, loc!.end));
    const operations = document.definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION);
    expect(operations.length).toBeGreaterThan(8);
    for (const { loc } of operations) {
      const operation = text.slice(loc!.start, loc!.end);
      const parts = new Set([operation]);
      // What is added while it walks is walked as well.
      for (const part of parts)
        for (const fragment of fragments)
          if (new RegExp(`\\.\\.\\.${/fragment (\w+)/.exec(fragment)![1]!}\\b`).test(part)) parts.add(fragment);
      const { errors } = await gateway.run([...parts].join("\n"), { first: 100, livingid: "L" });
      expect(JSON.stringify(errors)).not.toMatch(/OPERATION_LIMIT_EXCEEDED|GRAPHQL_VALIDATION_FAILED/);
    }
  });
});

describe("A limit of a variable", () => {
  it("holds for the references of _entities", async () => {
    const query = "query ($r: [_Any!]!) { _entities(representations: $r) { __typename } }";
    const references = (count: number) =>
      Array.from({ length: count }, (_, index) => ({ __typename: "WecomUser", userid: `u${index}` }));

    expect((await gateway.run(query, { r: references(100) })).errors).toEqual([]);
    const { errors } = await gateway.run(query, { r: references(101) });
    expect(errors[0]).toMatchObject({
      message: "At most 100 references are answered at once, found 101",
      extensions: { code: "BAD_USER_INPUT" },
    });
  });

  const create = "mutation ($input: LivingInput!) { createLiving(input: $input) { __typename } }";
  const unknownFields = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`nothing${index}`, "x".repeat(50)]));

  it.each<[string, unknown]>([
    ["a list", { ...minimalInput, activityDetail: { imageList: Array(1000).fill(1) } }],
    ["an object", { ...minimalInput, ...unknownFields(1000) }],
    ["lists in lists", { theme: JSON.parse("[".repeat(1000) + "]".repeat(1000)) }],
  ])("holds for the values in them: %s of 1,000", async (_, input) => {
    // From the second time on, the operation plan is in the cache.
    for (let sight = 0; sight < 3; sight += 1) {
      const { data, errors } = await gateway.run(create, { input });
      expect([data, errors]).toEqual([
        undefined,
        [expect.objectContaining({ extensions: expect.objectContaining({ limit: "variables", maximum: 1000 }) })],
      ]);
    }
  });

  it("holds for an operation that is named by its hash", async () => {
    const persistedQuery = { version: 1, sha256Hash: await sha256(create) };
    const named = (more: object) => post({ extensions: { persistedQuery }, ...more });
    await named({ query: create, variables: { input: minimalInput } });
    const { errors } = await named({ variables: { input: { ...minimalInput, ...unknownFields(1000) } } });

    expect(errors[0].extensions).toMatchObject({ code: "OPERATION_LIMIT_EXCEEDED", limit: "variables" });
  });

  it("is reported briefly, and as the client's mistake, where it is not reached", async () => {
    const { data, errors } = await gateway.run(create, { input: { ...minimalInput, ...unknownFields(900) } });

    expect(data).toBeUndefined();
    expect(new Set(errors.map(({ extensions }) => extensions["code"]))).toEqual(new Set(["BAD_USER_INPUT"]));
    expect(errors[0]!.message).toMatch(/^Variable "\$input" got invalid value .* … .*Field "nothing0" is not defined/);
    expect(Math.max(...errors.map(({ message }) => message.length))).toBeLessThanOrEqual(1003);
  });

  it.each([0, -1, 101])("holds for first: %d", async (first) => {
    const { errors } = await gateway.run(
      `query ($first: Int!) { livings(anchorUserid: "u", first: $first) { edges { cursor } } }`,
      { first },
    );

    expect(errors[0]!.message).toBe(`first must be from 1 to 100, found ${first}`);
    expect(gateway.simulator.requests).toEqual([]);
  });
});

describe("The cost of an operation", () => {
  const schema = buildSchema(`
    directive @cost(weight: Int!) on FIELD_DEFINITION | OBJECT
    directive @listSize(slicingArguments: [String!], sizedFields: [String!], assumedSize: Int,
      requireOneSlicingArgument: Boolean) on FIELD_DEFINITION
    type Query {
      one: Thing
      page(first: Int = 20): Page @cost(weight: 10) @listSize(slicingArguments: ["first"], sizedFields: ["nodes", "edges"])
      things(first: Int!): [Thing] @listSize(slicingArguments: ["first"])
      unpaged: [Thing] @listSize(assumedSize: 7)
      either: Either
      _entities(representations: [ID!]!): [Thing]
    }
    union Either = Thing | Page
    type Page { nodes: [Thing] edges: [Edge] total: Int }
    type Edge { node: Thing }
    type Thing @cost(weight: 3) { name: String page(first: Int = 20): Page @cost(weight: 10) @listSize(slicingArguments: ["first"], sizedFields: ["nodes"]) }
  `);
  const cost = (query: string, variables = {}) => compileCost(schema, parse(query))(undefined, variables);

  it.each<[string, number, string, object?]>([
    ["nothing for scalars", 3, "{ one { name } }"],
    ["nothing for __typename", 0, "{ __typename }"],
    ["the items by a literal", 10 + 5 * 3, "{ page(first: 5) { nodes { name } } }"],
    ["the items by a variable", 10 + 7 * 3, "query ($n: Int) { page(first: $n) { nodes { name } } }", { n: 7 }],
    ["the items by the variable's default", 10 + 4 * 3, "query ($n: Int = 4) { page(first: $n) { nodes { name } } }"],
    ["the items by the argument's default", 10 + 20 * 3, "{ page { nodes { name } } }"],
    [
      "the argument's default for a variable that is absent",
      70,
      "query ($n: Int) { page(first: $n) { nodes { name } } }",
    ],
    ["both sized fields", 10 + 5 * 3 + 5 * (1 + 3), "{ page(first: 5) { nodes { name } edges { node { name } } } }"],
    ["no items that are not asked for", 10, "{ page(first: 100) { total } }"],
    [
      "pages within pages",
      10 + 5 * (3 + 10 + 6 * 3),
      "{ page(first: 5) { nodes { page(first: 6) { nodes { name } } } } }",
    ],
    ["a list that is sized itself", 5 * 3, "{ things(first: 5) { name } }"],
    ["an assumed size", 7 * 3, "{ unpaged { name } }"],
    ["the dearest member of a union", 3, "{ either { __typename } }"],
    [
      "fragments in their place",
      10 + 5 * 3,
      "{ page(first: 5) { ...P } } fragment P on Page { nodes { ...T } } fragment T on Thing { name }",
    ],
    ["references by their number", 3 * 3, `{ _entities(representations: ["a", "b", "c"]) { name } }`],
    [
      "references in a variable",
      2 * 3,
      "query ($r: [ID!]!) { _entities(representations: $r) { name } }",
      { r: ["a", "b"] },
    ],
    ["nothing less for a negative number", 10, "{ page(first: -5) { nodes { name } } }"],
  ])("counts %s", (_, expected, query, ...[variables]) => {
    expect(cost(query, variables)).toBe(expected);
  });

  it("is that of the operation that is asked for", () => {
    const of = compileCost(schema, parse("query A { one { name } } query B { things(first: 9) { name } }"));

    expect([of("A", {}), of("B", {}), of("C", {})]).toEqual([3, 27, 0]);
  });
});

describe("Calls to WeCom for one caller", () => {
  const start = 1_800_000_000_000;
  const secret = "CANARY-router-secret-of-32-bytes-and-more";
  const env = { AUTH_MODE: "router", ROUTER_SECRET: secret, LIMIT_CALLS_PER_MINUTE: "10" };
  const as = (userid: string) => ({
    "router-authorization": secret,
    "x-wecom-scopes": "living:read living:write living:admin",
    ...(userid && { "x-wecom-userid": userid }),
  });
  const ten = `{ ${times(10, (i) => `a${i}: livings(anchorUserid: "u${i}") { edges { cursor } }`)} }`;

  it("are counted one by one, so that aliases do not multiply them, until the minute is over", async () => {
    let now = start;
    await using limited = await startGateway({ env, now: () => now });
    expect((await limited.run(ten, {}, as("zhangsan"))).errors).toEqual([]);

    const { errors } = await limited.run(`{ livings(anchorUserid: "v") { edges { cursor } } }`, {}, as("zhangsan"));
    expect(errors[0]).toMatchObject({
      message: "You have caused too many calls to WeCom within a minute",
      extensions: { code: "LIVING_RATE_LIMIT", retryable: true, retryAfterSeconds: 60 },
    });
    expect(limited.simulator.requestCounts["living/get_user_all_livingid"]).toBe(10);

    now += 60_000;
    expect((await limited.run(ten, {}, as("zhangsan"))).errors).toEqual([]);
  });

  it("answer a mutation as data", async () => {
    await using limited = await startGateway({ env });
    await limited.run(ten, {}, as("zhangsan"));

    const { data } = await limited.run(
      `mutation { cancelLiving(livingid: "L") { __typename ... on LivingRateLimitError { retryAfterSeconds } } }`,
      {},
      as("zhangsan"),
    );

    expect(data!["cancelLiving"]).toEqual({ __typename: "LivingRateLimitError", retryAfterSeconds: 60 });
    expect(limited.simulator.requestsTo("living/cancel")).toEqual([]);
  });

  it("are counted for each caller alone, and not for anonymous callers", async () => {
    await using limited = await startGateway({ env });
    await limited.run(ten, {}, as("zhangsan"));

    expect((await limited.run(ten, {}, as("lisi"))).errors).toEqual([]);
    for (let i = 0; i < 3; i++) expect((await limited.run(ten, {}, as(""))).errors).toEqual([]);
  });
});

async function sha256(text: string): Promise<string> {
  return Buffer.from(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))).toString("hex");
}

async function post(body: unknown) {
  const { text } = await gateway.fetch("/graphql", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return JSON.parse(text);
}
