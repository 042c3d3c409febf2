/**
 * Operation plans: what a document may do is found out once for each text. It is parsed, counted and validated when it is
 * seen first; only what depends on the variables is left for each request.
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
  /** As the document names it. */
  readonly operationName: string | undefined;
  /** Its root fields; what `@skip` may leave out is among them. */
  readonly roots: readonly RootField[];
  readonly variableDefinitions: readonly VariableDefinitionNode[];
  /** For `execute`, with coerced variables: see `withCoercedVariables`. */
  readonly document: DocumentNode;
  /** The header of that name for a whole answer; undefined where nobody may keep it. */
  readonly cacheControl: string | undefined;
  cost(variables: Variables): number;
}

type Plans = Refused | { readonly kind: "plans"; readonly plans: readonly OperationPlan[] };

export interface DocumentsOptions {
  readonly schema: GraphQLSchema;
  readonly limits: Limits;
  /** Besides those of the specification. */
  readonly validationRules: readonly ValidationRule[];
}

/** Longer documents are prepared anew each time: nobody's everyday operation, and too much to keep. */
const maxRememberedLength = 10_000;
const maxRemembered = 500;
/** Characters of all together. A plan takes up to 30 times the memory of its text, so this bounds them to some 30 MB. */
const maxRememberedCharacters = 1_000_000;
const maxValidationErrors = 5;

export class Documents {
  readonly #plans = new BoundedMap<string, Plans>(maxRemembered, {
    maxWeight: maxRememberedCharacters,
    weightOf: (text) => text.length,
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
    try {
      document = withoutTokenList(parse(text, { maxTokens: limits.tokens }));
    } catch (error) {
      if (!(error instanceof GraphQLError)) throw error;
      return refusedWith([lasting(error)], "GRAPHQL_PARSE_FAILED");
    }
    const overLimit = brokenLimit(document, limits);
    if (overLimit) return refusedWith([overLimit], "OPERATION_LIMIT_EXCEEDED");
    const rules = [...specifiedRules, ...validationRules];
    const mistakes = validate(schema, document, rules, { maxErrors: maxValidationErrors });
    if (mistakes.length > 0) return refusedWith(mistakes.map(lasting), "GRAPHQL_VALIDATION_FAILED");
    return { kind: "plans", plans: plansOf(schema, document) };
  }
}

/** Each node knows its first and its last token, and these all the others, comments too: half of what a document weighs. */
function withoutTokenList(document: DocumentNode): DocumentNode {
  for (let token = document.loc?.startToken; token;) {
    const next: Token | null = token.next;
    Object.assign(token, { prev: null, next: null });
    token = next ?? undefined;
  }
  return document;
}

/** For as long as it is remembered, its nodes would keep the whole document, and so would the frames of its stack. */
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
 * The document with every variable declared as `_Any`, which takes a value as it is: graphql-js's `execute` coerces
 * whatever it is given, and a value that was coerced before (an enum's, a time's) does not fit its own type any more.
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

/**
 * Under which name a variable is executed. graphql-js reads a variable inside an input object without asking whether the
 * values have it themselves, so that `$toString` would be a function where it is not given.
 */
export function executedName(name: string): string {
  return name in Object.prototype ? `$${name}` : name;
}

function isOperation(definition: DocumentNode["definitions"][number]): definition is OperationDefinitionNode {
  return definition.kind === Kind.OPERATION_DEFINITION;
}

function unresolved(message: string): Refused {
  return refusedWith([new GraphQLError(message)], "OPERATION_RESOLUTION_FAILURE");
}

/** The schema is for the router and for development: names of its fields elsewhere help only who should not be there. */
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

/** graphql-js proposes names of the schema for one that was misspelt. */
export function withoutSuggestions(message: string): string {
  return message.replace(/\s*Did you mean .*\?$/s, "");
}
