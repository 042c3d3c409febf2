// Everything that a test can do with the simulator in its own process, done over HTTP from another one.

import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { DEMO_CORP, seededRandom, type Simulator, startSimulator } from "../../src/simulator/index.js";

const BOOKING = { anchor_userid: "zhangsan", theme: "theme", living_start: 1600000000, living_duration: 1800 };

let sim: Simulator;

beforeEach(async () => {
  sim = await startSimulator({ fixedTokens: ["TOKEN"], now: () => 1_700_000_000_000, random: seededRandom(1) });
});

afterEach(async () => sim.close());

async function control(method: string, path: string, body?: unknown): Promise<{ status: number; reply: unknown }> {
  const response = await fetch(`${sim.url}/simulator/${path}`, { method, body: body ? JSON.stringify(body) : null });
  return { status: response.status, reply: await response.json() };
}

async function create(token = "TOKEN"): Promise<Record<string, unknown>> {
  const url = `${sim.url}/cgi-bin/living/create?access_token=${token}`;
  const response = await fetch(url, { method: "POST", body: JSON.stringify(BOOKING) });
  return response.json() as Promise<Record<string, unknown>>;
}

describe("the control surface", () => {
  it("shows the requests, of all APIs or of one", async () => {
    await create();
    await fetch(`${sim.url}/cgi-bin/gettoken`);
    expect((await control("GET", "requests")).reply).toEqual(JSON.parse(JSON.stringify(sim.requests)));
    const { reply } = await control("GET", "requests?api=living/create");
    expect(reply).toMatchObject([
      { method: "POST", api: "living/create", query: { access_token: "TOKEN" }, body: BOOKING },
    ]);
  });

  it("forgets the requests and their count, but not the livings", async () => {
    await create();
    await control("DELETE", "requests");
    expect((await control("GET", "state")).reply).toMatchObject({ requestCounts: {}, livings: [{ status: 0 }] });
    expect(sim.requests).toEqual([]);
  });

  it("shows the livings, the clock and the number of requests", async () => {
    const { livingid } = await create();
    const { reply } = await control("GET", "state");
    expect(reply).toMatchObject({
      nowMs: 1_700_000_000_000,
      requestCounts: { "living/create": 1 },
      livings: [{ livingid, status: 0, booking: { anchorUserid: "zhangsan", theme: "theme" } }],
    });
  });

  it("invalidates the tokens that were issued", async () => {
    const { corpid, apps } = DEMO_CORP;
    const issued = await fetch(`${sim.url}/cgi-bin/gettoken?corpid=${corpid}&corpsecret=${apps[0].secret}`);
    const { access_token: token } = (await issued.json()) as { access_token: string };
    expect((await create(token))["errcode"]).toBe(0);
    await control("POST", "tokens/invalidate");
    expect((await create(token))["errcode"]).toBe(40014);
  });

  it("advances the clock and applies late effects", async () => {
    await control("POST", "clock/advance", { ms: 5000 });
    expect(sim.clock.nowMs()).toBe(1_700_000_005_000);
    sim.faults.inject({ kind: "drop", effect: { lateMs: 60_000 } });
    await create().catch(() => undefined);
    await control("POST", "late-effects/apply");
    expect(sim.livings.size).toBe(1);
  });

  it("resets everything, and leaves fixed tokens valid", async () => {
    await create();
    await control("POST", "clock/advance", { ms: 5000 });
    await control("POST", "faults", { kind: "drop" });
    await control("POST", "reset");
    const { reply } = await control("GET", "state");
    expect(reply).toEqual({ nowMs: 1_700_000_000_000, requestCounts: {}, livings: [] });
    expect((await create())["errcode"]).toBe(0);
  });

  it("answers 404 with the routes that exist", async () => {
    const { status, reply } = await control("GET", "nothing");
    expect(status).toBe(404);
    expect((reply as { known: string[] }).known).toContain("GET /simulator/state");
  });

  it("is not in the record", async () => {
    await control("GET", "state");
    expect(sim.requests).toEqual([]);
  });
});

describe("the control surface for livings", () => {
  it("moves a living through its life", async () => {
    const livingid = String((await create())["livingid"]);
    const viewer = { userid: "lisi", watchSeconds: 30, hasCommented: true };
    expect((await control("POST", `living/${livingid}/start`)).reply).toMatchObject({ status: 1 });
    expect((await control("POST", `living/${livingid}/viewers`, viewer)).reply).toMatchObject({ viewers: [viewer] });
    await control("POST", `living/${livingid}/viewers`, { externalUserid: "wm1", name: "客户", type: 2 });
    expect(sim.livings.get(livingid)?.viewers[1]).toMatchObject({ externalUserid: "wm1", name: "客户", type: 2 });
    const { reply } = await control("POST", `living/${livingid}/end`, { replayStatus: "generating" });
    expect(reply).toMatchObject({ status: 2, replayStatus: "generating" });
    await control("POST", `living/${livingid}/replay`, { replayStatus: "ready" });
    expect(sim.livings.get(livingid)?.replayStatus).toBe("ready");
    expect((await control("POST", `living/${livingid}/start`)).status).toBe(400);
  });

  it("cancels and expires reservations", async () => {
    const [cancelled, expired] = [await create(), await create()].map(({ livingid }) => String(livingid));
    expect((await control("POST", `living/${cancelled}/cancel`)).reply).toMatchObject({ status: 4 });
    expect((await control("POST", `living/${expired}/expire`)).reply).toMatchObject({ status: 3 });
  });

  it("hands out share codes", async () => {
    const livingid = String((await create())["livingid"]);
    const share = { viewer: { userid: "lisi" }, invitor: { externalUserid: "wm1" } };
    const { reply } = await control("POST", `living/${livingid}/share-codes`, share);
    const url = `${sim.url}/cgi-bin/living/get_living_share_info?access_token=TOKEN`;
    const body = JSON.stringify({ ww_share_code: (reply as { wwShareCode: string }).wwShareCode });
    const shareInfo = await (await fetch(url, { method: "POST", body })).json();
    expect(shareInfo).toMatchObject({ errcode: 0, livingid, viewer_userid: "lisi", invitor_external_userid: "wm1" });
  });
});

describe("the control surface for faults", () => {
  it("injects, lists and clears faults", async () => {
    const fault = { kind: "errcode", errcode: -1, times: 0 };
    expect((await control("POST", "faults", fault)).status).toBe(200);
    expect((await create())["errcode"]).toBe(-1);
    expect((await control("GET", "faults")).reply).toEqual([fault]);
    await control("DELETE", "faults");
    expect((await create())["errcode"]).toBe(0);
  });

  it("takes several faults at once", async () => {
    await control("POST", "faults", [
      { kind: "errcode", errcode: 1 },
      { kind: "errcode", errcode: 2 },
    ]);
    expect([(await create())["errcode"], (await create())["errcode"]]).toEqual([1, 2]);
  });

  it.each([
    ["no object", "drop"],
    ["an unknown kind", { kind: "droop" }],
    ["a misspelt field", { kind: "drop", efect: "none" }],
    ["a field of another kind", { kind: "drop", errcode: 1 }],
    ["a wrong type", { kind: "errcode", errcode: true }],
    ["a missing field", { kind: "http" }],
    ["an unknown effect", { kind: "drop", effect: "later" }],
  ])("refuses a fault with %s", async (_, fault) => {
    const { status, reply } = await control("POST", "faults", fault);
    expect(status).toBe(400);
    expect(reply).toEqual({ error: expect.any(String) });
    expect(sim.faults.pending()).toEqual([]);
  });
});
