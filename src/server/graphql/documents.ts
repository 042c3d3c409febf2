/**
 * Operation plans. A document is parsed, counted and validated when its text is first seen; each request then only
 * processes what depends on its variables.
 */
import {
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  type OperationTypeNode,
  parse,
  type SelectionSetNode,
  specifiedRules,
  type Token,
  validate,
  type ValidationRule,
  type VariableDefinitionNode,
  visit,
} from "graphql";
import { BoundedMap } from "../../lib/bounded-map.js";
import type { RootField } from "../../observability/metrics.js";
import { cacheControlOf } from "./cache-control.js";
import { compileCost, type Variables } from "./cost.js";
import { brokenLimit, type Limits } from "./limits.js";
import { type Refused, refusedWith } from "./refused.js";

export interface OperationPlan {
  readonly kind: "plan";
  readonly type: OperationTypeNode;
  /** The operation's name in the document. */
  readonly operationName: string | undefined;
  /** The root fields of the operation, including those that `@skip` may leave out. */
  readonly roots: readonly RootField[];
  readonly variableDefinitions: readonly VariableDefinitionNode[];
  /** The document for `execute` with coerced variables: see `withCoercedVariables`. */
  readonly document: DocumentNode;
  /** The header's value for a complete answer; undefined if it must not be cached. */
  readonly cacheControl: string | undefined;
  cost(variables: Variables): number;
}

type Plans =
  Refused | { readonly kind: "plans"; readonly plans: readonly OperationPlan[]; readonly tokenCount: number };

export interface DocumentsOptions {
  readonly schema: GraphQLSchema;
  readonly limits: Limits;
  /** In addition to the specification's rules. */
  readonly validationRules: readonly ValidationRule[];
}

/** Longer documents, in characters, are not cached: they are rare and take much memory. */
const maxRememberedLength = 10_000;
const maxRemembered = 500;
/**
 * The tokens of all cached documents together. A plan takes up to 0.5 kB of memory for each token, so this bounds the
 * cache to about 30 MB, besides the texts.
 */
const maxRememberedTokens = 60_000;
const maxValidationErrors = 5;

export class Documents {
  readonly #plans = new BoundedMap<string, Plans>(maxRemembered, {
    maxWeight: maxRememberedTokens,
    weightOf: (_, plans) => (plans.kind === "plans" ? plans.tokenCount : 0),
  });

  constructor(private readonly options: DocumentsOptions) {}

  plan(text: string, operationName: string | undefined): OperationPlan | Refused {
    const found = this.#find(text);
    if (found.kind === "refused") return found;
    const { plans } = found;
    if (operationName === undefined) {
      const [only] = plans;
      if (only && plans.length === 1) return only;
      return unresolved("Must provide operation name if query contains multiple operations.");
    }
    return (
      plans.find((plan) => plan.operationName === operationName) ??
      unresolved(`Unknown operation named "${operationName}".`)
    );
  }

  #find(text: string): Plans {
    const known = this.#plans.get(text);
    if (known) return known;
    const plans = this.#examine(text);
    if (text.length <= maxRememberedLength) this.#plans.set(text, plans);
    return plans;
  }

  #examine(text: string): Plans {
    const { schema, limits, validationRules } = this.options;
    let document: DocumentNode;
    let tokenCount: number;
    try {
      document = parse(text, { maxTokens: limits.tokens });
      tokenCount = unlinkTokens(document);
    } catch (error) {
      if (!(error instanceof GraphQLError)) throw error;
      return refusedWith([lasting(error)], "GRAPHQL_PARSE_FAILED");
    }
    const overLimit = brokenLimit(document, limits);
    if (overLimit) return refusedWith([overLimit], "OPERATION_LIMIT_EXCEEDED");
    const rules = [...specifiedRules, ...validationRules];
    const mistakes = validate(schema, document, rules, { maxErrors: maxValidationErrors });
    if (mistakes.length > 0) return refusedWith(mistakes.map(lasting), "GRAPHQL_VALIDATION_FAILED");
    return { kind: "plans", plans: plansOf(schema, document), tokenCount };
  }
}

/**
 * Nodes refer to tokens, and those to all other tokens, comments too: half of a document's memory.
 *
 * @returns the number of tokens
 */
function unlinkTokens(document: DocumentNode): number {
  let count = 0;
  for (let token = document.loc?.startToken; token; count += 1) {
    const next: Token | null = token.next;
    Object.assign(token, { prev: null, next: null });
    token = next ?? undefined;
  }
  return count;
}

/** A cached error must not keep the whole document in memory by its nodes, or the stack's frames. */
function lasting({ message, source, positions, extensions }: GraphQLError): GraphQLError {
  return Object.assign(new GraphQLError(message, { source, positions, extensions }), { stack: "" });
}

function plansOf(schema: GraphQLSchema, document: DocumentNode): OperationPlan[] {
  const costOf = compileCost(schema, document);
  const executable = withCoercedVariables(document);
  return document.definitions.filter(isOperation).map((definition) => {
    const { operation: type, name, variableDefinitions = [] } = definition;
    return {
      kind: "plan",
      type,
      operationName: name?.value,
      roots: rootsOf(definition, document),
      variableDefinitions,
      document: executable,
      cacheControl: cacheControlOf(schema, document, name?.value),
      cost: (variables) => costOf(name?.value, variables),
    };
  });
}

function rootsOf(operation: OperationDefinitionNode, { definitions }: DocumentNode): RootField[] {
  const roots = new Map<string, RootField>();
  const collect = ({ selections }: SelectionSetNode): void => {
    for (const selection of selections) {
      if (selection.kind === Kind.INLINE_FRAGMENT) collect(selection.selectionSet);
      else if (selection.kind === Kind.FRAGMENT_SPREAD) {
        const { value } = selection.name;
        for (const definition of definitions) {
          if (definition.kind === Kind.FRAGMENT_DEFINITION && definition.name.value === value) {
            collect(definition.selectionSet);
          }
        }
      } else {
        const { alias, name } = selection;
        const key = alias?.value ?? name.value;
        roots.set(key, { key, field: name.value });
      }
    }
  };
  collect(operation.selectionSet);
  return [...roots.values()];
}

/**
 * The document with every variable declared as `_Any`, which accepts any value: `execute` would coerce values again,
 * and a coerced value (of an enum, of a time) is no longer valid input for its own type.
 */
function withCoercedVariables(document: DocumentNode): DocumentNode {
  return visit(document, {
    VariableDefinition: ({ variable }) => ({
      kind: Kind.VARIABLE_DEFINITION,
      variable: { ...variable, name: { ...variable.name, value: executedName(variable.name.value) } },
      type: { kind: Kind.NAMED_TYPE, name: { kind: Kind.NAME, value: "_Any" } },
    }),
    Variable: (node) => {
      const value = executedName(node.name.value);
      return value === node.name.value ? undefined : { ...node, name: { ...node.name, value } };
    },
  });
}

/** The variables by the names that the executed document declares. */
export function executedVariables(variables: Variables): Variables {
  for (const name in variables) {
    if (executedName(name) !== name) {
      return Object.fromEntries(Object.entries(variables).map(([key, value]) => [executedName(key), value]));
    }
  }
  return variables;
}

/**
 * The name under which a variable is executed. graphql-js reads variables inside input objects without `hasOwn`, so an
 * absent `$toString` would be a function.
 */
function executedName(name: string): string {
  return name in Object.prototype ? `$${name}` : name;
}

function isOperation(definition: DocumentNode["definitions"][number]): definition is OperationDefinitionNode {
  return definition.kind === Kind.OPERATION_DEFINITION;
}

function unresolved(message: string): Refused {
  return refusedWith([new GraphQLError(message)], "OPERATION_RESOLUTION_FAILURE");
}

/** Introspection is for the router and for development; elsewhere, names of fields only help attackers. */
export const noSchemaExposure: ValidationRule = (context) => ({
  Field: (node) => {
    if (!["__schema", "__type", "_service"].includes(node.name.value)) return;
    context.reportError(
      new GraphQLError("Introspection is switched off here", {
        nodes: node,
        extensions: { code: "INTROSPECTION_DISABLED" },
      }),
    );
  },
});

/** Removes names of the schema that graphql-js suggests for a misspelt one. */
export function withoutSuggestions(message: string): string {
  return message.replace(/\s*Did you mean .*\?$/s, "");
}
