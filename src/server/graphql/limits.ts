/**
 * The size of an operation, with every fragment expanded, checked before validation, because some documents are made to
 * exhaust validation itself. Counting takes linear time, whatever the fragments expand to.
 */
import {
  type DefinitionNode,
  type DocumentNode,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  type SelectionSetNode,
} from "graphql";

/** Limits of a document, of its variables' values (`variables`), and of what it asks for (`entities`, `first`). */
export interface Limits {
  readonly tokens: number;
  readonly depth: number;
  readonly aliases: number;
  readonly rootFields: number;
  readonly directives: number;
  readonly fragments: number;
  readonly variables: number;
  readonly cost: number;
  readonly entities: number;
  readonly first: number;
}

/** `@skip` and `@include`: no field of this schema takes more directives. */
const maxDirectivesAtOneLocation = 3;

type Counted = "depth" | "aliases" | "rootFields" | "directives";

/** The first limit that the document exceeds; undefined if none. */
export function brokenLimit(document: DocumentNode, limits: Limits): GraphQLError | undefined {
  const fragments = document.definitions.filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION);
  if (fragments.length > limits.fragments) return overLimit("fragments", limits.fragments, fragments.length);
  const counter = new Counter(fragments);
  for (const definition of document.definitions) {
    const counts = counter.definition(definition);
    for (const limit of countedOf(definition)) {
      if (counts[limit] > limits[limit]) return overLimit(limit, limits[limit], counts[limit]);
    }
  }
  if (counter.directivesAtOneLocation > maxDirectivesAtOneLocation) {
    return overLimit("directives at one location", maxDirectivesAtOneLocation, counter.directivesAtOneLocation);
  }
  return undefined;
}

/** A fragment's fields are root fields only if an operation spreads it at its root. */
function countedOf({ kind }: DefinitionNode): readonly Counted[] {
  return kind === Kind.OPERATION_DEFINITION
    ? ["depth", "aliases", "rootFields", "directives"]
    : ["depth", "aliases", "directives"];
}

export function overLimit(limit: string, maximum: number, found: number): GraphQLError {
  return new GraphQLError(`Too many ${words[limit] ?? limit}: at most ${maximum} are answered, found ${found}`, {
    extensions: { code: "OPERATION_LIMIT_EXCEEDED", limit, maximum, found },
  });
}

/**
 * The number of values in the variables, at any depth. The schema does not limit lists or unknown fields, and
 * graphql-js creates an error for each invalid value.
 */
export function valuesIn(variables: Readonly<Record<string, unknown>>): number {
  let count = 0;
  const open: object[] = [variables];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    for (const inner of Object.values(value) as unknown[]) {
      count += 1;
      if (typeof inner === "object" && inner !== null) open.push(inner);
    }
  }
  return count;
}

const words: Readonly<Record<string, string>> = {
  depth: "levels of fields",
  rootFields: "root fields",
  variables: "values in the variables",
  cost: "units of cost",
};

type Counts = Readonly<Record<Counted, number>>;

const nothing: Counts = { depth: 0, aliases: 0, rootFields: 0, directives: 0 };

class Counter {
  directivesAtOneLocation = 0;
  readonly #definitions: ReadonlyMap<string, FragmentDefinitionNode>;
  readonly #fragments = new Map<string, Counts>();

  constructor(fragments: readonly FragmentDefinitionNode[]) {
    this.#definitions = new Map(fragments.map((fragment) => [fragment.name.value, fragment]));
  }

  definition(definition: DefinitionNode): Counts {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) return this.#fragment(definition.name.value);
    if (definition.kind !== Kind.OPERATION_DEFINITION) return nothing;
    const counts = this.#selections(definition.selectionSet);
    const variables = definition.variableDefinitions?.map((variable) => this.#directives(variable)) ?? [];
    const directives = variables.reduce((sum, count) => sum + count, counts.directives + this.#directives(definition));
    return { ...counts, directives };
  }

  /** `rootFields` counts the fields of this selection only. */
  #selections(selectionSet: SelectionSetNode): Counts {
    const counts = { ...nothing };
    for (const selection of selectionSet.selections) {
      counts.directives += this.#directives(selection);
      if (selection.kind === Kind.FIELD) {
        const below = selection.selectionSet ? this.#selections(selection.selectionSet) : nothing;
        counts.depth = Math.max(counts.depth, below.depth + 1);
        counts.aliases += below.aliases + (selection.alias ? 1 : 0);
        counts.directives += below.directives;
        counts.rootFields += 1;
        continue;
      }
      const inside =
        selection.kind === Kind.FRAGMENT_SPREAD
          ? this.#fragment(selection.name.value)
          : this.#selections(selection.selectionSet);
      counts.depth = Math.max(counts.depth, inside.depth);
      counts.aliases += inside.aliases;
      counts.directives += inside.directives;
      counts.rootFields += inside.rootFields;
    }
    return counts;
  }

  #fragment(name: string): Counts {
    const known = this.#fragments.get(name);
    if (known) return known;
    // Validation rejects cyclic and missing fragments.
    this.#fragments.set(name, nothing);
    const definition = this.#definitions.get(name);
    const counts = definition ? this.#selections(definition.selectionSet) : nothing;
    this.#fragments.set(name, counts);
    return counts;
  }

  #directives({ directives }: { readonly directives?: readonly unknown[] | undefined }): number {
    const count = directives?.length ?? 0;
    this.directivesAtOneLocation = Math.max(this.directivesAtOneLocation, count);
    return count;
  }
}
