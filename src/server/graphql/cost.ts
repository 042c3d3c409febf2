/**
 * The maximum cost of an operation by the schema's `@cost` and `@listSize`, as supergraph routers compute it: an object
 * 1, a scalar 0, a list as many times as its slicing argument asks for. Compiled once per document, so that each
 * request only adds what depends on its variables.
 *
 * @see https://ibm.github.io/graphql-specs/cost-spec.html
 */
import {
  type ArgumentNode,
  type DirectiveNode,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  getNamedType,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
  isAbstractType,
  isCompositeType,
  isInterfaceType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  valueFromASTUntyped,
} from "graphql";

export type Variables = Readonly<Record<string, unknown>>;

/** A function if the cost depends on variables; otherwise a number. */
type Cost = number | ((variables: Variables) => number);

const add = (a: Cost, b: Cost): Cost =>
  typeof a === "number" && typeof b === "number" ? a + b : (variables) => at(a, variables) + at(b, variables);

const times = (a: Cost, b: Cost): Cost => {
  if (a === 0 || b === 0) return 0;
  return typeof a === "number" && typeof b === "number" ? a * b : (variables) => at(a, variables) * at(b, variables);
};

const at = (cost: Cost, variables: Variables): number => (typeof cost === "number" ? cost : cost(variables));

/** Cached per request, however often the fragment is spread, so that nested fragments do not multiply the work. */
const once = (cost: Cost): Cost => {
  if (typeof cost === "number") return cost;
  const known = new WeakMap<Variables, number>();
  return (variables) => {
    let value = known.get(variables);
    if (value === undefined) known.set(variables, (value = cost(variables)));
    return value;
  };
};

/** The cost of each operation of a valid document, by name; `undefined` is the unnamed one. */
export function compileCost(
  schema: GraphQLSchema,
  document: DocumentNode,
): (operationName: string | undefined, variables: Variables) => number {
  const operations = document.definitions.filter((definition) => definition.kind === Kind.OPERATION_DEFINITION);
  const fragments = document.definitions.filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION);
  const costs = operations.map((operation) => ({
    name: operation.name?.value,
    cost: new Calculation(schema, operation, fragments).cost(),
  }));
  return (operationName, variables) => {
    const chosen = operationName === undefined ? costs[0] : costs.find(({ name }) => name === operationName);
    // Without a matching operation, nothing is executed.
    return chosen ? at(chosen.cost, variables) : 0;
  };
}

interface ListSize {
  readonly size: Cost;
  /** The subfields that are the list; empty if the field itself is. */
  readonly sizedFields: readonly string[];
}

/** `perItem` counts once for every item of the enclosing list. */
interface Parts {
  readonly once: Cost;
  readonly perItem: Cost;
}

const free: Parts = { once: 0, perItem: 0 };

/** Capped, because the field itself rejects a longer page, with its own message and without a cost. */
const maxPage = 100;

class Calculation {
  readonly #fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  /** Cached by the sized fields around it, so that nested fragments are computed once each. */
  readonly #memo = new Map<string, Parts>();
  readonly #defaults: ReadonlyMap<string, unknown>;

  constructor(
    private readonly schema: GraphQLSchema,
    private readonly operation: OperationDefinitionNode,
    fragments: readonly FragmentDefinitionNode[],
  ) {
    this.#fragments = new Map(fragments.map((fragment) => [fragment.name.value, fragment]));
    this.#defaults = new Map(
      operation.variableDefinitions?.map(({ variable, defaultValue }) => [
        variable.name.value,
        defaultValue && valueFromASTUntyped(defaultValue),
      ]),
    );
  }

  cost(): Cost {
    const root = this.schema.getRootType(this.operation.operation);
    return root ? this.#selections(this.operation.selectionSet, root, []).once : 0;
  }

  #selections({ selections }: SelectionSetNode, parent: GraphQLNamedType, sizedFields: readonly string[]): Parts {
    let sum = free;
    for (const selection of selections) {
      const parts =
        selection.kind === Kind.FIELD
          ? this.#field(selection, parent, sizedFields)
          : selection.kind === Kind.FRAGMENT_SPREAD
            ? this.#spread(selection.name.value, sizedFields)
            : this.#selections(
                selection.selectionSet,
                this.#type(selection.typeCondition?.name.value) ?? parent,
                sizedFields,
              );
      sum = { once: add(sum.once, parts.once), perItem: add(sum.perItem, parts.perItem) };
    }
    return sum;
  }

  #spread(name: string, sizedFields: readonly string[]): Parts {
    const key = `${name} ${sizedFields.join(" ")}`;
    const known = this.#memo.get(key);
    if (known) return known;
    this.#memo.set(key, free);
    const fragment = this.#fragments.get(name);
    const type = this.#type(fragment?.typeCondition.name.value);
    const found = fragment && type ? this.#selections(fragment.selectionSet, type, sizedFields) : free;
    const parts = { once: once(found.once), perItem: once(found.perItem) };
    this.#memo.set(key, parts);
    return parts;
  }

  #field(node: FieldNode, parent: GraphQLNamedType, sizedFields: readonly string[]): Parts {
    const name = node.name.value;
    const field = isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[name] : undefined;
    if (!field) return free;
    const type = getNamedType(field.type);
    const listSize = this.#listSize(node, field);
    const below = node.selectionSet ? this.#selections(node.selectionSet, type, listSize?.sizedFields ?? []) : free;
    const own = this.#weight(field, type);
    const isItselfTheList = listSize?.sizedFields.length === 0;
    const inside = add(below.once, times(listSize?.size ?? 1, below.perItem));
    const cost = isItselfTheList ? times(listSize.size, add(own, below.once)) : add(own, inside);
    return sizedFields.includes(name) ? { once: 0, perItem: cost } : { once: cost, perItem: 0 };
  }

  #weight({ astNode }: GraphQLField<unknown, unknown>, type: GraphQLNamedType): number {
    const ofField = argumentsOf(astNode?.directives, "cost")?.["weight"];
    if (ofField !== undefined) return Number(ofField);
    if (!isCompositeType(type)) return 0;
    const possible = isAbstractType(type) ? this.schema.getPossibleTypes(type) : [type];
    return Math.max(...possible.map((one) => Number(argumentsOf(one.astNode?.directives, "cost")?.["weight"] ?? 1)));
  }

  #listSize(node: FieldNode, field: GraphQLField<unknown, unknown>): ListSize | undefined {
    if (field.name === "_entities") return { size: this.#length(argument(node, "representations")), sizedFields: [] };
    const given = argumentsOf(field.astNode?.directives, "listSize");
    if (!given) return undefined;
    const [slicing] = (given["slicingArguments"] as string[] | undefined) ?? [];
    const fallback = field.args.find(({ name }) => name === slicing)?.defaultValue ?? given["assumedSize"];
    return {
      size: this.#number(slicing === undefined ? undefined : argument(node, slicing), Number(fallback ?? 1)),
      sizedFields: (given["sizedFields"] as string[] | undefined) ?? [],
    };
  }

  #number(node: ArgumentNode | undefined, fallback: number): Cost {
    return this.#value(node, (value) => (typeof value === "number" ? Math.min(Math.max(0, value), maxPage) : fallback));
  }

  #length(node: ArgumentNode | undefined): Cost {
    return this.#value(node, (value) => (Array.isArray(value) ? value.length : 1));
  }

  #value(node: ArgumentNode | undefined, read: (value: unknown) => number): Cost {
    if (node?.value.kind !== Kind.VARIABLE) return read(node && valueFromASTUntyped(node.value));
    const name = node.value.name.value;
    return (variables) => read(Object.hasOwn(variables, name) ? variables[name] : this.#defaults.get(name));
  }

  #type(name: string | undefined): GraphQLNamedType | undefined {
    return name === undefined ? undefined : this.schema.getType(name);
  }
}

function argument({ arguments: given }: FieldNode, name: string): ArgumentNode | undefined {
  return given?.find((node) => node.name.value === name);
}

function argumentsOf(directives: readonly DirectiveNode[] | undefined, name: string): Variables | undefined {
  const found = directives?.find((directive) => directive.name.value === name);
  return (
    found &&
    Object.fromEntries(found.arguments?.map((node) => [node.name.value, valueFromASTUntyped(node.value)]) ?? [])
  );
}
