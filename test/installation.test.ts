import { describe, expect, it } from "@jest/globals";
import { startGateway } from "./support/gateway.js";
import { corps, type Provider, startProvider, suiteId } from "./support/provider.js";

const [corpid] = corps;

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

  it("takes each state once", async () => {
    await using provider = await startWithTicket();
    const page = await begin(provider);
    await visit(provider, agree(provider, page));

    expect(await visit(provider, agree(provider, page))).toMatchObject({ status: 403 });
    expect(provider.simulator.requestsTo("service/get_permanent_code")).toHaveLength(1);
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

  it("does not let anybody use up the calls to WeCom", async () => {
    let now = Date.now();
    await using provider = await startProvider({ now: () => now });
    provider.simulator.suites.pushTicket(suiteId);
    await provider.settle();

    const statuses = [];
    for (let round = 0; round < 40; round += 1) statuses.push((await visit(provider)).status);
    expect(statuses).toEqual([...Array(30).fill(302), ...Array(10).fill(429)]);
    now += 60_000;
    expect((await visit(provider)).status).toBe(302);
  });

  it("does not exist without a suite", async () => {
    await using gateway = await startGateway();

    expect(await gateway.fetch("/wecom/install")).toMatchObject({ status: 404 });
  });
});
