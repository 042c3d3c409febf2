/**
 * Operations whose answers may be many: what comes over a WebSocket or asks for an event stream. Parsing, validation,
 * limits, and queries and mutations as a whole are Apollo Server's pipeline, as for HTTP. What it has no way for are
 * subscriptions: it is stopped before it would execute one, and each event is executed here, with a context of its own,
 * so that nothing is as old as the subscription.
 */
import {
  type ApolloServer,
  type ApolloServerPlugin,
  type BaseContext,
  type GraphQLRequest,
  HeaderMap,
} from "@apollo/server";
import {
  createSourceEventStream,
  type DocumentNode,
  execute,
  GraphQLError,
  type FormattedExecutionResult,
  type GraphQLFormattedError,
  type GraphQLSchema,
  Kind,
  OperationTypeNode,
} from "graphql";
import type { Documents } from "./documents.js";
import { type Fields, operationText, persistedHash } from "./graphql-request.js";
import type { Caller } from "./caller.js";
import type { ContextSource, CreateContext, RequestContext } from "./graphql-route.js";
import { enrich } from "./known-operations.js";
import type { TrustedDocuments } from "./trusted-documents.js";

export interface StreamedOperationsOptions<TContext extends BaseContext> {
  readonly apollo: ApolloServer<TContext>;
  readonly schema: GraphQLSchema;
  readonly documents: Documents;
  readonly trusted: TrustedDocuments | undefined;
  readonly createContext: CreateContext<TContext>;
  formatError(formatted: GraphQLFormattedError, error: unknown, context: TContext): GraphQLFormattedError;
  /** What stands in `extensions` of an answer; undefined: nothing. */
  extensionsOf(context: TContext): Readonly<Record<string, unknown>> | undefined;
}

export type Outcome =
  /** Of a query, a mutation, or of whatever is not executed: that has no `data`. */
  | { readonly kind: "answer"; readonly result: FormattedExecutionResult }
  /** Throws a `GraphQLError`, fit for the client, where it cannot go on. */
  | { readonly kind: "stream"; readonly results: AsyncIterableIterator<FormattedExecutionResult> };

/** Where the pipeline leaves the document of a subscription that it found good. */
interface Place {
  document?: DocumentNode;
  readonly allowsMutations: boolean;
}

const place = Symbol("place");

interface Streamable extends GraphQLRequest {
  [place]?: Place;
}

/** To Apollo Server: a subscription is handed to whoever can stream it, and refused to all others. */
export const subscriptionsElsewhere: ApolloServerPlugin = {
  requestDidStart: () =>
    Promise.resolve({
      didResolveOperation: ({ operation, request }) => {
        const { [place]: found } = request as Streamable;
        const { SUBSCRIPTION, MUTATION } = OperationTypeNode;
        if (!found && operation?.operation === SUBSCRIPTION) return Promise.reject(badRequest(onlyAsStream));
        if (found?.allowsMutations === false && operation?.operation === MUTATION) {
          return Promise.reject(badRequest("GET requests only support queries and subscriptions"));
        }
        return Promise.resolve();
      },
      responseForOperation: ({ operation, document, request }) => {
        const { [place]: found } = request as Streamable;
        if (!found || operation.operation !== OperationTypeNode.SUBSCRIPTION) return Promise.resolve(null);
        found.document = document;
        const http = { headers: new HeaderMap() };
        return Promise.resolve({ http, body: { kind: "single", singleResult: {} } });
      },
    }),
};

const onlyAsStream =
  "Subscriptions are answered over a WebSocket (graphql-transport-ws) or as an event stream (accept: text/event-stream)";

function badRequest(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: "BAD_REQUEST", http: { status: 400 } } });
}

/** As `StreamedOperations` does, for those to whom the context is nothing. */
export interface StartsOperations {
  /** @param source of the operation's context, and of one for each of its events */
  start(
    fields: Fields,
    source: ContextSource,
    caller: Caller,
    options?: { readonly allowsMutations: boolean },
  ): Promise<Outcome>;
}

export class StreamedOperations<TContext extends BaseContext> implements StartsOperations {
  constructor(private readonly options: StreamedOperationsOptions<TContext>) {}

  async start(
    fields: Fields,
    source: ContextSource,
    caller: Caller,
    { allowsMutations } = { allowsMutations: true },
  ): Promise<Outcome> {
    const newContext = () => this.options.createContext(source, caller);
    let request: GraphQLRequest;
    try {
      request = this.#request(fields);
    } catch (error) {
      if (!(error instanceof GraphQLError)) throw error;
      const { http: _, ...extensions } = error.extensions;
      const { message } = error;
      return { kind: "answer", result: { errors: [{ message, extensions }] } };
    }
    const found: Place = { allowsMutations };
    const context = newContext();
    try {
      const streamable: Streamable = { ...request, [place]: found };
      const { body } = await this.options.apollo.executeOperation(streamable, { contextValue: context.value });
      if (body.kind !== "single") throw new Error("an operation was answered in parts");
      if (!found.document) return { kind: "answer", result: body.singleResult };
      return await this.#subscribe(found.document, request, context.value, newContext);
    } finally {
      context.close();
    }
  }

  /** @throws {GraphQLError} why it is not even looked at */
  #request(fields: Fields): GraphQLRequest {
    const { documents, trusted } = this.options;
    const { extensions } = fields;
    // Over a WebSocket `query` must be there, so that whoever sends an id sends it empty.
    const query = fields.query === "" && persistedHash(extensions) !== undefined ? undefined : fields.query;
    if (!["string", "undefined"].includes(typeof persistedHash(extensions))) {
      throw badRequest("persistedQuery.sha256Hash must be text");
    }
    const document = trusted ? trusted.documentFor({ query, extensions }) : query;
    const text = operationText({ ...fields, query: document });
    if (!text && persistedHash(extensions) === undefined) {
      throw badRequest("The request has no query");
    }
    const refusal = text && documents.refusal(text);
    if (refusal) throw refusal;
    const { operationName, variables } = operationText({ ...fields, query: "" }) ?? {};
    return {
      ...(text && { query: text.query }),
      ...(typeof operationName === "string" && { operationName }),
      ...(variables && { variables }),
      ...(!trusted && persistedHash(extensions) !== undefined && { extensions: extensions as Record<string, unknown> }),
    };
  }

  async #subscribe(
    document: DocumentNode,
    { operationName, variables = {} }: GraphQLRequest,
    contextValue: TContext,
    newContext: () => RequestContext<TContext>,
  ): Promise<Outcome> {
    const { schema } = this.options;
    const operation = { schema, document, operationName: operationName ?? null, variableValues: variables };
    const source = await createSourceEventStream({ ...operation, contextValue });
    if (!(Symbol.asyncIterator in source)) {
      return { kind: "answer", result: { errors: this.#format(source.errors ?? [], contextValue) } };
    }
    let running: RequestContext<TContext> | undefined;
    const run = async (rootValue: unknown): Promise<FormattedExecutionResult> => {
      const context = (running = newContext());
      try {
        const { data, errors } = await execute({ ...operation, rootValue, contextValue: context.value });
        const extensions = this.options.extensionsOf(context.value);
        return {
          ...(errors && { errors: this.#format(errors, context.value) }),
          data: data ?? null,
          ...(extensions && { extensions }),
        };
      } finally {
        context.close();
      }
    };
    const fail = (error: unknown): GraphQLError => {
      const [formatted] = this.#format(
        [new GraphQLError(String(error), { originalError: error as Error })],
        contextValue,
      );
      return new GraphQLError(formatted?.message ?? "", { extensions: formatted?.extensions ?? {} });
    };
    const leave = (): void => running?.abandon();
    return { kind: "stream", results: mapped(source, run, fail, leave) };
  }

  #format(errors: readonly GraphQLError[], context: TContext): GraphQLFormattedError[] {
    return errors.map((error) => this.options.formatError(coded(enrich(error), error), error, context));
  }
}

/** A variable that does not fit, as Apollo Server codes it. */
function coded(formatted: GraphQLFormattedError, { nodes, extensions }: GraphQLError): GraphQLFormattedError {
  if (nodes?.[0]?.kind !== Kind.VARIABLE_DEFINITION || extensions["code"] !== undefined) return formatted;
  return { ...formatted, extensions: { ...formatted.extensions, code: "BAD_USER_INPUT" } };
}

/** Not an async generator: its `return` would wait for the next event, which may never come. */
function mapped<T, U>(
  source: AsyncIterable<T>,
  map: (value: T) => Promise<U>,
  fail: (error: unknown) => GraphQLError,
  leave: () => void,
): AsyncIterableIterator<U> {
  const events = source[Symbol.asyncIterator]();
  const done = { done: true, value: undefined } as const;
  return {
    next: async () => {
      try {
        const event = await events.next();
        return event.done ? done : { done: false, value: await map(event.value) };
      } catch (error) {
        await events.return?.();
        throw fail(error);
      }
    },
    return: async () => {
      leave();
      await events.return?.();
      return done;
    },
    throw: async (error: unknown) => {
      await events.return?.();
      throw error;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
