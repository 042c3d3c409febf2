// What WeCom documents about gettoken and living/*, as this project's simulator promises to answer it: over a real socket,
// with nothing but fetch. Where WeCom documents nothing, the test names the assumption it sets. One long file, because it is the one list of promises in the order of WeCom's documentation.

import { afterEach, describe, expect, it } from "@jest/globals";
import { readdirSync, readFileSync } from "node:fs";
import {
  DEMO_CORP,
  seededRandom,
  type Simulator,
  type SimulatorOptions,
  startSimulator,
} from "../../src/simulator/index.js";

const START = Date.parse("2024-05-01T08:00:00Z");
const BOOKING = { anchor_userid: "zhangsan", theme: "theme", living_start: START / 1000 + 3600, living_duration: 1800 };

let sim: Simulator;

async function start(options: SimulatorOptions = {}): Promise<void> {
  sim = await startSimulator({ fixedTokens: ["TOKEN"], now: () => START, random: seededRandom(1), ...options });
}

afterEach(async () => sim.close());

interface Reply {
  errcode: number;
  errmsg: string;
  access_token: string;
  expires_in: number;
  livingid: string;
  living_code: string;
  living_info: Record<string, unknown>;
  next_cursor: string;
  livingid_list: string[];
  next_key: string;
  stat_info: { users: unknown[]; external_users: unknown[] };
}

async function get(path: string): Promise<Reply> {
  return (await fetch(`${sim.url}/cgi-bin/${path}`)).json() as Promise<Reply>;
}

async function post(api: string, body: unknown, token = "TOKEN"): Promise<Reply> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const response = await fetch(`${sim.url}/cgi-bin/${api}?access_token=${token}`, { method: "POST", body: text });
  return response.json() as Promise<Reply>;
}

async function gettoken(corpid: string = DEMO_CORP.corpid, secret: string = DEMO_CORP.apps[0].secret): Promise<Reply> {
  return get(`gettoken?corpid=${corpid}&corpsecret=${secret}`);
}

async function createLiving(changes: object = {}, token?: string): Promise<string> {
  const reply = await post("living/create", { ...BOOKING, ...changes }, token);
  expect(reply).toEqual({ errcode: 0, errmsg: "ok", livingid: expect.any(String) });
  return reply.livingid;
}

async function livingInfo(livingid: string): Promise<Reply["living_info"]> {
  const reply = await get(`living/get_living_info?access_token=TOKEN&livingid=${livingid}`);
  expect(reply.errcode).toBe(0);
  return reply.living_info;
}

const TWO_APPS: SimulatorOptions = {
  corps: [
    {
      corpid: "wwa",
      apps: [
        { agentid: 1, secret: "one" },
        { agentid: 2, secret: "two" },
        { agentid: 3, secret: "system", isSystemApp: true },
      ],
    },
    { corpid: "wwb", apps: [{ agentid: 1, secret: "b" }] },
  ],
};

describe("gettoken", () => {
  it("answers a token of 512 characters that is valid for two hours", async () => {
    await start();
    const reply = await gettoken();
    expect(reply).toEqual({ errcode: 0, errmsg: "ok", access_token: expect.any(String), expires_in: 7200 });
    expect(reply.access_token).toHaveLength(512);
  });

  it("answers the same token while it is valid, and a new one after that", async () => {
    await start();
    const first = await gettoken();
    sim.clock.advance(7199_000);
    expect(await gettoken()).toEqual({ ...first, expires_in: 1 });
    sim.clock.advance(1000);
    const second = await gettoken();
    expect(second.expires_in).toBe(7200);
    expect(second.access_token).not.toBe(first.access_token);
  });

  it("gives each app of a corp a token of its own", async () => {
    await start(TWO_APPS);
    const tokens = [await gettoken("wwa", "one"), await gettoken("wwa", "two")].map((reply) => reply.access_token);
    expect(new Set(tokens).size).toBe(2);
  });

  it.each([
    ["a missing corpid", "", "one", 41002],
    ["a missing secret", "wwa", "", 41004],
    ["an unknown corpid", "wwx", "one", 40013],
    ["a secret that nobody has", "wwa", "wrong", 40001],
    ["the secret of another corp", "wwa", "b", 40091],
  ])("refuses %s", async (_, corpid, secret, errcode) => {
    await start(TWO_APPS);
    const reply = await gettoken(corpid, secret);
    expect(reply.errcode).toBe(errcode);
    expect(reply.access_token).toBe("");
  });

  it("is closed for an hour to an address that guesses secrets", async () => {
    await start({ wrongSecretsPerHour: 2 });
    for (let guess = 0; guess < 3; guess++) expect((await gettoken(undefined, "wrong")).errcode).toBe(40001);
    expect((await gettoken()).errcode).toBe(45009);
    sim.clock.advance(3600_000);
    expect((await gettoken()).errcode).toBe(0);
  });
});

describe("an access_token", () => {
  it("opens the living calls", async () => {
    await start();
    expect(await createLiving({}, (await gettoken()).access_token)).toMatch(/./);
  });

  it("answers 42001 once it has expired, or 40014 where that is assumed", async () => {
    for (const expiredTokenErrcode of [42001, 40014]) {
      await start({ assumptions: { expiredTokenErrcode } });
      const token = (await gettoken()).access_token;
      sim.clock.advance(7200_000);
      expect((await post("living/create", BOOKING, token)).errcode).toBe(expiredTokenErrcode);
      await sim.close();
    }
  });

  it("answers 40014 when it was invalidated early, and gettoken has a new one", async () => {
    await start();
    const token = (await gettoken()).access_token;
    sim.invalidateTokens();
    expect((await post("living/create", BOOKING, token)).errcode).toBe(40014);
    const fresh = (await gettoken()).access_token;
    expect(fresh).not.toBe(token);
    await createLiving({}, fresh);
  });

  it("is refused when it is missing or unknown", async () => {
    await start();
    expect((await post("living/create", BOOKING, "")).errcode).toBe(41001);
    expect((await post("living/create", BOOKING, "unknown")).errcode).toBe(40014);
    expect(sim.livings.size).toBe(0);
  });
});

describe("every answer", () => {
  it("is HTTP 200 with JSON, and repeats its errcode in a header", async () => {
    await start();
    const response = await fetch(`${sim.url}/cgi-bin/gettoken?corpid=wwx&corpsecret=x`);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("application/json; charset=UTF-8");
    expect(response.headers.get("error-code")).toBe("40013");
    expect(response.headers.get("error-msg")).toMatch(/^invalid corpid, hint/);
  });

  it("names a hint, the caller's address and a page in the errmsg of a failure", async () => {
    await start({ egressIp: "198.51.100.9" });
    expect((await gettoken("wwx")).errmsg).toMatch(
      /^invalid corpid, hint: \[\d+\], from ip: 198\.51\.100\.9, more info at https:\/\/open\.work\.weixin\.qq\.com\/devtool\/query\?e=40013$/,
    );
  });

  it("refuses a body that is no JSON object, with a warning in errmsg", async () => {
    await start();
    for (const body of ["", "{", "[]", "theme=theme"]) {
      const reply = await post("living/create", body);
      expect(reply.errcode).toBe(40058);
      expect(reply.errmsg).toMatch(/^Warning: wrong json format\. /);
    }
  });

  it("refuses an escaped character, but not an escaped backslash before a u", async () => {
    await start();
    const body = JSON.stringify(BOOKING);
    expect((await post("living/create", body.replace(':"theme"', ':"\\u9898"'))).errcode).toBe(40033);
    expect((await post("living/create", body.replace(':"theme"', ':"\\\\u9898"'))).errcode).toBe(0);
  });

  it("refuses the wrong HTTP method", async () => {
    await start();
    expect((await get("living/create?access_token=TOKEN")).errcode).toBe(40058);
    expect((await post("living/get_living_info", {})).errcode).toBe(40058);
  });

  it("is 404 for a path that does not exist", async () => {
    await start();
    expect((await fetch(`${sim.url}/cgi-bin/living/get_user_livingid`)).status).toBe(404);
  });

  it("is 48002 for an app without the living permission, and 60020 from an untrusted address", async () => {
    const app = { agentid: 1, secret: "s" };
    await start({ corps: [{ corpid: "wwa", apps: [{ ...app, hasLivingPermission: false }] }] });
    expect((await post("living/create", BOOKING)).errcode).toBe(48002);
    await sim.close();
    await start({ corps: [{ corpid: "wwa", apps: [{ ...app, trustedIps: ["192.0.2.1"] }] }] });
    expect((await post("living/create", BOOKING)).errcode).toBe(60020);
  });

  it("is 45009 above the calls per minute, for a minute from the call that was too many", async () => {
    await start({ rateLimits: { perCorpPerMinute: 2 } });
    await createLiving();
    await createLiving();
    sim.clock.advance(40_000);
    expect((await post("living/create", BOOKING)).errcode).toBe(45009);
    expect((await gettoken()).errcode).toBe(0); // each API has its own limit
    sim.clock.advance(59_000);
    expect((await post("living/create", BOOKING)).errcode).toBe(45009);
    sim.clock.advance(1000);
    await createLiving();
  });

  it("is 45009 above the calls of one address, for whatever corp", async () => {
    await start({ ...TWO_APPS, rateLimits: { perIpPerMinute: 1 } });
    expect((await gettoken("wwa", "one")).errcode).toBe(0);
    expect((await gettoken("wwb", "b")).errcode).toBe(45009);
  });

  it("is 45033 above the calls at once", async () => {
    await start({ maxConcurrentPerApi: 2, latencyMs: 50 });
    const replies = await Promise.all([1, 2, 3].map(async () => post("living/create", BOOKING)));
    expect(replies.map(({ errcode }) => errcode).sort()).toEqual([0, 0, 45033]);
    expect(sim.livings.size).toBe(2);
    await createLiving();
  });
});

describe("living/create", () => {
  it("takes the body of WeCom's own page and answers a livingid of 32 characters", async () => {
    await start();
    const example = {
      ...{ anchor_userid: "zhangsan", theme: "theme", living_start: 1600000000, living_duration: 3600 },
      ...{ description: "test description", type: 4, agentid: 1000014, remind_time: 60 },
      ...{ activity_cover_mediaid: "MEDIA_ID", activity_share_mediaid: "MEDIA_ID" },
      activity_detail: { description: "活动描述，非活动类型的直播不用传", image_list: ["MEDIA_ID_1", "MEDIA_ID_2"] },
    };
    const reply = await post("living/create", example);
    expect(reply.livingid).toHaveLength(32);
    expect(sim.requestsTo("living/create")[0]).toMatchObject({ body: example, errcode: 0, at: START });
  });

  it("books a living that reads as reserved, with the actual times equal to the booked ones", async () => {
    await start();
    const livingid = await createLiving({ description: "about", remind_time: 60 });
    expect(await livingInfo(livingid)).toEqual({
      theme: "theme",
      living_start: BOOKING.living_start,
      living_duration: 1800,
      status: 0,
      reserve_start: BOOKING.living_start,
      reserve_living_duration: 1800,
      description: "about",
      anchor_userid: "zhangsan",
      main_department: 1,
      viewer_num: 0,
      comment_num: 0,
      mic_num: 0,
      open_replay: 0,
      type: 0,
      online_count: 0,
      subscribe_count: 0,
    });
  });

  it.each(["anchor_userid", "theme", "living_start", "living_duration"])("needs %s", async (field) => {
    await start();
    const reply = await post("living/create", { ...BOOKING, [field]: undefined });
    expect(reply).toMatchObject({ errcode: 40058, livingid: "" });
    expect(sim.livings.size).toBe(0);
  });

  it.each([
    ["a start that is text", { living_start: "1600000000" }],
    ["a fraction of a second", { living_start: 1600000000.5 }],
    ["a type that does not exist", { type: 5 }],
    ["an empty theme", { theme: "" }],
    ["null", { description: null }],
    ["images that are no list", { activity_detail: { image_list: "MEDIA_ID" } }],
  ])("refuses %s", async (_, changes) => {
    await start();
    expect((await post("living/create", { ...BOOKING, ...changes })).errcode).toBe(40058);
  });

  it("takes 20 characters of theme and 100 of description, of whatever script, and no more", async () => {
    await start();
    await createLiving({ theme: "直".repeat(20), description: "播".repeat(100) });
    await createLiving({ theme: "😀".repeat(20) });
    const reply = await post("living/create", { ...BOOKING, theme: "x".repeat(21) });
    expect(reply.errmsg).toMatch(/^theme exceed max utf8 words 20\. invalid Request Parameter/);
    expect((await post("living/create", { ...BOOKING, description: "x".repeat(101) })).errcode).toBe(40058);
  });

  it("counts bytes where that is assumed: 60 and 300", async () => {
    await start({ assumptions: { createTextLimit: "bytes" } });
    await createLiving({ theme: "x".repeat(60) });
    expect((await post("living/create", { ...BOOKING, theme: "😀".repeat(16) })).errcode).toBe(40058);
  });

  it("drops the sixth image without a word", async () => {
    await start();
    const images = ["1", "2", "3", "4", "5", "6"];
    const livingid = await createLiving({ type: 4, activity_detail: { image_list: images } });
    expect(sim.livings.get(livingid)?.booking.imageMediaids).toEqual(["1", "2", "3", "4", "5"]);
  });

  it("describes an event by activity_detail.description alone", async () => {
    await start();
    const texts = { description: "plain", activity_detail: { description: "event" } };
    expect((await livingInfo(await createLiving({ type: 4, ...texts })))["description"]).toBe("event");
    expect((await livingInfo(await createLiving({ type: 3, ...texts })))["description"]).toBe("plain");
  });

  it("needs an anchor who exists in the contact book and in the app's visible range", async () => {
    await start();
    expect((await post("living/create", { ...BOOKING, anchor_userid: "wangwu" })).errcode).toBe(60011);
    expect((await post("living/create", { ...BOOKING, anchor_userid: "nobody" })).errcode).toBe(60111);
    expect((await post("living/create", { ...BOOKING, anchor_userid: "张三" })).errcode).toBe(40003);
  });

  it("knows an anchor in any letter case, and answers with the contact book's spelling", async () => {
    await start();
    const livingid = await createLiving({ anchor_userid: "ZhangSan" });

    expect((await livingInfo(livingid))["anchor_userid"]).toBe("zhangsan");
    expect((await post("living/get_user_all_livingid", { userid: "ZHANGSAN" })).livingid_list).toEqual([livingid]);
    expect((await post("living/create", { ...BOOKING, anchor_userid: "WangWu" })).errcode).toBe(60011);
  });

  it("keeps an anchor's spelling where there is no contact book, and lists the livings for any other", async () => {
    const { corpid, apps } = DEMO_CORP;
    await start({ corps: [{ corpid, apps: [...apps] }] });
    const livingid = await createLiving({ anchor_userid: "ZhangSan" });

    expect((await livingInfo(livingid))["anchor_userid"]).toBe("ZhangSan");
    expect((await post("living/get_user_all_livingid", { userid: "zhangsan" })).livingid_list).toEqual([livingid]);
  });

  it("refuses a media_id that does not exist, when it knows which do", async () => {
    await start({ mediaIds: ["A"] });
    await createLiving({ activity_cover_mediaid: "A" });
    expect((await post("living/create", { ...BOOKING, activity_cover_mediaid: "B" })).errcode).toBe(40007);
  });
});

describe("living/modify and living/cancel", () => {
  it("change what is given and keep the rest", async () => {
    await start();
    const livingid = await createLiving({ description: "about" });
    const reply = await post("living/modify", { livingid, theme: "new", living_duration: 60, type: 1 });
    expect(reply).toEqual({ errcode: 0, errmsg: "ok" });
    expect(await livingInfo(livingid)).toMatchObject({
      ...{ theme: "new", description: "about", living_duration: 60, reserve_living_duration: 60, type: 1 },
      reserve_start: BOOKING.living_start,
    });
  });

  // WeCom: `description` is effective for types 0 to 3 only; an EVENT's stands in `activity_detail`, which modify has not.
  it("leave an EVENT's description alone, and change one of another type", async () => {
    await start();
    const event = { type: 4, activity_detail: { description: "of the event" } };
    const stays = await createLiving(event);
    await post("living/modify", { livingid: stays, description: "of no use" });
    const becomesGeneral = await createLiving(event);
    await post("living/modify", { livingid: becomesGeneral, type: 0, description: "in use" });
    const becomesEvent = await createLiving({ description: "first" });
    await post("living/modify", { livingid: becomesEvent, type: 4, description: "of no use" });

    expect((await livingInfo(stays))["description"]).toBe("of the event");
    expect((await livingInfo(becomesGeneral))["description"]).toBe("in use");
    expect((await livingInfo(becomesEvent))["description"]).toBe("first");
  });

  it("count modify's texts in bytes: 60 and 300", async () => {
    await start();
    const livingid = await createLiving();
    expect((await post("living/modify", { livingid, theme: "x".repeat(60) })).errcode).toBe(0);
    expect((await post("living/modify", { livingid, theme: "直".repeat(21) })).errcode).toBe(40058);
    expect((await post("living/modify", { livingid, description: "x".repeat(301) })).errcode).toBe(40058);
  });

  it("reset an omitted remind_time where that is assumed", async () => {
    for (const [omittedRemindTime, remindSeconds] of [
      ["keep", 60],
      ["reset", 0],
    ] as const) {
      await start({ assumptions: { omittedRemindTime } });
      const livingid = await createLiving({ remind_time: 60 });
      await post("living/modify", { livingid, theme: "new" });
      expect(sim.livings.get(livingid)?.booking.remindSeconds).toBe(remindSeconds);
      await sim.close();
    }
  });

  it("cancel a reservation, once", async () => {
    await start();
    const livingid = await createLiving();
    expect(await post("living/cancel", { livingid })).toEqual({ errcode: 0, errmsg: "ok" });
    expect((await livingInfo(livingid))["status"]).toBe(4);
    expect((await post("living/cancel", { livingid })).errcode).toBe(92006);
  });

  it("are refused with 92006 in every status but reserved", async () => {
    await start();
    const started = await createLiving();
    sim.livings.start(started);
    const ended = await createLiving();
    sim.livings.start(ended);
    sim.livings.end(ended);
    const expired = await createLiving();
    sim.livings.expire(expired);
    for (const livingid of [started, ended, expired]) {
      expect((await post("living/modify", { livingid, theme: "new" })).errcode).toBe(92006);
      expect((await post("living/cancel", { livingid })).errcode).toBe(92006);
    }
  });

  it("are refused with 92008 for another app's living, except to the system app", async () => {
    await start(TWO_APPS);
    const tokens: string[] = [];
    for (const secret of ["one", "two", "system"]) tokens.push((await gettoken("wwa", secret)).access_token);
    const livingid = await createLiving({}, tokens[0]);
    expect((await post("living/cancel", { livingid }, tokens[1])).errcode).toBe(92008);
    expect((await post("living/cancel", { livingid }, tokens[2])).errcode).toBe(0);
  });

  it("are refused for an unknown living, and for one of another corp, with the assumed errcode", async () => {
    for (const unknownLivingErrcode of [40058, 92008, 60136]) {
      await start({ ...TWO_APPS, assumptions: { unknownLivingErrcode } });
      const livingid = await createLiving();
      const stranger = (await gettoken("wwb", "b")).access_token;
      expect((await post("living/cancel", { livingid: "unknown" })).errcode).toBe(unknownLivingErrcode);
      expect((await post("living/cancel", { livingid }, stranger)).errcode).toBe(unknownLivingErrcode);
      await sim.close();
    }
  });
});

describe("a living's status", () => {
  it("goes from reserved over live to ended, and then tells the actual times beside the booked ones", async () => {
    await start();
    const livingid = await createLiving();
    sim.clock.advance(3500_000);
    sim.livings.start(livingid);
    expect((await livingInfo(livingid))["status"]).toBe(1);
    sim.clock.advance(143_000);
    sim.livings.end(livingid);
    expect(await livingInfo(livingid)).toMatchObject({
      ...{ status: 2, living_start: START / 1000 + 3500, living_duration: 143 },
      ...{ reserve_start: BOOKING.living_start, reserve_living_duration: 1800 },
    });
  });

  it("turns from reserved to expired when its booked end passes without a start", async () => {
    await start();
    const livingid = await createLiving();
    sim.clock.advance((3600 + 1799) * 1000);
    expect((await livingInfo(livingid))["status"]).toBe(0);
    sim.clock.advance(1000);
    expect((await livingInfo(livingid))["status"]).toBe(3);
  });

  it("is reserved even when the booked start was long ago", async () => {
    await start();
    expect((await livingInfo(await createLiving({ living_start: 1600000000 })))["status"]).toBe(0);
  });

  it("comes with a push_stream_url for an event that has not started, and for nothing else", async () => {
    await start();
    const event = await createLiving({ type: 4 });
    expect((await livingInfo(event))["push_stream_url"]).toMatch(/^rtmp:/);
    sim.livings.start(event);
    expect(await livingInfo(event)).not.toHaveProperty("push_stream_url");
    expect(await livingInfo(await createLiving())).not.toHaveProperty("push_stream_url");
  });

  it("counts viewers, comments, speakers, and those who are there now", async () => {
    await start();
    const livingid = await createLiving();
    sim.livings.start(livingid);
    sim.livings.addViewer(livingid, { userid: "lisi", hasCommented: true, hasSpoken: true });
    sim.livings.addViewer(livingid, { externalUserid: "wm1", name: "客户", type: 1, isOnline: false });
    const counts = { viewer_num: 2, comment_num: 1, mic_num: 1 };
    expect(await livingInfo(livingid)).toMatchObject({ ...counts, online_count: 1 });
    sim.livings.end(livingid);
    expect(await livingInfo(livingid)).toMatchObject({ ...counts, online_count: 0 });
  });
});

describe("living/delete_replay_data", () => {
  it("deletes a replay that is there, once", async () => {
    await start();
    const livingid = await createLiving();
    sim.livings.start(livingid);
    sim.livings.end(livingid, "ready");
    expect(await livingInfo(livingid)).toMatchObject({ open_replay: 1, replay_status: 0 });
    expect(await post("living/delete_replay_data", { livingid })).toEqual({ errcode: 0, errmsg: "ok" });
    expect(await livingInfo(livingid)).toMatchObject({ open_replay: 1, replay_status: 2 });
    expect((await post("living/delete_replay_data", { livingid })).errcode).toBe(92007);
  });

  it("answers 92007 without a replay, or while it is being generated", async () => {
    await start();
    const livingid = await createLiving();
    sim.livings.start(livingid);
    sim.livings.end(livingid);
    expect(await livingInfo(livingid)).not.toHaveProperty("replay_status");
    expect((await post("living/delete_replay_data", { livingid })).errcode).toBe(92007);
    sim.livings.setReplayStatus(livingid, "generating");
    expect((await post("living/delete_replay_data", { livingid })).errcode).toBe(92007);
  });
});

describe("living/get_living_code", () => {
  it("answers a code that opens the living for one WeChat user for five minutes, any number of times", async () => {
    await start();
    const livingid = await createLiving();
    const reply = await post("living/get_living_code", { livingid, openid: "abcopenid" });
    const code = reply.living_code;
    sim.clock.advance(299_000);
    expect(sim.redeemLivingCode(code)).toEqual({ livingid, openid: "abcopenid" });
    expect(sim.redeemLivingCode(code)).toEqual({ livingid, openid: "abcopenid" });
    sim.clock.advance(1000);
    expect(sim.redeemLivingCode(code)).toBeUndefined();
  });

  it("needs an openid", async () => {
    await start();
    const livingid = await createLiving();
    expect(await post("living/get_living_code", { livingid })).toMatchObject({ errcode: 40058, living_code: "" });
  });
});

describe("living/get_user_all_livingid", () => {
  const booking = {
    ...{ anchorUserid: "zhangsan", theme: "t", startSeconds: 0, durationSeconds: 60, type: 0 },
    ...{ description: "", remindSeconds: 0, imageMediaids: [] },
  };
  const DEMO_APP = { corpid: DEMO_CORP.corpid, agentid: DEMO_CORP.apps[0].agentid };

  async function allPages(request: object): Promise<string[][]> {
    const pages: string[][] = [];
    let cursor: string | undefined;
    do {
      const reply = await post("living/get_user_all_livingid", { userid: "zhangsan", ...request, cursor });
      expect(reply.errcode).toBe(0);
      pages.push(reply.livingid_list);
      cursor = reply.next_cursor;
    } while (cursor !== "");
    return pages;
  }

  it("pages through a hundred at a time by default, newest first, until next_cursor is empty", async () => {
    await start();
    const made = Array.from({ length: 250 }, () => sim.livings.reserve(DEMO_APP, booking).livingid);
    const pages = await allPages({});
    expect(pages.map((page) => page.length)).toEqual([100, 100, 50]);
    expect(pages.flat()).toEqual(made.reverse());
  });

  it("ends without an empty page when the last one is full", async () => {
    await start({ assumptions: { livingidOrder: "oldest-first" } });
    const made = Array.from({ length: 4 }, () => sim.livings.reserve(DEMO_APP, booking).livingid);
    expect(await allPages({ limit: 2 })).toEqual([made.slice(0, 2), made.slice(2)]);
  });

  it("neither repeats nor skips when a living is made between two pages", async () => {
    await start();
    const made = Array.from({ length: 4 }, () => sim.livings.reserve(DEMO_APP, booking).livingid).reverse();
    const first = await post("living/get_user_all_livingid", { userid: "zhangsan", limit: 2 });
    sim.livings.reserve(DEMO_APP, booking);
    const cursor = first.next_cursor;
    const second = await post("living/get_user_all_livingid", { userid: "zhangsan", limit: 2, cursor });
    expect([first.livingid_list, second.livingid_list].flat()).toEqual(made);
  });

  it("lists the app's own livings of that anchor only; the system app's list has all of them", async () => {
    await start(TWO_APPS);
    const mine = await createLiving();
    await createLiving({ anchor_userid: "lisi" });
    const other = (await gettoken("wwa", "two")).access_token;
    const theirs = await createLiving({}, other);
    const system = (await gettoken("wwa", "system")).access_token;
    expect((await post("living/get_user_all_livingid", { userid: "zhangsan" })).livingid_list).toEqual([mine]);
    const all = await post("living/get_user_all_livingid", { userid: "zhangsan" }, system);
    expect(all.livingid_list).toEqual([theirs, mine]);
  });

  it("clamps a limit above 100, or refuses it where that is assumed", async () => {
    await start();
    expect((await post("living/get_user_all_livingid", { userid: "zhangsan", limit: 101 })).errcode).toBe(0);
    await sim.close();
    await start({ assumptions: { pageLimitAboveMaximum: "refuse" } });
    expect((await post("living/get_user_all_livingid", { userid: "zhangsan", limit: 101 })).errcode).toBe(40058);
  });

  it("refuses a cursor that it did not hand out, with an empty list in the error", async () => {
    await start();
    const reply = await post("living/get_user_all_livingid", { userid: "zhangsan", cursor: "made up" });
    expect(reply).toMatchObject({ errcode: 50100, livingid_list: [], next_cursor: "" });
  });
});

describe("living/get_watch_stat", () => {
  it("pages through members and external viewers until `ending` is 1", async () => {
    await start({ assumptions: { watchStatPageSize: 2 } });
    const livingid = await createLiving();
    sim.livings.addViewer(livingid, { userid: "lisi", watchSeconds: 30, hasCommented: true });
    const customer = { externalUserid: "wm1", name: "客户", type: 2, watchSeconds: 5, hasSpoken: true } as const;
    sim.livings.addViewer(livingid, { ...customer, invitor: { userid: "lisi" } });
    sim.livings.addViewer(livingid, { userid: "wangwu" });
    const first = await post("living/get_watch_stat", { livingid, next_key: "0" });
    expect(first).toMatchObject({ errcode: 0, ending: 0 });
    expect(first.stat_info).toEqual({
      users: [{ userid: "lisi", watch_time: 30, is_comment: 1, is_mic: 0 }],
      external_users: [
        {
          ...{ external_userid: "wm1", type: 2, name: "客户" },
          ...{ watch_time: 5, is_comment: 0, is_mic: 1, invitor_userid: "lisi" },
        },
      ],
    });
    const second = await post("living/get_watch_stat", { livingid, next_key: first.next_key });
    expect(second).toMatchObject({ ending: 1, next_key: "" });
    expect(second.stat_info.users).toEqual([{ userid: "wangwu", watch_time: 0, is_comment: 0, is_mic: 0 }]);
  });

  it.each([undefined, "", "0"])("starts over at next_key %p", async (nextKey) => {
    await start({ assumptions: { nextKeyOnLastPage: "NEXT_KEY" } });
    const livingid = await createLiving();
    const reply = await post("living/get_watch_stat", { livingid, next_key: nextKey });
    expect(reply).toMatchObject({ errcode: 0, ending: 1, next_key: "NEXT_KEY" });
  });
});

describe("living/get_living_share_info", () => {
  it("tells who opened whose card, for five minutes", async () => {
    await start();
    const livingid = await createLiving();
    const share = { livingid, viewer: { externalUserid: "wm1" }, invitor: { userid: "lisi" } };
    const code = sim.addShareCode(share);
    const reply = await post("living/get_living_share_info", { ww_share_code: code });
    const fields = { livingid, viewer_external_userid: "wm1", invitor_userid: "lisi" };
    expect(reply).toEqual({ errcode: 0, errmsg: "ok", ...fields });
    sim.clock.advance(300_000);
    expect((await post("living/get_living_share_info", { ww_share_code: code })).errcode).toBe(40058);
  });
});

describe("the simulator itself", () => {
  it("starts with nothing set: a demo corp whose zhangsan may hold livings", async () => {
    sim = await startSimulator();
    expect(await createLiving({}, (await gettoken()).access_token)).toMatch(/./);
  });

  it("imports nothing from the rest of the project and no package", async () => {
    await start();
    const folder = new URL("../../src/simulator/", import.meta.url);
    const sources = readdirSync(folder).map((file) => readFileSync(new URL(file, folder), "utf8"));
    const origins = sources.flatMap((source) =>
      [...source.matchAll(/\bfrom "([^"]+)";$/gm)].map(([, origin]) => origin),
    );
    expect(origins.length).toBeGreaterThan(0);
    for (const origin of origins) expect(origin).toMatch(/^(node:|\.\/)/);
  });

  it("remembers the latest requests only, and still counts all of them", async () => {
    await start({ record: 2 });
    for (const theme of ["1", "2", "3", "4", "5"]) await createLiving({ theme });
    expect(sim.requests.map(({ body }) => (body as { theme: string }).theme)).toEqual(["4", "5"]);
    expect(sim.requestCounts).toEqual({ "living/create": 5 });
  });

  it("records nothing when recording is off", async () => {
    await start({ record: false });
    await createLiving();
    expect(sim.requests).toEqual([]);
  });

  it("forgets the oldest living above its limit", async () => {
    await start({ maxLivings: 2 });
    const [first] = [await createLiving(), await createLiving(), await createLiving()];
    expect(sim.livings.size).toBe(2);
    expect(sim.livings.get(first)).toBeUndefined();
  });

  it("makes the same ids and tokens again from the same seed", async () => {
    await start();
    const first = await createLiving();
    await sim.close();
    await start();
    expect(await createLiving()).toBe(first);
  });

  it("is disposable", async () => {
    let url: string;
    {
      await using disposable = await startSimulator();
      url = disposable.url;
    }
    await expect(fetch(url)).rejects.toThrow();
    await start();
  });
});
