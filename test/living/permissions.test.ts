/** Every field that needs a permission × every role × the caller's own living, a colleague's and another corp's. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type GraphQLObjectType, isObjectType } from "graphql";
import { buildLivingSubgraph } from "../../src/graphql/schema.js";
import { corpid, type Gateway, startGateway } from "../support/gateway.js";

const secret = "CANARY-router-secret-of-32-bytes-and-more";
const otherCorp = "wwother0corpid00";

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway({
    env: { NODE_ENV: "production", AUTH_MODE: "router", ROUTER_SECRET: secret },
    simulator: {
      corps: [
        { corpid, apps: [{ agentid: 1000014, secret: "CANARY-corpsecret-4f1c9a" }] },
        { corpid: otherCorp, apps: [{ agentid: 1000014, secret: "the-other-corp's-secret" }] },
      ],
    },
  });
});
afterAll(() => gateway.close());

const roles: Readonly<Record<string, readonly string[]>> = {
  "nobody in particular": [],
  "a reader": ["read"],
  "a writer who may not read": ["write"],
  "a pusher who may not read": ["push"],
  "a reader with push": ["read", "push"],
  "an anchor": ["read", "write", "push"],
  "an administrator without push": ["read", "write", "admin"],
  "an administrator without read": ["write", "push", "admin"],
  "an administrator": ["read", "write", "push", "admin"],
};

const owners = { own: "zhangsan", "a colleague's": "lisi" };

interface Target {
  readonly livingid: string;
  readonly anchorUserid: string;
  readonly shareCode: string;
}

const anyTarget: Target = { livingid: "L", anchorUserid: "U", shareCode: "S" };

interface Row {
  /** `Type.field`, as in the schema. */
  readonly field: string;
  readonly document: (target: Target) => string;
  readonly needs: readonly string[];
  /** Only for the anchor of the living, or an administrator. */
  readonly isPersonal?: true;
  readonly isEnded?: true;
}

const readField = (field: string): Row => ({
  field: `Living.${field}`,
  document: ({ livingid }) => `{ living(livingid: "${livingid}") { x: ${field} } }`,
  needs: ["read"],
});
const reference = (type: string, key: string, fields: string) =>
  `{ x: _entities(representations: [{ __typename: "${type}", ${key} }]) { ... on ${type} { ${fields} } } }`;

const create = ({ anchorUserid }: { anchorUserid: string }, fields: string) =>
  `mutation { x: createLiving(input: { anchorUserid: "${anchorUserid}", theme: "t", livingStart: 1600000000, livingDuration: 60 }) {
     ... on CreateLivingSuccess { ${fields} } } }`;

const rows: readonly Row[] = [
  ...["theme", "description", "type", "status", "livingStart", "livingDuration", "reserveStart"].map(readField),
  ...["reserveLivingDuration", "anchor { userid }", "mainDepartment", "viewerNum", "commentNum", "micNum"].map(
    readField,
  ),
  ...["onlineCount", "subscribeCount", "openReplay", "livingid"].map(readField),
  { ...readField("replayStatus"), isEnded: true },
  readField('watchCode(openid: "o")'),
  { ...readField("viewers { nodes { watchTime } }"), isPersonal: true },
  { ...readField("pushStreamUrl"), needs: ["read", "push"], isPersonal: true },
  {
    field: "Query.living",
    document: ({ livingid }) => `{ x: living(livingid: "${livingid}") { livingid } }`,
    needs: ["read"],
  },
  {
    field: "Query.livings",
    document: ({ anchorUserid }) => `{ x: livings(anchorUserid: "${anchorUserid}") { edges { cursor } } }`,
    needs: ["read"],
  },
  {
    field: "Query.livingShare",
    document: ({ shareCode }) => `{ x: livingShare(wwShareCode: "${shareCode}") { viewer { userid } } }`,
    needs: ["read"],
  },
  {
    field: "Query._entities",
    document: ({ livingid }) => reference("Living", `livingid: "${livingid}"`, "livingid"),
    needs: ["read"],
  },
  {
    field: "Query._entities",
    document: ({ livingid }) => reference("Living", `livingid: "${livingid}"`, "theme"),
    needs: ["read"],
  },
  {
    field: "Query._entities",
    document: ({ livingid }) => reference("Living", `livingid: "${livingid}"`, "viewers { nodes { watchTime } }"),
    needs: ["read"],
    isPersonal: true,
  },
  {
    field: "Query._entities",
    document: ({ livingid }) => reference("Living", `livingid: "${livingid}"`, "pushStreamUrl"),
    needs: ["read", "push"],
    isPersonal: true,
  },
  {
    field: "WecomUser.livings",
    document: ({ anchorUserid }) => reference("WecomUser", `userid: "${anchorUserid}"`, "livings { edges { cursor } }"),
    needs: ["read"],
  },
  {
    field: "LivingEdge.node",
    document: ({ anchorUserid }) => `{ livings(anchorUserid: "${anchorUserid}") { edges { x: node { theme } } } }`,
    needs: ["read"],
  },
  {
    field: "LivingConnection.nodes",
    document: ({ anchorUserid }) =>
      `{ livings(anchorUserid: "${anchorUserid}", first: 1) { x: nodes { pushStreamUrl } } }`,
    needs: ["read", "push"],
    isPersonal: true,
  },
  {
    field: "Mutation.createLiving",
    document: (target) => create(target, "livingid"),
    needs: ["write"],
    isPersonal: true,
  },
  {
    field: "LivingMutationSuccess.living",
    document: (target) => create(target, "living { theme }"),
    needs: ["write", "read"],
    isPersonal: true,
  },
  // Fields with a call of their own: the living is not read for them, and so only they themselves can ask for the scope.
  ...['watchCode(openid: "o")', "viewers { nodes { watchTime } }", "pushStreamUrl"].map((field): Row => ({
    field: "LivingMutationSuccess.living",
    document: (target) => create(target, `living { ${field} }`),
    needs: ["write", "read", ...(field === "pushStreamUrl" ? ["push"] : [])],
    isPersonal: true,
  })),
  {
    field: "Mutation.modifyLiving",
    document: ({ livingid }) =>
      `mutation { x: modifyLiving(livingid: "${livingid}", input: { theme: "new" }) { ... on ModifyLivingSuccess { livingid } } }`,
    needs: ["write"],
    isPersonal: true,
  },
  {
    field: "Mutation.cancelLiving",
    document: ({ livingid }) =>
      `mutation { x: cancelLiving(livingid: "${livingid}") { ... on CancelLivingSuccess { livingid } } }`,
    needs: ["write"],
    isPersonal: true,
  },
  {
    field: "Mutation.deleteLivingReplay",
    document: ({ livingid }) =>
      `mutation { x: deleteLivingReplay(livingid: "${livingid}") { ... on DeleteLivingReplaySuccess { livingid } } }`,
    needs: ["write"],
    isPersonal: true,
    isEnded: true,
  },
];

/** The simulator's livings, reserved without a call. */
function reserve(anchorUserid: string, { isEnded, corp = corpid }: { isEnded?: boolean; corp?: string } = {}): string {
  const { livings } = gateway.simulator;
  const { livingid } = livings.reserve(
    { corpid: corp, agentid: 1000014 },
    {
      anchorUserid,
      theme: "theme",
      description: "",
      startSeconds: Math.floor(Date.now() / 1000) + 3600,
      durationSeconds: 3600,
      type: 4,
      remindSeconds: 0,
      imageMediaids: [],
    },
  );
  livings.addViewer(livingid, { userid: "v", watchSeconds: 7 });
  if (isEnded) {
    livings.start(livingid);
    livings.end(livingid, "ready");
  }
  return livingid;
}

const as = (scopes: readonly string[], userid = "zhangsan") => ({
  "router-authorization": secret,
  "x-wecom-scopes": scopes.map((scope) => `living:${scope}`).join(" "),
  "x-wecom-userid": userid,
});

const writes = ["living/create", "living/modify", "living/cancel", "living/delete_replay_data"];
const writesSent = () => writes.reduce((sum, api) => sum + (gateway.simulator.requestCounts[api] ?? 0), 0);

const rowsByField = rows.map((row) => [row.field, row.document(anyTarget), row] as const);

describe.each(rowsByField)("Permissions of %s", (_, document, row) => {
  const cells = Object.entries(roles).flatMap(([role, scopes]) =>
    Object.entries(owners).map(([whose, anchorUserid]) => ({ role, scopes, whose, anchorUserid })),
  );
  it.each(cells)(`$role, $whose living: ${document.slice(0, 60)}`, async ({ scopes, whose, anchorUserid }) => {
    const livingid = reserve(anchorUserid, { isEnded: row.isEnded ?? false });
    const shareCode = gateway.simulator.addShareCode({
      livingid,
      viewer: { userid: "v" },
      invitor: { userid: "i" },
    });
    gateway.simulator.forgetRequests();
    const { data, errors } = await gateway.run(row.document({ livingid, anchorUserid, shareCode }), {}, as(scopes));

    const missing = row.needs.filter((scope) => !scopes.includes(scope));
    const isForeign = row.isPersonal && whose !== "own" && !scopes.includes("admin");
    if (missing.length === 0 && !isForeign) {
      expect(errors).toEqual([]);
      return;
    }
    expect(errors[0]!.extensions).toEqual({ code: "FORBIDDEN", scope: expect.stringMatching(/^living:/) });
    expect([...missing.map((scope) => `living:${scope}`), ...(isForeign ? ["living:admin"] : [])]).toContain(
      errors[0]!.extensions["scope"],
    );
    if (row.field !== "LivingMutationSuccess.living" || isForeign) expect(writesSent()).toBe(0);
    expect(JSON.stringify(data ?? null)).not.toMatch(/rtmp:|watchTime|"theme":"/);
  });
});

describe("Permissions", () => {
  it("stand in the table above for every field of the schema that answers with something of a living", () => {
    const { schema } = buildLivingSubgraph();
    const covered = new Set(rows.map(({ field }) => field.replace(/[ ({].*/, "")));
    const open = [
      "Query._service",
      // test/living/subscriptions.test.ts
      "Subscription.livingStatusChanged",
      // test/server/uploads/uploads.test.ts
      "Mutation.uploadLivingImage",
      // test/living/js-sdk.test.ts: nothing of a living
      "Query.jsSdkSignature",
      "WecomUser.userid",
      "LivingEdge.cursor",
      "LivingConnection.edges",
      "LivingConnection.pageInfo",
    ];
    // These stand below a field of the table alone, and hold nothing of another living than that one's.
    const below: Record<string, readonly string[]> = {
      "Living.viewers": [
        "LivingViewerConnection",
        "LivingViewerEdge",
        "LivingMemberViewer",
        "LivingExternalViewer",
        "WecomExternalContact",
      ],
      "Query.livingShare": ["LivingShare"],
      "LivingMutationSuccess.living": [
        ...["CreateLivingSuccess", "ModifyLivingSuccess", "CancelLivingSuccess", "DeleteLivingReplaySuccess"],
      ],
    };
    expect(Object.keys(below).filter((field) => !covered.has(field))).toEqual([]);
    const isAnError = (type: GraphQLObjectType) => type.getInterfaces().some(({ name }) => name === "LivingError");
    // Below Subscription.livingStatusChanged, as that itself.
    const told = "LivingStatusChange";
    const exempt = [
      ...Object.values(below).flat(),
      told,
      "UploadLivingImageSuccess",
      "WecomJsSdkSignature",
      "WecomSignatureData",
      "PageInfo",
      "LivingInputViolation",
      "_Service",
    ];
    const fields = Object.values(schema.getTypeMap())
      .filter((type) => isObjectType(type) && !type.name.startsWith("__") && !isAnError(type))
      .filter(({ name }) => !exempt.includes(name))
      .flatMap((type) => Object.keys((type as GraphQLObjectType).getFields()).map((field) => `${type.name}.${field}`));

    expect(fields.length).toBeGreaterThan(25);
    expect(fields.filter((field) => !covered.has(field) && !open.includes(field))).toEqual([]);
  });

  it("of somebody without a userid are nobody's: no living is their own", async () => {
    const livingid = reserve("zhangsan");
    gateway.simulator.forgetRequests();
    const { "x-wecom-userid": _, ...headers } = as(["read", "write", "push"]);

    const { errors } = await gateway.run(
      `mutation { cancelLiving(livingid: "${livingid}") { __typename } }`,
      {},
      headers,
    );

    expect(errors[0]!.extensions).toEqual({ code: "FORBIDDEN", scope: "living:admin" });
    expect(gateway.simulator.requests).toEqual([]);
  });

  it("cost one read to find out whose living it is, and none for an administrator", async () => {
    const cancel = async (scopes: string[]) => {
      const livingid = reserve("zhangsan");
      gateway.simulator.forgetRequests();
      await gateway.run(`mutation { cancelLiving(livingid: "${livingid}") { __typename } }`, {}, as(scopes));
      return gateway.simulator.requestCounts;
    };

    expect(await cancel(["write"])).toEqual({ "living/get_living_info": 1, "living/cancel": 1 });
    expect(await cancel(["write", "admin"])).toEqual({ "living/cancel": 1 });
  });

  it.each(Object.keys(roles))("let %s tell another corp's living from none at all in no field", async (role) => {
    const answers = async (livingid: string) => {
      const byId = rows.filter(({ document }) => document(anyTarget).includes('"L"'));
      const results = [];
      for (const { document } of byId) {
        const text = document({ ...anyTarget, livingid });
        const { status, data, errors } = await gateway.run(text, {}, as(roles[role]!));
        results.push(JSON.stringify({ status, data, errors }).replaceAll(livingid, "LIVINGID"));
      }
      return results;
    };

    const foreign = await answers(reserve("zhangsan", { corp: otherCorp }));

    expect(foreign.length).toBeGreaterThan(20);
    expect(foreign).toEqual(await answers("noSuchLivingNoSuchLivingNoSuchLi"));
  });
});
