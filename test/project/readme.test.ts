import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { settings, type Setting } from "../../src/config.js";
import { DEMO_CORP } from "../../src/simulator/index.js";
import { createClient } from "graphql-ws";
import { WebSocket } from "ws";
import { corpid, type Gateway, startGateway } from "../support/gateway.js";
import { booking } from "../support/inputs.js";
import { callbackEnv, tell, untilOpen } from "../support/subscribers.js";

const AsyncFunction = Object.getPrototypeOf(async function () {
  await Promise.resolve();
}).constructor as new (...parametersAndBody: string[]) => (...values: unknown[]) => Promise<void>;

const root = new URL("../../", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), "utf8");
const readme = read("README.md");
const blocks = (language: string, text = readme) =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, "gm"))].map(([, block]) => block!);

let gateway: Gateway;
let livingid: string;
beforeAll(async () => {
  // As `npm start` without settings: the demo corp.
  const { corpid, apps } = DEMO_CORP;
  gateway = await startGateway({
    simulator: { corps: [DEMO_CORP] },
    env: { WECOM_CORP_ID: corpid, WECOM_CORP_SECRET: apps[0].secret },
  });
});
afterAll(() => gateway.close());

const requestOfQuickStart = () => JSON.parse(/-d '([^']+)'/.exec(blocks("sh").join())![1]!);
const post = async (request: object) => {
  const { text } = await gateway.fetch("/graphql", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(request),
  });
  return JSON.parse(text);
};

describe("The README's quick start", () => {
  it("answers what it says", async () => {
    const answer = await post(requestOfQuickStart());
    livingid = answer.data.createLiving.livingid;

    const [promised] = blocks("json").map((text) => JSON.parse(text));
    expect(livingid).toHaveLength(promised.data.createLiving.livingid.length);
    promised.data.createLiving.livingid = livingid;
    expect(answer).toEqual(promised);
  });

  it("answers a theme of 21 characters as it says", async () => {
    const request = requestOfQuickStart();
    request.variables.input.theme = "直".repeat(21);

    expect(await post(request)).toEqual(JSON.parse(blocks("json")[1]!));
  });

  it("creates a living under a key", async () => {
    const [query] = blocks("graphql");

    expect(await post({ query })).toEqual({ data: { createLiving: { livingid: expect.any(String) } } });
  });

  it("is followed by an example of every call that works", async () => {
    const queries = blocks("graphql", read("docs/examples.md"));
    expect(queries).toHaveLength(9);
    for (const query of queries) {
      // The last two need a past that a new living does not have: they are typed all the same.
      const { data, errors } = await post({ query: query.replace("LIVINGID", livingid) });
      if (query.includes("livingShare")) expect(errors[0].extensions.errcode).toEqual(expect.any(Number));
      else expect(errors).toBeUndefined();
      if (query.includes("deleteLivingReplay")) expect(data.deleteLivingReplay.errcode).toBe(92007);
      else expect(JSON.stringify(data)).not.toContain("message");
    }
  });
});

describe("The README's subscription", () => {
  it("gets the event of a living that is reserved", async () => {
    await using gateway = await startGateway({ env: callbackEnv });
    const text = blocks("js")[0]!.replace("ws://127.0.0.1:4000", gateway.url.replace("http", "ws"));
    const [statement, program] = text.split("\n\n", 2);
    expect(statement).toBe('import { createClient } from "graphql-ws";');
    const run = new AsyncFunction("createClient", "console", `${program}\n${text.split("\n\n").slice(2).join("\n")}`);
    let client: ReturnType<typeof createClient> | undefined;
    const told = new Promise<unknown>((resolve) => {
      const connect = (options: Parameters<typeof createClient>[0]) =>
        (client = createClient({ ...options, webSocketImpl: WebSocket }));
      void run(connect, { log: resolve });
    });
    await untilOpen(gateway, 1);
    const { livingid } = gateway.simulator.livings.reserve({ corpid, agentid: 1000014 }, booking);
    await tell(gateway, { LivingId: livingid, Status: 0 });

    expect(await told).toMatchObject({ livingid, status: "RESERVED", living: { theme: booking.theme } });
    await client?.dispose();
  });
});

describe("The README's server-sent events", () => {
  it("arrive as it says", async () => {
    await using gateway = await startGateway({ env: callbackEnv });
    const curl = blocks("sh").find((text) => text.includes("curl -N"))!;
    const headers = Object.fromEntries(
      [...curl.matchAll(/-H '([^:]+): ([^']+)'/g)].map(([, name, value]) => [name, value]),
    );
    const [, body] = /-d '([^']+)'/.exec(curl)!;
    const response = await fetch(`${gateway.url}/graphql`, { method: "POST", headers, body: body! });
    await untilOpen(gateway, 1);
    const { livingid } = gateway.simulator.livings.reserve({ corpid, agentid: 1000014 }, booking);
    await tell(gateway, { LivingId: livingid, Status: 0 });

    let text = "";
    for await (const chunk of response.body!) {
      text += Buffer.from(chunk as Uint8Array).toString();
      if (text.includes(livingid)) break;
    }
    expect(text).toContain(JSON.stringify({ data: { livingStatusChanged: { livingid, status: "RESERVED" } } }));
  });
});

describe("docs/configuration.md", () => {
  it("lists every setting with its default and meaning, as the code has them", () => {
    const row = ([name, { default: value, meaning }]: [string, Setting]) =>
      `| \`${name}\` | ${value === undefined ? "–" : `\`${value}\``} | ${meaning} |`;
    const rows = read("docs/configuration.md").match(/^\| `[A-Z_]+` \|.*$/gm);

    expect(rows).toEqual(Object.entries(settings).map(row));
  });
});

describe("The README", () => {
  it("names only settings and error codes that exist", () => {
    const names = new Set([...readme.matchAll(/`([A-Z][A-Z0-9]*_[A-Z0-9_]+)`/g)].map(([, name]) => name!));
    const code = sources("src/");

    expect(names.size).toBeGreaterThan(20);
    for (const name of names) expect([name, code.includes(name)]).toEqual([name, true]);
  });
});

describe("The Chinese README", () => {
  const chinese = read("README.zh-CN.md");
  const all = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([match]) => match);
  const named = (text: string) => [...new Set(all(text.replace(/^```[^]*?^```/gm, ""), /`[^`\n]+`/g))].sort();

  it("has the same code blocks, each once", () => {
    const codeBlock = /^```[^]*?^```$/gm;

    expect(all(chinese, codeBlock)).toEqual(all(readme, codeBlock));
    expect(new Set(all(readme, codeBlock)).size).toBe(all(readme, codeBlock).length);
  });

  it("has the same structure: headings, rows of tables, items of lists", () => {
    expect(all(chinese, /^(#+|\||-) /gm)).toEqual(all(readme, /^(#+|\||-) /gm));
  });

  it("names the same settings, codes, files and decimal numbers", () => {
    expect(named(chinese)).toEqual(named(readme));
    expect(all(chinese, /\d+\.\d+/g).sort()).toEqual(all(readme, /\d+\.\d+/g).sort());
  });

  it("links to the same pages", () => {
    const links = (text: string) => all(text, /(?<=\]\()[^)#]+/g).filter((link) => !link.startsWith("README"));

    expect(links(chinese).sort()).toEqual(links(readme).sort());
  });
});

function sources(folder: string): string {
  return readdirSync(new URL(folder, root), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts"))
    .map((path) => read(`${folder}${path}`))
    .join("\n");
}
