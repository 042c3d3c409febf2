/** The example of deploy/ as a platform team would put it together: a running gateway of ours and the members, composed. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import apollo from "@apollo/composition";
import { parse } from "graphql";
import { parse as parseYaml } from "yaml";

export const repository = resolve(import.meta.dirname, "../..");

export interface SubgraphSource {
  readonly name: string;
  readonly url: string;
  readonly sdl: string;
}

/** The subgraphs of deploy/supergraph.yaml: what `rover supergraph compose` would read. */
export function exampleSubgraphs(): SubgraphSource[] {
  const config = resolve(repository, "deploy/supergraph.yaml");
  const { subgraphs } = parseYaml(readFileSync(config, "utf8")) as {
    subgraphs: Record<string, { routing_url: string; schema: { file: string } }>;
  };
  return Object.entries(subgraphs).map(([name, { routing_url: url, schema }]) => ({
    name,
    url,
    sdl: readFileSync(resolve(dirname(config), schema.file), "utf8"),
  }));
}

/** @throws when the subgraphs do not compose */
export function compose(subgraphs: readonly SubgraphSource[]): string {
  const services = subgraphs.map(({ name, url, sdl }) => ({ name, url, typeDefs: parse(sdl) }));
  const result = apollo.composeServices(services);
  if (result.errors) throw new AggregateError(result.errors, result.errors.join("\n"));
  return result.supergraphSdl;
}

/** As the docs say to do for a router that refuses @authenticated and @requiresScopes. */
export function withoutAuthorization(sdl: string): string {
  const script = resolve(repository, "deploy/without-authorization.mjs");
  return execFileSync(process.execPath, [script], { input: sdl, encoding: "utf8" });
}

/** deploy/example/members.mjs as it runs for whoever follows the docs. */
export async function startMembers(): Promise<AsyncDisposable & { readonly url: string }> {
  const child = spawn(process.execPath, [resolve(repository, "deploy/example/members.mjs"), "0"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return {
    url: line.toString().trim(),
    [Symbol.asyncDispose]: async () => {
      child.kill();
      await once(child, "exit");
    },
  };
}
