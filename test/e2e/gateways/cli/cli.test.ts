/** Hive Gateway as docs/supergraph.md says to start it: its command line, with either of its planners. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { print } from "graphql";
import { CreateLivingDocument } from "../../../../packages/client/src/index.js";
import { corpid, type Gateway, startGateway } from "../../../support/gateway.js";
import { minimalInput } from "../../../support/inputs.js";
import { audience, type Issuer, issuerName, startIssuer } from "../../../support/issuer.js";
import { freePort } from "../../../support/ports.js";
import { Running } from "../../../support/running.js";
import { compose, exampleSubgraphs, repository, startMembers } from "../../../support/supergraph.js";
import type { Reply } from "../gateways.js";

const routerSecret = "CANARY-router-secret-of-32-bytes-and-more";
const createLiving = print(CreateLivingDocument);
const cli = join(import.meta.dirname, "node_modules/@graphql-hive/gateway/dist/bin.js");

let folder: string;
let issuer: Issuer;
let living: Gateway;
let members: Awaited<ReturnType<typeof startMembers>>;

beforeAll(async () => {
  if (!existsSync(cli)) execFileSync("npm", ["ci"], { cwd: import.meta.dirname, stdio: "ignore" });
  folder = await mkdtemp(join(tmpdir(), "supergraph-"));
  [issuer, living, members] = await Promise.all([
    startIssuer(),
    startGateway({ env: { AUTH_MODE: "router", ROUTER_SECRET: routerSecret } }),
    startMembers(),
  ]);
  const urls: Record<string, string> = { living: `${living.url}/graphql`, members: members.url };
  const subgraphs = exampleSubgraphs().map((subgraph) => ({ ...subgraph, url: urls[subgraph.name]! }));
  await writeFile(join(folder, "supergraph.graphql"), compose(subgraphs));
}, 400_000);

afterAll(async () => {
  await Promise.all([living.close(), members[Symbol.asyncDispose](), rm(folder, { recursive: true })]);
  await issuer[Symbol.asyncDispose]();
});

describe.each([
  ["planner in JavaScript", []],
  ["planner in Rust", ["--hive-router-runtime"]],
])("Hive Gateway's command line, with its %s", (_name, flags) => {
  let hive: Running;
  let url: string;

  beforeAll(async () => {
    const port = await freePort();
    url = `http://127.0.0.1:${port}/graphql`;
    const configuration = ["-c", join(repository, "deploy/gateway.config.ts")];
    const address = ["--host", "127.0.0.1", "-p", String(port)];
    hive = new Running(
      ["node", cli, "supergraph", "supergraph.graphql", ...configuration, ...address, ...flags],
      {
        ROUTER_SECRET: routerSecret,
        AUTH_JWKS_URL: issuer.jwksUrl,
        AUTH_ISSUER: issuerName,
        AUTH_AUDIENCE: audience,
      },
      folder,
    );
    await hive.printed(/Listening on/i);
  }, 60_000);

  afterAll(async () => {
    await hive[Symbol.asyncDispose]();
  });

  const run = async (query: string, variables: unknown = {}, scope = "living:read living:write"): Promise<Reply> => {
    const token = await issuer.sign({ corpid, userid: "zhangsan", scope });
    const response = await fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        authorization: `Bearer ${token}`,
        "x-wecom-scopes": "living:admin",
      },
      body: JSON.stringify({ query, variables }),
    });
    return (await response.json()) as Reply;
  };

  it("schedules a living, and shows its anchor's name from another subgraph", async () => {
    const { data, errors } = await run(createLiving, { input: minimalInput });
    expect(errors).toBeUndefined();

    const { livingid } = data.createLiving;
    const read = await run("query ($id: ID!) { living(livingid: $id) { theme anchor { userid name } } }", {
      id: livingid,
    });
    expect(read).toEqual({
      data: { living: { theme: minimalInput.theme, anchor: { userid: "zhangsan", name: "张三" } } },
    });
  });

  it("brings the code of a read's error to the client", async () => {
    const { errors } = await run(`{ living(livingid: "no-such-living") { theme } }`);

    expect(errors).toMatchObject([{ path: ["living"], extensions: { errcode: expect.any(Number) } }]);
  });

  it("lets nobody create without the scope", async () => {
    const before = living.simulator.requestsTo("living/create").length;
    const { errors } = await run(createLiving, { input: minimalInput }, "living:read");

    expect(errors).toMatchObject([{ extensions: { code: "FORBIDDEN", scope: "living:write" } }]);
    expect(living.simulator.requestsTo("living/create")).toHaveLength(before);
  });
});
