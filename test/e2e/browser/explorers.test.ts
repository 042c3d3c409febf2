import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Browser, Page } from "playwright-core";
import { sample } from "../../../src/living/living.sample.js";
import { describeInBrowser, launch } from "../../support/browser.js";
import { type Gateway, startGateway } from "../../support/gateway.js";

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway();
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
