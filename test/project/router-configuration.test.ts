/**
 * The examples for Apollo Router, as text: no test can run it here. That this gateway holds what they rely on (an empty
 * header is none, two are refused) is tested in `identity.test.ts`.
 */
import { describe, expect, it } from "@jest/globals";
import { readFileSync } from "node:fs";
import { parse } from "yaml";

const read = (name: string) => readFileSync(new URL(`../../deploy/${name}`, import.meta.url), "utf8");

interface Rule {
  readonly propagate?: { readonly named?: string; readonly matching?: string };
  readonly insert?: { readonly name: string; readonly value: string };
  readonly remove?: { readonly named?: string; readonly matching?: string };
}

interface RouterConfiguration {
  readonly [section: string]: unknown;
  readonly headers: { readonly all?: unknown; readonly subgraphs: Record<string, { readonly request: Rule[] }> };
}

const identity = ["x-wecom-corpid", "x-wecom-userid", "x-wecom-scopes", "router-authorization"];
const forged = Object.fromEntries(
  [...identity, "X-WeCom-Scopes", "Router-Authorization"].map((name) => [name, "forged"]),
);

/** As Apollo Router does: rules in turn, on what the subgraph will be sent; a name's case does not matter. */
function headersSent(rules: readonly Rule[], client: Readonly<Record<string, string>>): Map<string, string> {
  const sent = new Map<string, string>();
  const expression = (text: string) => new RegExp(text.replace(/^\(\?i\)/, ""), text.startsWith("(?i)") ? "i" : "");
  for (const { propagate, insert, remove } of rules) {
    for (const [name, value] of Object.entries(client)) {
      const lower = name.toLowerCase();
      if (propagate?.named === lower) sent.set(lower, value);
      if (propagate?.matching !== undefined && expression(propagate.matching).test(lower)) sent.set(lower, value);
    }
    if (insert) sent.set(insert.name, insert.value);
    if (remove?.named !== undefined) sent.delete(remove.named);
    if (remove?.matching === undefined) continue;
    for (const name of sent.keys()) if (expression(remove.matching).test(name)) sent.delete(name);
  }
  return sent;
}

const rulesOf = (name: string) => (parse(read(name)) as RouterConfiguration).headers.subgraphs["living"]!.request;

describe.each(["router.yaml", "router-claims.yaml"])("deploy/%s", (name) => {
  const configuration = parse(read(name)) as RouterConfiguration;

  it("names the sections that a router knows", () => {
    const known = ["authentication", "authorization", "headers", "include_subgraph_errors", "rhai", "subscription"];

    expect([...known, "traffic_shaping"]).toEqual(expect.arrayContaining(Object.keys(configuration)));
    expect(Object.keys(configuration.headers)).toEqual(["subgraphs"]);
    for (const rule of rulesOf(name)) expect(["propagate", "insert", "remove"]).toContain(Object.keys(rule).join());
  });

  it("passes nothing on that a client says of itself", () => {
    const sent = headersSent(rulesOf(name), { ...forged, "x-request-id": "id" });

    expect(sent.get("x-request-id")).toBe("id");
    for (const header of identity) expect(sent.get(header)).not.toBe("forged");
  });

  it("passes nothing of the kind on even where it is made to pass everything", () => {
    const rules = rulesOf(name);
    const last = rules.findLastIndex(({ propagate }) => propagate);
    const open = [...rules.slice(0, last + 1), { propagate: { matching: ".*" } }, ...rules.slice(last + 1)];
    const sent = headersSent(open, forged);

    // With claims, the script sets those that the rules do not, behind them.
    const setByScript = name === "router-claims.yaml" ? identity.filter((header) => header.startsWith("x-wecom")) : [];
    for (const header of identity.filter((each) => !setByScript.includes(each))) {
      expect(sent.get(header)).not.toBe("forged");
    }
  });

  it("waits longer than the gateway takes", () => {
    expect(configuration["traffic_shaping"]).toEqual({ subgraphs: { living: { timeout: "10s" } } });
  });
});

describe("deploy/router.yaml", () => {
  it("has nothing that Apollo Router refuses to start with where there is no GraphOS plan", () => {
    const licensed =
      /^(authentication|authorization|batching|coprocessor|demand_control|limits|persisted_queries|response_cache|preview_entity_cache|subscription):/m;

    expect(read("router.yaml")).not.toMatch(licensed);
  });

  it("holds no secret: callers are identified by their tokens", () => {
    expect(headersSent(rulesOf("router.yaml"), { authorization: "Bearer a" })).toEqual(
      new Map([["authorization", "Bearer a"]]),
    );
  });
});

describe("deploy/router-claims.rhai", () => {
  const script = read("router-claims.rhai");

  it("sets each header that says who is calling, from verified claims alone, for every request", () => {
    const lines = script.split("\n").filter((line) => line.includes("headers["));

    expect(lines.map((line) => line.trim())).toEqual(
      [
        ["x-wecom-corpid", "corpid"],
        ["x-wecom-userid", "userid"],
        ["x-wecom-scopes", "scope"],
      ].map(([header, claim]) => `request.subgraph.headers["${header}"] = claim(claims, "${claim}");`),
    );
    expect(script).toContain("let claims = request.context[Router.APOLLO_AUTHENTICATION_JWT_CLAIMS];");
    expect(script).not.toMatch(/request\.headers|request\.body/);
    // Nothing stands between the subgraph's name and the headers that could skip one of them.
    expect(script.match(/\bif\b/g)).toHaveLength(2);
  });

  it("is the one that router-claims.yaml runs", () => {
    expect((parse(read("router-claims.yaml")) as RouterConfiguration)["rhai"]).toEqual({
      scripts: "deploy",
      main: "router-claims.rhai",
    });
  });
});
