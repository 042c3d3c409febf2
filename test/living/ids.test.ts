/** Ids and codes that cannot be WeCom's: refused at every entry, before anything is kept or sent. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { corpid, type Gateway, startGateway } from "../support/gateway.js";
import { booking } from "../support/inputs.js";
import { callbackEnv } from "../support/subscribers.js";

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway({ env: callbackEnv });
});
afterAll(() => gateway.close());
beforeEach(() => gateway.simulator.forgetRequests());

const app = { corpid, agentid: 1000014 };
const notIds = [
  ["an empty one", ""],
  ["129 characters", "x".repeat(129)],
  ["97 kB", "x".repeat(97_000)],
  ["129 characters of two units", "𠮷".repeat(129)],
  ["a lone surrogate", "a\ud800"],
  ["a control character", "a\u0000"],
] as const;

const reads: Readonly<Record<string, readonly [name: string, query: string]>> = {
  living: ["livingid", "query ($id: ID!) { x: living(livingid: $id) { theme } }"],
  "living, of which nothing is read": ["livingid", "query ($id: ID!) { x: living(livingid: $id) { livingid } }"],
  livings: ["anchorUserid", "query ($id: ID!) { x: livings(anchorUserid: $id) { nodes { theme } } }"],
  livingShare: ["wwShareCode", "query ($id: String!) { x: livingShare(wwShareCode: $id) { viewer { userid } } }"],
  watchCode: [
    "openid",
    'query ($id: String!) { _entities(representations: [{ __typename: "Living", livingid: "L" }]) { ... on Living { x: watchCode(openid: $id) } } }',
  ],
  "a reference to a Living": [
    "livingid",
    'query ($id: ID!) { x: _entities(representations: [{ __typename: "Living", livingid: $id }]) { ... on Living { theme } } }',
  ],
  "a reference to a WecomExternalContact": [
    "externalUserid",
    'query ($id: ID!) { x: _entities(representations: [{ __typename: "WecomExternalContact", externalUserid: $id }]) { ... on WecomExternalContact { externalUserid } } }',
  ],
  "a reference to a WecomUser": [
    "userid",
    'query ($id: ID!) { x: _entities(representations: [{ __typename: "WecomUser", userid: $id }]) { ... on WecomUser { livings { nodes { theme } } } } }',
  ],
};

describe.each(notIds)("%s", (_, id) => {
  it.each(Object.entries(reads))("is BAD_USER_INPUT in %s", async (__, [name, query]) => {
    const { errors } = await gateway.run(query, { id });

    expect(errors).toHaveLength(1);
    expect(errors[0]!.message).toMatch(new RegExp(`^${name} must have 1 to 128 characters`));
    expect(errors[0]!.extensions).toEqual({ code: "BAD_USER_INPUT" });
    expect(gateway.simulator.requests).toEqual([]);
  });

  it.each(["livingid", "anchorUserid"])("is BAD_USER_INPUT in livingStatusChanged(%s)", async (name) => {
    const { text } = await gateway.fetch("/graphql", {
      method: "POST",
      headers: { "content-type": "application/json", accept: "text/event-stream" },
      body: JSON.stringify({
        query: `subscription ($id: ID) { livingStatusChanged(${name}: $id) { livingid } }`,
        variables: { id },
      }),
    });
    const [, data = "{}"] = /data: (\{.*\})/.exec(text) ?? [];

    expect(JSON.parse(data).errors[0]).toMatchObject({
      message: expect.stringMatching(new RegExp(`^${name} must have`)),
      extensions: { code: "BAD_USER_INPUT" },
    });
  });

  it.each([
    'modifyLiving(livingid: $id, input: { theme: "t" })',
    "cancelLiving(livingid: $id)",
    "deleteLivingReplay(livingid: $id)",
  ])("is a LivingInputError of %s", async (mutation) => {
    const query = `mutation ($id: ID!) { x: ${mutation} { __typename ... on LivingInputError { fields { path constraint } } } }`;
    const { data } = await gateway.run(query, { id });

    expect(data!["x"]).toEqual({
      __typename: "LivingInputError",
      fields: [{ path: "livingid", constraint: "isId" }],
    });
    expect(gateway.simulator.requests).toEqual([]);
  });
});

describe("An id of 128 characters", () => {
  it.each(["x".repeat(128), "𠮷".repeat(128)])("is asked for", async (id) => {
    await gateway.run(reads["living"]![1], { id });

    expect(gateway.simulator.requestsTo("living/get_living_info")).toHaveLength(1);
  });
});

describe("A mutation that is refused", () => {
  const readOwn = async (livingid: string) => {
    const { data } = await gateway.run("query ($id: ID!) { living(livingid: $id) { theme } }", { id: livingid });
    expect(data!["living"].theme).toBe("theme");
  };
  const readsSent = () => gateway.simulator.requestsTo("living/get_living_info").length;
  const stranger = { "x-wecom-scopes": "living:read living:write", "x-wecom-userid": "lisi" };

  it.each([
    ["forbidden", stranger, "cancelLiving(livingid: $id)"],
    ["forbidden", stranger, 'modifyLiving(livingid: $id, input: { theme: "t" })'],
    ["forbidden", stranger, "deleteLivingReplay(livingid: $id)"],
    ["without its scope", { "x-wecom-scopes": "living:read" }, "cancelLiving(livingid: $id)"],
    ["against a rule", {}, `modifyLiving(livingid: $id, input: { theme: "${"t".repeat(61)}" })`],
    ["refused by WeCom", {}, "deleteLivingReplay(livingid: $id)"],
  ])("empties nobody's cache: %s, %p, %s", async (why, headers, mutation) => {
    const { livingid } = gateway.simulator.livings.reserve(app, booking);
    await readOwn(livingid);
    expect(readsSent()).toBe(1);
    if (why === "refused by WeCom") {
      gateway.simulator.faults.inject({ kind: "errcode", api: "living/delete_replay_data", errcode: 92007 });
    }
    const query = `mutation ($id: ID!) { x: ${mutation} { __typename } }`;
    const { data, errors } = await gateway.run(query, { id: livingid }, headers);
    await readOwn(livingid);

    expect(data?.["x"]?.__typename ?? errors[0]!.extensions["code"]).toMatch(
      /^(FORBIDDEN|LivingInputError|LivingStateError)$/,
    );
    expect(readsSent()).toBe(1);
  });

  it("still forgets what may have happened although its answer was lost", async () => {
    const { livingid } = gateway.simulator.livings.reserve(app, booking);
    await readOwn(livingid);
    gateway.simulator.faults.inject({ kind: "drop", api: "living/modify", effect: "applied", times: 10 });
    await gateway.run('mutation ($id: ID!) { modifyLiving(livingid: $id, input: { theme: "t" }) { __typename } }', {
      id: livingid,
    });
    const { data } = await gateway.run("query ($id: ID!) { living(livingid: $id) { theme } }", { id: livingid });

    expect(data!["living"].theme).toBe("t");
  });
});

describe("A code to watch", () => {
  it("is for all callers with living:read: it admits a viewer and reveals nothing about others", async () => {
    const { livingid } = gateway.simulator.livings.reserve(app, booking);
    const query =
      'query ($id: ID!) { living(livingid: $id) { watchCode(openid: "o") viewers { nodes { watchTime } } } }';
    const { data, errors } = await gateway.run(
      query,
      { id: livingid },
      { "x-wecom-scopes": "living:read", "x-wecom-userid": "lisi" },
    );

    expect(data!["living"]).toEqual({ watchCode: expect.any(String), viewers: null });
    expect(errors.map(({ path, extensions }) => [path, extensions["code"]])).toEqual([
      [["living", "viewers"], "FORBIDDEN"],
    ]);
  });

  it("is for nobody without living:read", async () => {
    const { livingid } = gateway.simulator.livings.reserve(app, booking);
    gateway.simulator.forgetRequests();
    const query = 'query ($id: ID!) { living(livingid: $id) { watchCode(openid: "o") } }';
    const { errors } = await gateway.run(query, { id: livingid }, { "x-wecom-scopes": "living:write" });

    expect(errors[0]!.extensions["code"]).toBe("FORBIDDEN");
    expect(gateway.simulator.requests).toEqual([]);
  });
});
