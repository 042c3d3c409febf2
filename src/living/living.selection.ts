import { type FieldNode, type GraphQLResolveInfo, Kind, type SelectionSetNode } from "graphql";

/**
 * Whether a field's selection has more than the named fields. Fields under `@skip` and `@include` count as requested: at
 * worst, a living is read needlessly.
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
