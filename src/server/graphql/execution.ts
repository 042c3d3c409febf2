/**
 * Executes prepared operations and formats their answers: masked errors, request id, extensions, deadline. Every
 * transport uses it.
 */
import {
  createSourceEventStream,
  execute,
  type ExecutionResult,
  type FormattedExecutionResult,
  GraphQLError,
  type GraphQLFormattedError,
  type GraphQLSchema,
  isValueNode,
} from "graphql";
import type { FieldFailure, OperationMetrics } from "../../observability/metrics.js";
import type { ContextSource, OperationContext } from "./context.js";
import type { PreparedOperation } from "./prepare.js";
import type { RefusalHttp, Refused } from "./refused.js";

export interface OperationAnswer {
  readonly result: FormattedExecutionResult;
  /** Whether something was executed: then the answer has `data`. */
  readonly isExecuted: boolean;
  /** The header's value; undefined if the answer must not be cached. */
  readonly cacheControl: string | undefined;
  /** Set if the status does not follow from the answer's media type. */
  readonly http: RefusalHttp | undefined;
}

export interface ExecutorOptions {
  readonly schema: GraphQLSchema;
  /** Absent: nothing is counted. */
  readonly metrics?: OperationMetrics;
  /** @param source the request, if there is one */
  formatError(
    formatted: GraphQLFormattedError,
    error: unknown,
    source: Pick<Source, "log"> & Partial<Source>,
  ): GraphQLFormattedError;
}

type Source = Pick<ContextSource, "log" | "requestId">;

/** Calls to WeCom fail at the deadline by themselves, and are answered; this extra time is for whatever else hangs. */
const graceMs = 100;

export class Executor {
  constructor(private readonly options: ExecutorOptions) {}

  /**
   * Ends at the context's deadline, whatever resolvers do, and closes the context.
   *
   * @param rootValue the event, for a subscription
   */
  execute(
    operation: PreparedOperation,
    context: OperationContext,
    source: Source,
    rootValue?: unknown,
  ): OperationAnswer | Promise<OperationAnswer> {
    const { document, operationName } = operation.plan;
    const startedAtMs = performance.now();
    const finish = (settled: ExecutionResult): OperationAnswer => {
      const answer = this.#finish(settled, operation, context, source);
      // The execution of a subscription's event does not count as an operation.
      this.#observe(operation, rootValue === undefined ? startedAtMs : undefined, context, answer);
      return answer;
    };
    const result = execute({
      schema: this.options.schema,
      document,
      operationName,
      variableValues: operation.variables,
      contextValue: context.value,
      rootValue,
    });
    if (!(result instanceof Promise)) return finish(result);
    return untilDeadline(result, context, () => timedOut(source)).then(finish);
  }

  /**
   * The subscription's source events, not executed yet, or why there are none. The context is only used to subscribe.
   */
  async subscribe(
    operation: PreparedOperation,
    context: OperationContext,
    source: Source,
  ): Promise<AsyncIterable<unknown> | OperationAnswer> {
    const { document, operationName } = operation.plan;
    const startedAtMs = performance.now();
    const subscribing = createSourceEventStream({
      schema: this.options.schema,
      document,
      operationName,
      variableValues: operation.variables,
      contextValue: context.value,
    });
    const events = await untilDeadline(subscribing, context, () => timedOut(source));
    const isOpen = Symbol.asyncIterator in events;
    const answer = answered(isOpen ? {} : { errors: this.format(events.errors ?? [], source) }, false);
    this.#observe(operation, startedAtMs, context, answer);
    return isOpen ? events : answer;
  }

  refuse({ errors, code, http }: Refused, source: Source): OperationAnswer {
    return { ...answered({ errors: this.format(errors, source, code) }, false), http };
  }

  /**
   * Masks errors for clients.
   *
   * @param code for errors that have none and are not bugs
   */
  format(errors: readonly GraphQLError[], source: Source, code?: string): GraphQLFormattedError[] {
    const formatted = errors.map((error) => this.options.formatError(withCode(error, code), error, source));
    if (this.options.metrics)
      for (const { extensions } of formatted) this.options.metrics.countError(codeIn(extensions));
    source.log.debug({ codes: formatted.map(({ extensions }) => extensions?.["code"]) }, "answered with errors");
    return formatted;
  }

  #observe(
    { plan }: PreparedOperation,
    startedAtMs: number | undefined,
    context: OperationContext,
    { result: { errors } }: OperationAnswer,
  ): void {
    const { metrics } = this.options;
    const noted = context.failures;
    const failures = errors ? [...noted, ...errors.map(failureOf)] : noted;
    context.executed?.(plan.type, plan.operationName, failures);
    if (!metrics) return;
    for (const { code } of noted) metrics.countError(code);
    if (startedAtMs === undefined) return;
    metrics.observeOperation(plan.type, plan.roots, (performance.now() - startedAtMs) / 1000, failures);
  }

  #finish(
    { data = null, errors }: ExecutionResult,
    { plan }: PreparedOperation,
    context: OperationContext,
    source: Source,
  ): OperationAnswer {
    const extensions = context.extensions();
    context.deadline.close();
    if (errors === undefined && extensions === undefined) return answered({ data }, true, plan.cacheControl);
    return answered(
      {
        ...(errors && { errors: this.format(errors, source) }),
        data,
        ...(extensions && { extensions }),
      },
      true,
    );
  }
}

function answered(result: FormattedExecutionResult, isExecuted: boolean, cacheControl?: string): OperationAnswer {
  return { result, isExecuted, cacheControl, http: undefined };
}

function codeIn(extensions: GraphQLFormattedError["extensions"]): string {
  return String(extensions?.["code"]);
}

function failureOf({ path, extensions }: GraphQLFormattedError): FieldFailure {
  return { key: path?.[0] === undefined ? undefined : String(path[0]), code: codeIn(extensions) };
}

/** In the specification's order. */
function withCode(error: GraphQLError, code = "INTERNAL_SERVER_ERROR"): GraphQLFormattedError {
  const { message, locations, path, extensions } = error;
  const known = extensions["code"] ?? (isOfArgument(error) ? "BAD_USER_INPUT" : code);
  return {
    message,
    ...(locations && { locations }),
    ...(path && { path }),
    extensions: { ...extensions, code: known },
  };
}

/**
 * Errors that validation cannot find: a variable with a default may be null where an argument must not be. graphql-js
 * finds it when it executes the field, and the error's node is the value; resolvers' errors have the field as node.
 */
function isOfArgument({ nodes, originalError }: GraphQLError): boolean {
  const isGraphqls = originalError === undefined || originalError instanceof GraphQLError;
  return isGraphqls && nodes?.[0] !== undefined && isValueNode(nodes[0]);
}

function timedOut({ log }: Source): ExecutionResult {
  log.error("an operation did not end at its deadline");
  const message = "The operation took too long and was given up; what it had begun may still take effect";
  return { data: null, errors: [new GraphQLError(message, { extensions: { code: "OPERATION_TIMEOUT" } })] };
}

function untilDeadline<T, U>(result: PromiseLike<T>, context: OperationContext, atEnd: () => U): Promise<T | U> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    const stopListening = context.deadline.onCancel(() => {
      timer = setTimeout(() => {
        resolve(atEnd());
      }, graceMs);
    });
    // Before the result is passed on, because closing the context calls its listeners.
    const stopWaitingThen =
      <V>(pass: (value: V) => void) =>
      (value: V): void => {
        stopListening();
        clearTimeout(timer);
        pass(value);
      };
    result.then(stopWaitingThen(resolve), stopWaitingThen(reject));
  });
}
