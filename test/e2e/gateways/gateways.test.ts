import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { print } from "graphql";
import { CreateLivingDocument } from "../../../packages/client/src/index.js";
import { corpid, type Gateway, startGateway } from "../../support/gateway.js";
import { booking, documentedBody, documentedInput, minimalInput } from "../../support/inputs.js";
import { callbackEnv, tell, untilOpen } from "../../support/subscribers.js";
import { serve, type Served } from "../../support/server.js";
import { audience, type Issuer, issuerName, startIssuer } from "../../support/issuer.js";
import { exampleSubgraphs, startMembers, type SubgraphSource } from "../../support/supergraph.js";
import { type RunningGateway, startApolloGateway, startHiveGateway } from "./gateways.js";
import { playlist } from "./playlist.js";

const createLiving = print(CreateLivingDocument);

/** What the gateways' configuration takes from their environment, and ours asks for with AUTH_MODE=router. */
const routerSecret = "CANARY-router-secret-of-32-bytes-and-more";

let living: Gateway;
let members: Awaited<ReturnType<typeof startMembers>>;
let playlists: Served;
let subgraphs: readonly SubgraphSource[];
let issuer: Issuer;

beforeAll(async () => {
  issuer = await startIssuer();
  Object.assign(process.env, {
    ROUTER_SECRET: routerSecret,
    AUTH_JWKS_URL: issuer.jwksUrl,
    AUTH_ISSUER: issuerName,
    AUTH_AUDIENCE: audience,
  });
  [living, members, playlists] = await Promise.all([
    startGateway({ env: { AUTH_MODE: "router", ROUTER_SECRET: routerSecret, ...callbackEnv } }),
    startMembers(),
    serve({ schema: playlist.schema }),
  ]);
  const urls: Record<string, string> = { living: `${living.url}/graphql`, members: members.url };
  const example = exampleSubgraphs().map((subgraph) => ({ ...subgraph, url: urls[subgraph.name]! }));
  subgraphs = [...example, { name: "playlists", url: playlists.url, sdl: playlist.sdl }];
});

afterEach(() => {
  living.simulator.faults.clear();
});

afterAll(async () => {
  await Promise.all([living.close(), members[Symbol.asyncDispose](), playlists[Symbol.asyncDispose]()]);
  await issuer[Symbol.asyncDispose]();
});

/** How often a gateway has called ours, by ours own count. */
async function roundTrips(): Promise<number> {
  const { text } = await living.fetch("/metrics");
  return Number(/http_request_duration_seconds_count\{route="\/graphql",status="200"\} (\d+)/.exec(text)?.[1] ?? 0);
}

const kinds: [string, typeof startApolloGateway][] = [
  ["@apollo/gateway", startApolloGateway],
  ["Hive Gateway", startHiveGateway],
];

/** A gateway that runs for the tests of one describe. */
function startedFor(start: typeof startApolloGateway): Pick<RunningGateway, "run"> {
  let gateway: RunningGateway;
  beforeAll(async () => {
    gateway = await start(subgraphs, issuer);
  });
  afterAll(async () => {
    await gateway[Symbol.asyncDispose]();
  });
  return { run: (...request) => gateway.run(...request) };
}

async function reserveVia({ run }: Pick<RunningGateway, "run">): Promise<string> {
  const { data } = await run(createLiving, { input: minimalInput });
  return data.createLiving.livingid;
}

describe.each(kinds)("A supergraph behind %s", (_name, start) => {
  const gateway = startedFor(start);

  it("schedules a living, with WeCom's own example", async () => {
    const before = living.simulator.requestsTo("living/create").length;

    const { data, errors } = await gateway.run(createLiving, { input: documentedInput });

    expect(errors).toBeUndefined();
    expect(data.createLiving).toMatchObject({ __typename: "CreateLivingSuccess", livingid: expect.any(String) });
    expect(
      living.simulator
        .requestsTo("living/create")
        .slice(before)
        .map(({ body }) => body),
    ).toEqual([documentedBody]);
  });

  it("brings a refused input back with its fields", async () => {
    const { data, errors } = await gateway.run(createLiving, {
      input: { ...minimalInput, theme: "", livingDuration: 0 },
    });

    expect(errors).toBeUndefined();
    expect(data.createLiving).toMatchObject({ __typename: "LivingInputError", retryable: false, errcode: null });
    expect(data.createLiving.fields).toEqual([
      { path: "theme", message: expect.any(String), constraint: "hasCharacters" },
      { path: "livingDuration", message: expect.any(String), constraint: "min" },
    ]);
  });

  it("brings WeCom's refusal back with its errcode and the field it blames", async () => {
    living.simulator.faults.inject({ kind: "errcode", api: "living/create", errcode: 60111 });

    const { data, errors } = await gateway.run(createLiving, { input: minimalInput });

    expect(errors).toBeUndefined();
    expect(data.createLiving).toMatchObject({ __typename: "LivingNotFoundError", errcode: 60111, missing: "USER" });
  });

  it("brings an error of a read back with its path and its code", async () => {
    const livingid = await reserveVia(gateway);
    living.simulator.faults.inject({ kind: "errcode", api: "living/get_living_info", errcode: 92008 });

    const { data, errors } = await gateway.run("query ($id: ID!) { living(livingid: $id) { theme } }", {
      id: livingid,
    });

    expect(data).toEqual({ living: null });
    expect(errors).toMatchObject([
      { path: ["living"], extensions: { code: "LIVING_PERMISSION", errcode: 92008, retryable: false } },
    ]);
  });

  it("shows a member's name and livings, which two services know, and their host's name beside each", async () => {
    const livingid = await reserveVia(gateway);

    const { data, errors } = await gateway.run(
      `{ wecomUser(userid: "zhangsan") { name department livings(first: 100) { nodes { livingid theme anchor { name } } } } }`,
    );

    expect(errors).toBeUndefined();
    expect(data.wecomUser).toMatchObject({ name: "张三", department: "市场部" });
    expect(data.wecomUser.livings.nodes).toContainEqual({
      livingid,
      theme: minimalInput.theme,
      anchor: { name: "张三" },
    });
  });

  it("resolves 100 references with one request here and at most 100 reads, none of them twice", async () => {
    const app = { corpid, agentid: 1000014 };
    const ids = Array.from({ length: 90 }, () => living.simulator.livings.reserve(app, booking).livingid);
    const livingids = [...ids, ...ids.slice(0, 10)];
    const readsBefore = living.simulator.requestsTo("living/get_living_info").length;
    const tripsBefore = await roundTrips();

    const { data, errors } = await gateway.run(
      "query ($ids: [ID!]!) { playlist(livingids: $ids) { livingid theme } }",
      {
        ids: livingids,
      },
    );

    expect(errors).toBeUndefined();
    expect(data.playlist).toEqual(livingids.map((livingid) => ({ livingid, theme: booking.theme })));
    expect(await roundTrips()).toBe(tripsBefore + 1);
    const reads = living.simulator.requestsTo("living/get_living_info").slice(readsBefore);
    expect(reads.map(({ query }) => query["livingid"]).sort()).toEqual([...ids].sort());
  });

  it("loses only the reference that cannot be read", async () => {
    const [first, second] = [await reserveVia(gateway), await reserveVia(gateway)];

    const { data, errors } = await gateway.run(
      "query ($ids: [ID!]!) { playlist(livingids: $ids) { livingid theme } }",
      {
        ids: [first, "no-such-living", second],
      },
    );

    const themes = (data.playlist as ({ theme: string | null } | null)[]).map((item) => item?.theme ?? null);
    expect(themes).toEqual([minimalInput.theme, null, minimalInput.theme]);
    expect(errors).toHaveLength(1);
    expect(errors![0]!.extensions).toMatchObject({ errcode: expect.any(Number) });
  });
});

describe.each(kinds)("A supergraph that knows its caller, behind %s,", (_name, start) => {
  const gateway = startedFor(start);

  it("is believed about who is asking, for it knows the router's secret", async () => {
    const forLisi = { input: { ...minimalInput, anchorUserid: "lisi" } };

    const direct = await living.run(CreateLivingDocument, forLisi);
    const asZhangsan = await gateway.run(createLiving, forLisi);
    const asLisi = await gateway.run(createLiving, forLisi, { userid: "lisi" });

    expect(direct.errors).toMatchObject([{ extensions: { code: "UNAUTHENTICATED" } }]);
    expect(asZhangsan.errors).toMatchObject([{ extensions: { code: "FORBIDDEN", scope: "living:admin" } }]);
    expect(asLisi.data.createLiving).toMatchObject({ __typename: "CreateLivingSuccess" });
  });

  const forged = {
    "x-wecom-userid": "lisi",
    "x-wecom-scopes": "living:read living:write living:admin",
    "x-wecom-corpid": "another",
    "router-authorization": "a guess",
  };

  it.each([
    ["in headers", { headers: forged }],
    ["in extensions", { extensions: { headers: forged } }],
    ["in both", { headers: forged, extensions: { headers: forged } }],
  ])(
    "drops what its client says of itself %s",
    async (_where, more: { headers?: Record<string, string>; extensions?: unknown }) => {
      const forLisi = { input: { ...minimalInput, anchorUserid: "lisi" } };
      const before = living.simulator.requestsTo("living/create").length;
      const asZhangsan = await gateway.run(createLiving, forLisi, {}, more);
      const asNobody = await gateway.run(
        createLiving,
        forLisi,
        {},
        {
          ...more,
          headers: { ...more.headers, authorization: "Bearer forged" },
        },
      );

      expect(asZhangsan.errors).toMatchObject([{ extensions: { code: "FORBIDDEN", scope: "living:admin" } }]);
      expect(asNobody.errors).toMatchObject([{ extensions: { code: "FORBIDDEN", scope: "living:write" } }]);
      expect(living.simulator.requestsTo("living/create")).toHaveLength(before);
    },
  );

  it("passes on who is asking, and the request's id", async () => {
    // The gateway knows a living for a while: a call that fails must be for another.
    const [livingid, other] = [await reserveVia(gateway), await reserveVia(gateway)];
    const ask = (scopes: string, id = livingid) =>
      gateway.run(
        "query ($id: ID!) { living(livingid: $id) { theme pushStreamUrl } }",
        { id },
        { scope: scopes },
        { headers: { "x-request-id": "request-through-gateway" } },
      );
    living.simulator.faults.inject({ kind: "errcode", api: "living/get_living_info", errcode: 48002, afterCalls: 1 });

    const refused = await ask("living:read");
    const allowed = await ask("living:read living:push");
    await ask("living:read", other);

    expect(refused.errors).toMatchObject([
      { path: ["living", "pushStreamUrl"], extensions: { code: "FORBIDDEN", scope: "living:push" } },
    ]);
    expect(allowed).toEqual({ data: { living: { theme: minimalInput.theme, pushStreamUrl: null } } });
    expect(living.logs).toContainEqual(
      expect.objectContaining({ requestId: "request-through-gateway", errcode: 48002 }),
    );
  });
});

describe("A router that knows its callers", () => {
  it("refuses by the schema alone what a caller has no scope for, before anything is asked here", async () => {
    await using gateway = await startHiveGateway(subgraphs, issuer, {
      genericAuth: {
        mode: "protect-granular",
        resolveUserFn: () => ({ corpid, userid: "zhangsan", scope: "living:read", scopes: ["living:read"] }),
        extractScopes: (user) => (user as { scopes: string[] }).scopes,
        rejectUnauthenticated: false,
      },
    });
    const before = living.simulator.requestsTo("living/create").length;

    const { errors } = await gateway.run(createLiving, { input: minimalInput });
    const read = await gateway.run(`{ livings(anchorUserid: "zhangsan") { nodes { livingid } } }`);

    expect(errors).toMatchObject([{ path: ["createLiving"] }]);
    expect(living.simulator.requestsTo("living/create")).toHaveLength(before);
    expect(read.errors).toBeUndefined();
  });
});

describe("A subscription through Hive Gateway", () => {
  it("gets an event, with the anchor's fields from the members' service", async () => {
    await using gateway = await startHiveGateway(subgraphs, issuer);
    const stream = await gateway.subscribe("subscription { livingStatusChanged { status anchor { userid name } } }");
    const told = stream.next();
    await untilOpen(living, 1);
    await tell(living, { LivingId: "l1", Status: 1, FromUserName: "zhangsan" });

    expect(await told).toEqual({
      data: { livingStatusChanged: { status: "LIVE", anchor: { userid: "zhangsan", name: "张三" } } },
    });
    await stream.close();
    await untilOpen(living, 0);
  });
});
