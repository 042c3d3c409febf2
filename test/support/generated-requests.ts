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
  isNonNullType,
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
/** What stands in the place of an argument: written out, or as the value of a variable. */
interface Given {
  readonly literal: string;
  readonly json: unknown;
}

interface Piece {
  readonly text: string;
  readonly variables: readonly { readonly name: string; readonly type: string; readonly value: unknown }[];
}

const piece = (text: string): Piece => ({ text, variables: [] });
const joined = (pieces: readonly Piece[], around: (text: string) => string, separator = " "): Piece => ({
  text: around(pieces.map(({ text }) => text).join(separator)),
  variables: pieces.flatMap(({ variables }) => variables),
});
const wordOf = (value: string): Given => ({ literal: JSON.stringify(value), json: value });

export interface GeneratorOptions {
  /** livingids and userids that exist, so that some of the operations find something. */
  readonly livingids: readonly string[];
  readonly userids: readonly string[];
}

/** Operations of one kind: right ones alone (`isOdd` false), or with something wrong here and there. */
class Operations {
  readonly #selections = new Map<string, fc.Arbitrary<Piece>>();

  constructor(
    private readonly schema: GraphQLSchema,
    private readonly options: GeneratorOptions,
    private readonly isOdd: boolean,
  ) {}

  all(): fc.Arbitrary<Piece> {
    const roots = (["query", "mutation"] as const).flatMap((kind) => {
      const type = kind === "query" ? this.schema.getQueryType() : this.schema.getMutationType();
      return type ? [this.#below(type, 5).map((selections) => operation(kind, selections))] : [];
    });
    return fc.oneof({ arbitrary: roots[0]!, weight: 3 }, ...roots.slice(1));
  }

  #rarely<T>(usual: fc.Arbitrary<T>, odd: fc.Arbitrary<T>): fc.Arbitrary<T> {
    return this.isOdd ? fc.oneof({ arbitrary: usual, weight: 9 }, { arbitrary: odd, weight: 1 }) : usual;
  }

  #value(type: GraphQLInputType, name: string, depth = 3): fc.Arbitrary<Given> {
    const bare = getNullableType(type);
    const odd = junk.map((literal): Given => ({ literal, json: literal }));
    if (isListType(bare)) {
      const items = fc.array(this.#value(bare.ofType, name, depth), { maxLength: 3 });
      return this.#rarely(
        items.map((given): Given => ({
          literal: `[${given.map(({ literal }) => literal).join(",")}]`,
          json: given.map(({ json }) => json),
        })),
        odd,
      );
    }
    if (isEnumType(bare)) {
      const names = bare.getValues().map((value) => ({ literal: value.name, json: value.name }));
      return this.#rarely(fc.constantFrom(...names), odd);
    }
    if (isInputObjectType(bare) && depth > 0) {
      const fields = Object.values(bare.getFields()).map((field) => {
        const value = this.#value(field.type, field.name, depth - 1).map((given) => ({ name: field.name, ...given }));
        return isNonNullType(field.type) && !this.isOdd ? value : fc.option(value, { nil: undefined });
      });
      return this.#rarely(
        fc.tuple(...fields).map((all): Given => {
          const given = all.filter((field) => field !== undefined);
          return {
            literal: `{ ${given.map((field) => `${field.name}: ${field.literal}`).join(" ")} }`,
            json: Object.fromEntries(given.map((field) => [field.name, field.json])),
          };
        }),
        odd,
      );
    }
    return this.#rarely(this.#scalar(getNamedType(bare).name, name), odd);
  }

  #scalar(type: string, name: string): fc.Arbitrary<Given> {
    const { livingids, userids } = this.options;
    const text = fc.string({ unit: "binary", maxLength: 25 });
    const known: Record<string, fc.Arbitrary<string>> = {
      livingid: fc.constantFrom(...livingids),
      anchorUserid: fc.constantFrom(...userids),
      theme: fc.constantFrom("theme", "直播", "0123456789012345678901"),
    };
    const reference = (typename: string, key: string, value: string): Given => ({
      literal: `{ __typename: "${typename}", ${key}: ${JSON.stringify(value)} }`,
      json: { __typename: typename, [key]: value },
    });
    switch (type) {
      case "Int":
        return fc.integer(this.isOdd ? { min: -5, max: 200 } : { min: 1, max: 4 }).map(numberOf);
      case "UnixTime":
        return fc.oneof(
          fc.constantFrom(1600000000, 4102444800).map(numberOf),
          fc.constant(wordOf("2030-01-01T00:00:00Z")),
        );
      case "WecomAgentid":
        return fc.constantFrom(1000014, 0).map(numberOf);
      case "_Any":
        return this.#rarely(
          fc.oneof(
            fc.constantFrom(...livingids).map((id) => reference("Living", "livingid", id)),
            fc.constantFrom(...userids).map((id) => reference("WecomUser", "userid", id)),
          ),
          fc.constantFrom(reference("Nothing", "x", "y"), { literal: "{ livingid: 1 }", json: { livingid: 1 } }),
        );
      default:
        return fc.oneof({ arbitrary: known[name] ?? text, weight: 3 }, text).map(wordOf);
    }
  }

  /** Some are left out, and some given as variables. */
  #call(args: readonly GraphQLArgument[]): fc.Arbitrary<Piece> {
    if (args.length === 0) return fc.constant(piece(""));
    const given = args.map(({ name, type, defaultValue }) => {
      const asText = this.#value(type, name).map(({ literal }) => piece(`${name}: ${literal}`));
      const asVariable = fc.tuple(this.#value(type, name), fc.nat(1e9)).map(([{ json }, number]) => ({
        text: `${name}: $v${number}`,
        variables: [{ name: `v${number}`, type: String(type), value: json }],
      }));
      const usual = fc.oneof(asText, asVariable);
      const isOptional = !isNonNullType(type) || defaultValue !== undefined;
      return isOptional ? fc.oneof(usual, fc.constant(piece(""))) : this.#rarely(usual, fc.constant(piece("")));
    });
    return fc.tuple(...given).map((pieces) => {
      const kept = pieces.filter(({ text }) => text !== "");
      return kept.length === 0 ? piece("") : joined(kept, (text) => `(${text})`, ", ");
    });
  }

  #below(type: GraphQLNamedOutputType, depth: number): fc.Arbitrary<Piece> {
    const key = `${type.name} ${depth}`;
    const known = this.#selections.get(key);
    if (known) return known;
    const members: fc.Arbitrary<Piece>[] = [fc.constant(piece("__typename"))];
    if (this.isOdd) members.push(fc.constantFrom("...F", "nothing").map(piece));
    if (!isLeafType(type) && "getFields" in type) {
      for (const { name, args, type: fieldType } of Object.values(type.getFields())) {
        const named = getNamedType(fieldType);
        if (name === "_service" || (!isLeafType(named) && depth === 0)) continue;
        const below = isLeafType(named)
          ? this.#rarely(fc.constant(piece("")), fc.constant(piece(" { x }")))
          : this.#below(named, depth - 1);
        members.push(
          fc
            .tuple(
              alias,
              this.#call(args),
              this.#rarely(fc.constantFrom("", ...rightDirectives), wrongDirective),
              below,
            )
            .map(([before, call, directive, sub]) =>
              joined([call, piece(directive), sub], (text) => `${before}${name}${text}`, ""),
            ),
        );
      }
    }
    if (isAbstractType(type) && depth > 0) {
      for (const possible of this.schema.getPossibleTypes(type)) {
        members.push(
          this.#below(possible, depth - 1).map((sub) => ({ ...sub, text: `... on ${possible.name}${sub.text}` })),
        );
      }
    }
    const made = fc
      .array(fc.oneof(...members), { minLength: 1, maxLength: this.isOdd ? 4 : 3 })
      .map((pieces) => joined(pieces, (text) => ` { ${text} }`));
    this.#selections.set(key, made);
    return made;
  }
}

/** Numbered, so that fields with different arguments do not meet under one name. */
const alias = fc.oneof({ arbitrary: fc.nat(1e9).map((number) => `a${number}: `), weight: 4 }, fc.constant(""));
const rightDirectives = [" @skip(if: false)", " @include(if: true)", " @skip(if: true)"];
const wrongDirective = fc.constantFrom(" @skip(if: $undefined)", " @nothing", " @skip @skip", " @deprecated");
const numberOf = (value: number): Given => ({ literal: String(value), json: value });

function operation(kind: string, { text, variables }: Piece): Piece {
  const definitions = variables.map(({ name, type }) => `$${name}: ${type}`).join(", ");
  return { text: `${kind} Q${definitions && `(${definitions})`}${text}`, variables };
}

/** Bodies of requests with operations of this schema: half of them right, half nearly right, for those get furthest. */
export function generatedBodies(schema: GraphQLSchema, options: GeneratorOptions): fc.Arbitrary<string> {
  const right = new Operations(schema, options, false).all().map(({ text, variables }) => ({
    query: text,
    variables: Object.fromEntries(variables.map(({ name, value }) => [name, value])),
  }));
  const fragment = fc.constantFrom(
    "",
    " fragment F on Living { theme }",
    " fragment F on Query { __typename }",
    " fragment F on Query { ...F }",
  );
  const strangeVariables = fc.option(
    fc.dictionary(fc.string({ maxLength: 8 }), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 3 }),
  );
  const nearlyRight = fc
    .tuple(
      new Operations(schema, options, true).all(),
      fragment,
      strangeVariables,
      fc.constantFrom(undefined, "Q", "other"),
    )
    .map(([{ text, variables }, end, strange, operationName]) => ({
      query: text + end,
      variables: { ...Object.fromEntries(variables.map(({ name, value }) => [name, value])), ...strange },
      operationName,
    }));
  return fc.oneof<fc.Arbitrary<object>[]>(right, nearlyRight).map((request) => JSON.stringify(request));
}

/** The same with some bytes changed, removed, doubled or put in. */
export function mutatedBodies(bodies: fc.Arbitrary<string>): fc.Arbitrary<Uint8Array<ArrayBuffer>> {
  const change = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    kind: fc.constantFrom("set", "remove", "insert", "double"),
    byte: fc.oneof(fc.nat(255), fc.constantFrom(...Buffer.from('{}[]"\\:,()@$!'))),
  });
  return fc.tuple(bodies, fc.array(change, { minLength: 1, maxLength: 4 })).map(([body, changes]) => {
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
