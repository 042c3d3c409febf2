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

export function startHiveGateway(
  subgraphs: readonly SubgraphSource[],
  options: Pick<Parameters<typeof createGatewayRuntime>[0], "genericAuth"> = {},
): Promise<RunningGateway> {
  const gateway = createGatewayRuntime({
    ...gatewayConfig,
    ...options,
    supergraph: compose(subgraphs),
    transports: { http: httpTransport },
    logging: false,
  });
  return Promise.resolve({
    run: runnerOver(async (init) => await gateway.fetch("http://gateway/graphql", init)),
    [Symbol.asyncDispose]: async () => {
      await gateway[Symbol.asyncDispose]();
    },
  });
}
