/**
 * Turns a request into an operation that can be executed: document, limits, validation, variables. HTTP, event streams
 * and WebSockets all use it, so that a request means the same, and fails with the same messages, on each of them.
 */
import { type GraphQLSchema, getVariableValues, OperationTypeNode } from "graphql";
import type { Variables } from "./cost.js";
import { DocumentSources, type TrustedDocuments } from "./document-source.js";
import { Documents, type DocumentsOptions, executedVariables, type OperationPlan } from "./documents.js";
import { type Fields, malformation } from "./graphql-request.js";
import { overLimit, valuesIn } from "./limits.js";
import { badRequest, type Refused, refused, refusedWith } from "./refused.js";

/** The transport of a request, which decides what types of operations it may contain. */
export type Channel = "post" | "get" | "stream" | "stream-by-get";

export class PreparedOperation {
  readonly kind = "prepared";

  /** @param variables coerced by graphql-js, with defaults; never modified, so that executions can share them */
  constructor(
    private readonly text: string,
    readonly plan: OperationPlan,
    readonly variables: Variables,
  ) {}

  get type(): OperationTypeNode {
    return this.plan.type;
  }

  /**
   * Equal for operations with equal results: same document, operation and variables. Coerced values are in the schema's
   * order, so the order in the request makes no difference.
   */
  get identity(): string {
    return JSON.stringify([this.text, this.plan.operationName, this.variables]);
  }
}

export interface PreparationOptions extends DocumentsOptions {
  readonly trusted: TrustedDocuments | undefined;
}

/** graphql-js's own default. */
const maxCoercionErrors = 50;

export class Preparation {
  readonly sources: DocumentSources;
  readonly #documents: Documents;
  readonly #schema: GraphQLSchema;

  constructor(private readonly options: PreparationOptions) {
    this.sources = new DocumentSources(options.trusted);
    this.#documents = new Documents(options);
    this.#schema = options.schema;
  }

  prepare(fields: Fields, channel: Channel): PreparedOperation | Refused {
    const { operationName, variables } = fields;
    const malformed = malformation(fields);
    if (malformed !== undefined) return badRequest(malformed);
    const source = this.sources.find(fields);
    if (source === undefined) return badRequest("The request has no query");
    if (source.kind === "refused") return source;
    const plan = this.#documents.plan(source.text, (operationName ?? undefined) as string | undefined);
    if (plan.kind === "refused") return plan;
    this.sources.register(source);
    return (
      refusalBy(channel, plan.type) ?? this.#withVariables(source.text, plan, (variables ?? noVariables) as Variables)
    );
  }

  #withVariables(text: string, plan: OperationPlan, given: Variables): PreparedOperation | Refused {
    const { limits } = this.options;
    const count = valuesIn(given);
    if (count > limits.variables) {
      return refusedWith([overLimit("variables", limits.variables, count)], "OPERATION_LIMIT_EXCEEDED");
    }
    const { errors, coerced } = getVariableValues(this.#schema, plan.variableDefinitions, given, {
      maxErrors: maxCoercionErrors,
    });
    if (errors) return refusedWith(errors, "BAD_USER_INPUT");
    const cost = plan.cost(coerced);
    if (cost > limits.cost) {
      return refusedWith([overLimit("cost", limits.cost, cost)], "OPERATION_LIMIT_EXCEEDED");
    }
    return new PreparedOperation(text, plan, executedVariables(coerced));
  }
}

const noVariables: Variables = {};

const { QUERY, MUTATION, SUBSCRIPTION } = OperationTypeNode;

function refusalBy(channel: Channel, type: OperationTypeNode): Refused | undefined {
  switch (channel) {
    case "stream":
      return undefined;
    case "stream-by-get":
      return type === MUTATION ? badRequest("GET requests only support queries and subscriptions") : undefined;
    case "post":
      return type === SUBSCRIPTION ? badRequest(onlyAsStream) : undefined;
    case "get":
      return type === QUERY
        ? undefined
        : refused(`GET requests only support query operations, not ${type} operations`, "BAD_REQUEST", {
            status: 405,
            headers: { allow: "POST" },
          });
  }
}

const onlyAsStream =
  "Subscriptions are answered over a WebSocket (graphql-transport-ws) or as an event stream (accept: text/event-stream)";
