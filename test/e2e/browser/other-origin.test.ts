import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { build } from "esbuild";
import type { Browser } from "playwright-core";
import { describeInBrowser, launch } from "../../support/browser.js";
import { type Gateway, startGateway } from "../../support/gateway.js";

describeInBrowser("A page of another origin, in a browser", () => {
  let script: string;
  let browser: Browser;
  let gateway: Gateway;
  const servers: Server[] = [];

  /** Every server is an origin of its own, by its port. */
  async function servePage(): Promise<string> {
    const server = createServer((_request, response) => {
      response.setHeader("content-type", "text/html; charset=utf-8");
      response.end(`<!doctype html><title>frontend</title><body><script type="module">${script}</script>`);
    }).listen(0, "127.0.0.1");
    servers.push(server);
    await once(server, "listening");
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async function schedule(origin: string): Promise<string | null> {
    const page = await browser.newPage();
    await page.goto(`${origin}/#${gateway.url}/graphql`);
    await page.getByRole("button").click();
    const outcome = page.locator("output:not(:empty)");
    await outcome.waitFor();
    return await outcome.textContent();
  }

  let allowed: string;
  let foreign: string;
  beforeAll(async () => {
    const bundle = await build({ entryPoints: [join(import.meta.dirname, "page.ts")], bundle: true, write: false });
    script = bundle.outputFiles[0]!.text;
    [allowed, foreign] = [await servePage(), await servePage()];
    [browser, gateway] = await Promise.all([launch(), startGateway({ env: { CORS_ORIGINS: allowed } })]);
  });

  afterAll(async () => {
    await browser.close();
    await gateway.close();
    for (const server of servers) server.close();
  });

  it("schedules a living when its origin is configured", async () => {
    const outcome = await schedule(allowed);

    const [sent] = gateway.simulator.requestsTo("living/create");
    expect(sent!.body).toMatchObject({ theme: "来自浏览器" });
    expect(outcome).toMatch(/^scheduled \S+$/);
  });

  it("is stopped by the browser, before anything is sent to WeCom, when its origin is not", async () => {
    gateway.simulator.forgetRequests();

    const outcome = await schedule(foreign);

    expect(outcome).toMatch(/^failed: .*fetch/);
    expect(gateway.simulator.requestsTo("living/create")).toEqual([]);
  });
});
