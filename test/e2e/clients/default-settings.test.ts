/** Clients as a newcomer has them, without any setting of ours: they work, or say which setting they need. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { ApolloClient, HttpLink, InMemoryCache } from "@apollo/client";
import { Client, fetchExchange } from "@urql/core";
import {
  buildSchema,
  getNamedType,
  getNullableType,
  graphql,
  type GraphQLOutputType,
  type GraphQLUnionType,
  isAbstractType,
  isEnumType,
  isListType,
  isObjectType,
} from "graphql";
import * as client from "../../../packages/client/src/index.js";
import { type Gateway, startGateway } from "../../support/gateway.js";
import { minimalInput } from "../../support/inputs.js";
import { checkout } from "../../support/running.js";

const schema = buildSchema(readFileSync(join(checkout, "schema.api.graphql"), "utf8"));

/** Any value of the type. Where there are several types to choose from, it is the chosen one. */
function valueOf(type: GraphQLOutputType, chosen: string): unknown {
  const nullable = getNullableType(type);
  if (isListType(nullable)) return [valueOf(nullable.ofType, chosen)];
  if (isEnumType(nullable)) return nullable.getValues()[0]!.value;
  const concrete = isAbstractType(nullable) ? schema.getType(chosen) : nullable;
  if (!isObjectType(concrete)) return 1;
  const fields = Object.values(concrete.getFields());
  return {
    __typename: concrete.name,
    ...Object.fromEntries(fields.map(({ name, type }) => [name, () => valueOf(type, chosen)])),
  };
}

const byDefault = (link: HttpLink) => new ApolloClient({ link, cache: new InMemoryCache() });

/** A server of this schema that answers with the chosen types. */
const answering = (chosen: string) =>
  new HttpLink({
    fetch: async (_uri, init) => {
      const { query: source, variables: variableValues } = JSON.parse(init?.body as string);
      const rootValue = Object.fromEntries(
        [schema.getQueryType()!, schema.getMutationType()!].flatMap((root) =>
          Object.values(root.getFields()).map(({ name, type }) => [name, () => valueOf(type, chosen)]),
        ),
      );
      return Response.json(await graphql({ schema, source, variableValues, rootValue }));
    },
  });

const livingid = "LIVINGID";
const mutations: [client.TypedDocumentNode<any, any>, object][] = [
  [client.CreateLivingDocument, { input: minimalInput }],
  [client.ModifyLivingDocument, { livingid, input: { theme: "theme" } }],
  [client.CancelLivingDocument, { livingid }],
  [client.DeleteLivingReplayDocument, { livingid }],
  [client.UploadLivingImageDocument, { image: "any", purpose: "COVER" }],
];
const membersOf = (field: string) =>
  (getNamedType(schema.getMutationType()!.getFields()[field]!.type) as GraphQLUnionType).getTypes();
const fieldOf = ({ definitions: [operation] }: client.TypedDocumentNode<any, any>): string =>
  (operation as any).selectionSet.selections[0].name.value;

describe("Apollo Client with `new InMemoryCache()`", () => {
  it.each(
    mutations.flatMap(([mutation, variables]) =>
      membersOf(fieldOf(mutation)).map(({ name }) => [fieldOf(mutation), name, mutation, variables] as const),
    ),
  )(
    "gets every field that the package's document for %s selects of %s",
    async (_field, member, mutation, variables) => {
      const { mutate } = byDefault(answering(member));

      const sent = await mutate({ mutation, variables, fetchPolicy: "no-cache" });
      const { data } = await mutate({ mutation, variables });

      expect(data).toEqual(sent.data);
    },
  );

  it.each(["LivingMemberViewer", "LivingExternalViewer"])("gets every field of a %s", async (name) => {
    const { query } = byDefault(answering(name));
    const request = { query: client.LivingViewersDocument, variables: { livingid } };

    const sent = await query({ ...request, fetchPolicy: "no-cache" });
    const { data } = await query(request);

    expect(data).toEqual(sent.data);
    expect(data!.living!.viewers!.edges[0]!.node).toMatchObject({ __typename: name, watchTime: 1 });
  });
});

describe("A newcomer's client", () => {
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());
  const refusedByWecom = () =>
    gateway.simulator.faults.inject({ kind: "errcode", api: "living/create", errcode: 60111, errmsg: "no such user" });

  it("gets message and errcode from the gateway: Apollo Client, with the package's document", async () => {
    refusedByWecom();
    const { mutate } = byDefault(new HttpLink({ uri: `${gateway.url}/graphql` }));

    const { data } = await mutate({ mutation: client.CreateLivingDocument, variables: { input: minimalInput } });

    expect(data!.createLiving).toMatchObject({
      message: expect.stringContaining("No such userid"),
      errcode: 60111,
    });
  });

  // Bundlers take this condition while one develops.
  it("says in development which setting it needs: Apollo Client, with the README's query", async () => {
    const [, request] = /-d '([^']+)'/.exec(readFileSync(join(checkout, "README.md"), "utf8"))!;
    const program = `
      import { ApolloClient, gql, HttpLink, InMemoryCache } from "@apollo/client";
      const client = new ApolloClient({ link: new HttpLink({ uri: "${gateway.url}/graphql" }), cache: new InMemoryCache() });
      const { query, variables } = ${request};
      const { data } = await client.mutate({ mutation: gql(query), variables });
      console.log(data.createLiving.__typename);`;
    refusedByWecom();

    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      ["--conditions=development", "--input-type=module", "--eval", program],
      { cwd: checkout },
    );

    expect(stdout).toBe("LivingNotFoundError\n");
    expect(stderr).toMatch(/Cannot match inline fragment on `LivingError` .* missing `possibleTypes`/);
  });

  it("gets an error that names the setting it needs: urql, which sends queries by GET", async () => {
    const urql = new Client({ url: `${gateway.url}/graphql`, exchanges: [fetchExchange] });

    const { error } = await urql.query(client.ReadLivingDocument, { livingid: "any" }).toPromise();

    expect(error?.message).toContain("Or send it by POST (urql: preferGetMethod: false)");
  });
});
