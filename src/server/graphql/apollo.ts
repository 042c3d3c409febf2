/**
 * Apollo Server as the shell around requests that are more than a plain POST: GET, persisted queries, CSRF prevention, the
 * landing page, batches (refused), malformed bodies. It neither parses nor validates nor executes: it asks `Operations`,
 * as every other way of answering does.
 */
import { ApolloServer, HeaderMap } from "@apollo/server";
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
} from "@apollo/server/plugin/disabled";
import { type GraphQLFormattedError, type GraphQLSchema, parse } from "graphql";
import type { Logger } from "../../observability/logger.js";
import type { OperationAnswer } from "./execution.js";
import { type Sample, sandbox } from "./sandbox.js";

export interface ApolloOptions {
  readonly schema: GraphQLSchema;
  readonly log: Logger;
  readonly isProduction: boolean;
  readonly sample: Sample;
  /** Of what Apollo Server itself refuses. */
  readonly formatError: (formatted: GraphQLFormattedError, error: unknown) => GraphQLFormattedError;
}

/** What Apollo Server calls for an answer, where it has nothing against the request. */
export interface Shell {
  answer(): Promise<OperationAnswer>;
}

/** Stands where Apollo Server wants a parsed document, so that it parses none. */
const ignoredDocument = parse("{ __typename }");

export function createApolloServer(options: ApolloOptions): ApolloServer<Shell> {
  return new ApolloServer<Shell>({
    schema: options.schema,
    logger: options.log,
    csrfPrevention: true,
    documentStore: {
      get: () => Promise.resolve(ignoredDocument),
      set: () => Promise.resolve(),
      delete: () => Promise.resolve(),
    },
    // `DocumentSources` knows them, for every way of answering.
    persistedQueries: false,
    includeStacktraceInErrorResponses: false,
    // Validation rules decide, for `_service` as well.
    introspection: true,
    // The listener drains, and main.ts listens for signals.
    stopOnTerminationSignals: false,
    formatError: (formatted, error) => options.formatError(withWayOut(formatted), error),
    plugins: [
      {
        requestDidStart: () =>
          Promise.resolve({
            responseForOperation: async ({ contextValue }) => {
              const { result, http } = await contextValue.answer();
              const headers = new HeaderMap(Object.entries(http?.headers ?? {}));
              return { http: { headers }, body: { kind: "single", singleResult: { ...result } } };
            },
          }),
      },
      // It is on by default for a subgraph, and tells whoever asks with a header what each field cost.
      ApolloServerPluginInlineTraceDisabled(),
      // It would wrap every field to find out what `cacheControlOf` finds once.
      ApolloServerPluginCacheControlDisabled(),
      options.isProduction ? ApolloServerPluginLandingPageDisabled() : sandbox(options.sample),
    ],
  });
}

/** Apollo Server names headers; for a client that sends queries by GET, such as urql, the way out is a setting. */
function withWayOut(formatted: GraphQLFormattedError): GraphQLFormattedError {
  if (!formatted.message.startsWith("This operation has been blocked as a potential Cross-Site Request Forgery")) {
    return formatted;
  }
  return { ...formatted, message: `${formatted.message.trimEnd()}. Or send it by POST (urql: preferGetMethod: false)` };
}
