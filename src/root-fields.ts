/**
 * Calls the methods behind root fields straight away. TypeGraphQL's own wrapper sorts a method's parameters and walks the
 * metadata of its inputs at every call, which took 4 % of a createLiving's CPU; here that is done once, for the schema.
 */
import type { GraphQLFieldResolver, GraphQLSchema } from "graphql";
import { getMetadataStorage } from "type-graphql";

type Convert = (value: unknown) => unknown;
type Parameter = (...call: Parameters<GraphQLFieldResolver<unknown, unknown, Record<string, unknown>>>) => unknown;

interface Constructor {
  new (): Record<string, unknown>;
  readonly prototype: object;
}

/** Leaves to TypeGraphQL what needs more of it than arguments, context and info: middleware, authorisation, other parameters. */
export function callRootFieldsDirectly(schema: GraphQLSchema, resolvers: readonly unknown[]): void {
  const { queries, mutations } = getMetadataStorage();
  for (const [type, methods] of [
    [schema.getQueryType(), queries],
    [schema.getMutationType(), mutations],
  ] as const) {
    for (const { schemaName, methodName, target, params = [], middlewares = [], roles } of methods) {
      if (!resolvers.includes(target)) continue;
      const field = type?.getFields()[schemaName];
      const parameters = params.toSorted((a, b) => a.index - b.index).map(parameterOf);
      if (!field || middlewares.length > 0 || roles || !parameters.every((one) => one !== undefined)) continue;
      const resolver = new (target as unknown as Constructor)();
      const method = resolver[methodName] as (...values: unknown[]) => unknown;
      field.resolve = (root, args: Record<string, unknown>, context, info) =>
        method.apply(
          resolver,
          parameters.map((parameter) => parameter(root, args, context, info)),
        );
    }
  }
}

type ParameterMetadata = NonNullable<ReturnType<typeof getMetadataStorage>["queries"][number]["params"]>[number];

function parameterOf(parameter: ParameterMetadata): Parameter | undefined {
  switch (parameter.kind) {
    case "arg": {
      const { name } = parameter;
      const convert = converterTo(parameter.getType());
      return convert && ((_root, args) => convert(args[name]));
    }
    case "context": {
      const { propertyName } = parameter;
      return propertyName === undefined ? (_root, _args, context) => context : undefined;
    }
    case "info":
      return (_root, _args, _context, info) => info;
    default:
      return undefined;
  }
}

const same: Convert = (value) => value;

/** Makes instances of input classes, whose rules are found by their class; undefined for one that inherits fields. */
function converterTo(type: unknown): Convert | undefined {
  const input = getMetadataStorage().inputTypes.find(({ target }) => target === type);
  if (!input) return same;
  const inputClass = input.target as unknown as Constructor;
  if ((Object.getPrototypeOf(inputClass) as { prototype?: unknown }).prototype !== undefined) return undefined;
  const fields = (input.fields ?? []).map((field) => ({ name: field.name, convert: converterTo(field.getType()) }));
  if (!fields.every((field): field is { name: string; convert: Convert } => field.convert !== undefined))
    return undefined;
  const convert: Convert = (value) => {
    if (value === null || value === undefined) return value;
    if (Array.isArray(value)) return value.map(convert);
    const instance = new inputClass();
    for (const { name, convert: convertField } of fields) {
      const given = (value as Readonly<Record<string, unknown>>)[name];
      if (given !== undefined) instance[name] = convertField(given);
    }
    return instance;
  };
  return convert;
}
