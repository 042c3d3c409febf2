/**
 * The short way for operations that have been seen before: their document is parsed, validated and compiled once, so
 * that a plain JSON POST of one runs its plan. All else, and whatever is not plain, takes Apollo Server's pipeline; both
 * ways give the same status, headers and body, which a test compares over everything that the tests know.
 */
import type { BaseContext } from "@apollo/server";
import {
  type DocumentNode,
  execute,
  type ExecutionResult,
  getNamedType,
  getOperationAST,
  GraphQLError,
  type GraphQLFormattedError,
  type GraphQLSchema,
  isAbstractType,
  OperationTypeNode,
  parse,
  specifiedRules,
  TypeInfo,
  validate,
  type ValidationRule,
  visit,
  visitWithTypeInfo,
} from "graphql";
import { compileQuery, isCompiledQuery } from "graphql-jit";
import { cacheControlOf } from "./cache-control.js";
import { Remembered } from "./remembered.js";

export interface KnownOperationsOptions {
  readonly schema: GraphQLSchema;
  readonly validationRules: readonly ValidationRule[];
  readonly maxTokens: number;
  /** Types whose values compute their fields, or come as promises in lists: graphql-jit can do neither. */
  readonly lazyTypes: ReadonlySet<string>;
  formatError(formatted: GraphQLFormattedError, error: unknown, context: BaseContext): GraphQLFormattedError;
  /** What stands in `extensions` of the answer; undefined: nothing. */
  extensionsOf(context: BaseContext): Readonly<Record<string, unknown>> | undefined;
}

/** As it stands in the body of a POST. */
export interface OperationRequest {
  readonly query: string;
  readonly operationName: string | undefined;
  readonly variables: Readonly<Record<string, unknown>> | undefined;
}

interface Plan {
  readonly run: (
    context: BaseContext,
    variables: OperationRequest["variables"],
  ) => ExecutionResult | Promise<ExecutionResult>;
  readonly cacheControl: string | undefined;
}

/** The body of an answer with status 200. */
export interface KnownAnswer {
  readonly text: string;
  /** The header of that name; undefined where nobody may keep it. */
  readonly cacheControl: string | undefined;
}

/** The second sight earns an operation a plan: what is sent only once is not worth one. */
type Known = Plan | "seen" | "pipeline";

/** Documents longer than this are nobody's everyday operation. */
const maxDocumentLength = 10_000;
const maxDocuments = 500;
/** One document may hold many operations; what it can make this process remember is bounded all the same. */
const maxOperationsOfDocument = 10;

export class KnownOperations {
  /** By the document's text, and in it by the operation's name. */
  readonly #known = new Remembered<string, Remembered<string | undefined, Known>>(maxDocuments);

  constructor(private readonly options: KnownOperationsOptions) {}

  /** Undefined when Apollo Server is to answer. Nothing was executed then. */
  answer(
    request: OperationRequest,
    context: () => BaseContext,
  ): KnownAnswer | undefined | Promise<KnownAnswer | undefined> {
    const plan = this.#planOf(request);
    if (!plan) return undefined;
    const value = context();
    const result = plan.run(value, request.variables);
    if (result instanceof Promise) return result.then((settled) => this.#write(settled, plan, value));
    return this.#write(result, plan, value);
  }

  #write({ data, errors }: ExecutionResult, { cacheControl }: Plan, context: BaseContext): KnownAnswer | undefined {
    // A variable that does not fit: found before anything ran, and worded by graphql-js.
    if (data === undefined) return undefined;
    const extensions = this.options.extensionsOf(context);
    if (errors === undefined && extensions === undefined)
      return { text: `{"data":${JSON.stringify(data)}}\n`, cacheControl };
    const formatted = errors?.map((error) => this.options.formatError(enrich(error), error, context));
    return { text: `${JSON.stringify({ errors: formatted, data, extensions })}\n`, cacheControl: undefined };
  }

  #planOf(request: OperationRequest): Plan | undefined {
    const { query, operationName } = request;
    if (query.length > maxDocumentLength) return undefined;
    let operations = this.#known.get(query);
    if (!operations) this.#known.set(query, (operations = new Remembered(maxOperationsOfDocument)));
    const known = operations.get(operationName);
    if (typeof known === "object") return known;
    if (known === "pipeline") return undefined;
    const next = known === undefined ? "seen" : this.#compile(request);
    operations.set(operationName, next);
    return typeof next === "object" ? next : undefined;
  }

  #compile({ query, operationName }: OperationRequest): Plan | "pipeline" {
    const { schema, validationRules, maxTokens } = this.options;
    let document: DocumentNode;
    try {
      document = parse(query, { maxTokens });
    } catch {
      return "pipeline";
    }
    const operation = getOperationAST(document, operationName);
    if (!operation || operation.operation === OperationTypeNode.SUBSCRIPTION) return "pipeline";
    if (validate(schema, document, [...specifiedRules, ...validationRules]).length > 0) return "pipeline";
    if (hasIntrospection(document)) return "pipeline";
    return {
      run: this.#runnerOf(document, operationName),
      cacheControl: cacheControlOf(schema, document, operationName),
    };
  }

  #runnerOf(document: DocumentNode, operationName: string | undefined): Plan["run"] {
    const { schema } = this.options;
    if (!this.#returnsLazyType(document)) {
      const compiled = compileQuery(schema, document, operationName);
      if (isCompiledQuery(compiled)) return (context, variables) => compiled.query(undefined, context, variables);
    }
    // Variables that do not fit are worded by the pipeline: one mistake is enough to know it.
    const options = { maxCoercionErrors: 1 };
    return (contextValue, variableValues) =>
      execute({ schema, document, operationName, contextValue, variableValues: variableValues ?? {}, options });
  }

  #returnsLazyType(document: DocumentNode): boolean {
    const { schema, lazyTypes } = this.options;
    const typeInfo = new TypeInfo(schema);
    let isFound = false;
    visit(
      document,
      visitWithTypeInfo(typeInfo, {
        Field: () => {
          const type = getNamedType(typeInfo.getType());
          if (!type) return;
          const possible = isAbstractType(type) ? schema.getPossibleTypes(type) : [type];
          if (possible.some(({ name }) => lazyTypes.has(name))) isFound = true;
        },
      }),
    );
    return isFound;
  }
}

function hasIntrospection(document: DocumentNode): boolean {
  let isFound = false;
  visit(document, {
    Field: ({ name }) => {
      if (name.value === "__schema" || name.value === "__type") isFound = true;
    },
  });
  return isFound;
}

/** As Apollo Server words an error before it asks `formatError`. */
export function enrich(error: GraphQLError): GraphQLFormattedError {
  const { message, locations, path } = error;
  // graphql-jit leaves it out where graphql-js has an empty object.
  const { extensions = {} } = error as { extensions?: GraphQLError["extensions"] };
  return {
    message,
    ...(locations && { locations }),
    ...(path && { path }),
    extensions: { ...extensions, code: extensions["code"] ?? "INTERNAL_SERVER_ERROR" },
  };
}
