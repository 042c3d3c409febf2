/**
 * The short way for a plain JSON POST: its document is parsed and validated when it is seen first, compiled when it comes
 * again, and run without Apollo Server's pipeline. That answers all else, and whatever is to be refused; both ways give the
 * same status, headers and body, which a test compares over everything that the tests know.
 */
import { hash } from "node:crypto";
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
  specifiedRules,
  TypeInfo,
  validate,
  type ValidationRule,
  visit,
  visitWithTypeInfo,
} from "graphql";
import { compileQuery, isCompiledQuery } from "graphql-jit";
import { cacheControlOf } from "./cache-control.js";
import type { Documents } from "./documents.js";
import { Remembered } from "./remembered.js";

export interface KnownOperationsOptions {
  readonly schema: GraphQLSchema;
  readonly validationRules: readonly ValidationRule[];
  readonly documents: Documents;
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

type Run = (
  context: BaseContext,
  variables: OperationRequest["variables"],
) => ExecutionResult | Promise<ExecutionResult>;

interface Plan {
  run: Run;
  /** Makes a faster `run` where there is one; not before the operation comes again, for it takes as long as running it ten times. */
  compile: (() => Run | undefined) | undefined;
  readonly cacheControl: string | undefined;
}

/** The body of an answer with status 200. */
export interface KnownAnswer {
  readonly text: string;
  /** The header of that name; undefined where nobody may keep it. */
  readonly cacheControl: string | undefined;
}

/** Documents longer than this are nobody's everyday operation. */
const maxDocumentLength = 10_000;
const maxPlans = 500;
/** One document may hold many operations; what it can make this process remember is bounded all the same. */
const maxOperationsOfDocument = 10;
/** By their digests, a hundred bytes each: of more operations than plans can be kept for, each need not be validated anew. */
const maxVerdicts = 100_000;

export class KnownOperations {
  /** By the document's text, and in it by the operation's name. */
  readonly #plans = new Remembered<string, Remembered<string | undefined, Plan | "pipeline">>(maxPlans);
  /** Whether an operation can be run here, by the digest of its text and name. */
  readonly #verdicts = new Remembered<string, boolean>(maxVerdicts);

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
    let operations = this.#plans.get(query);
    if (!operations) this.#plans.set(query, (operations = new Remembered(maxOperationsOfDocument)));
    let plan = operations.get(operationName);
    if (plan === undefined) operations.set(operationName, (plan = this.#plan(request)));
    else if (plan !== "pipeline" && plan.compile) {
      plan.run = plan.compile() ?? plan.run;
      plan.compile = undefined;
    }
    return plan === "pipeline" ? undefined : plan;
  }

  #plan({ query, operationName }: OperationRequest): Plan | "pipeline" {
    const { schema, documents } = this.options;
    const document = documents.parsed(query);
    if (!document) return "pipeline";
    const digest = hash("sha256", JSON.stringify([operationName, query]), "base64");
    let isFit = this.#verdicts.get(digest);
    if (isFit === undefined) this.#verdicts.set(digest, (isFit = this.#isFit(document, operationName)));
    if (!isFit) return "pipeline";
    // Variables that do not fit are worded by the pipeline: one mistake is enough to know it.
    const options = { maxCoercionErrors: 1 };
    return {
      run: (contextValue, variableValues) =>
        execute({ schema, document, operationName, contextValue, variableValues: variableValues ?? {}, options }),
      compile: () => this.#compile(document, operationName),
      cacheControl: cacheControlOf(schema, document, operationName),
    };
  }

  #isFit(document: DocumentNode, operationName: string | undefined): boolean {
    const { schema, validationRules } = this.options;
    const operation = getOperationAST(document, operationName);
    if (!operation || operation.operation === OperationTypeNode.SUBSCRIPTION) return false;
    if (hasIntrospection(document)) return false;
    // One mistake is enough here as well.
    return validate(schema, document, [...specifiedRules, ...validationRules], { maxErrors: 1 }).length === 0;
  }

  #compile(document: DocumentNode, operationName: string | undefined): Run | undefined {
    if (this.#returnsLazyType(document)) return undefined;
    const compiled = compileQuery(this.options.schema, document, operationName);
    if (!isCompiledQuery(compiled)) return undefined;
    return (context, variables) => compiled.query(undefined, context, variables);
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
