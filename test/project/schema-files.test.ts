import { readFileSync } from "node:fs";
import { describe, expect, it } from "@jest/globals";
import { buildSchema, Kind, parse } from "graphql";

const names = (file: string) =>
  parse(readFileSync(file, "utf8")).definitions.flatMap((definition) =>
    definition.kind === Kind.OBJECT_TYPE_DEFINITION ? [definition.name.value] : [],
  );

describe("The schema files", () => {
  it.each(["schema.graphql", "schema.api.graphql"])("begin with the root types: %s", (file) => {
    expect(names(file).slice(0, 3)).toEqual(["Query", "Mutation", "Subscription"]);
  });

  it("are of the same types, with and without federation", () => {
    expect(names("schema.api.graphql").toSorted()).toEqual(names("schema.graphql").toSorted());
  });

  it("let a client build the API schema without anything of federation", () => {
    const text = readFileSync("schema.api.graphql", "utf8");

    expect(buildSchema(text).getMutationType()?.getFields()["createLiving"]).toBeDefined();
    expect(text).not.toMatch(
      /@(key|link|shareable|tag|authenticated|requiresScopes|cost|listSize|cacheControl|contact)\b/,
    );
  });

  it("say of each deprecated field until when it works, and what to use instead", () => {
    const reasons = readFileSync("schema.graphql", "utf8").match(/@deprecated.*/g)!;

    expect(reasons.length).toBeGreaterThan(0);
    for (const reason of reasons) expect(reason).toMatch(/^@deprecated\(reason: "Until 20\d\d-(0[1-9]|1[0-2]): use \S/);
  });
});
