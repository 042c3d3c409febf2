// deploy/example/living-page.html with the real @wecom/jssdk, in a browser whose WeCom is a stub.
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import type { Browser, Page } from "playwright-core";
import { describeInBrowser, launch } from "../../support/browser.js";
import { corpid, type Gateway, startGateway } from "../../support/gateway.js";
import { expectedSignature } from "../../support/signatures.js";

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");
const program = read("deploy/example/living-page.mjs");

it("is the program that docs/examples.md shows", () => {
  expect(read("docs/examples.md")).toContain(program);
});

/** What the client puts into each page that it opens. */
const bridge = `
  window.calls = [];
  window.WeixinJSBridge = {
    on() {},
    invoke(name, params, done) {
      calls.push({ name, params });
      done({ err_msg: name + ":ok" });
    },
  };
`;

interface Signed {
  readonly timestamp: string;
  readonly nonceStr: string;
  readonly signature: string;
}

describeInBrowser("A page that opens a living", () => {
  let gateway: Gateway;
  let pages: Server;
  let origin: string;
  let browser: Browser;

  beforeAll(async () => {
    pages = createServer(({ url = "" }, response) => {
      const script = { "content-type": "text/javascript" };
      if (url === "/living-page.mjs")
        response.writeHead(200, script).end(program.replace(/http:.*(?=\/graphql)/, gateway.url));
      else if (url === "/wecom.prod.js")
        response
          .writeHead(200, script)
          .end(readFileSync(createRequire(import.meta.url).resolve("@wecom/jssdk/dist/wecom.prod.js")));
      else response.writeHead(200, { "content-type": "text/html" }).end(read("deploy/example/living-page.html"));
    }).listen(0, "127.0.0.1");
    await once(pages, "listening");
    origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`;
    const env = { JSSDK_ORIGINS: origin, CORS_ORIGINS: origin, WECOM_AGENT_ID: "1000014" };
    gateway = await startGateway({ env });
    browser = await launch();
  });
  afterAll(async () => {
    await browser.close();
    await gateway.close();
    pages.close();
  });

  const opened = async (version: string, url: string): Promise<Page> => {
    const page = await browser.newPage({ userAgent: `Mozilla/5.0 wxwork/${version} MicroMessenger/7.0.1` });
    await page.addInitScript(bridge);
    await page.goto(url);
    return page;
  };
  const callOf = async (page: Page, name: string): Promise<Record<string, string> & Signed> => {
    const found = `calls.find(({ name }) => name === "${name}")?.params`;
    await page.waitForFunction(found);
    return page.evaluate(found);
  };

  it("registers with signatures for its own address, and opens the living at a press", async () => {
    const url = `${origin}/?livingid=lv-1`;
    const page = await opened("4.1.36", `${url}#top`);

    const config = await callOf(page, "agentConfig");
    expect(config).toMatchObject({ corpid, agentid: "1000014", jsApiList: ["startLiving", "replayLiving"] });
    expect(config.signature).toBe(await expectedSignature(gateway, "ticket/get?type=agent_config&", config, url));

    await page.getByRole("button").click();
    expect(await callOf(page, "startLiving")).toMatchObject({ livingId: "lv-1", verifySignature: config.signature });
    await page.close();
  });

  it("registers for the corp as well, where an old client asks for both", async () => {
    const url = `${origin}/`;
    const page = await opened("3.0.20", url);

    const { verifyTimestamp, verifyNonceStr, verifySignature, appId } = await callOf(page, "preVerifyJSAPI");
    const signed = { timestamp: verifyTimestamp!, nonceStr: verifyNonceStr! };
    expect(appId).toBe(corpid);
    expect(verifySignature).toBe(await expectedSignature(gateway, "get_jsapi_ticket?", signed, url));
    await callOf(page, "agentConfig");
    await page.close();
  });

  it("says why, where its origin is not listed", async () => {
    const page = await opened("4.1.36", `${origin.replace("127.0.0.1", "localhost")}/`);

    const status = page.getByRole("status").filter({ hasText: /\w/ });
    await status.waitFor();
    // It may not read the gateway's answer either: CORS_ORIGINS.
    expect(await status.textContent()).toMatch(/fetch/i);
    await page.close();
  });
});
