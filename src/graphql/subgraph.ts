/**
 * Builds a federation 2 subgraph from TypeGraphQL classes: the executable schema, and its SDL for `_service`. `_service` and
 * `_entities` are implemented here, because the usual library, @apollo/subgraph, depends on an Elastic-licensed one.
 *
 * @see https://www.apollographql.com/docs/federation/subgraph-spec
 */
import { getDocumentNodeFromSchema } from "@graphql-tools/utils";
import {
  type DefinitionNode,
  type DocumentNode,
  extendSchema,
  type GraphQLArgument,
  GraphQLError,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  GraphQLUnionType,
  isAbstractType,
  Kind,
  parse,
  print,
  printSchema,
} from "graphql";
import { buildSchemaSync, type BuildSchemaOptions } from "type-graphql";

/** A type with `@key`: how to recognise its objects, and to create them from the key that another subgraph sends. */
export interface EntityType<TContext> {
  readonly type: abstract new (...args: never[]) => object;
  /** @returns null or undefined if there is no such entity */
  resolveReference(
    keys: Readonly<Record<string, unknown>>,
    context: TContext,
    info: GraphQLResolveInfo,
  ): object | null | undefined | Promise<object | null | undefined>;
}

export interface SubgraphParts<TContext> {
  /** `extend schema` with its `@link`s, and the definitions of directives that no `@link` imports. */
  readonly header: string;
  readonly resolvers: BuildSchemaOptions["resolvers"];
  /** The types with `@key`, by name. */
  readonly entityTypes: Readonly<Record<string, EntityType<TContext>>>;
  /** The maximum number of references in one `_entities`. Default: unlimited. */
  readonly maxReferences?: (context: TContext) => number;
  /** Types that no field refers to. */
  readonly orphanedTypes?: BuildSchemaOptions["orphanedTypes"];
}

export interface Subgraph {
  readonly schema: GraphQLSchema;
  /** With federation's directives. */
  readonly sdl: string;
  /** Without them, so that clients can read it with `buildSchema`. */
  readonly apiSdl: string;
}

export function buildSubgraph<TContext>(parts: SubgraphParts<TContext>): Subgraph {
  const { header, resolvers, entityTypes, maxReferences = () => Infinity, orphanedTypes = [] } = parts;
  const types = buildSchemaSync({
    resolvers,
    orphanedTypes,
    // The resolvers validate: an error here could not become a member of a union, and would echo the input.
    validate: false,
    // Required by TypeGraphQL and never used: each subscription has its own events.
    pubSub: { publish: noTopics, subscribe: noTopics },
  });
  // Parameter decorators run from the last to the first, and TypeGraphQL keeps that order.
  for (const root of [types.getQueryType(), types.getMutationType(), types.getSubscriptionType()]) {
    for (const field of Object.values(root?.getFields() ?? {})) (field.args as GraphQLArgument[]).reverse();
  }
  // TypeGraphQL makes these functions async; a value with `__typename`, or of a class, needs no promise.
  for (const type of Object.values(types.getTypeMap())) {
    if (isAbstractType(type))
      type.resolveType = (value: { __typename?: string }) => value.__typename ?? value.constructor.name;
  }
  // graphql-js's printer drops directives such as `@key`; `@link` imports their definitions.
  const sdl = `${header}\n${print(rootTypesFirst(getDocumentNodeFromSchema(types)))}\n`;
  const apiSdl = `${print(rootTypesFirst(parse(printSchema(types))))}\n`;
  const schema = extendSchema(types, federationTypes(Object.keys(entityTypes)));
  const { _entities: entities, _service: service } = schema.getQueryType()?.getFields() ?? {};
  const entity = schema.getType("_Entity");
  if (!entities || !service || !(entity instanceof GraphQLUnionType)) throw new Error("the schema has no Query");
  service.resolve = () => ({ sdl });
  entities.resolve = (_root, { representations }: { representations: unknown[] }, context: TContext, info) => {
    const maximum = maxReferences(context);
    if (representations.length > maximum) {
      throw badReference(`At most ${maximum} references are answered at once, found ${representations.length}`);
    }
    return representations.map(async (representation) => {
      const { __typename: name, ...keys } = asReference(representation);
      const found = Object.hasOwn(entityTypes, name) ? entityTypes[name] : undefined;
      if (!found) throw badReference(`${JSON.stringify(name)} is not an entity of this subgraph`);
      return await found.resolveReference(keys, context, info);
    });
  };
  entity.resolveType = (value) =>
    Object.keys(entityTypes).find((name) => entityTypes[name] && value instanceof entityTypes[name].type);
  return { schema, sdl, apiSdl };
}

const rootTypes = ["Query", "Mutation", "Subscription"];

/** Readers of a schema look for these types first. */
function rootTypesFirst(document: DocumentNode): DocumentNode {
  const rank = (definition: DefinitionNode): number => {
    if (definition.kind === Kind.SCHEMA_DEFINITION) return -1;
    if (definition.kind !== Kind.OBJECT_TYPE_DEFINITION) return rootTypes.length;
    const found = rootTypes.indexOf(definition.name.value);
    return found < 0 ? rootTypes.length : found;
  };
  return { ...document, definitions: document.definitions.toSorted((a, b) => rank(a) - rank(b)) };
}

const noTopics = (): never => {
  throw new Error("subscriptions bring their own events: there are no topics");
};

const federationTypes = (entities: readonly string[]) =>
  parse(`
    scalar _Any
    union _Entity = ${entities.join(" | ")}
    type _Service { sdl: String }
    extend type Query {
      _entities(representations: [_Any!]!): [_Entity]!
      _service: _Service!
    }
  `);

function asReference(representation: unknown): Readonly<Record<string, unknown>> & { __typename: string } {
  if (typeof representation === "object" && representation !== null && "__typename" in representation) {
    const { __typename: name } = representation;
    if (typeof name === "string") return { ...representation, __typename: name };
  }
  throw badReference("a representation needs a __typename");
}

function badReference(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: "BAD_USER_INPUT" } });
}
