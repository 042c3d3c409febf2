/** Apollo Server as this gateway runs it: behind our own listener, with the example filled in on its landing page. */
import { ApolloServer, type ApolloServerPlugin, type BaseContext } from "@apollo/server";
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
} from "@apollo/server/plugin/disabled";
import { ApolloServerPluginLandingPageLocalDefault } from "@apollo/server/plugin/landingPage/default";
import type { GraphQLFormattedError, GraphQLSchema } from "graphql";
import type { Logger } from "../observability/logger.js";

/** The operation that the explorers open with. */
export interface Sample {
  readonly document: string;
  readonly variables: Record<string, unknown>;
}

export interface ApolloOptions {
  readonly schema: GraphQLSchema;
  readonly log: Logger;
  readonly isProduction: boolean;
  readonly sample: Sample;
  formatError(formatted: GraphQLFormattedError, error: unknown): GraphQLFormattedError;
}

export function createApolloServer<TContext extends BaseContext>(options: ApolloOptions): ApolloServer<TContext> {
  const { document, variables } = options.sample;
  return new ApolloServer<TContext>({
    schema: options.schema,
    logger: options.log,
    csrfPrevention: true,
    includeStacktraceInErrorResponses: false,
    introspection: !options.isProduction,
    // The listener drains, and main.ts listens for signals.
    stopOnTerminationSignals: false,
    formatError: (formatted, error) => options.formatError(formatted, error),
    plugins: [
      statusByMediaType,
      // It is on by default for a subgraph, and tells whoever asks with a header what each field cost.
      ApolloServerPluginInlineTraceDisabled(),
      // Nothing here may be cached, which the route says in a header; the plugin would wrap every field to find that out.
      ApolloServerPluginCacheControlDisabled(),
      options.isProduction
        ? ApolloServerPluginLandingPageDisabled()
        : ApolloServerPluginLandingPageLocalDefault({ embed: true, footer: false, document, variables }),
    ],
  });
}

/**
 * GraphQL over HTTP gives a well-formed request that fails before execution a 4xx as `application/graphql-response+json`,
 * and 200 as `application/json`, where intermediaries could answer with such a status too. Apollo Server says 400 to both.
 */
const statusByMediaType: ApolloServerPlugin = {
  requestDidStart: () =>
    Promise.resolve({
      willSendResponse: ({ request, response }) => {
        const accept = request.http?.headers.get("accept") ?? "";
        if (
          response.http.status === 400 &&
          request.http?.method === "POST" &&
          !accept.includes("graphql-response+json")
        ) {
          response.http.status = 200;
        }
        return Promise.resolve();
      },
    }),
};
