// media/upload, JS-SDK tickets and the page to play with, as the simulator promises to answer them: over a real socket, with
// nothing but fetch.

import { afterEach, describe, expect, it } from "@jest/globals";
import { createHash } from "node:crypto";
import {
  DEMO_CORP,
  seededRandom,
  type Simulator,
  type SimulatorOptions,
  startSimulator,
} from "../../src/simulator/index.js";

const start = Date.parse("2024-05-01T08:00:00Z");
const png = Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), Buffer.alloc(100, 7)]);
const booking = { anchor_userid: "zhangsan", theme: "theme", living_start: start / 1000 + 60, living_duration: 1800 };

let sim: Simulator;

async function startWith(options: SimulatorOptions = {}): Promise<void> {
  sim = await startSimulator({ fixedTokens: ["TOKEN"], now: () => start, random: seededRandom(1), ...options });
}

afterEach(async () => sim.close());

interface Reply {
  errcode: number;
  media_id: string;
  created_at: string | number;
  ticket: string;
  expires_in: number;
  livingid: string;
}

async function call(path: string, init?: RequestInit): Promise<Reply> {
  return (await fetch(`${sim.url}/cgi-bin/${path}`, init)).json() as Promise<Reply>;
}

function upload(bytes: Buffer, { name = "cover.png", field = "media", type = "image", token = "TOKEN" } = {}) {
  const form = new FormData();
  form.set(field, new Blob([new Uint8Array(bytes)], { type: "image/png" }), name);
  return call(`media/upload?access_token=${token}&type=${type}`, { method: "POST", body: form });
}

function uploadRaw(contentType: string, body: string): Promise<Reply> {
  const headers = { "content-type": contentType };
  return call("media/upload?access_token=TOKEN&type=file", { method: "POST", headers, body });
}

function create(coverMediaid: string): Promise<Reply> {
  const body = JSON.stringify({ ...booking, type: 4, activity_cover_mediaid: coverMediaid });
  return call("living/create?access_token=TOKEN", { method: "POST", body });
}

describe("media/upload", () => {
  it("keeps what was sent, byte for byte, under a media_id that living/create takes", async () => {
    await startWith({ mediaIds: [] });
    const { errcode, media_id, created_at } = await upload(png, { name: "封面.png" });
    expect(errcode).toBe(0);
    expect(created_at).toBe(String(start / 1000));
    expect(sim.media).toMatchObject([
      { filename: "封面.png", size: png.length, sha256: createHash("sha256").update(png).digest("hex") },
    ]);
    expect(await create(media_id)).toMatchObject({ errcode: 0 });
  });

  it("lets a media_id end after three days, and keeps it in its corp and type", async () => {
    const other = { corpid: "ww1111111111111111", apps: [{ agentid: 1, secret: "other-corps-secret" }] };
    await startWith({ corps: [DEMO_CORP, other] });
    const { access_token: token } = (await call(
      `gettoken?corpid=${other.corpid}&corpsecret=other-corps-secret`,
    )) as unknown as { access_token: string };
    const own = await upload(png);
    const foreign = await upload(png, { token });
    const file = await upload(png, { type: "file" });
    expect(await create(foreign.media_id)).toMatchObject({ errcode: 40007 });
    expect(await create(file.media_id)).toMatchObject({ errcode: 40007 });
    sim.clock.advance(3 * 24 * 3_600_000 - 1000);
    expect(await create(own.media_id)).toMatchObject({ errcode: 0 });
    sim.clock.advance(1000);
    expect(await create(own.media_id)).toMatchObject({ errcode: 40007 });
  });

  it.each([
    ["five bytes", () => upload(Buffer.alloc(5)), 40006],
    ["an image above 10 MB", () => upload(Buffer.concat([png, Buffer.alloc(10 << 20)])), 40009],
    ["a GIF", () => upload(Buffer.from("GIF89a and more")), 40004],
    ["an unknown type", () => upload(png, { type: "picture" }), 40005],
    ["a part of another name", () => upload(png, { field: "file" }), 44001],
    ["no boundary", () => uploadRaw("multipart/form-data", "anything"), 44001],
    [
      "a part without a file name",
      () => uploadRaw("multipart/form-data; boundary=b", part('form-data; name="media"', "six bytes")),
      41005,
    ],
    [
      "an encoded file name alone",
      () =>
        uploadRaw("multipart/form-data; boundary=b", part("form-data; name=media; filename*=utf-8''a.png", "123456")),
      41005,
    ],
    [
      "a wrong filelength",
      () =>
        uploadRaw(
          "multipart/form-data; boundary=b",
          part('form-data; name="media"; filename="a"; filelength=9', "123456"),
        ),
      40123,
    ],
  ])("refuses %s", async (_what, send, errcode) => {
    await startWith();
    expect(await send()).toMatchObject({ errcode });
    expect(sim.media).toEqual([]);
  });

  it("refuses a chunked body, unless configured otherwise", async () => {
    const chunked = () => {
      const body = new Blob([part('form-data; name="media"; filename="a.txt"', "123456")]).stream();
      const headers = { "content-type": "multipart/form-data; boundary=b" };
      const init: RequestInit = { method: "POST", headers, body, ...{ duplex: "half" } };
      return call("media/upload?access_token=TOKEN&type=file", init);
    };
    await startWith();
    expect(await chunked()).toMatchObject({ errcode: 44001 });
    await sim.close();
    await startWith({ assumptions: { chunkedUploads: "accept", createdAtForm: "number" } });
    expect(await chunked()).toMatchObject({ errcode: 0, created_at: start / 1000 });
  });
});

function part(disposition: string, content: string): string {
  return `--b\r\nContent-Disposition: ${disposition}\r\n\r\n${content}\r\n--b--\r\n`;
}

describe("JS-SDK tickets", () => {
  it("are the same ones until they end, of the corp and of the app", async () => {
    await startWith();
    const corp = await call("get_jsapi_ticket?access_token=TOKEN");
    const app = await call("ticket/get?access_token=TOKEN&type=agent_config");
    expect(corp).toMatchObject({ errcode: 0, expires_in: 7200 });
    expect(app.ticket).not.toBe(corp.ticket);
    sim.clock.advance(7_199_000);
    expect(await call("get_jsapi_ticket?access_token=TOKEN")).toMatchObject({ ticket: corp.ticket, expires_in: 1 });
    sim.clock.advance(1000);
    expect((await call("get_jsapi_ticket?access_token=TOKEN")).ticket).not.toBe(corp.ticket);
  });

  it("are given 100 times an hour to an app", async () => {
    await startWith();
    for (let asked = 0; asked < 100; asked++) await call("ticket/get?access_token=TOKEN&type=agent_config");
    expect(await call("ticket/get?access_token=TOKEN&type=agent_config")).toMatchObject({ errcode: 45009 });
    sim.clock.advance(3_600_000);
    expect(await call("ticket/get?access_token=TOKEN&type=agent_config")).toMatchObject({ errcode: 0 });
  });
});

describe("the page to play with", () => {
  it("lists livings and moves them", async () => {
    await startWith();
    expect(await (await fetch(sim.url)).text()).toContain("No living yet");
    const { livingid } = await create("any");
    const page = await (await fetch(sim.url)).text();
    expect(page).toContain(livingid);
    const path = /data-path="([^"]+start)"/.exec(page)?.[1] ?? "";
    expect(await (await fetch(sim.url + path, { method: "POST", body: "{}" })).json()).toMatchObject({ status: 1 });
  });

  it("shows a theme as text", async () => {
    await startWith();
    sim.livings.reserve(
      { corpid: DEMO_CORP.corpid, agentid: 1 },
      { ...playable, theme: `<img src=x onerror="alert(1)">` },
    );
    const page = await (await fetch(sim.url)).text();
    expect(page).not.toContain("<img");
    expect(page).toContain("&#60;img");
  });

  it("lets livings go live and end by themselves, if asked", async () => {
    await startWith({ playsBySelf: true });
    const { livingid } = sim.livings.reserve({ corpid: DEMO_CORP.corpid, agentid: 1 }, playable);
    const phase = () => sim.livings.get(livingid)?.phase.name;
    await passes(() => phase() === "reserved", "it waits for its start");
    sim.clock.advance(60_000);
    await passes(() => phase() === "live", "it goes live");
    sim.clock.advance(1_800_000);
    await passes(() => phase() === "ended", "it ends");
    expect(sim.livings.get(livingid)?.replayStatus).toBe("ready");
  });
});

const playable = {
  ...{ anchorUserid: "zhangsan", theme: "theme", startSeconds: start / 1000 + 60, durationSeconds: 1800 },
  ...{ type: 0, description: "", remindSeconds: 0, imageMediaids: [] },
};

async function passes(isSo: () => boolean, what: string): Promise<void> {
  const endsAt = performance.now() + 45_000;
  while (!isSo()) {
    if (performance.now() > endsAt) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
