/** Apollo Server as this gateway runs it: behind our own listener, with the example filled in on its landing page. */
import { ApolloServer, type ApolloServerPlugin, type BaseContext } from "@apollo/server";
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
} from "@apollo/server/plugin/disabled";
import { ApolloServerPluginLandingPageLocalDefault } from "@apollo/server/plugin/landingPage/default";
import {
  type DocumentNode,
  GraphQLError,
  type GraphQLFormattedError,
  type GraphQLSchema,
  type ValidationRule,
} from "graphql";
import type { Logger } from "../observability/logger.js";
import { cacheControlOf } from "./cache-control.js";
import type { Documents } from "./documents.js";
import { Remembered } from "./remembered.js";
import { subscriptionsElsewhere } from "./streamed-operations.js";

/** The operation that the explorers open with. */
export interface Sample {
  readonly document: string;
  readonly variables: Record<string, unknown>;
}

export interface ApolloOptions<TContext> {
  readonly schema: GraphQLSchema;
  readonly log: Logger;
  readonly isProduction: boolean;
  readonly sample: Sample;
  readonly documents: Documents;
  readonly maxTokens: number;
  readonly validationRules: readonly ValidationRule[];
  /** @param context undefined for a request that never had one */
  formatError(formatted: GraphQLFormattedError, error: unknown, context: TContext | undefined): GraphQLFormattedError;
  /** What stands in `extensions` of the answer; undefined: nothing. */
  extensionsOf(context: TContext): Readonly<Record<string, unknown>> | undefined;
}

/** A longer persisted query is not kept: its client is told so, and sends it in full. */
const maxPersistedLength = 10_000;

/**
 * Apollo Server's own caches hold 30 MB each by the length of their contents' JSON, which it writes out to find it; a
 * parsed document takes many times that. What is sent again has a plan and comes by here no more, so few will do.
 */
class BoundedCache<V> {
  readonly #values: Remembered<string, V>;

  constructor(maxSize: number) {
    this.#values = new Remembered(maxSize);
  }

  get(key: string): Promise<V | undefined> {
    return Promise.resolve(this.#values.get(key));
  }

  set(key: string, value: V): Promise<void> {
    const isTooLong = typeof value === "string" && value.length > maxPersistedLength;
    if (!isTooLong) this.#values.set(key, value);
    return Promise.resolve();
  }

  delete(): Promise<void> {
    return Promise.resolve();
  }
}

export function createApolloServer<TContext extends BaseContext>(
  options: ApolloOptions<TContext>,
): ApolloServer<TContext> {
  const { document, variables } = options.sample;
  // Apollo Server formats an error without telling whose request it is of.
  const contexts = new WeakMap<object, TContext>();
  const cacheControls = new WeakMap<DocumentNode, Map<string | undefined, string | undefined>>();
  const cacheControlFor = (operations: DocumentNode, operationName: string | undefined): string | undefined => {
    const known = cacheControls.get(operations) ?? new Map<string | undefined, string | undefined>();
    cacheControls.set(operations, known);
    if (!known.has(operationName)) {
      known.set(operationName, cacheControlOf(options.schema, operations, operationName));
    }
    return known.get(operationName);
  };
  return new ApolloServer<TContext>({
    schema: options.schema,
    logger: options.log,
    csrfPrevention: true,
    documentStore: new BoundedCache<DocumentNode>(100),
    persistedQueries: { cache: new BoundedCache<string>(500) },
    includeStacktraceInErrorResponses: false,
    // `validationRules` decide, for `_service` as well.
    introspection: true,
    parseOptions: { maxLexicalTokens: options.maxTokens },
    validationOptions: { maxErrors: 5 },
    validationRules: [...options.validationRules],
    // The listener drains, and main.ts listens for signals.
    stopOnTerminationSignals: false,
    formatError: (formatted, error) =>
      options.formatError(formatted, error, contexts.get(error instanceof Error ? error : {})),
    plugins: [
      {
        requestDidStart: () =>
          Promise.resolve({
            // A document that was named by its hash is seen here first.
            didResolveOperation: ({ source, request: { operationName, variables } }) => {
              const refusal = options.documents.refusal({ query: source, operationName, variables });
              return refusal ? Promise.reject(asBadRequest(refusal)) : Promise.resolve();
            },
            didEncounterErrors: ({ errors, contextValue }) => {
              for (const error of errors) contexts.set(error, contextValue);
              return Promise.resolve();
            },
            willSendResponse: ({ request, response: { body, http }, document, operationName, contextValue }) => {
              const extensions = options.extensionsOf(contextValue);
              if (body.kind !== "single") return Promise.resolve();
              if (extensions) body.singleResult.extensions = extensions;
              else if (document && !body.singleResult.errors && request.http?.method === "POST") {
                const cacheControl = cacheControlFor(document, operationName ?? undefined);
                if (cacheControl !== undefined) http.headers.set("cache-control", cacheControl);
              }
              return Promise.resolve();
            },
          }),
      },
      subscriptionsElsewhere,
      statusByMediaType,
      // It is on by default for a subgraph, and tells whoever asks with a header what each field cost.
      ApolloServerPluginInlineTraceDisabled(),
      // It would wrap every field to find out what `cacheControlOf` finds once.
      ApolloServerPluginCacheControlDisabled(),
      options.isProduction
        ? ApolloServerPluginLandingPageDisabled()
        : ApolloServerPluginLandingPageLocalDefault({ embed: true, footer: false, document, variables }),
    ],
  });
}

function asBadRequest({ message, extensions }: GraphQLError): GraphQLError {
  return new GraphQLError(message, { extensions: { ...extensions, http: { status: 400 } } });
}

/**
 * GraphQL over HTTP gives a well-formed request that fails before execution a 4xx as `application/graphql-response+json`,
 * and 200 as `application/json`, where intermediaries could answer with such a status too. Apollo Server says 400 to both.
 */
const statusByMediaType: ApolloServerPlugin = {
  requestDidStart: () =>
    Promise.resolve({
      willSendResponse: ({ request, response, errors }) => {
        const accept = request.http?.headers.get("accept") ?? "";
        if (
          response.http.status === 400 &&
          request.http?.method === "POST" &&
          !accept.includes("graphql-response+json") &&
          errors?.every(({ extensions }) => extensions["code"] !== "BAD_REQUEST")
        ) {
          response.http.status = 200;
        }
        return Promise.resolve();
      },
    }),
};
