import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { settings, type Setting } from "../src/config.js";
import { DEMO_CORP } from "../src/simulator/index.js";
import { createClient } from "graphql-ws";
import { WebSocket } from "ws";
import { corpid, type Gateway, startGateway } from "./support/gateway.js";
import { booking } from "./support/inputs.js";
import { callbackEnv, tell, untilOpen } from "./support/subscribers.js";

const AsyncFunction = Object.getPrototypeOf(async function () {
  await Promise.resolve();
}).constructor as new (...parametersAndBody: string[]) => (...values: unknown[]) => Promise<void>;

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const packageJson = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
const blocks = (language: string) =>
  [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, "gm"))].map(([, text]) => text!);

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

  it("shows every call with a query that works", async () => {
    const queries = blocks("graphql");
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
  it("is told of a living that is reserved", async () => {
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

describe("The README", () => {
  it("lists every setting with its default and meaning, as the code has them", () => {
    const row = ([name, { default: value, meaning }]: [string, Setting]) =>
      `| \`${name}\` | ${value === undefined ? "–" : `\`${value}\``} | ${meaning} |`;
    const table = readme.slice(readme.indexOf("<!-- settings")).split("\n\n")[1];

    expect(table!.split("\n").slice(2)).toEqual(Object.entries(settings).map(row));
  });

  it("names only commands that exist", () => {
    for (const [, script] of readme.matchAll(/npm run ([\w:-]+)/g)) {
      expect(Object.keys(packageJson.scripts)).toContain(script);
    }
  });

  it("links only to files that exist", () => {
    for (const [, path] of readme.matchAll(/\]\((?!http)([^)#]+)\)/g)) {
      expect(() => readFileSync(new URL(`../${path}`, import.meta.url))).not.toThrow();
    }
  });
});
