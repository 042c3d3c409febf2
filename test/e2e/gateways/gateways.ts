/** Two gateways that a platform team may run, configured as docs/supergraph.md says. */
import { ApolloGateway, RemoteGraphQLDataSource } from "@apollo/gateway";
import { createGatewayRuntime } from "@graphql-hive/gateway-runtime";
import httpTransport from "@graphql-mesh/transport-http";
import type { GraphQLFormattedError } from "graphql";
import { gatewayConfig } from "../../../deploy/gateway.config.js";
import { corpid } from "../../support/gateway.js";
import { type ClientHeaders, serve } from "../../support/server.js";
import { compose, type SubgraphSource, withoutAuthorization } from "../../support/supergraph.js";

export interface Reply {
  readonly data: any;
  readonly errors?: readonly GraphQLFormattedError[];
}

export interface RunningGateway extends AsyncDisposable {
  run(query: string, variables?: unknown, headers?: Record<string, string>): Promise<Reply>;
}

type Fetch = (init: { method: string; headers: Record<string, string>; body: string }) => Promise<Response>;

/** What an authenticating proxy would say of the caller. */
const zhangsan = {
  "x-wecom-corpid": corpid,
  "x-wecom-userid": "zhangsan",
  "x-wecom-scopes": "living:read living:write",
};

const runnerOver =
  (send: Fetch): RunningGateway["run"] =>
  async (query, variables, headers) => {
    const body = JSON.stringify({ query, variables });
    const response = await send({
      method: "POST",
      headers: { "content-type": "application/json", ...zhangsan, ...headers },
      body,
    });
    return (await response.json()) as Reply;
  };

export async function startApolloGateway(subgraphs: readonly SubgraphSource[]): Promise<RunningGateway> {
  const open = subgraphs.map((subgraph) => ({ ...subgraph, sdl: withoutAuthorization(subgraph.sdl) }));
  const gateway = new ApolloGateway({
    supergraphSdl: compose(open),
    buildService: ({ name, url }) =>
      new RemoteGraphQLDataSource<ClientHeaders>({
        ...(url !== undefined && { url }),
        willSendRequest: ({ request, context }) => {
          const client = new Request("http://client", { headers: context.headers as Record<string, string> });
          const headers = gatewayConfig.propagateHeaders.fromClientToSubgraphs({ request: client, subgraphName: name });
          for (const [header, value] of Object.entries(headers)) request.http?.headers.set(header, value);
        },
      }),
  });
  const served = await serve({ gateway });
  return {
    run: runnerOver((init) => fetch(served.url, init)),
    [Symbol.asyncDispose]: () => served[Symbol.asyncDispose](),
  };
}

/** Over server-sent events, to the gateway as from it to ours. */
export interface SubscribableGateway extends RunningGateway {
  subscribe(query: string): Promise<{ next(): Promise<Reply>; close(): Promise<void> }>;
}

export function startHiveGateway(
  subgraphs: readonly SubgraphSource[],
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
    run: runnerOver(async (init) => await gateway.fetch("http://gateway/graphql", init)),
    subscribe: async (query) => {
      const response = await gateway.fetch("http://gateway/graphql", {
        method: "POST",
        headers: { "content-type": "application/json", accept: "text/event-stream", ...zhangsan },
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
