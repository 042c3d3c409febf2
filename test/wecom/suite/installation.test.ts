import { describe, expect, it } from "@jest/globals";
import { setTimeout as wait } from "node:timers/promises";
import { startGateway } from "../../support/gateway.js";
import { freePort } from "../../support/ports.js";
import { corps, type Provider, providerEnv, startProvider, suiteId } from "../../support/provider.js";
import { describeWithRedis, TestRedis } from "../../support/redis.js";

const [corpid] = corps;
/** Longer than a state is good for. */
const apartMs = 40 * 60_000;

async function startWithTicket(env = {}): Promise<Provider> {
  const provider = await startProvider({ env });
  provider.simulator.suites.pushTicket(suiteId);
  await provider.settle();
  return provider;
}

const visit = (provider: Provider, query = "") => provider.fetch(`/wecom/install${query}`, { redirect: "manual" });

/** From the first click to the page of WeCom, where the administrator is sent. */
async function begin(provider: Provider): Promise<URL> {
  const { status, headers } = await visit(provider);
  expect(status).toBe(302);
  return new URL(headers.get("location")!);
}

/** The administrator agrees on WeCom's page: the query with which the browser comes back. */
function agree(provider: Provider, page: URL): string {
  const state = page.searchParams.get("state")!;
  const authCode = provider.simulator.suites.authorise(suiteId, corpid, { state, isPushed: false });
  return `?${new URLSearchParams({ auth_code: authCode, expires_in: "600", state }).toString()}`;
}

describe("GET /wecom/install", () => {
  it("sends the administrator to WeCom's page and, when they come back, has the corp's permanent code", async () => {
    await using provider = await startWithTicket();

    const page = await begin(provider);
    expect(page.origin + page.pathname).toBe("https://open.work.weixin.qq.com/3rdapp/install");
    expect(Object.fromEntries(page.searchParams)).toEqual({
      suite_id: suiteId,
      pre_auth_code: expect.any(String),
      redirect_uri: `${provider.url}/wecom/install`,
      state: expect.any(String),
    });

    const back = await visit(provider, agree(provider, page));
    expect(back).toMatchObject({ status: 200, text: `The app is installed for the corp ${corpid}.` });
    expect(await provider.readFor(corpid)).toBe("ok");
  });

  it("names PUBLIC_URL as the way back where it is set", async () => {
    await using provider = await startWithTicket({ PUBLIC_URL: "https://gateway.example/living" });

    expect((await begin(provider)).searchParams.get("redirect_uri")).toBe(
      "https://gateway.example/living/wecom/install",
    );
  });

  it("takes each state once, and shows its outcome again", async () => {
    await using provider = await startWithTicket();
    const page = await begin(provider);
    const back = agree(provider, page);
    await visit(provider, back);

    expect(await visit(provider, back)).toMatchObject({ status: 200 });
    expect(await visit(provider, agree(provider, page))).toMatchObject({ status: 403 });
    expect(provider.simulator.requestsTo("service/get_permanent_code")).toHaveLength(1);
  });

  it("does not take a state that is half an hour old, or changed", async () => {
    await using provider = await startWithTicket();
    const state = (await begin(provider)).searchParams.get("state")!;
    const older = (parseInt(state.slice(0, 8), 16) - 3600).toString(16) + state.slice(8);

    expect(await visit(provider, `?auth_code=CODE&state=${older}`)).toMatchObject({ status: 403 });
    expect(await visit(provider, `?auth_code=CODE&state=${state.slice(0, -1)}`)).toMatchObject({ status: 403 });
    expect(provider.simulator.requestsTo("service/get_permanent_code")).toEqual([]);
  });

  it.each(["", "&state=", "&state=00000000-0000-0000-0000-000000000000", "&state=*"])(
    "refuses an auth_code with a state that it did not give out: %j",
    async (state) => {
      await using provider = await startWithTicket();

      expect(await visit(provider, `?auth_code=CODE${state}`)).toMatchObject({ status: 403 });
      expect(provider.simulator.requestsTo("service/get_permanent_code")).toEqual([]);
    },
  );

  it("says so when WeCom does not take the auth_code", async () => {
    await using provider = await startWithTicket();
    const page = await begin(provider);

    const query = `?auth_code=used&state=${page.searchParams.get("state")}`;
    expect(await visit(provider, query)).toMatchObject({ status: 400 });
  });

  it("asks to come again as long as no ticket has come", async () => {
    await using provider = await startProvider();

    expect(await visit(provider)).toMatchObject({ status: 503 });
  });

  it("does not let anybody use up the calls to WeCom, nor keep anybody else from installing", async () => {
    let now = Date.now();
    await using provider = await startProvider({ now: () => now });
    provider.simulator.suites.pushTicket(suiteId);
    await provider.settle();
    const codes = () => provider.simulator.requestsTo("service/get_pre_auth_code").length;

    for (let round = 0; round < 40; round += 1) expect((await visit(provider)).status).toBe(302);
    expect(codes()).toBe(30);
    const back = await visit(provider, agree(provider, await begin(provider)));
    expect(back).toMatchObject({ status: 200 });
    now += 60_000;
    await begin(provider);
    expect(codes()).toBe(31);
  });

  it("does not let anybody use up the calls to WeCom while these fail", async () => {
    const now = Date.now();
    await using provider = await startProvider({ now: () => now });
    provider.simulator.suites.pushTicket(suiteId);
    await provider.settle();
    provider.simulator.faults.inject({ kind: "errcode", api: "service/get_pre_auth_code", errcode: 48002, times: 100 });

    const visits = await Promise.all(Array.from({ length: 40 }, () => visit(provider)));
    expect(new Set(visits.map(({ status }) => status))).toEqual(new Set([503]));
    expect(provider.simulator.requestsTo("service/get_pre_auth_code")).toHaveLength(30);
  });

  it("tells that it waits for WeCom, and asks the browser to look again", async () => {
    await using provider = await startWithTicket();
    provider.simulator.faults.inject({ kind: "delay", api: "service/get_permanent_code", delayMs: 6000 });
    const back = agree(provider, await begin(provider));

    const first = await visit(provider, back);
    expect(first).toMatchObject({ status: 202, text: expect.stringContaining("stored") });
    expect(first.headers.get("refresh")).toBe("5");
    expect(await visit(provider, back)).toMatchObject({ status: 200 });
    expect(provider.simulator.requestsTo("service/get_permanent_code")).toHaveLength(1);
  });

  it("does not exist without a suite", async () => {
    await using gateway = await startGateway();

    expect(await gateway.fetch("/wecom/install")).toMatchObject({ status: 404 });
  });
});

describeWithRedis("An installation on replicas whose clocks are wrong", () => {
  it("is dated by the store's clock: begun where it is earlier, ended where it is later", async () => {
    await using redis = await TestRedis.start();
    const REDIS_URL = redis.url;
    await using slow = await startProvider({ env: { REDIS_URL }, now: () => Date.now() - apartMs });
    slow.simulator.suites.pushTicket(suiteId);
    await slow.settle();
    const env = { ...providerEnv(await freePort()), REDIS_URL };
    await using fast = await startGateway({ env, upstreamUrl: slow.simulator.url, now: () => Date.now() + apartMs });

    const back = agree(slow, await begin(slow));
    // Taken, though WeCom need not have answered yet. A state that was over would be refused with 403.
    const { status, text } = await fast.fetch(`/wecom/install${back}`);
    expect(text).toMatch(/is installed for|is stored/);
    expect([200, 202]).toContain(status);
  });
});

describeWithRedis("An administrator who comes back while Redis hangs", () => {
  it("sees that nothing is stored, and has the app when the page is loaded again", async () => {
    await using redis = await TestRedis.start();
    await using provider = await startWithTicket({ REDIS_URL: redis.url });
    const back = agree(provider, await begin(provider));

    await redis.pause();
    const answer = await visit(provider, back);
    expect(answer).toMatchObject({ status: 503, text: expect.stringContaining("could not be stored") });
    expect(answer.headers.get("refresh")).toBe("5");
    expect(provider.simulator.requestsTo("service/get_permanent_code")).toEqual([]);
    redis.resume();
    let again = await visit(provider, back);
    for (let tries = 0; again.status === 503 && tries < 100; tries += 1) {
      await wait(50);
      again = await visit(provider, back);
    }

    expect(again).toMatchObject({ status: 200 });
    expect(await provider.readFor(corpid)).toBe("ok");
  });
});
