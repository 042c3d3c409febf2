/** Requests that fast-check makes of the schema, right and wrong ones, and of bytes. */
import fc from "fast-check";
import {
  getNamedType,
  getNullableType,
  type GraphQLArgument,
  type GraphQLInputType,
  type GraphQLNamedOutputType,
  type GraphQLSchema,
  isAbstractType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isObjectType,
} from "graphql";

const junk = fc.constantFrom(
  "null",
  "true",
  "{}",
  "[]",
  "[[[]]]",
  "-1",
  "0",
  "1e999",
  "2147483648",
  "9".repeat(40),
  '""',
  '"x"',
  '"\\u0000"',
  '"\\ud800"',
  '"""block"""',
  "WORD",
  "$undefined",
  '"2030-01-01T00:00:00Z"',
  "{ __proto__: {} }",
);
const rarely = <T>(usual: fc.Arbitrary<T>, odd: fc.Arbitrary<T>) =>
  fc.oneof({ arbitrary: usual, weight: 9 }, { arbitrary: odd, weight: 1 });

function literal(type: GraphQLInputType, depth = 3): fc.Arbitrary<string> {
  const bare = getNullableType(type);
  if (isListType(bare)) {
    return rarely(
      fc.array(literal(bare.ofType, depth), { maxLength: 3 }).map((items) => `[${items.join(",")}]`),
      junk,
    );
  }
  if (isEnumType(bare)) return rarely(fc.constantFrom(...bare.getValues().map(({ name }) => name)), junk);
  if (isInputObjectType(bare) && depth > 0) {
    const fields = Object.values(bare.getFields());
    const parts = fields.map((field) =>
      fc.option(literal(field.type, depth - 1).map((value) => `${field.name}: ${value}`)),
    );
    return rarely(
      fc.tuple(...parts).map((given) => `{ ${given.filter(Boolean).join(" ")} }`),
      junk,
    );
  }
  const byName: Record<string, fc.Arbitrary<string>> = {
    Int: fc.integer({ min: -5, max: 200 }).map(String),
    UnixTime: fc.constantFrom("1600000000", '"2030-01-01T00:00:00Z"', "4102444800"),
    WecomAgentid: fc.constantFrom("1000014", "0"),
    _Any: fc.constantFrom(
      '{ __typename: "Living", livingid: "L" }',
      '{ __typename: "WecomUser", userid: "u" }',
      '{ __typename: "Nothing" }',
      "{ livingid: 1 }",
    ),
  };
  const text = fc.string({ unit: "binary", maxLength: 25 }).map((value) => JSON.stringify(value));
  return rarely(byName[getNamedType(bare).name] ?? text, junk);
}

function callWith(args: readonly GraphQLArgument[]): fc.Arbitrary<string> {
  if (args.length === 0) return fc.constant("");
  const given = args.map(({ name, type }) =>
    rarely(
      literal(type).map((value) => `${name}: ${value}`),
      fc.constant(""),
    ),
  );
  return fc
    .tuple(...given)
    .map((parts) => `(${parts.filter(Boolean).join(", ")})`)
    .map((text) => (text === "()" ? "" : text));
}

const alias = fc.constantFrom("", "", "", "a: ", "b: ");
const directive = rarely(
  fc.constant(""),
  fc.constantFrom(
    " @skip(if: false)",
    " @include(if: true)",
    " @skip(if: $undefined)",
    " @nothing",
    " @skip @skip",
    " @deprecated",
  ),
);

function selections(
  schema: GraphQLSchema,
  type: GraphQLNamedOutputType,
  depth: number,
  memo: Map<string, fc.Arbitrary<string>>,
): fc.Arbitrary<string> {
  const key = `${type.name} ${depth}`;
  const known = memo.get(key);
  if (known) return known;
  const members: fc.Arbitrary<string>[] = [fc.constant("__typename"), fc.constant("...F"), fc.constant("nothing")];
  if (!isLeafType(type) && "getFields" in type) {
    for (const { name, args, type: fieldType } of Object.values(type.getFields())) {
      const named = getNamedType(fieldType);
      const below = isLeafType(named)
        ? rarely(fc.constant(""), fc.constant(" { x }"))
        : depth > 0
          ? selections(schema, named, depth - 1, memo)
          : undefined;
      if (below)
        members.push(
          fc.tuple(alias, callWith(args), directive, below).map(([a, call, d, sub]) => `${a}${name}${call}${d}${sub}`),
        );
    }
  }
  if (isAbstractType(type) && depth > 0) {
    for (const possible of schema.getPossibleTypes(type)) {
      members.push(selections(schema, possible, depth - 1, memo).map((sub) => `... on ${possible.name}${sub}`));
    }
  }
  const made = fc.array(fc.oneof(...members), { minLength: 1, maxLength: 4 }).map((parts) => ` { ${parts.join(" ")} }`);
  memo.set(key, made);
  return made;
}

/** Bodies of requests with operations of this schema: most of them nearly right, for those get furthest. */
export function generatedBodies(schema: GraphQLSchema): fc.Arbitrary<string> {
  const memo = new Map<string, fc.Arbitrary<string>>();
  const roots = (["query", "mutation"] as const).flatMap((kind) => {
    const type = kind === "query" ? schema.getQueryType() : schema.getMutationType();
    return type && isObjectType(type) ? [selections(schema, type, 4, memo).map((text) => `${kind} Q${text}`)] : [];
  });
  const fragment = fc.constantFrom(
    "",
    " fragment F on Living { theme }",
    " fragment F on Query { __typename }",
    " fragment F on Query { ...F }",
  );
  const variables = fc.option(
    fc.dictionary(fc.string({ maxLength: 8 }), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 3 }),
  );
  const name = fc.constantFrom(undefined, "Q", "other");
  return fc
    .tuple(fc.oneof(...roots), fragment, variables, name)
    .map(([root, end, values, operationName]) =>
      JSON.stringify({ query: root + end, variables: values, operationName }),
    );
}

/** The same with some bytes changed, removed, doubled or put in. */
export function mutatedBodies(bodies: fc.Arbitrary<string>): fc.Arbitrary<Uint8Array<ArrayBuffer>> {
  const change = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    kind: fc.constantFrom("set", "remove", "insert", "double"),
    byte: fc.oneof(fc.nat(255), fc.constantFrom(...Buffer.from('{}[]"\\:,()@$!'))),
  });
  return fc.tuple(bodies, fc.array(change, { minLength: 1, maxLength: 8 })).map(([body, changes]) => {
    const bytes = [...Buffer.from(body)];
    for (const { at, kind, byte } of changes) {
      const index = Math.floor(at * bytes.length);
      if (kind === "set") bytes[index] = byte;
      else if (kind === "remove") bytes.splice(index, 1);
      else if (kind === "insert") bytes.splice(index, 0, byte);
      else bytes.splice(index, 0, ...bytes.slice(index, index + 20));
    }
    return new Uint8Array(bytes);
  });
}
