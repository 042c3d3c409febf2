// What the simulator breaks on request: each way in which an answer can be lost, late or spoilt, and whether the call took
// effect nevertheless.

import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { type Fault, seededRandom, type Simulator, startSimulator } from "../../src/simulator/index.js";
import { until } from "../support/until.js";

const BOOKING = { anchor_userid: "zhangsan", theme: "theme", living_start: 1600000000, living_duration: 1800 };

let sim: Simulator;

beforeEach(async () => {
  sim = await startSimulator({ fixedTokens: ["TOKEN"], random: seededRandom(1) });
});

afterEach(async () => sim.close());

async function create(signal?: AbortSignal): Promise<Response> {
  const url = `${sim.url}/cgi-bin/living/create?access_token=TOKEN`;
  return fetch(url, { method: "POST", body: JSON.stringify(BOOKING), signal: signal ?? null });
}

async function createdJson(): Promise<Record<string, unknown>> {
  return (await create()).json() as Promise<Record<string, unknown>>;
}

describe("a fault", () => {
  it("hits one call and is gone", async () => {
    sim.faults.inject({ kind: "errcode", errcode: -1 });
    expect((await createdJson())["errcode"]).toBe(-1);
    expect((await createdJson())["errcode"]).toBe(0);
    expect(sim.faults.pending()).toEqual([]);
  });

  it("hits as many calls as it says, and passes as many before that", async () => {
    sim.faults.inject({ kind: "errcode", errcode: -1, times: 2, afterCalls: 1 });
    const errcodes = [];
    for (let call = 0; call < 4; call++) errcodes.push((await createdJson())["errcode"]);
    expect(errcodes).toEqual([0, -1, -1, 0]);
  });

  it("hits every call until it is cleared, with times 0", async () => {
    sim.faults.inject({ kind: "errcode", errcode: -1, times: 0 });
    for (let call = 0; call < 3; call++) expect((await createdJson())["errcode"]).toBe(-1);
    sim.faults.clear();
    expect((await createdJson())["errcode"]).toBe(0);
  });

  it("hits the API that it names, or a family of them", async () => {
    sim.faults.inject(
      { kind: "errcode", errcode: -1, api: "gettoken" },
      { kind: "errcode", errcode: 6000, api: "living/*" },
    );
    expect((await createdJson())["errcode"]).toBe(6000);
    expect((await createdJson())["errcode"]).toBe(0);
    expect(sim.faults.pending()).toEqual([{ kind: "errcode", errcode: -1, api: "gettoken" }]);
  });

  it("waits its turn behind those injected before it", async () => {
    sim.faults.inject({ kind: "errcode", errcode: 45009 }, { kind: "errcode", errcode: 45033 });
    expect((await createdJson())["errcode"]).toBe(45009);
    expect((await createdJson())["errcode"]).toBe(45033);
  });

  it("hits by chance, and the same calls again for the same seed", async () => {
    const hits: boolean[][] = [];
    for (let run = 0; run < 2; run++) {
      await using seeded = await startSimulator({ random: seededRandom(7) });
      seeded.faults.inject({ kind: "errcode", errcode: -1, probability: 0.5, times: 0 });
      const calls = [];
      for (let call = 0; call < 20; call++) {
        const response = await fetch(`${seeded.url}/cgi-bin/gettoken`);
        calls.push(response.headers.get("error-code") === "-1");
      }
      hits.push(calls);
    }
    expect(hits[0]).toEqual(hits[1]);
    expect(hits[0]).toEqual(expect.arrayContaining([true, false]));
  });

  it("is named in the record of the request that it hit", async () => {
    sim.faults.inject({ kind: "http", status: 502 }, { kind: "errcode", errcode: -1 });
    await create();
    await create();
    expect(sim.requests.map(({ fault, errcode }) => ({ fault, errcode }))).toEqual([
      { fault: "http", errcode: undefined },
      { fault: "errcode", errcode: -1 },
    ]);
  });
});

describe("whether a faulty call takes effect", () => {
  const withEffect = (effect: "none" | "applied"): Fault[] => [
    { kind: "errcode", errcode: -1, effect },
    { kind: "drop", effect },
    { kind: "http", status: 502, effect },
    { kind: "truncated-json", effect },
    { kind: "empty-body", effect },
    { kind: "missing-fields", fields: ["livingid"], effect },
  ];

  it.each(withEffect("none"))("$kind: not when it says none", async (fault) => {
    sim.faults.inject(fault);
    await create().catch(() => undefined);
    expect(sim.livings.size).toBe(0);
  });

  it.each(withEffect("applied"))("$kind: before the answer when it says applied", async (fault) => {
    sim.faults.inject(fault);
    await create().catch(() => undefined);
    expect(sim.livings.size).toBe(1);
  });

  it("after the answer is lost when it says late", async () => {
    sim.faults.inject({ kind: "drop", effect: { lateMs: 60_000 } });
    await create().catch(() => undefined);
    expect(sim.livings.size).toBe(0);
    sim.applyLateEffects();
    expect(sim.livings.size).toBe(1);
    sim.applyLateEffects();
    expect(sim.livings.size).toBe(1);
  });

  it("on its own, once that time has passed", async () => {
    sim.faults.inject({ kind: "drop", effect: { lateMs: 5 } });
    await create().catch(() => undefined);
    await until(() => sim.livings.size === 1);
  });

  it("never when the simulator is reset before that", async () => {
    sim.faults.inject({ kind: "drop", effect: { lateMs: 60_000 } });
    await create().catch(() => undefined);
    sim.reset();
    sim.applyLateEffects();
    expect(sim.livings.size).toBe(0);
  });
});

describe("the caller sees", () => {
  it("errcode: that errcode, in WeCom's format or in the words given", async () => {
    sim.faults.inject({ kind: "errcode", errcode: 45009 }, { kind: "errcode", errcode: 1, errmsg: "busy" });
    expect(await createdJson()).toMatchObject({ errmsg: expect.stringMatching(/^api freq out of limit, hint: \[/) });
    expect(await createdJson()).toEqual({ errcode: 1, errmsg: "busy", livingid: "" });
  });

  it("errcode: text, if it is text", async () => {
    sim.faults.inject({ kind: "errcode", errcode: "45009" }, { kind: "string-errcode" });
    expect((await createdJson())["errcode"]).toBe("45009");
    expect(await createdJson()).toMatchObject({ errcode: "0", livingid: expect.any(String) });
  });

  it("delay: the right answer, late", async () => {
    sim.faults.inject({ kind: "delay", delayMs: 30 });
    const before = performance.now();
    expect((await createdJson())["errcode"]).toBe(0);
    expect(performance.now() - before).toBeGreaterThanOrEqual(29);
  });

  it("drop: a closed connection", async () => {
    sim.faults.inject({ kind: "drop" });
    await expect(create()).rejects.toThrow("fetch failed");
  });

  it("hang: nothing, until it gives up", async () => {
    sim.faults.inject({ kind: "hang", effect: "applied" });
    await expect(create(AbortSignal.timeout(1000))).rejects.toThrow("timeout");
    expect(sim.livings.size).toBe(1);
    while (sim.requests[0]!.endedAt === undefined) await new Promise(setImmediate);
    expect(sim.requests[0]!.endedAt - sim.requests[0]!.performedAt!).toBeGreaterThan(100);
  });

  it("http: a proxy's page", async () => {
    sim.faults.inject({ kind: "http", status: 502 }, { kind: "http", status: 200, body: "hello", contentType: "a/b" });
    const page = await create();
    expect([page.status, page.headers.get("content-type")]).toEqual([502, "text/html"]);
    expect(await page.text()).toMatch(/^<html>/);
    const hello = await create();
    expect([hello.status, hello.headers.get("content-type"), await hello.text()]).toEqual([200, "a/b", "hello"]);
  });

  it("truncated-json: half an answer, with or without the connection cut", async () => {
    sim.faults.inject({ kind: "truncated-json" }, { kind: "truncated-json", isCut: true });
    const half = await (await create()).text();
    expect(half).toMatch(/^\{"errcode":0/);
    expect(() => JSON.parse(half) as unknown).toThrow();
    await expect(create().then(async (response) => response.text())).rejects.toThrow("terminated");
  });

  it("huge-body: the answer, as long as it was asked to be", async () => {
    sim.faults.inject({ kind: "huge-body", bytes: 3_000_000 });
    const text = await (await create()).text();
    expect(text.length).toBeGreaterThan(3_000_000);
    expect(JSON.parse(text)).toMatchObject({ errcode: 0, livingid: expect.any(String) });
  });

  it("empty-body: HTTP 200 and nothing", async () => {
    sim.faults.inject({ kind: "empty-body" });
    const response = await create();
    expect([response.status, await response.text()]).toEqual([200, ""]);
  });

  it("headers-only: the headers and then nothing, until it gives up", async () => {
    sim.faults.inject({ kind: "headers-only" });
    const response = await create(AbortSignal.timeout(1000));
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toThrow("timeout");
  });

  it("trickle: the right answer, byte by byte", async () => {
    sim.faults.inject({ kind: "trickle", byteIntervalMs: 1 });
    const before = performance.now();
    const text = await (await create()).text();
    expect(JSON.parse(text)).toMatchObject({ errcode: 0 });
    expect(performance.now() - before).toBeGreaterThan(text.length * 0.9);
  });

  it("warned-success: success with a warning", async () => {
    sim.faults.inject({ kind: "warned-success" });
    const livingid = expect.any(String);
    expect(await createdJson()).toEqual({ errcode: 0, errmsg: "ok. Warning: wrong json format. ", livingid });
  });

  it("missing-fields: success without a livingid", async () => {
    sim.faults.inject({ kind: "missing-fields", fields: ["livingid"] });
    expect(await createdJson()).toEqual({ errcode: 0, errmsg: "ok" });
  });
});
