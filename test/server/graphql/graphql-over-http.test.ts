/** @see https://graphql.github.io/graphql-over-http/draft/ */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { serverAudits } from "graphql-http";
import { type Gateway, startGateway } from "../../support/gateway.js";
import { callbackEnv } from "../../support/subscribers.js";

const secret = "CANARY-router-secret-of-32-bytes-and-more";
const ways: [string, Record<string, string>, Record<string, string>][] = [
  [
    "in production, asked by the router",
    { NODE_ENV: "production", AUTH_MODE: "router", ROUTER_SECRET: secret },
    { "router-authorization": secret },
  ],
  ["in development", {}, {}],
];

describe.each(ways)("GraphQL over HTTP %s", (_, env, signIn) => {
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await startGateway({ env });
  });
  afterAll(() => gateway.close());

  // Its GETs are simple requests, such as a hostile page could make a browser send: they name themselves here.
  const fetchFn = (url: string, init: RequestInit = {}) => {
    const headers = { ...(init.headers as Record<string, string>), ...signIn };
    const isGet = init.method === undefined || init.method === "GET";
    return fetch(url, { ...init, headers: { ...headers, ...(isGet && { "apollo-require-preflight": "1" }) } });
  };
  const audits = serverAudits({ url: () => `${gateway.url}/graphql`, fetchFn });

  it("is audited in 61 points", () => {
    expect(audits).toHaveLength(61);
  });

  it.each(audits.map(({ id, name, fn }) => [id, name, fn] as const))("%s: %s", async (_id, _name, fn) => {
    const { status, ...rest } = await fn();

    expect({ status, reason: "reason" in rest ? rest.reason : undefined }).toEqual({ status: "ok", reason: undefined });
  });
});

describe("A GET whose parameters are not what they should be", () => {
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await startGateway({ env: callbackEnv });
  });
  afterAll(() => gateway.close());
  const subscription = encodeURIComponent(
    "subscription ($livingid: ID) { livingStatusChanged(livingid: $livingid) { livingid } }",
  );
  const one = encodeURIComponent('{"livingid":"L1"}');

  it.each([
    ["variables that are no JSON", "&variables=%7Blivingid"],
    ["variables that are a list", "&variables=%5B%5D"],
    ["variables twice", `&variables=${one}&variables=%7B%7D`],
    ["extensions that are no JSON", "&extensions=%7B"],
    ["extensions twice", "&extensions=%7B%7D&extensions=%7B%7D"],
    ["another query", "&query=%7B__typename%7D"],
    ["operationName twice", "&operationName=a&operationName=b"],
  ])("is refused, and nothing runs without them: %s", async (_, more) => {
    for (const [document, accept] of [
      [encodeURIComponent("{ __typename }"), "application/json"],
      [subscription, "text/event-stream"],
    ] as const) {
      const { text } = await gateway.fetch(`/graphql?query=${document}${more}`, {
        headers: { accept, "apollo-require-preflight": "1" },
        // A stream would not end.
        signal: AbortSignal.timeout(3000),
      });

      expect(text).toContain("BAD_REQUEST");
      expect(text).not.toContain('"data"');
    }
  });
});

describe("A request that a hostile page can make a browser send", () => {
  const document = encodeURIComponent("{ __typename }");
  it.each<[string, string, RequestInit]>([
    ["a GET without a header of its own", `/graphql?query=${document}`, {}],
    [
      "a POST of text",
      "/graphql",
      { method: "POST", body: `{"query":"{ __typename }"}`, headers: { "content-type": "text/plain" } },
    ],
    [
      "a POST of a form",
      "/graphql",
      { method: "POST", body: `query=${document}`, headers: { "content-type": "application/x-www-form-urlencoded" } },
    ],
    [
      "a POST of parts",
      "/graphql",
      { method: "POST", body: "--x--", headers: { "content-type": "multipart/form-data; boundary=x" } },
    ],
    ["a POST without a type", "/graphql", { method: "POST", body: new Uint8Array([123, 125]) }],
  ])("(%s) is refused", async (_, path, init) => {
    await using gateway = await startGateway({ env: { NODE_ENV: "production", AUTH_MODE: "none" } });

    const { status, text } = await gateway.fetch(path, init);

    expect([400, 415]).toContain(status);
    expect(text).not.toContain('"data"');
  });
});
