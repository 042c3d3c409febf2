/** Two gateways that a platform team may run, configured as docs/supergraph.md says. */
import { ApolloGateway, RemoteGraphQLDataSource } from "@apollo/gateway";
import { createGatewayRuntime } from "@graphql-hive/gateway-runtime";
import httpTransport from "@graphql-mesh/transport-http";
import type { GraphQLFormattedError } from "graphql";
import { gatewayConfig, headersFor, verifiedClaims } from "../../../deploy/gateway.config.js";
import { corpid } from "../../support/gateway.js";
import type { Issuer } from "../../support/issuer.js";
import { type ClientHeaders, serve } from "../../support/server.js";
import { compose, type SubgraphSource, withoutAuthorization } from "../../support/supergraph.js";

export interface Reply {
  readonly data: any;
  readonly errors?: readonly GraphQLFormattedError[];
}

export interface RunningGateway extends AsyncDisposable {
  /** @param more `extensions` of the request, and headers beside the token */
  run(
    query: string,
    variables?: unknown,
    claims?: Record<string, unknown>,
    more?: { headers?: Record<string, string>; extensions?: unknown },
  ): Promise<Reply>;
}

type Fetch = (init: { method: string; headers: Record<string, string>; body: string }) => Promise<Response>;

/** What the issuer says of the caller. */
const zhangsan = { corpid, userid: "zhangsan", scope: "living:read living:write" };

async function bearerOf(issuer: Issuer, claims: Record<string, unknown>): Promise<Record<string, string>> {
  return { authorization: `Bearer ${await issuer.sign({ ...zhangsan, ...claims })}` };
}

const runnerOver =
  (issuer: Issuer, send: Fetch): RunningGateway["run"] =>
  async (query, variables, claims = {}, { headers, extensions } = {}) => {
    const body = JSON.stringify({ query, variables, extensions });
    const response = await send({
      method: "POST",
      headers: { "content-type": "application/json", ...(await bearerOf(issuer, claims)), ...headers },
      body,
    });
    return (await response.json()) as Reply;
  };

export async function startApolloGateway(
  subgraphs: readonly SubgraphSource[],
  issuer: Issuer,
): Promise<RunningGateway> {
  const open = subgraphs.map((subgraph) => ({ ...subgraph, sdl: withoutAuthorization(subgraph.sdl) }));
  const gateway = new ApolloGateway({
    supergraphSdl: compose(open),
    buildService: ({ name, url }) =>
      new RemoteGraphQLDataSource<ClientHeaders>({
        ...(url !== undefined && { url }),
        willSendRequest: async ({ request, context }) => {
          const client = new Headers(context.headers as Record<string, string>);
          const headers = headersFor(name, client, await verifiedClaims(client));
          for (const [header, value] of Object.entries(headers)) request.http?.headers.set(header, value);
        },
      }),
  });
  const served = await serve({ gateway });
  return {
    run: runnerOver(issuer, (init) => fetch(served.url, init)),
    [Symbol.asyncDispose]: () => served[Symbol.asyncDispose](),
  };
}

/** Over server-sent events, to the gateway as from it to ours. */
export interface SubscribableGateway extends RunningGateway {
  subscribe(query: string): Promise<{ next(): Promise<Reply>; close(): Promise<void> }>;
}

export function startHiveGateway(
  subgraphs: readonly SubgraphSource[],
  issuer: Issuer,
  options: Pick<Parameters<typeof createGatewayRuntime>[0], "genericAuth"> = {},
): Promise<SubscribableGateway> {
  const gateway = createGatewayRuntime({
    ...gatewayConfig,
    ...options,
    supergraph: compose(subgraphs),
    transports: { http: httpTransport },
    logging: false,
  });
  return Promise.resolve({
    run: runnerOver(issuer, async (init) => await gateway.fetch("http://gateway/graphql", init)),
    subscribe: async (query) => {
      const response = await gateway.fetch("http://gateway/graphql", {
        method: "POST",
        headers: { "content-type": "application/json", accept: "text/event-stream", ...(await bearerOf(issuer, {})) },
        body: JSON.stringify({ query }),
      });
      const reader = response.body!.getReader();
      const decoder = new TextDecoder();
      let text = "";
      return {
        next: async () => {
          for (;;) {
            const event = /^event: next\ndata: (.*)$/m.exec(text);
            if (event) return JSON.parse(event[1]!) as Reply;
            const { done, value } = await reader.read();
            if (done) throw new Error(`the stream has ended: ${text}`);
            text += decoder.decode(value, { stream: true });
          }
        },
        close: () => reader.cancel(),
      };
    },
    [Symbol.asyncDispose]: async () => {
      await gateway[Symbol.asyncDispose]();
    },
  });
}
