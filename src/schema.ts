/**
 * The TypeGraphQL classes as a federation 2 subgraph: the schema that is executed, and its SDL, which `_service` answers
 * and `schema.graphql` holds. `_service` and `_entities` are added here, in a dozen lines: the usual library for it,
 * @apollo/subgraph, rests on an Elastic-licensed one.
 *
 * @see https://www.apollographql.com/docs/federation/subgraph-spec
 */
import "reflect-metadata";
import { printSchemaWithDirectives } from "@graphql-tools/utils";
import {
  extendSchema,
  isAbstractType,
  type GraphQLArgument,
  GraphQLError,
  type GraphQLSchema,
  GraphQLUnionType,
  parse,
} from "graphql";
import { buildSchemaSync } from "type-graphql";
import type { LivingContext } from "./living/context.js";
import { LivingMutations } from "./living/living.mutations.js";
import { fieldResolvers } from "./living/living.fields.js";
import { LivingQueries } from "./living/living.queries.js";
import { entityTypes } from "./living/living.references.js";

const header = `extend schema
  @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])
`;

export interface Subgraph {
  readonly schema: GraphQLSchema;
  readonly sdl: string;
}

export function buildSubgraph(): Subgraph {
  const types = buildSchemaSync({
    resolvers: [LivingQueries, LivingMutations, ...fieldResolvers],
    // class-validator runs in the resolvers: here its errors could not become a member of a union, and would echo the input.
    validate: false,
  });
  // Decorators of parameters run from the last to the first, and TypeGraphQL keeps their order.
  for (const root of [types.getQueryType(), types.getMutationType()]) {
    for (const field of Object.values(root?.getFields() ?? {})) (field.args as GraphQLArgument[]).reverse();
  }
  // TypeGraphQL makes these functions async; a value that names its type, or is of a class, needs no promise to tell it.
  for (const type of Object.values(types.getTypeMap())) {
    if (isAbstractType(type))
      type.resolveType = (value: { __typename?: string }) => value.__typename ?? value.constructor.name;
  }
  // graphql's own printer drops `@key` and its like; the definitions of the directives come with `@link`.
  const sdl = `${header}\n${printSchemaWithDirectives(types)}\n`;
  const schema = extendSchema(types, federationTypes);
  const { _entities: entities, _service: service } = schema.getQueryType()?.getFields() ?? {};
  const entity = schema.getType("_Entity");
  if (!entities || !service || !(entity instanceof GraphQLUnionType)) throw new Error("the schema has no Query");
  service.resolve = () => ({ sdl });
  entities.resolve = (_root, { representations }: { representations: unknown[] }, context: LivingContext, info) =>
    representations.map(async (representation) => {
      const { __typename: name, ...keys } = asReference(representation);
      const found = Object.hasOwn(entityTypes, name) ? entityTypes[name] : undefined;
      if (!found) throw badReference(`${JSON.stringify(name)} is not an entity of this subgraph`);
      return await found.resolveReference(keys, context, info);
    });
  entity.resolveType = (value) =>
    Object.keys(entityTypes).find((name) => entityTypes[name] && value instanceof entityTypes[name].type);
  return { schema, sdl };
}

const federationTypes = parse(`
  scalar _Any
  union _Entity = ${Object.keys(entityTypes).join(" | ")}
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
