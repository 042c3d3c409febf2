/**
 * How long a router may cache the answer to an operation, from the schema's `@cacheControl`. Computed once per
 * document, where Apollo Server's plugin would wrap every field of every request. Same rules as the plugin: the
 * shortest hint of the selected fields; objects and root fields without a hint are not cached.
 *
 * @see https://www.apollographql.com/docs/apollo-server/performance/caching/
 */
import {
  type ASTNode,
  type DocumentNode,
  getNamedType,
  getOperationAST,
  type GraphQLNamedType,
  type GraphQLSchema,
  isCompositeType,
  Kind,
  OperationTypeNode,
  type SelectionSetNode,
} from "graphql";

/**
 * The header's value for a complete answer, without errors and without stale parts; undefined if it must not be cached.
 * Always private, because answers depend on the caller.
 */
export function cacheControlOf(
  schema: GraphQLSchema,
  document: DocumentNode,
  operationName: string | undefined,
): string | undefined {
  const operation = getOperationAST(document, operationName);
  const root = schema.getQueryType();
  if (!root || operation?.operation !== OperationTypeNode.QUERY) return undefined;
  let maxAge = Infinity;
  const visited = new Set<string>();
  const visit = ({ selections }: SelectionSetNode, parent: GraphQLNamedType): void => {
    for (const selection of selections) {
      switch (selection.kind) {
        case Kind.FIELD: {
          const { name, selectionSet } = selection;
          // Entities are selected by fragments on their types, whose hints count; `_service` is not cached.
          const isReferences = parent === root && name.value === "_entities";
          const field = "getFields" in parent ? parent.getFields()[name.value] : undefined;
          if (!field) break;
          const type = getNamedType(field.type);
          if (!isReferences) maxAge = Math.min(maxAge, ageOf(field.astNode, type, parent === root));
          if (selectionSet) visit(selectionSet, type);
          break;
        }
        case Kind.INLINE_FRAGMENT:
          visitFragment(selection.typeCondition?.name.value, selection.selectionSet, parent);
          break;
        case Kind.FRAGMENT_SPREAD: {
          const fragment = document.definitions.find(
            (definition) =>
              definition.kind === Kind.FRAGMENT_DEFINITION && definition.name.value === selection.name.value,
          );
          if (fragment?.kind !== Kind.FRAGMENT_DEFINITION || visited.has(fragment.name.value)) break;
          visited.add(fragment.name.value);
          visitFragment(fragment.typeCondition.name.value, fragment.selectionSet, parent);
        }
      }
    }
  };
  const visitFragment = (typeName: string | undefined, selectionSet: SelectionSetNode, parent: GraphQLNamedType) => {
    const type = typeName === undefined ? parent : (schema.getType(typeName) ?? parent);
    if (type !== root) maxAge = Math.min(maxAge, ageOf(undefined, type, false));
    visit(selectionSet, type);
  };
  visit(operation.selectionSet, root);
  return maxAge > 0 && maxAge < Infinity ? `private, max-age=${maxAge}` : undefined;
}

/** Seconds; Infinity: inherited from the parent. */
function ageOf(field: ASTNode | undefined | null, type: GraphQLNamedType, isAtRoot: boolean): number {
  const hint = hintOf(field) ?? hintOf(type.astNode);
  if (hint !== undefined) return hint;
  return isAtRoot || isCompositeType(type) ? 0 : Infinity;
}

function hintOf(node: ASTNode | undefined | null): number | undefined {
  const directives = node && "directives" in node ? node.directives : undefined;
  const hint = directives?.find(({ name }) => name.value === "cacheControl");
  if (!hint) return undefined;
  for (const { name, value } of hint.arguments ?? []) {
    if (name.value === "maxAge" && value.kind === Kind.INT) return Number(value.value);
  }
  // inheritMaxAge
  return Infinity;
}
