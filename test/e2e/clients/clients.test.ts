import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { ApolloClient, HttpLink, InMemoryCache } from "@apollo/client";
import { Client, fetchExchange } from "@urql/core";
import { cacheExchange } from "@urql/exchange-graphcache";
import { print } from "graphql";
import { GraphQLClient } from "graphql-request";
import { possibleTypes, typePolicies } from "../../../packages/client/src/apollo.js";
import {
  CreateLivingDocument,
  createLivingOnce,
  isLivingError,
  type LivingInput,
  LivingsDocument,
  LivingViewersDocument,
  ReadLivingDocument,
  type TypedDocumentNode,
} from "../../../packages/client/src/index.js";
import { graphcacheOptions, urqlOptions } from "../../../packages/client/src/urql.js";
import { corpid, type Gateway, startGateway } from "../../support/gateway.js";
import { booking, documentedBody, documentedInput, minimalInput } from "../../support/inputs.js";

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway({ env: { WECOM_TIMEOUT_MS: "3000", WECOM_SETTLE_MS: "3000" } });
});
afterAll(() => gateway.close());
beforeEach(() => {
  gateway.simulator.forgetRequests();
  gateway.simulator.faults.clear();
});

/** Rejects with what the client throws for errors, as a frontend would see it. */
type Run = <Data, Variables extends Record<string, unknown>>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
) => Promise<Data>;

const apollo = (uri: string) =>
  new ApolloClient({ link: new HttpLink({ uri }), cache: new InMemoryCache({ possibleTypes, typePolicies }) });

/** A mutation and a query: some clients send them differently. */
const clients: Record<string, (url: string) => { mutate: Run; query: Run }> = {
  "@apollo/client": (url) => {
    const client = apollo(url);
    return {
      mutate: async (mutation, variables) => (await client.mutate({ mutation, variables } as never)).data as never,
      query: async (query, variables) => (await client.query({ query, variables } as never)).data as never,
    };
  },
  urql: (url) => {
    const client = new Client({ ...urqlOptions, url, exchanges: [fetchExchange] });
    const dataOf = ({ data, error }: { data?: unknown; error?: Error | undefined }) => {
      if (error) throw error;
      return data as never;
    };
    return {
      mutate: async (document, variables) => dataOf(await client.mutation(document, variables).toPromise()),
      query: async (document, variables) => dataOf(await client.query(document, variables).toPromise()),
    };
  },
  "graphql-request": (url) => {
    const client = new GraphQLClient(url);
    const run: Run = (document, variables) => client.request({ document, variables } as never);
    return { mutate: run, query: run };
  },
  fetch: (url) => {
    const run: Run = async (document, variables) => {
      const response = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ query: print(document), variables }),
      });
      const { data, errors } = await response.json();
      if (errors) throw Object.assign(new Error(errors[0].message), { errors });
      return data;
    };
    return { mutate: run, query: run };
  },
};

const sendWith =
  ({ mutate }: { mutate: Run }) =>
  async (variables: { input: LivingInput; idempotencyKey: string }) =>
    (await mutate(CreateLivingDocument, variables)).createLiving;

describe.each(Object.entries(clients))("A frontend with %s and wecom-living-client", (name, connect) => {
  it("schedules a living and reads it back", async () => {
    const client = connect(`${gateway.url}/graphql`);

    const { createLiving: created } = await client.mutate(CreateLivingDocument, { input: documentedInput });
    if (isLivingError(created)) throw new Error(created.message);
    const { living } = await client.query(ReadLivingDocument, { livingid: created.livingid });

    expect(gateway.simulator.requestsTo("living/create").map(({ body }) => body)).toEqual([documentedBody]);
    expect(living).toMatchObject({ livingid: created.livingid, theme: documentedInput.theme, type: "EVENT" });
  });

  it("gets every field of a refused input, and of a refusal of WeCom's", async () => {
    const { mutate } = connect(`${gateway.url}/graphql`);
    gateway.simulator.faults.inject({
      kind: "errcode",
      api: "living/create",
      errcode: 60111,
      errmsg: "userid not found",
    });

    const { createLiving: refused } = await mutate(CreateLivingDocument, { input: { ...minimalInput, theme: "" } });
    const { createLiving: strange } = await mutate(CreateLivingDocument, { input: minimalInput });

    expect(isLivingError(refused) && refused.message).toBe("The input breaks WeCom's rules: theme");
    expect(refused.__typename === "LivingInputError" && refused.fields.map(({ path }) => path)).toEqual(["theme"]);
    expect(strange.__typename === "LivingNotFoundError" && strange.missing).toBe("USER");
  });

  it("creates one living although WeCom's first answer is lost", async () => {
    gateway.simulator.faults.inject({ kind: "drop", api: "living/create", effect: "applied" });
    const send = sendWith(connect(`${gateway.url}/graphql`));

    const created = await createLivingOnce(send, { ...minimalInput, theme: name.slice(0, 20) }, `lost-${name}`);

    expect(created.__typename).toBe("CreateLivingSuccess");
    expect(gateway.simulator.requestsTo("living/create")).toHaveLength(1);
  });

  it("does not repeat a request that the gateway refuses for good", async () => {
    let sent = 0;
    const { mutate } = connect(`${gateway.url}/graphql`);
    const create = createLivingOnce(
      async () => {
        sent += 1;
        return (await mutate(CreateLivingDocument, { input: { theme: "no anchor" } as never })).createLiving;
      },
      { of: name },
      `bad-${name}`,
    );

    await expect(create).rejects.toThrow(/anchorUserid/);
    expect(sent).toBe(1);
  });
});

describe("Apollo Client's cache with the type policies", () => {
  const reserve = (theme: string) =>
    gateway.simulator.livings.reserve({ corpid, agentid: 1000014 }, { ...booking, anchorUserid: "lisi", theme })
      .livingid;

  it("puts pages behind each other, and starts again on a refetch", async () => {
    const ids = ["one", "two", "three"].map(reserve);
    const client = apollo(`${gateway.url}/graphql`);
    const variables = { anchorUserid: "lisi", first: 2 };
    const watched = client.watchQuery({ query: LivingsDocument, variables });
    const subscription = watched.subscribe({});
    const shown = () => client.readQuery({ query: LivingsDocument, variables })!.livings;

    const { pageInfo } = (await client.query({ query: LivingsDocument, variables })).data!.livings;
    await watched.fetchMore({ variables: { after: pageInfo.endCursor } });
    const all = shown();
    await watched.refetch();

    expect(all.edges.map(({ node }) => node!.livingid).sort()).toEqual([...ids].sort());
    expect(all.pageInfo).toMatchObject({ hasNextPage: false, startCursor: pageInfo.startCursor });
    expect(shown().edges).toHaveLength(2);
    subscription.unsubscribe();
  });

  it("shows a page once that was asked for twice", async () => {
    const client = apollo(`${gateway.url}/graphql`);
    const variables = { anchorUserid: "lisi", first: 1 };
    const watched = client.watchQuery({ query: LivingsDocument, variables });
    const subscription = watched.subscribe({});
    const { data } = await client.query({ query: LivingsDocument, variables });
    const after = data!.livings.pageInfo.endCursor;

    await watched.fetchMore({ variables: { after } });
    await watched.fetchMore({ variables: { after } });

    expect(client.readQuery({ query: LivingsDocument, variables })!.livings.edges).toHaveLength(2);
    subscription.unsubscribe();
  });

  it("reads a living from the cache that a list has read", async () => {
    const client = apollo(`${gateway.url}/graphql`);
    const { data } = await client.query({ query: LivingsDocument, variables: { anchorUserid: "lisi", first: 1 } });
    const { livingid } = data!.livings.edges[0]!.node!;

    const read = await client.query({ query: ReadLivingDocument, variables: { livingid }, fetchPolicy: "cache-only" });

    expect(read.data!.living!.livingid).toBe(livingid);
  });

  it("keeps one entry for a member, however the userid is written", () => {
    const cache = new InMemoryCache({ possibleTypes, typePolicies });
    expect(cache.identify({ __typename: "WecomUser", userid: "ZhangSan" })).toBe("WecomUser:zhangsan");
    expect(cache.identify({ __typename: "Living", livingid: "a" })).toBe('Living:{"livingid":"a"}');
  });
});

describe("urql's Graphcache with the keys", () => {
  it("warns of nothing", async () => {
    const said: unknown[] = [];
    const { warn, error } = console;
    console.warn = console.error = (...words: unknown[]) => void said.push(words);
    const { livingid } = gateway.simulator.livings.reserve({ corpid, agentid: 1000014 }, booking);
    const exchanges = [cacheExchange(graphcacheOptions), fetchExchange];
    const client = new Client({ ...urqlOptions, url: `${gateway.url}/graphql`, exchanges });
    const { data } = await client.query(LivingsDocument, { anchorUserid: "zhangsan", first: 1 }).toPromise();
    await client.query(LivingViewersDocument, { livingid, first: 20 }).toPromise();
    Object.assign(console, { warn, error });

    expect(said).toEqual([]);
    expect(data!.livings.edges).toHaveLength(1);
  });
});
