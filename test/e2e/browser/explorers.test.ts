import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Browser, Page } from "playwright-core";
import { sample, samples } from "../../../src/living/living.sample.js";
import { describeInBrowser, launch } from "../../support/browser.js";
import { corpid, type Gateway, startGateway } from "../../support/gateway.js";
import { booking } from "../../support/inputs.js";
import { callbackEnv, openSubscriptions, tell } from "../../support/subscribers.js";
import { until } from "../../support/until.js";

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway({ env: callbackEnv });
});
afterAll(() => gateway.close());

describeInBrowser("/graphiql, in a browser without internet", () => {
  let browser: Browser;
  let page: Page;
  const strangers: string[] = [];

  beforeAll(async () => {
    browser = await launch();
    page = await browser.newPage();
    await page.route("**/*", async (route) => {
      const url = route.request().url();
      if (url.startsWith(gateway.url) || /^(data|blob):/.test(url)) {
        await route.continue();
        return;
      }
      strangers.push(url);
      await route.abort();
    });
    await page.goto(`${gateway.url}/graphiql`);
  });

  afterAll(() => browser.close());

  const expectToShow = (area: string, hasText: string | RegExp) => page.locator(area).filter({ hasText }).waitFor();

  it("opens with the sample and its variables", async () => {
    await expectToShow(".graphiql-editor", /mutation\s+ScheduleLiving/);
    await expectToShow(".graphiql-editor", sample.variables.input.theme);
  });

  it("runs it at the press of the button, and shows the livingid", async () => {
    await page.getByRole("button", { name: /execute/i }).click();

    await expectToShow(".result-window", /"livingid":\s"\S{20,}"/);
    const [sent] = gateway.simulator.requestsTo("living/create");
    expect(sent!.body).toMatchObject({ anchor_userid: "zhangsan", theme: sample.variables.input.theme });
  });

  it("has a tab for each thing to do with a living, with its variables", async () => {
    const tabs = page.getByRole("tab").filter({ hasText: /Living/ });
    expect(await tabs.allTextContents()).toEqual(
      samples.map(({ document }) => expect.stringContaining(/\w+ (\w+)/.exec(document)![1]!)),
    );
    await page.getByRole("button", { name: "ListLivings" }).first().click();
    await expectToShow(".graphiql-editor", '"anchorUserid": "zhangsan"');
  });

  it("runs the subscription, and shows what comes", async () => {
    await page.getByRole("button", { name: "WatchLivings" }).first().click();
    await expectToShow(".graphiql-editor", /subscription\s+WatchLivings/);
    // Just after a tab was opened, GraphiQL still names the operation of the one before when it executes.
    const execute = page.getByRole("button", { name: /execute/i });
    await until(async () => {
      if (await execute.isVisible()) await execute.click();
      await page.waitForTimeout(500);
      return (await openSubscriptions(gateway)) === 1;
    });
    const { livingid } = gateway.simulator.livings.reserve({ corpid, agentid: 1000014 }, booking);
    await tell(gateway, { LivingId: livingid, Status: 1 });

    await expectToShow(".result-window", livingid);
    await page.getByRole("button", { name: /stop/i }).click();
  });

  it("opens the operation and the variables of a link, beside the tabs that are there", async () => {
    const query = "query FromALink($livingid: ID!) {\n  living(livingid: $livingid) {\n    theme\n  }\n}\n";
    const link = new URLSearchParams({ query, variables: '{ "livingid": "linked-id" }' });
    await page.goto(`${gateway.url}/graphiql?${link}`);

    await expectToShow(".graphiql-editor", /query\s+FromALink/);
    await expectToShow(".graphiql-editor", "linked-id");
    expect(
      await page
        .getByRole("tab")
        .filter({ hasText: /Living|Link/ })
        .count(),
    ).toBe(samples.length + 1);
    expect(page.url()).toBe(`${gateway.url}/graphiql`);
  });

  it("says nothing of sign-in where there is none", async () => {
    expect(await page.locator("#sign-in-hint").count()).toBe(0);
  });

  it("uploads a cover at one press, and opens createLiving with it", async () => {
    await page.getByRole("button", { name: /upload a cover/i }).click();
    await expectToShow(".graphiql-editor", /activityCoverMediaid/);
    gateway.simulator.forgetRequests();
    await page.getByRole("button", { name: /execute/i }).click();

    await expectToShow(".result-window", /"livingid":\s"\S{20,}"/);
    const [cover] = gateway.simulator.media;
    const [sent] = gateway.simulator.requestsTo("living/create");
    expect(sent!.body).toMatchObject({ activity_cover_mediaid: cover!.mediaId });
  });

  it("asked nothing of any other origin", () => {
    expect(strangers).toEqual([]);
  });
});

describe("GET /graphql in a browser", () => {
  it("is Apollo Sandbox with the sample filled in", async () => {
    const { text } = await gateway.fetch("/graphql", { headers: { accept: "text/html" } });
    const [, config = "{}"] = /embeddedSandboxConfig = (\{.*\});/.exec(text) ?? [];
    expect(JSON.parse(config)).toMatchObject({ initialState: sample });
  });
});

describeInBrowser("Apollo Sandbox, in a browser whose CDN is a stub", () => {
  it("uploads a cover at one press, and opens again with it", async () => {
    const browser = await launch();
    const page = await browser.newPage();
    const stub = "window.EmbeddedSandbox = class { constructor(config) { window.opened = config; } }";
    await page.route(/apollographql\.com/, (route) => route.fulfill({ contentType: "text/javascript", body: stub }));
    await page.route(/googleapis|gstatic/, (route) => route.abort());
    await page.goto(`${gateway.url}/graphql`);
    const opened = () => page.evaluate<{ initialState: typeof sample & { headers: object } }>("opened");
    expect((await opened()).initialState).toMatchObject({
      ...sample,
      headers: { "apollo-require-preflight": "true" },
    });
    gateway.simulator.reset();

    await page.getByRole("button", { name: /upload a cover/i }).click();
    // While the page is loaded again, there is nothing to ask.
    const input = async () => (await opened().catch(() => undefined))?.initialState.variables.input ?? {};
    await until(async () => "activityCoverMediaid" in (await input()));
    const { document, variables } = (await opened()).initialState;

    const [cover] = gateway.simulator.media;
    expect(variables.input).toEqual({ ...sample.variables.input, activityCoverMediaid: cover!.mediaId });
    expect((await gateway.run(document, variables)).data!["createLiving"]).toMatchObject({
      livingid: expect.any(String),
    });
    await browser.close();
  });
});

describeInBrowser("/graphiql where sign-in is on", () => {
  it("says where the token goes", async () => {
    await using guarded = await startGateway({
      env: { AUTH_MODE: "jwt", AUTH_JWT_SECRET: "x".repeat(64), AUTH_ISSUER: "me", AUTH_AUDIENCE: "gateway" },
    });
    const browser = await launch();
    const page = await browser.newPage();
    await page.goto(`${guarded.url}/graphiql`);

    const hint = page.getByRole("note");
    await hint.waitFor();
    expect(await hint.textContent()).toBe(
      'Sign-in is on. Put your token into the Headers tab: { "authorization": "Bearer …" }',
    );
    await browser.close();
  });
});

describe("/graphiql", () => {
  it("is compressed, and not sent again to a browser that has it", async () => {
    const first = await fetch(`${gateway.url}/graphiql`);
    await first.arrayBuffer();
    const { status } = await gateway.fetch("/graphiql", { headers: { "if-none-match": first.headers.get("etag")! } });
    const plain = await gateway.fetch("/graphiql", { headers: { "accept-encoding": "identity" } });

    expect(first.headers.get("content-encoding")).toBe("gzip");
    expect(Number(first.headers.get("content-length"))).toBeLessThan(3_000_000);
    expect(status).toBe(304);
    expect(plain.text).toContain("<title>WeCom living gateway</title>");
    expect(plain.headers.get("content-encoding")).toBeNull();
  });

  it("is where the gateway's address leads to, and what the landing page names", async () => {
    const { status, headers } = await fetch(gateway.url, { redirect: "manual" });
    const landing = await gateway.fetch("/graphql", { headers: { accept: "text/html" } });

    expect([status, headers.get("location")]).toEqual([302, "/graphiql"]);
    expect(landing.text).toContain('<a href="/graphiql">GraphiQL</a>');
  });
});
