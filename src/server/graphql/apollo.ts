/**
 * Apollo Server, for requests other than a plain POST: GET, persisted queries, CSRF prevention, the landing page,
 * batches (rejected), malformed bodies. It neither parses nor validates nor executes documents: it calls `Operations`,
 * as every other transport does.
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
  /** For errors that Apollo Server itself reports. */
  readonly formatError: (formatted: GraphQLFormattedError, error: unknown) => GraphQLFormattedError;
}

/** Called by Apollo Server for a request that it does not reject. */
export interface Shell {
  answer(): Promise<OperationAnswer>;
}

/** Given to Apollo Server as the parsed document, so that it does not parse one itself; never executed. */
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
    // `DocumentSources` handles persisted queries for every transport.
    persistedQueries: false,
    includeStacktraceInErrorResponses: false,
    // A validation rule decides about introspection, including `_service`.
    introspection: true,
    // The listener drains, and main.ts handles signals.
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
      // On by default for subgraphs, it would report the time of each field to anybody who sends a header.
      ApolloServerPluginInlineTraceDisabled(),
      // It would wrap every field resolver; `cacheControlOf` finds the same once per document.
      ApolloServerPluginCacheControlDisabled(),
      options.isProduction ? ApolloServerPluginLandingPageDisabled() : sandbox(options.sample),
    ],
  });
}

/** Adds a hint for clients that send queries by GET, such as urql: Apollo Server's own message only names headers. */
function withWayOut(formatted: GraphQLFormattedError): GraphQLFormattedError {
  if (!formatted.message.startsWith("This operation has been blocked as a potential Cross-Site Request Forgery")) {
    return formatted;
  }
  return { ...formatted, message: `${formatted.message.trimEnd()}. Or send it by POST (urql: preferGetMethod: false)` };
}
