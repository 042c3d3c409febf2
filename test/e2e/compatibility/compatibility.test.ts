/**
 * Apollo's own tests of a subgraph, run from its package against our `products` and its `users` and `inventory`. Its
 * runner would start a router by docker; here @apollo/gateway takes the router's place.
 *
 * @see https://github.com/apollographql/apollo-federation-subgraph-compatibility
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { dirname, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { ApolloGateway } from "@apollo/gateway";
import { serve } from "../../support/server.js";
import { compose, type SubgraphSource } from "../../support/supergraph.js";
import { productsSubgraph } from "./products.js";

const require = createRequire(import.meta.url);
const suite = dirname(require.resolve("@apollo/federation-subgraph-compatibility-tests"));

async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

// Where the suite's tests send their requests: read when its client is loaded, so before anything runs.
const productsPort = await freePort();
process.env["PRODUCTS_URL"] = `http://127.0.0.1:${productsPort}/`;
const client = require(resolve(suite, "utils/client.js")) as { ROUTER_URL: string };

const running: (() => PromiseLike<void>)[] = [];
afterAll(async () => {
  for (const stop of running) await stop();
});

/** One of the suite's own subgraphs; it says when it listens. */
async function startSuiteSubgraph(name: "users" | "inventory"): Promise<SubgraphSource> {
  const port = await freePort();
  const folder = resolve(suite, "subgraphs", name);
  const child = spawn(process.execPath, [resolve(folder, "index.js")], {
    env: { ...process.env, [`${name.toUpperCase()}_PORT`]: String(port) },
    stdio: ["ignore", "pipe", "inherit"],
  });
  running.push(async () => {
    child.kill();
    await once(child, "exit");
  });
  await once(child.stdout, "data");
  return { name, url: `http://localhost:${port}/`, sdl: readFileSync(resolve(folder, `${name}.graphql`), "utf8") };
}

beforeAll(async () => {
  const products = await serve({ schema: productsSubgraph.schema }, productsPort);
  running.push(() => products[Symbol.asyncDispose]());
  const subgraphs = await Promise.all([startSuiteSubgraph("users"), startSuiteSubgraph("inventory")]);
  const supergraphSdl = compose([{ name: "products", url: products.url, sdl: productsSubgraph.sdl }, ...subgraphs]);
  const router = await serve({ gateway: new ApolloGateway({ supergraphSdl }) });
  running.unshift(() => router[Symbol.asyncDispose]());
  client.ROUTER_URL = router.url;
});

describe("Apollo's subgraph compatibility suite", () => {
  const files = readdirSync(resolve(suite, "tests")).filter((file) => file.endsWith(".test.js"));

  it("is here with all its twelve files", () => expect(files).toHaveLength(12));

  for (const file of files) require(resolve(suite, "tests", file));
});
