/** Subgraphs and gateways of Apollo Server's for the tests, each on a free port. */
import { ApolloServer, type ApolloServerOptions, type BaseContext } from "@apollo/server";
import { startStandaloneServer } from "@apollo/server/standalone";
import type { IncomingHttpHeaders } from "node:http";
import { createLogger } from "../../src/observability/logger.js";

export interface Served extends AsyncDisposable {
  readonly url: string;
}

export interface ClientHeaders extends BaseContext {
  readonly headers: IncomingHttpHeaders;
}

/** @param port a free one when it is not given */
export async function serve(options: ApolloServerOptions<ClientHeaders>, port = 0): Promise<Served> {
  const server = new ApolloServer<ClientHeaders>({
    ...options,
    includeStacktraceInErrorResponses: false,
    logger: createLogger("silent"),
  });
  const { url } = await startStandaloneServer(server, {
    listen: { port, host: "127.0.0.1" },
    context: ({ req }) => Promise.resolve({ headers: req.headers }),
  });
  return { url, [Symbol.asyncDispose]: () => server.stop() };
}
