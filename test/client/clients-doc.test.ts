/** docs/clients.md: each example, run by Node as it stands there, against a gateway with a simulated WeCom. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { build as bundle } from "esbuild";
import { corpid, type Gateway, startGateway } from "../support/gateway.js";
import { booking } from "../support/inputs.js";
import { checkout } from "../support/running.js";
import { callbackEnv, tell, untilOpen } from "../support/subscribers.js";

const folder = mkdtempSync(join(tmpdir(), "examples-"));
const sections = readFileSync(join(checkout, "docs/clients.md"), "utf8").split(/^## /m);
const examplesIn = (heading: string): string[] => {
  const section = sections.find((text) => text.startsWith(`${heading}\n`))!;
  return [...section.matchAll(/^```js\n([^]*?)^```/gm)].map(([, code]) => code!);
};

let gateway: Gateway;
let livingid: string;
beforeAll(async () => {
  gateway = await startGateway({ env: callbackEnv });
  ({ livingid } = gateway.simulator.livings.reserve({ corpid, agentid: 1000014 }, booking));
});
afterAll(async () => {
  await gateway.close();
  rmSync(folder, { recursive: true });
});

/** What it prints. Its packages are those of this checkout; react-native-mmkv is a fake of the few calls that it makes. */
async function run(code: string, name: string): Promise<string> {
  const outfile = join(folder, `${name.replace(/\W+/g, "-")}.mjs`);
  const contents = code
    .replaceAll("http://127.0.0.1:4000", gateway.url)
    .replaceAll("ws://127.0.0.1:4000", gateway.url.replace("http", "ws"))
    .replace("LIVINGID", livingid)
    .replace('url: "ws:', 'webSocketImpl: globalThis.WebSocket ?? (await import("ws")).WebSocket, url: "ws:');
  await bundle({
    stdin: { contents, resolveDir: checkout },
    alias: {
      "wecom-living-client": join(checkout, "packages/client/src/index.ts"),
      "wecom-living-client/apollo": join(checkout, "packages/client/src/apollo.ts"),
      "wecom-living-client/urql": join(checkout, "packages/client/src/urql.ts"),
    },
    plugins: [
      {
        name: "mmkv",
        setup(build) {
          build.onResolve({ filter: /^react-native-mmkv$/ }, () => ({ path: "mmkv", namespace: "fake" }));
          build.onLoad({ filter: /.*/, namespace: "fake" }, () => ({
            contents: `export const createMMKV = () => {
              const items = new Map();
              return {
                getAllKeys: () => [...items.keys()],
                getString: (key) => items.get(key),
                set: (key, value) => void items.set(key, value),
                remove: (key) => items.delete(key),
              };
            };`,
          }));
        },
      },
    ],
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
    ...{ bundle: true, format: "esm", platform: "node", outfile, logLevel: "error" },
  });
  const child = spawn(process.execPath, [outfile], { stdio: ["ignore", "pipe", "pipe"] });
  let printed = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => (printed += chunk.toString()));
  return await new Promise((resolve) => child.on("close", () => resolve(printed)));
}

describe("An example in docs/clients.md", () => {
  it.each([
    ["Apollo Client", () => `${livingid} theme\nModifyLivingSuccess\n`],
    ["urql", () => "改期\n"],
    ["fetch alone", () => "改期\n"],
    ["React Native", () => "0\n"],
    ["Errors and how to show them", () => "请输入 1 至 20 个字。\n"],
    ["Keys for idempotency", () => "one living\n"],
  ])("does what it says: %s", async (heading, prints) => {
    const [code] = examplesIn(heading);

    expect(await run(code!, heading)).toBe(prints());
  });

  it.each([0, 1])("receives an event: Subscriptions through proxies, number %i", async (index) => {
    const code = examplesIn("Subscriptions through proxies")[index]!;
    const printed = run(code, `subscription-${index}`);
    await untilOpen(gateway, 1);
    await tell(gateway, { LivingId: livingid, Status: 1, CreateTime: 1_700_000_100 + index });

    expect(await printed).toBe("LIVE\n");
    await untilOpen(gateway, 0);
  });

  it("is run, wherever there is one", () => {
    const run = sections.map((text) => text.split("\n")[0]!).flatMap(examplesIn);
    expect(run).toHaveLength(8);
  });
});
