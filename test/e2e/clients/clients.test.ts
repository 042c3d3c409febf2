import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { ApolloClient, HttpLink, InMemoryCache } from "@apollo/client";
import { Client, fetchExchange } from "@urql/core";
import { GraphQLClient } from "graphql-request";
import {
  CreateLivingDocument,
  type CreateLivingMutation,
  type CreateLivingMutationVariables,
  ReadLivingDocument,
  type ReadLivingQuery,
} from "../../operations/generated/operations.js";
import introspection from "../../operations/generated/possible-types.js";
import { type Gateway, startGateway } from "../../support/gateway.js";
import { documentedBody, documentedInput } from "../../support/inputs.js";

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());
beforeEach(() => {
  gateway.simulator.forgetRequests();
  gateway.simulator.faults.clear();
});

interface TypedClient {
  create(variables: CreateLivingMutationVariables): Promise<CreateLivingMutation | undefined>;
  read(livingid: string): Promise<ReadLivingQuery | undefined>;
}

const clients: Record<string, (url: string) => TypedClient> = {
  "@apollo/client": (uri) => {
    const client = new ApolloClient({ link: new HttpLink({ uri }), cache: new InMemoryCache(introspection) });
    return {
      create: async (variables) => (await client.mutate({ mutation: CreateLivingDocument, variables })).data,
      read: async (livingid) => (await client.query({ query: ReadLivingDocument, variables: { livingid } })).data,
    };
  },
  urql: (url) => {
    const client = new Client({ url, exchanges: [fetchExchange], preferGetMethod: false });
    return {
      create: async (variables) => (await client.mutation(CreateLivingDocument, variables)).data,
      read: async (livingid) => (await client.query(ReadLivingDocument, { livingid })).data,
    };
  },
  "graphql-request": (url) => {
    const client = new GraphQLClient(url);
    return {
      create: (variables) => client.request(CreateLivingDocument, variables),
      read: (livingid) => client.request(ReadLivingDocument, { livingid }),
    };
  },
};

describe.each(Object.entries(clients))("A frontend with %s and generated types", (_name, connect) => {
  it("schedules a living and reads it back", async () => {
    const client = connect(`${gateway.url}/graphql`);

    const created = (await client.create({ input: documentedInput }))!.createLiving;
    if (created.__typename !== "CreateLivingSuccess") throw new Error(created.message);
    const read = await client.read(created.livingid);

    expect(gateway.simulator.requestsTo("living/create").map(({ body }) => body)).toEqual([documentedBody]);
    expect(read!.living).toMatchObject({ livingid: created.livingid, theme: documentedInput.theme, type: "EVENT" });
  });

  it("tells a refused input from a refusal of WeCom's by the type of the answer", async () => {
    // Of its own, for after 45009 WeCom is not called for a minute.
    await using limiting = await startGateway();
    const client = connect(`${limiting.url}/graphql`);
    limiting.simulator.faults.inject({ kind: "errcode", api: "living/create", errcode: 45009 });

    const refused = (await client.create({ input: { ...documentedInput, theme: "" } }))!.createLiving;
    const limited = (await client.create({ input: documentedInput }))!.createLiving;

    expect(refused.__typename === "LivingInputError" && refused.fields.map(({ path }) => path)).toEqual(["theme"]);
    expect(limited.__typename === "LivingRateLimitError" && limited.retryAfterSeconds).toBe(60);
  });
});
