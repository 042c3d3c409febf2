import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import {
  CancelLivingDocument,
  CreateLivingDocument,
  DeleteLivingReplayDocument,
  type LivingInput,
  LivingsDocument,
  LivingShareDocument,
  ModifyLivingDocument,
  ReadLivingDocument,
  LivingViewersDocument,
  type LivingsQuery,
  type LivingViewersQuery,
  WatchCodeDocument,
} from "../../packages/client/src/index.js";
import { livingidsQuery } from "../support/documents.js";
import { type Answer, corpid, type Gateway, startGateway } from "../support/gateway.js";
import { booking, minimalInput } from "../support/inputs.js";

const app = { corpid, agentid: 1000014 };
const foreignApp = { corpid, agentid: 1000099 };

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());
beforeEach(() => {
  gateway.simulator.forgetRequests();
  gateway.simulator.faults.clear();
  gateway.simulator.livings.clear();
});

const reserve = async (input: Partial<LivingInput> = {}) => {
  const { data } = await gateway.run(CreateLivingDocument, {
    input: { ...minimalInput, livingStart: 4102444800, ...input },
  });
  if (data?.createLiving.__typename !== "CreateLivingSuccess") throw new Error("could not reserve a living");
  return data.createLiving.livingid;
};

/** A reservation straight at WeCom, by this app or another one. */
const reserveAt = (creator: typeof app, theme = "theme", anchorUserid = "zhangsan") =>
  gateway.simulator.livings.reserve(creator, { ...booking, anchorUserid, theme }).livingid;

const calls = (api: string) => gateway.simulator.requestsTo(`living/${api}`);

describe("modifyLiving", () => {
  it("sends only the fields given, and reads the change back", async () => {
    const livingid = await reserve({ theme: "before" });

    const { data } = await gateway.run(ModifyLivingDocument, {
      livingid,
      input: { theme: "after", description: null },
    });

    expect(calls("modify").map(({ body }) => body)).toEqual([{ livingid, theme: "after" }]);
    expect(data!.modifyLiving).toMatchObject({ living: { livingid, theme: "after", status: "RESERVED" } });
  });

  it("sends every field under WeCom's name", async () => {
    const livingid = await reserve();

    await gateway.run(ModifyLivingDocument, {
      livingid,
      input: {
        theme: "t",
        livingStart: "2100-01-02T00:00:00Z",
        livingDuration: 60,
        type: "TRAINING",
        description: "d",
        remindTime: 30,
      },
    });

    expect(calls("modify")[0]!.body).toEqual({
      livingid,
      theme: "t",
      living_start: 4102531200,
      living_duration: 60,
      type: 3,
      description: "d",
      remind_time: 30,
    });
  });

  it.each([
    ["a theme of 60 letters, which create would refuse", { theme: "a".repeat(60) }, undefined],
    ["a theme of 20 Chinese characters, 60 bytes", { theme: "直".repeat(20) }, undefined],
    ["a theme of 61 bytes", { theme: `${"直".repeat(20)}a` }, "theme"],
    ["a theme of 16 emoji, 64 bytes", { theme: "🎬".repeat(16) }, "theme"],
    ["a description of 300 bytes", { description: "播".repeat(100) }, undefined],
    ["a description of 301 bytes", { description: "a".repeat(301) }, "description"],
    ["a duration of 0", { livingDuration: 0 }, "livingDuration"],
    ["a negative reminder", { remindTime: -1 }, "remindTime"],
    ["a lone surrogate", { theme: "\ud800" }, "theme"],
  ])("counts as modify's own page does: %s", async (_, input, refusedPath) => {
    const livingid = await reserve();

    const { data } = await gateway.run(ModifyLivingDocument, { livingid, input });

    if (refusedPath === undefined) expect(data!.modifyLiving.__typename).toBe("ModifyLivingSuccess");
    else {
      expect(data!.modifyLiving).toMatchObject({ __typename: "LivingInputError", fields: [{ path: refusedPath }] });
      expect(calls("modify")).toEqual([]);
    }
  });
});

describe("A living that is past its reservation", () => {
  it.each(["start", "cancel"] as const)("is not modified and not cancelled after its %s", async (step) => {
    const livingid = await reserve();
    gateway.simulator.livings[step](livingid);

    const modified = await gateway.run(ModifyLivingDocument, { livingid, input: { theme: "late" } });
    const cancelled = await gateway.run(CancelLivingDocument, { livingid });

    const tooLate = { __typename: "LivingStateError", errcode: 92006, retryable: false };
    expect(modified.data!.modifyLiving).toMatchObject(tooLate);
    expect(cancelled.data!.cancelLiving).toMatchObject(tooLate);
  });

  it("shows what really happened beside what was booked", async () => {
    const livingid = await reserve({ livingDuration: 3600 });
    gateway.simulator.livings.start(livingid);
    gateway.simulator.clock.advance(143_000);
    gateway.simulator.livings.end(livingid, "generating");

    const { data } = await gateway.run(ReadLivingDocument, { livingid });

    expect(data!.living).toMatchObject({
      status: "ENDED",
      livingDuration: 143,
      reserveStart: 4102444800,
      reserveLivingDuration: 3600,
      openReplay: true,
      replayStatus: "GENERATING",
    });
  });
});

describe("cancelLiving", () => {
  it("cancels a reserved living", async () => {
    const livingid = await reserve();

    const { data } = await gateway.run(CancelLivingDocument, { livingid });

    expect(calls("cancel").map(({ body }) => body)).toEqual([{ livingid }]);
    expect(data!.cancelLiving).toMatchObject({ __typename: "CancelLivingSuccess", living: { status: "CANCELLED" } });
  });
});

describe("deleteLivingReplay", () => {
  it("deletes a replay, and tells when there is none that can be deleted", async () => {
    const livingid = await reserve();
    const early = await gateway.run(DeleteLivingReplayDocument, { livingid });
    gateway.simulator.livings.start(livingid);
    gateway.simulator.livings.end(livingid, "ready");

    const deleted = await gateway.run(DeleteLivingReplayDocument, { livingid });

    expect(early.data!.deleteLivingReplay).toMatchObject({ __typename: "LivingStateError", errcode: 92007 });
    expect(deleted.data!.deleteLivingReplay).toMatchObject({ living: { replayStatus: "DELETED" } });
    expect(calls("delete_replay_data").map(({ body }) => body)).toEqual([{ livingid }, { livingid }]);
  });
});

describe("A living of another app", () => {
  it("is refused by every call on it, as a permission", async () => {
    const livingid = reserveAt(foreignApp);
    const refused = { __typename: "LivingPermissionError", errcode: 92008 };

    const modified = await gateway.run(ModifyLivingDocument, { livingid, input: { theme: "mine" } });
    const cancelled = await gateway.run(CancelLivingDocument, { livingid });
    const deleted = await gateway.run(DeleteLivingReplayDocument, { livingid });
    const read = await gateway.run(ReadLivingDocument, { livingid });

    expect(modified.data!.modifyLiving).toMatchObject(refused);
    expect(cancelled.data!.cancelLiving).toMatchObject(refused);
    expect(deleted.data!.deleteLivingReplay).toMatchObject(refused);
    expect(read.data!.living).toBeNull();
    expect(read.errors[0]).toMatchObject({
      path: ["living"],
      extensions: { code: "LIVING_PERMISSION", errcode: 92008 },
    });
  });
});

describe("A livingid that does not exist", () => {
  it.each([40058, 60136, 92008])("gets a typed answer whichever errcode WeCom gives it: %i", async (errcode) => {
    gateway.simulator.faults.inject({ kind: "errcode", api: "living/*", errcode, times: 0 });

    const read = await gateway.run(ReadLivingDocument, { livingid: "nonsense" });
    const cancelled = await gateway.run(CancelLivingDocument, { livingid: "nonsense" });

    expect(read.data!.living).toBeNull();
    expect(read.errors[0]!.extensions).toMatchObject({ errcode, code: expect.stringMatching(/^LIVING_/) });
    expect(cancelled.data!.cancelLiving).toMatchObject({ errcode, retryable: false });
  });
});

describe("livings", () => {
  it("pages through all livings of a member, each once, in WeCom's order", async () => {
    const ids = Array.from({ length: 45 }, (_, index) => reserveAt(app, `theme ${index}`));
    const seen: string[] = [];
    let after: string | null = null;
    const sizes: number[] = [];
    do {
      const answer: Answer<Record<string, any>> = await gateway.run(livingidsQuery, {
        anchorUserid: "zhangsan",
        after,
      });
      expect(answer.errors).toEqual([]);
      const { nodes, pageInfo }: Pick<LivingsQuery["livings"], "pageInfo"> & { nodes: { livingid: string }[] } =
        answer.data!["livings"];
      sizes.push(nodes.length);
      seen.push(...nodes.map(({ livingid }) => livingid));
      expect(pageInfo.hasPreviousPage).toBe(after !== null);
      after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
    } while (after !== null);

    expect(sizes).toEqual([20, 20, 5]);
    expect([...seen].sort()).toEqual([...ids].sort());
  });

  it("goes on behind any living, although WeCom goes on behind a page only", async () => {
    Array.from({ length: 12 }, (_, index) => reserveAt(app, `theme ${index}`));
    const all = await gateway.run(LivingsDocument, { anchorUserid: "zhangsan", first: 12 });
    const { edges } = all.data!.livings;

    for (const [index, { cursor }] of edges.entries()) {
      const { data } = await gateway.run(LivingsDocument, { anchorUserid: "zhangsan", first: 5, after: cursor });
      expect(data!.livings.edges.map((edge) => edge.node!.livingid)).toEqual(
        edges.slice(index + 1, index + 6).map((edge) => edge.node!.livingid),
      );
      expect(data!.livings.pageInfo.hasNextPage).toBe(index + 6 < 12);
    }
  });

  it("reads no living where only livingids are asked for", async () => {
    Array.from({ length: 5 }, () => reserveAt(app));

    await gateway.run(livingidsQuery, { anchorUserid: "zhangsan" });

    expect(gateway.simulator.requestCounts).toEqual({ "living/get_user_all_livingid": 1 });
  });

  it("reads a page of 100 livings at the first try under a cap of ten at once", async () => {
    await using capped = await startGateway({ simulator: { maxConcurrentPerApi: 10, latencyMs: 40 } });
    for (let index = 0; index < 100; index += 1) {
      capped.simulator.livings.reserve(app, {
        anchorUserid: "zhangsan",
        theme: `theme ${index}`,
        startSeconds: 4102444800,
        durationSeconds: 60,
        type: 0,
        description: "",
        remindSeconds: 0,
        imageMediaids: [],
      });
    }

    const { data, errors } = await capped.run(LivingsDocument, { anchorUserid: "zhangsan", first: 100 });

    expect(errors).toEqual([]);
    expect(data!.livings.edges.map(({ node }) => node?.theme)).toHaveLength(100);
    expect(capped.simulator.requestsTo("living/get_living_info").map(({ errcode }) => errcode)).toEqual(
      Array.from({ length: 100 }, () => 0),
    );
  });

  it.each([0, -1, 101, 10001])("refuses first: %i in clear words", async (first) => {
    const { data, errors } = await gateway.run(LivingsDocument, { anchorUserid: "zhangsan", first });

    expect(data).toBeNull();
    expect(errors[0]!.message).toBe(`first must be from 1 to 100, found ${first}`);
    expect(errors[0]!.extensions["code"]).toBe("BAD_USER_INPUT");
    expect(gateway.simulator.requests).toEqual([]);
  });

  it.each([
    ["nonsense", () => "nonsense"],
    ["nothing", () => ""],
    ["JSON of another shape", () => Buffer.from("[1,2]").toString("base64url")],
    ["WeCom's own cursor", () => "NEXT_KEY"],
    ["a negative place", () => Buffer.from('["livings","zhangsan",null,-1]').toString("base64url")],
    ["one of another member", () => Buffer.from('["livings","lisi",null,1]').toString("base64url")],
  ])("refuses a cursor that is not its own: %s", async (_, cursor) => {
    const { errors } = await gateway.run(LivingsDocument, { anchorUserid: "zhangsan", after: cursor() });

    expect(errors[0]).toMatchObject({
      message: "after is not a cursor of this connection",
      extensions: { code: "BAD_USER_INPUT" },
    });
  });

  it("belongs to the member as an entity too", async () => {
    const livingid = reserveAt(app, "of zhangsan");

    const { data } = await gateway.run(
      `query ($refs: [_Any!]!) { _entities(representations: $refs) {
        ... on WecomUser { livings(first: 5) { nodes { livingid theme } } } } }`,
      { refs: [{ __typename: "WecomUser", userid: "zhangsan" }] },
    );

    expect(data!["_entities"]).toEqual([{ livings: { nodes: [{ livingid, theme: "of zhangsan" }] } }]);
  });
});

describe("livings where one cannot be read", () => {
  it("loses one unreadable living and nothing else of the page", async () => {
    Array.from({ length: 5 }, () => reserveAt(app));
    gateway.simulator.faults.inject({ kind: "errcode", api: "living/get_living_info", errcode: 60136, afterCalls: 2 });

    const { data, errors } = await gateway.run(LivingsDocument, { anchorUserid: "zhangsan" });

    const nodes = data!.livings.edges.map(({ node }) => node);
    const lost = nodes.indexOf(null);
    expect(nodes.filter((node) => node === null)).toHaveLength(1);
    expect(errors).toEqual([
      expect.objectContaining({
        path: ["livings", "edges", lost, "node"],
        extensions: expect.objectContaining({ code: "LIVING_NOT_FOUND", errcode: 60136 }),
      }),
    ]);
  });

  it("loses it alone among the nodes, and among references, too", async () => {
    const reserveThree = () => Array.from({ length: 3 }, () => reserveAt(app));
    const fault = { kind: "errcode", api: "living/get_living_info", errcode: 60136, afterCalls: 1 } as const;

    reserveThree();
    gateway.simulator.faults.inject(fault);
    const page = await gateway.run(`{ livings(anchorUserid: "zhangsan", first: 3) { nodes { theme } } }`);
    gateway.simulator.faults.inject(fault);
    const references = await gateway.run(
      "query ($r: [_Any!]!) { _entities(representations: $r) { ... on Living { theme } } }",
      // Others, for the first are still known.
      { r: reserveThree().map((livingid) => ({ __typename: "Living", livingid })) },
    );

    const found: [typeof page, unknown[], string[]][] = [
      [page, page.data!["livings"].nodes, ["livings", "nodes"]],
      [references, references.data!["_entities"], ["_entities"]],
    ];
    for (const [{ errors }, items, path] of found) {
      expect(items.filter((item) => item === null)).toHaveLength(1);
      expect(items).toHaveLength(3);
      expect(errors.map((error) => error.path)).toEqual([[...path, items.indexOf(null)]]);
    }
  });
});

describe("One living asked for in five places", () => {
  it("is read once", async () => {
    const livingid = reserveAt(app);

    const { data } = await gateway.run(
      `query ($id: ID!, $refs: [_Any!]!) {
        a: living(livingid: $id) { theme }
        b: living(livingid: $id) { status anchor { livings { nodes { theme } } } }
        _entities(representations: $refs) { ... on Living { livingid theme } }
      }`,
      { id: livingid, refs: [1, 2, 3].map(() => ({ __typename: "Living", livingid })) },
    );

    expect(data).toMatchObject({ a: { theme: "theme" }, b: { anchor: { livings: { nodes: [{ theme: "theme" }] } } } });
    expect(gateway.simulator.requestCounts["living/get_living_info"]).toBe(1);
  });
});

describe("Living.viewers", () => {
  it("lists members and external viewers until WeCom says that it is the end", async () => {
    const livingid = reserveAt(app);
    gateway.simulator.livings.addViewer(livingid, { userid: "lisi", watchSeconds: 30, hasCommented: true });
    gateway.simulator.livings.addViewer(livingid, {
      externalUserid: "wm1",
      name: "Wang",
      type: 1,
      watchSeconds: 5,
      hasSpoken: true,
      invitor: { userid: "zhangsan" },
    });

    const { data } = await gateway.run(LivingViewersDocument, { livingid });

    expect(data!.living!.viewers!.edges.map(({ node }) => node)).toEqual([
      {
        __typename: "LivingMemberViewer",
        user: { userid: "lisi" },
        watchTime: 30,
        isComment: true,
        isMic: false,
        invitor: null,
        invitorExternalContact: null,
      },
      {
        __typename: "LivingExternalViewer",
        contact: { externalUserid: "wm1" },
        name: "Wang",
        type: "WECHAT",
        watchTime: 5,
        isComment: false,
        isMic: true,
        invitor: { userid: "zhangsan" },
        invitorExternalContact: null,
      },
    ]);
    expect(calls("get_watch_stat")[0]!.body).toEqual({ livingid, next_key: "0" });
  });

  it("pages through hundreds of them, each once", async () => {
    const livingid = reserveAt(app);
    const userids = Array.from({ length: 250 }, (_, index) => `user${index}`);
    for (const userid of userids) gateway.simulator.livings.addViewer(livingid, { userid });
    const seen: string[] = [];
    let after: string | null = null;
    do {
      const answer: Answer<LivingViewersQuery> = await gateway.run(LivingViewersDocument, {
        livingid,
        first: 70,
        after,
      });
      expect(answer.errors).toEqual([]);
      const { edges, pageInfo } = answer.data!.living!.viewers!;
      seen.push(...edges.map(({ node }) => (node.__typename === "LivingMemberViewer" ? node.user.userid : "")));
      after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
    } while (after !== null);

    expect(seen).toEqual(userids);
  });

  it.each([0, -1, 10001])("refuses first: %i in clear words, and keeps the rest of the living", async (first) => {
    const livingid = reserveAt(app);

    const { data, errors } = await gateway.run(LivingViewersDocument, { livingid, first });

    expect(data).toEqual({ living: { livingid, viewers: null } });
    expect(errors[0]).toMatchObject({ path: ["living", "viewers"], extensions: { code: "BAD_USER_INPUT" } });
  });
});

describe("Living.watchCode and livingShare", () => {
  it("gives a code that opens the living for 5 minutes", async () => {
    const livingid = reserveAt(app);

    const { data } = await gateway.run(WatchCodeDocument, { livingid, openid: "abcopenid" });

    expect(gateway.simulator.redeemLivingCode(data!.living!.watchCode!)).toMatchObject({
      livingid,
      openid: "abcopenid",
    });
    expect(calls("get_living_code")[0]!.body).toEqual({ livingid, openid: "abcopenid" });
  });

  it("tells who opened a shared card and who shared it, for 5 minutes", async () => {
    const livingid = reserveAt(app, "promotion");
    const wwShareCode = gateway.simulator.addShareCode({
      livingid,
      viewer: { externalUserid: "wm2" },
      invitor: { userid: "zhangsan" },
    });

    const { data } = await gateway.run(LivingShareDocument, { wwShareCode });
    gateway.simulator.clock.advance(301_000);
    const late = await gateway.run(LivingShareDocument, { wwShareCode });

    expect(data!.livingShare).toEqual({
      living: expect.objectContaining({ livingid, theme: "promotion" }),
      viewer: null,
      viewerExternalContact: { externalUserid: "wm2" },
      invitor: { userid: "zhangsan" },
      invitorExternalContact: null,
    });
    expect(late.data!.livingShare).toBeNull();
    expect(late.errors[0]!.extensions["errcode"]).toEqual(expect.any(Number));
  });
});

describe("WecomExternalContact", () => {
  it("is an entity that another subgraph can refer to", async () => {
    const query = `query ($key: _Any!) { _entities(representations: [$key]) { ... on WecomExternalContact { externalUserid } } }`;
    const key = { __typename: "WecomExternalContact", externalUserid: "wm1" };

    expect((await gateway.run(query, { key })).data).toEqual({ _entities: [{ externalUserid: "wm1" }] });
    const { errors } = await gateway.run(query, { key: { ...key, externalUserid: "" } });
    expect(errors[0]!.extensions["code"]).toBe("BAD_USER_INPUT");
  });

  it("is beside the deprecated field that has its id alone", async () => {
    const livingid = reserveAt(app, "promotion");
    const person = { externalUserid: "wm2" };
    gateway.simulator.livings.addViewer(livingid, {
      ...person,
      name: "Li",
      type: 2,
      invitor: { externalUserid: "wm3" },
    });
    const wwShareCode = gateway.simulator.addShareCode({
      livingid,
      viewer: person,
      invitor: { externalUserid: "wm3" },
    });

    const { data } = await gateway.run(
      `query ($livingid: ID!, $wwShareCode: String!) {
        living(livingid: $livingid) { viewers { nodes {
          invitorExternalUserid invitorExternalContact { externalUserid }
          ... on LivingExternalViewer { externalUserid contact { externalUserid } }
        } } }
        livingShare(wwShareCode: $wwShareCode) {
          viewerExternalUserid viewerExternalContact { externalUserid }
          invitorExternalUserid invitorExternalContact { externalUserid }
        }
      }`,
      { livingid, wwShareCode },
    );

    const invitor = { invitorExternalUserid: "wm3", invitorExternalContact: { externalUserid: "wm3" } };
    expect(data).toEqual({
      living: { viewers: { nodes: [{ ...invitor, externalUserid: "wm2", contact: person }] } },
      livingShare: { ...invitor, viewerExternalUserid: "wm2", viewerExternalContact: person },
    });
  });
});

describe("Living.pushStreamUrl", () => {
  const read = (livingid: string, headers: Record<string, string>) =>
    gateway.fetch("/graphql", {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify({ query: `{ living(livingid: "${livingid}") { theme pushStreamUrl } }` }),
    });

  it("is for callers with the scope living:push alone", async () => {
    const livingid = await reserve({ type: "EVENT" });

    const refused = JSON.parse((await read(livingid, {})).text);
    const allowed = JSON.parse(
      (await read(livingid, { "x-wecom-scopes": "living:read living:push living:admin" })).text,
    );

    expect(refused.data.living).toEqual({ theme: "theme", pushStreamUrl: null });
    expect(refused.errors[0]).toMatchObject({
      path: ["living", "pushStreamUrl"],
      extensions: { code: "FORBIDDEN", scope: "living:push" },
    });
    expect(allowed.data.living.pushStreamUrl).toMatch(/^\w+:\/\//);
  });
});

describe("What WeCom may send tomorrow or sent once", () => {
  const upstreamSays = (living_info: object) =>
    gateway.simulator.faults.inject({
      kind: "http",
      api: "living/get_living_info",
      status: 200,
      contentType: "application/json",
      body: JSON.stringify({ errcode: 0, errmsg: "ok", living_info }),
      times: 0,
    });

  it("reads an unknown number as null and logs it once", async () => {
    upstreamSays({ theme: "t", status: 9, type: 17, open_replay: 1, replay_status: 12 });

    for (let round = 0; round < 3; round += 1) {
      const { data, errors } = await gateway.run(ReadLivingDocument, { livingid: "any" });
      expect(errors).toEqual([]);
      expect(data!.living).toMatchObject({ theme: "t", status: null, type: null, replayStatus: null });
    }
    const logged = gateway.logs.filter(({ msg }) => msg === "WeCom sent a code that this gateway does not know");
    expect(logged.map(({ field, code }) => [field, code]).sort()).toEqual([
      ["replay_status", 12],
      ["status", 9],
      ["type", 17],
    ]);
  });

  it("reads a replay status only beside a replay", async () => {
    upstreamSays({ open_replay: 0, replay_status: 0 });

    const { data } = await gateway.run(ReadLivingDocument, { livingid: "any" });

    expect(data!.living).toMatchObject({ openReplay: false, replayStatus: null });
  });

  it("reads what is missing as null", async () => {
    upstreamSays({});

    const { data, errors } = await gateway.run(ReadLivingDocument, { livingid: "any" });

    expect(errors).toEqual([]);
    const { livingid, ...details } = data!.living!;
    expect(livingid).toBe("any");
    expect(new Set(Object.values(details))).toEqual(new Set([null]));
  });

  it("believes the errcode, not the empty payload that comes with it", async () => {
    gateway.simulator.faults.inject({
      kind: "http",
      api: "living/get_user_all_livingid",
      status: 200,
      body: JSON.stringify({ errcode: 60020, errmsg: "not allow to access from your ip", livingid_list: [] }),
    });

    const { data, errors } = await gateway.run(livingidsQuery, { anchorUserid: "zhangsan" });

    expect(data).toBeNull();
    expect(errors[0]!.extensions).toMatchObject({ code: "LIVING_CONFIGURATION", errcode: 60020 });
  });
});

describe("Paging through what WeCom may send", () => {
  const viewersPage = (next_key: string) =>
    ({
      kind: "http",
      api: "living/get_watch_stat",
      status: 200,
      body: JSON.stringify({ errcode: 0, errmsg: "ok", ending: 0, next_key, stat_info: {} }),
    }) as const;

  it("pages on by `ending` alone, even over an empty page", async () => {
    const page = (body: object) =>
      ({
        kind: "http",
        api: "living/get_watch_stat",
        status: 200,
        body: JSON.stringify({ errcode: 0, errmsg: "ok", ...body }),
      }) as const;
    gateway.simulator.faults.inject(
      page({ ending: 0, next_key: "k1", stat_info: { users: [], external_users: [] } }),
      page({ ending: 0, next_key: "k2", stat_info: { users: [{ userid: "a", watch_time: 1 }] } }),
      page({ ending: 1, next_key: "k3", stat_info: { external_users: [{ external_userid: "b", type: 2 }] } }),
    );
    const livingid = reserveAt(app);

    const { data } = await gateway.run(
      "query ($livingid: ID!) { living(livingid: $livingid) { viewers { nodes { watchTime } pageInfo { hasNextPage } } } }",
      { livingid },
    );

    expect(data!["living"].viewers.nodes).toHaveLength(2);
    expect(data!["living"].viewers.pageInfo.hasNextPage).toBe(false);
    expect(calls("get_watch_stat").map(({ body }) => (body as { next_key: string }).next_key)).toEqual([
      "0",
      "k1",
      "k2",
    ]);
  });

  it("stops when a page leads to itself", async () => {
    gateway.simulator.faults.inject({ ...viewersPage("same"), times: 0 });
    const livingid = reserveAt(app);

    const { errors } = await gateway.run(LivingViewersDocument, { livingid });

    expect(errors[0]).toMatchObject({ path: ["living", "viewers"], extensions: { code: "LIVING_UNAVAILABLE" } });
    expect(calls("get_watch_stat")).toHaveLength(2);
  });

  it.each([2, 3, 7])("stops when viewers' pages lead back after %d", async (length) => {
    for (let page = 0; page < 50; page += 1) gateway.simulator.faults.inject(viewersPage(`key${page % length}`));
    const livingid = reserveAt(app);

    const { errors } = await gateway.run(LivingViewersDocument, { livingid });

    expect(errors[0]).toMatchObject({ path: ["living", "viewers"], extensions: { code: "LIVING_UNAVAILABLE" } });
    expect(calls("get_watch_stat")).toHaveLength(length + 1);
    gateway.simulator.faults.clear();
  });

  it("stops when livings' pages lead back to each other", async () => {
    for (let page = 0; page < 50; page += 1) {
      gateway.simulator.faults.inject({
        ...{ kind: "http", api: "living/get_user_all_livingid", status: 200 },
        body: JSON.stringify({ errcode: 0, errmsg: "ok", livingid_list: [], next_cursor: page % 2 ? "A" : "B" }),
      });
    }

    const { errors } = await gateway.run(livingidsQuery, { anchorUserid: "zhangsan" });

    expect(errors[0]!.extensions).toMatchObject({ code: "LIVING_UNAVAILABLE" });
    expect(calls("get_user_all_livingid")).toHaveLength(3);
    gateway.simulator.faults.clear();
  });

  it("stops after a hundred pages of nothing", async () => {
    for (let page = 0; page < 150; page += 1) gateway.simulator.faults.inject(viewersPage(`key${page}`));
    const livingid = reserveAt(app);

    const { errors } = await gateway.run(LivingViewersDocument, { livingid });

    expect(errors[0]!.extensions).toMatchObject({ code: "LIVING_UNAVAILABLE" });
    expect(calls("get_watch_stat")).toHaveLength(100);
    gateway.simulator.faults.clear();
  });

  it("stops after a thousand pages of nothing for one operation", async () => {
    for (let page = 0; page < 1200; page += 1) gateway.simulator.faults.inject(viewersPage(`key${page}`));
    const viewers = (livingid: string, index: number) =>
      `l${index}: living(livingid: "${livingid}") { viewers { nodes { isMic } } }`;
    const livingids = Array.from({ length: 12 }, () => reserveAt(app));

    const { errors } = await gateway.run(`{ ${livingids.map(viewers).join(" ")} }`);

    expect(errors.map(({ extensions }) => extensions["code"])).toContain("OPERATION_LIMIT_EXCEEDED");
    expect(calls("get_watch_stat")).toHaveLength(1000);
    gateway.simulator.faults.clear();
  });
});
