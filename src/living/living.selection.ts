import { type FieldNode, type GraphQLResolveInfo, Kind, type SelectionSetNode } from "graphql";

/**
 * Whether the selection of a field needs more than the named ones. Fields under `@skip` and `@include` count as asked
 * for: at worst a living is read that nobody looks at.
 */
export function asksForMoreThan(names: readonly string[], { fieldNodes, fragments }: GraphQLResolveInfo): boolean {
  const free = new Set(["__typename", ...names]);
  const needsMore = (selections: SelectionSetNode | undefined): boolean =>
    selections?.selections.some((selection) => {
      switch (selection.kind) {
        case Kind.FIELD:
          return !free.has(selection.name.value);
        case Kind.INLINE_FRAGMENT:
          return needsMore(selection.selectionSet);
        case Kind.FRAGMENT_SPREAD:
          return needsMore(fragments[selection.name.value]?.selectionSet);
      }
    }) ?? false;
  return fieldNodes.some((node: FieldNode) => needsMore(node.selectionSet));
}
