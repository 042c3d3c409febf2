/** Each field of WeCom's has its own in GraphQL: every row has a value that no other has. */
import "reflect-metadata";
import { describe, expect, it } from "@jest/globals";
import type { LivingInput, ModifyLivingInput } from "../../src/living/living.inputs.js";
import { readPage } from "../../src/living/living.connections.js";
import {
  fieldPaths,
  fieldPathsOf,
  toCreateRequest,
  toLivingDetails,
  toModifyRequest,
  toShare,
  toStatusChange,
  toViewers,
} from "../../src/living/living.mapping.js";
import { LivingExternalViewer, LivingMemberViewer, WecomExternalContact } from "../../src/living/living.viewers.js";
import { WecomUser } from "../../src/living/living.types.js";
import type { LivingInfo } from "../../src/wecom/living.wire.js";

const never = (field: string, code: number) => {
  throw new Error(`${field} ${code}`);
};
/** Notes the numbers that WeCom does not document. */
const noting = () => {
  const noted: [string, number][] = [];
  return { noted, note: (field: string, code: number) => void noted.push([field, code]) };
};

const wire: Required<LivingInfo> = {
  ...{ theme: "theme", description: "description", anchor_userid: "zhangsan", push_stream_url: "rtmp://push" },
  ...{ living_start: 11, living_duration: 12, reserve_start: 13, reserve_living_duration: 14 },
  ...{ main_department: 15, viewer_num: 16, comment_num: 17, mic_num: 18, online_count: 19, subscribe_count: 20 },
  ...{ status: 2, type: 3, open_replay: 1, replay_status: 1 },
};
const details = {
  ...{ theme: "theme", description: "description", anchor: new WecomUser("zhangsan"), pushStreamUrl: "rtmp://push" },
  ...{ livingStart: 11, livingDuration: 12, reserveStart: 13, reserveLivingDuration: 14 },
  ...{ mainDepartment: 15, viewerNum: 16, commentNum: 17, micNum: 18, onlineCount: 19, subscribeCount: 20 },
  ...{ status: 2, type: 3, openReplay: true, replayStatus: 1 },
};

describe("What WeCom tells of a living", () => {
  it("stands in the field of the same name", () => {
    expect(toLivingDetails(wire, never)).toEqual(details);
  });

  it("is null where it tells nothing", () => {
    expect(toLivingDetails({}, never)).toEqual(Object.fromEntries(Object.keys(details).map((name) => [name, null])));
  });

  it("is zero where it tells zero, but an empty text is no userid and no URL", () => {
    const zeros = Object.fromEntries(
      Object.entries(wire).map(([name, value]) => [name, typeof value === "number" ? 0 : ""]),
    );

    expect(toLivingDetails(zeros, never)).toEqual({
      ...Object.fromEntries(Object.keys(details).map((name) => [name, 0])),
      ...{ theme: "", description: "", anchor: null, pushStreamUrl: null, openReplay: false, replayStatus: null },
    });
  });

  it.each(["type", "status", "replay_status"])(
    "has no number in %s that WeCom does not document; it is reported",
    (field) => {
      const { noted, note } = noting();
      const name = field === "replay_status" ? "replayStatus" : field;

      expect(toLivingDetails({ ...wire, [field]: 9 }, note)).toEqual({ ...details, [name]: null });
      expect(noted).toEqual([[field, 9]]);
    },
  );

  it("has a replay's status only where there is a replay", () => {
    const { noted, note } = noting();

    expect(toLivingDetails({ ...wire, open_replay: 0, replay_status: 9 }, note)).toEqual({
      ...details,
      ...{ openReplay: false, replayStatus: null },
    });
    expect(noted).toEqual([]);
  });
});

describe("What a client asks for", () => {
  const create = {
    ...{ anchorUserid: "zhangsan", theme: "theme", description: "description", livingStart: 11, livingDuration: 12 },
    ...{ type: 4, agentid: 13, remindTime: 14, activityCoverMediaid: "cover", activityShareMediaid: "share" },
    activityDetail: { description: "of the activity", imageList: ["one", "two"] },
  };
  const asInput = (fields: object) => fields as LivingInput;
  const sent = {
    ...{ anchor_userid: "zhangsan", theme: "theme", description: "description", living_start: 11, living_duration: 12 },
    ...{ type: 4, agentid: 13, remind_time: 14, activity_cover_mediaid: "cover", activity_share_mediaid: "share" },
    activity_detail: { description: "of the activity", image_list: ["one", "two"] },
  };

  it("is sent under WeCom's name, by createLiving", () => {
    expect(toCreateRequest(asInput(create))).toEqual(sent);
  });

  it("is not sent where it is null or absent, and is where it is zero or empty", () => {
    const more = {
      type: 0,
      description: "",
      agentid: null,
      remindTime: undefined,
      activityDetail: { imageList: null },
    };

    expect(toCreateRequest(asInput({ ...create, ...more }))).toStrictEqual({
      ...{ anchor_userid: "zhangsan", theme: "theme", description: "", living_start: 11, living_duration: 12, type: 0 },
      ...{ activity_cover_mediaid: "cover", activity_share_mediaid: "share", activity_detail: {} },
    });
  });

  it("is sent under WeCom's name, by modifyLiving, and nothing else", () => {
    const input = asInput({ ...create, type: 2 }) as ModifyLivingInput;

    expect(toModifyRequest("living-1", input)).toStrictEqual({
      ...{ livingid: "living-1", theme: "theme", description: "description", living_start: 11, living_duration: 12 },
      ...{ type: 2, remind_time: 14 },
    });
    expect(toModifyRequest("living-1", { theme: "new" })).toStrictEqual({
      livingid: "living-1",
      theme: "new",
    });
  });

  it("has the path under which it is blamed: each field of WeCom's that of the same value", () => {
    const valueAt = (path: string, of: unknown) =>
      path.split(".").reduce((value, name) => (value as Record<string, unknown>)[name], of);
    const leaves = [...Object.keys(sent).filter((name) => name !== "activity_detail")].concat(
      Object.keys(sent.activity_detail).map((name) => `activity_detail.${name}`),
    );

    expect(Object.keys(fieldPaths).sort()).toEqual(leaves.sort());
    for (const [field, path] of Object.entries(fieldPaths)) expect(valueAt(path, create)).toEqual(valueAt(field, sent));
  });

  it("is blamed for a media_id only where it has one", () => {
    const media = ["activity_cover_mediaid", "activity_share_mediaid", "activity_detail.image_list"];
    const pathsOf = (input: object) => Object.keys(fieldPathsOf(asInput(input)));

    expect(pathsOf(create)).toEqual(Object.keys(fieldPaths));
    const without = Object.keys(fieldPaths).filter((field) => !media.includes(field));
    expect(pathsOf({ activityCoverMediaid: "", activityDetail: { imageList: [] } })).toEqual(without);
    expect(pathsOf({})).toEqual(without);
    expect(pathsOf({ activityShareMediaid: "m" }).filter((field) => media.includes(field))).toEqual([media[1]]);
    expect(pathsOf({ activityDetail: { imageList: ["m"] } }).filter((field) => media.includes(field))).toEqual([
      media[2],
    ]);
  });
});

describe("Who watched", () => {
  const common = { watch_time: 11, is_comment: 1, is_mic: 0, invitor_userid: "lisi", invitor_external_userid: "wmABC" };
  const told = {
    ...{ watchTime: 11, isComment: true, isMic: false, invitor: new WecomUser("lisi") },
    ...{ invitorExternalContact: new WecomExternalContact("wmABC"), invitorExternalUserid: "wmABC" },
  };
  const nothing = Object.fromEntries(Object.keys(told).map((name) => [name, null]));

  it("is a member or an external contact, members first", () => {
    const external = { ...common, external_userid: "wmXYZ", type: 2, name: "name", is_comment: 0, is_mic: 1 };
    const viewers = toViewers(
      { users: [{ ...common, userid: "zhangsan" }], external_users: [external], next_key: undefined },
      never,
    );

    expect(viewers).toEqual([
      Object.assign(new LivingMemberViewer(), { ...told, user: new WecomUser("zhangsan") }),
      Object.assign(new LivingExternalViewer(), {
        ...{ ...told, isComment: false, isMic: true, type: 2, name: "name" },
        ...{ contact: new WecomExternalContact("wmXYZ"), externalUserid: "wmXYZ" },
      }),
    ]);
    expect(viewers.map((viewer) => viewer.constructor.name)).toEqual(["LivingMemberViewer", "LivingExternalViewer"]);
  });

  it("is told with nulls for what WeCom does not tell, and a type that it does not document is reported", () => {
    const { noted, note } = noting();
    const page = {
      users: [{ userid: "zhangsan", invitor_userid: "", invitor_external_userid: "" }],
      external_users: [{ external_userid: "wmXYZ", type: 9 }],
      next_key: undefined,
    };

    expect(toViewers(page, note)).toEqual([
      Object.assign(new LivingMemberViewer(), { ...nothing, user: new WecomUser("zhangsan") }),
      Object.assign(new LivingExternalViewer(), {
        ...{ ...nothing, type: null, name: null },
        ...{ contact: new WecomExternalContact("wmXYZ"), externalUserid: "wmXYZ" },
      }),
    ]);
    expect(noted).toEqual([["external_users.type", 9]]);
  });
});

describe("Who shared a living", () => {
  it("and who opened it, are members or external contacts", () => {
    expect(
      toShare({
        livingid: "living-1",
        viewer_userid: "a",
        viewer_external_userid: "b",
        invitor_userid: "c",
        invitor_external_userid: "d",
      }),
    ).toEqual({
      ...{ livingid: "living-1", viewer: new WecomUser("a"), viewerExternalContact: new WecomExternalContact("b") },
      ...{ viewerExternalUserid: "b", invitor: new WecomUser("c") },
      ...{ invitorExternalContact: new WecomExternalContact("d"), invitorExternalUserid: "d" },
    });
    const unknown = { viewer: null, viewerExternalContact: null, viewerExternalUserid: null };
    const nobody = { ...unknown, invitor: null, invitorExternalContact: null, invitorExternalUserid: null };
    const empty = { viewer_userid: "", viewer_external_userid: "", invitor_userid: "", invitor_external_userid: "" };
    expect(toShare({ livingid: "living-1" })).toEqual({ livingid: "living-1", ...nobody });
    expect(toShare({ livingid: "living-1", ...empty })).toEqual({ livingid: "living-1", ...nobody });
  });
});

describe("A change of a living's status", () => {
  it("names the living, its anchor, its status and WeCom's time", () => {
    const change = { kind: "living_status_change" as const, corpid: "corp", livingid: "living-1", userid: "zhangsan" };
    const { noted, note } = noting();
    const expected = { livingid: "living-1", anchor: new WecomUser("zhangsan"), changedAt: 11 };

    expect(toStatusChange({ ...change, status: 1, at: 11 }, note)).toEqual({ ...expected, status: 1 });
    expect(toStatusChange({ ...change, status: 9, at: 11 }, note)).toEqual({ ...expected, status: null });
    expect(noted).toEqual([["living_status_change.status", 9]]);
  });
});

/** WeCom's pages of these items; an empty one where WeCom sends none. */
const pagesOf = (...pages: string[][]) => {
  const asked: [key: string | undefined, wanted: number][] = [];
  const fetch = (key: string | undefined, wanted: number) => {
    asked.push([key, wanted]);
    const index = key === undefined ? 0 : Number(key.slice("page-".length));
    return Promise.resolve({
      items: pages[index]!,
      nextKey: index + 1 < pages.length ? `page-${index + 1}` : undefined,
    });
  };
  const read = (first: number, after?: string | null, owner = ["livings", "zhangsan"]) =>
    readPage({ api: "api", owner, first, maxFirst: 100, after, fetch });
  return { asked, read };
};
const itemsOf = ({ items }: { items: readonly { item: string }[] }) => items.map(({ item }) => item);

describe("A page of a connection", () => {
  it("has as many as asked for, from as many of WeCom's pages as it takes", async () => {
    const { read, asked } = pagesOf(["a", "b"], [], ["c", "d", "e"]);
    const page = await read(4);

    expect(itemsOf(page)).toEqual(["a", "b", "c", "d"]);
    expect(page.pageInfo).toEqual({
      ...{ hasNextPage: true, hasPreviousPage: false },
      ...{ startCursor: page.items[0]!.cursor, endCursor: page.items[3]!.cursor },
    });
    expect(new Set(page.items.map(({ cursor }) => cursor)).size).toBe(4);
    expect(asked).toEqual([
      [undefined, 4],
      ["page-1", 2],
      ["page-2", 2],
    ]);
  });

  it("asks WeCom for what it skips as well, where it begins within a page", async () => {
    const { read, asked } = pagesOf(["a", "b", "c"]);
    const { items } = await read(1);
    asked.length = 0;
    const page = await read(1, items[0]!.cursor);

    expect([itemsOf(page), page.pageInfo.hasNextPage, asked]).toEqual([["b"], true, [[undefined, 2]]]);
  });

  it("without items has no cursors", async () => {
    expect(await pagesOf([]).read(1)).toEqual({
      items: [],
      pageInfo: { hasNextPage: false, hasPreviousPage: false, startCursor: null, endCursor: null },
    });
  });

  it("of 1 to 100 is read, and no other", async () => {
    const { read, asked } = pagesOf(["a"]);
    await read(1);
    await read(100);
    asked.length = 0;

    for (const first of [0, -1, 101]) await expect(read(first)).rejects.toThrow(`from 1 to 100, found ${first}`);
    expect(asked).toEqual([]);
  });

  it("is not looked for on more than a hundred of WeCom's pages", async () => {
    const empty = Array.from({ length: 101 }, () => []);

    expect(itemsOf(await pagesOf(...empty.slice(0, 99), ["a"]).read(1))).toEqual(["a"]);
    await expect(pagesOf(...empty, ["a"]).read(1)).rejects.toMatchObject({ api: "api", delivery: "unknown" });
  });
});

describe("A page of a connection behind a cursor", () => {
  const cursor = (...parts: unknown[]) => Buffer.from(JSON.stringify(parts)).toString("base64url");

  it("continues behind a page's last item with the next page, without a call for the page before", async () => {
    const { read, asked } = pagesOf(["a", "b"], ["c"]);
    const { pageInfo } = await read(2);
    asked.length = 0;

    expect(itemsOf(await read(1, pageInfo.endCursor))).toEqual(["c"]);
    expect(asked).toEqual([["page-1", 1]]);
  });

  it.each([1, 2, 3, 4, 5, 6])("of %d continues behind each cursor, and misses and repeats none", async (first) => {
    const all = ["a", "b", "c", "d", "e"];
    const { read } = pagesOf(["a", "b"], [], ["c", "d", "e"]);
    const seen: string[] = [];
    let after: string | null = null;
    for (let hasNextPage = true; hasNextPage;) {
      const page: Awaited<ReturnType<typeof read>> = await read(first, after);
      expect(page.pageInfo.hasPreviousPage).toBe(after !== null);
      seen.push(...itemsOf(page));
      ({ hasNextPage, endCursor: after } = page.pageInfo);
    }
    expect(seen).toEqual(all);
    const { items } = await read(5);
    for (const [index, { cursor }] of items.entries())
      expect(itemsOf(await read(9, cursor))).toEqual(all.slice(index + 1));
  });

  it("continues behind a cursor of its own", async () => {
    expect(itemsOf(await pagesOf(["a"], ["b", "c"]).read(9, cursor("livings", "zhangsan", "page-1", 1)))).toEqual([
      "c",
    ]);
    expect(itemsOf(await pagesOf(["a"], ["b", "c"]).read(9, cursor("livings", "zhangsan", null, 0)))).toEqual([
      "a",
      "b",
      "c",
    ]);
  });

  it.each([
    ["another member's", cursor("livings", "lisi", null, 0)],
    ["another field's", cursor("viewers", "zhangsan", null, 0)],
    ["too short", cursor("livings", "zhangsan", 0)],
    ["too long", cursor("livings", "zhangsan", null, 0, 0)],
    ["no list", Buffer.from('{"length":4}').toString("base64url")],
    ["a number for a key", cursor("livings", "zhangsan", 1, 0)],
    ["behind nothing", cursor("livings", "zhangsan", null, -1)],
    ["half an item", cursor("livings", "zhangsan", null, 0.5)],
    ["a text for a number", cursor("livings", "zhangsan", null, "0")],
    ["not ours", "abc"],
    ["empty", ""],
  ])("refuses a cursor that is %s", async (_, after) => {
    const { read, asked } = pagesOf(["a"]);
    const refused = expect(read(1, after)).rejects;

    await refused.toMatchObject({
      message: "after is not a cursor of this connection",
      extensions: { code: "BAD_USER_INPUT" },
    });
    expect(asked).toEqual([]);
  });
});
