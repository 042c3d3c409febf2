import { describe, expect, it } from "@jest/globals";
import apollo from "@apollo/composition";
import { composeServices as composeWithGuild } from "@theguild/federation-composition";
import { federateSubgraphs, LATEST_ROUTER_COMPATIBILITY_VERSION } from "@wundergraph/composition";
import { parse, print } from "graphql";
import { exampleSubgraphs, type SubgraphSource, withoutAuthorization } from "../../support/supergraph.js";

const all = exampleSubgraphs();
const living = all.filter(({ name }) => name === "living");
const open = all.map((subgraph) => ({ ...subgraph, sdl: withoutAuthorization(subgraph.sdl) }));

const services = (subgraphs: readonly SubgraphSource[]) =>
  subgraphs.map(({ name, url, sdl }) => ({ name, url, typeDefs: parse(sdl) }));

const composers = {
  "@apollo/composition": (subgraphs: readonly SubgraphSource[]) => {
    const { supergraphSdl, errors = [], hints = [] } = apollo.composeServices(services(subgraphs));
    return { supergraphSdl, complaints: [...errors, ...hints].map(String) };
  },
  "@theguild/federation-composition": (subgraphs: readonly SubgraphSource[]) => {
    const { supergraphSdl, errors = [] } = composeWithGuild(services(subgraphs));
    return { supergraphSdl, complaints: errors.map(String) };
  },
};

/** For Cosmo's router, which takes no supergraph in SDL: what clients would see stands in its place. */
const cosmo = (subgraphs: readonly SubgraphSource[]) => {
  const definitions = subgraphs.map(({ name, url, sdl }) => ({ name, url, definitions: parse(sdl) }));
  const result = federateSubgraphs({ subgraphs: definitions, version: LATEST_ROUTER_COMPATIBILITY_VERSION });
  return {
    supergraphSdl: result.success ? print(result.federatedGraphAST) : undefined,
    complaints: [...(result.success ? [] : result.errors), ...result.warnings].map(({ message }) => message),
  };
};

describe.each(Object.entries({ ...composers, "@wundergraph/composition": cosmo }))(
  "composed by %s",
  (_name, compose) => {
    it.each([
      ["schema.graphql by itself", living],
      ["with the members of the example", all],
      ["without the directives for authorization", open],
    ])("gives a supergraph without errors and hints: %s", (_what, subgraphs) => {
      const { supergraphSdl, complaints } = compose(subgraphs);
      expect(complaints).toEqual([]);
      expect(supergraphSdl).toContain("createLiving");
    });
  },
);

describe.each(Object.entries(composers))("a supergraph composed by %s", (_name, compose) => {
  it("tells the router who may ask for what, and what it costs", () => {
    const { supergraphSdl } = compose(all);
    expect(supergraphSdl).toMatch(/pushStreamUrl: String .*@requiresScopes\(scopes: \[\["living:push"\]\]\)/);
    expect(supergraphSdl).toMatch(/type Living\b[^{]*@authenticated/);
    expect(supergraphSdl).toMatch(/livings\([^{]*@listSize\([^)]*slicingArguments: \["first"\]/);
    expect(supergraphSdl).toMatch(/pushStreamUrl: String .*@tag\(name: "secret"\)/);
  });

  it("leaves nothing of the authorization where it was taken out, and all else", () => {
    const { supergraphSdl } = compose(open);
    expect(supergraphSdl).not.toMatch(/authenticated|requiresScopes/);
    expect(supergraphSdl).toMatch(/pushStreamUrl: String .*@tag\(name: "secret"\)/);
  });
});
