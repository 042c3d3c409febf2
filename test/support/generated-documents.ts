/**
 * Requests that are made to be answered differently by two implementations of GraphQL: fragments that are shared and
 * conditional, several operations in a document, names of JavaScript's prototypes, variables that are null where they have
 * a default. Each is written from a tape of numbers, so that fast-check shrinks it by shortening the tape.
 */
import fc from "fast-check";
import {
  getNamedType,
  getNullableType,
  type GraphQLArgument,
  type GraphQLField,
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

export interface GeneratedRequest {
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;
}

/** Stand for livings of the gateway that is asked. */
export const livingPlaceholders = ["LIVING-1", "LIVING-2", "LIVING-3"] as const;

export const acceptHeaders = [
  "application/json",
  "application/graphql-response+json",
  "*/*",
  "application/*",
  "application/graphql-response+json, application/json;q=0.9",
  "application/json, application/graphql-response+json;q=0.1",
  "application/json;q=0.2, application/graphql-response+json;q=0.1",
  "application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed",
  "application/json, */*;q=0.1",
  "multipart/mixed;deferSpec=20220824, application/json",
  "text/html",
  "nonsense;;q=2",
] as const;

const oddHeaders: readonly Readonly<Record<string, string>>[] = [
  {},
  { "x-request-id": "content-type" },
  { "x-request-id": "__proto__" },
  { "content-type": "application/json; charset=utf-8" },
  { "x-envoy-expected-rq-timeout-ms": "soon" },
  { "apollo-require-preflight": "1", "cache-control": "no-cache" },
];

/** Names that a careless object has already. */
const inheritedNames = ["__proto__", "constructor", "toString", "hasOwnProperty"] as const;
const texts = ["theme", "", "直播 \u{1F600}", "a\u0000b", "\ud800", "x".repeat(70), "__proto__"] as const;

interface Given {
  readonly literal: string;
  readonly json: unknown;
}

const given = (json: unknown): Given => ({ literal: JSON.stringify(json), json });
const missing = Symbol("not given");

class Tape {
  #at = 0;

  constructor(private readonly numbers: readonly number[]) {}

  /** The first is the simplest: that is what is left of a tape that is over. */
  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }

  below(count: number): number {
    return (this.numbers[this.#at++] ?? 0) % count;
  }

  /** Once in so many times. */
  rarely(times: number): boolean {
    return this.below(times) === times - 1;
  }
}

class Writer {
  readonly #fragments = new Map<string, string>();
  readonly #values: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  #declared = new Map<string, string>();
  #unused: string[] = [];
  #anchors: string[] = [];
  #count = 0;

  constructor(
    private readonly schema: GraphQLSchema,
    private readonly tape: Tape,
  ) {}

  request(): GeneratedRequest {
    const { tape } = this;
    const names = tape.pick([["A"], [""], ["A", "B"], ["A", "B", "C"]]);
    const operations = names.map((name) => this.#operation(name));
    let query = [...operations, ...this.#fragments.values()].join("\n");
    if (tape.rarely(25))
      query = tape.pick([`${query} }`, `${query} fragment Unused on Query { __typename }`, "{ nothing }", ""]);
    const usual = names.length > 1 ? tape.pick(names) : undefined;
    const operationName = tape.rarely(15) ? tape.pick(["Z", "", null, 7]) : usual;
    const variables = tape.rarely(40) ? tape.pick([null, [], "x"]) : Object.fromEntries(Object.entries(this.#values));
    const body = {
      query,
      ...(operationName !== undefined && { operationName }),
      ...(variables !== null &&
      typeof variables === "object" &&
      Object.keys(variables).length === 0 &&
      !Array.isArray(variables)
        ? {}
        : { variables }),
    };
    return { body, headers: { accept: tape.pick(acceptHeaders), ...tape.pick(oddHeaders) } };
  }

  #operation(name: string): string {
    const kind = this.tape.pick(["query", "mutation", "query"] as const);
    const type = kind === "query" ? this.schema.getQueryType()! : this.schema.getMutationType()!;
    // Each living that is made is one more to list.
    this.#anchors = kind === "query" ? ["zhangsan", "lisi"] : ["wangwu", "zhaoliu"];
    this.#declared = new Map();
    this.#unused = [...inheritedNames];
    const selections = this.#selections(type, 3);
    const variables = [...this.#declared].map(([variable, declared]) => `$${variable}: ${declared}`).join(", ");
    return `${kind} ${name}${variables && `(${variables})`}${selections}`;
  }

  #selections(type: GraphQLNamedOutputType, depth: number): string {
    const count = 1 + this.tape.below(3);
    return ` { ${Array.from({ length: count }, () => this.#selection(type, depth)).join(" ")} }`;
  }

  #selection(type: GraphQLNamedOutputType, depth: number): string {
    const { tape } = this;
    const isRoot = [this.schema.getQueryType(), this.schema.getMutationType()].includes(type as never);
    switch (tape.below(6)) {
      case 4:
        return isRoot ? this.#field(type, depth) : `...${this.#fragment(type)}${this.#condition()}`;
      case 5: {
        const possible = isAbstractType(type) ? this.schema.getPossibleTypes(type) : [type];
        const on = tape.pick(possible);
        return `... on ${on.name}${this.#condition()}${this.#selections(on, depth - 1)}`;
      }
      default:
        return this.#field(type, depth);
    }
  }

  #field(type: GraphQLNamedOutputType, depth: number): string {
    const { tape } = this;
    const fields = "getFields" in type ? Object.values(type.getFields()) : [];
    const fit = fields.filter(
      (field) => field.name !== "_service" && (depth > 0 || isLeafType(getNamedType(field.type))),
    );
    if (fit.length === 0 || tape.rarely(8)) return `${this.#alias()}__typename${this.#condition()}`;
    if (tape.rarely(80)) return "nothing";
    const { name, args, type: fieldType } = tape.pick(fit);
    const named = getNamedType(fieldType);
    // Two fields of one name with other arguments are a mistake, and one is enough.
    const alias = args.length > 0 || !isLeafType(named) ? this.#alias(12) : this.#alias();
    const below = isLeafType(named) ? "" : this.#selections(named, depth - 1);
    return `${alias}${name}${this.#arguments(args)}${this.#condition()}${below}`;
  }

  #alias(plainIn = 2): string {
    const { tape } = this;
    if (tape.rarely(6)) return `${tape.pick(inheritedNames)}: `;
    return tape.rarely(plainIn) ? "" : `a${(this.#count += 1)}: `;
  }

  /** Shared by all that spread it. */
  #fragment({ name: typeName }: GraphQLNamedOutputType): string {
    const name = `${typeName}${this.tape.below(2)}`;
    if (!this.#fragments.has(name)) {
      const type = this.schema.getType(typeName) as GraphQLNamedOutputType;
      this.#fragments.set(name, "");
      const leaves = "getFields" in type ? Object.values(type.getFields()).filter(isPlainLeaf) : [];
      const picked = Array.from({ length: 1 + this.tape.below(2) }, () =>
        leaves.length === 0
          ? "__typename"
          : `${this.tape.pick(leaves).name}${this.tape.pick(["", " @skip(if: false)", " @include(if: false)"])}`,
      );
      this.#fragments.set(name, `fragment ${name} on ${typeName} { ${picked.join(" ")} }`);
    }
    return name;
  }

  #condition(): string {
    const { tape } = this;
    switch (tape.below(9)) {
      case 6:
        return ` @include(if: ${tape.pick(["true", "false"])})`;
      case 7:
      case 8: {
        const name = `c${(this.#count += 1)}`;
        const [type, values] = tape.pick<[string, unknown[]]>([
          ["Boolean!", [true, false]],
          ["Boolean = true", [false, true, missing, null]],
          ["Boolean! = false", [true, missing, null, "x"]],
        ]);
        this.#declare(name, type, tape.pick(values));
        return ` @${tape.pick(["include", "skip"])}(if: $${name})`;
      }
      default:
        return "";
    }
  }

  #declare(name: string, type: string, value: unknown): void {
    this.#declared.set(name, type);
    if (value !== missing) this.#values[name] = value;
  }

  #arguments(args: readonly GraphQLArgument[]): string {
    const { tape } = this;
    const written = args.flatMap(({ name, type, defaultValue }) => {
      const isOptional = !isNonNullType(type) || defaultValue !== undefined;
      if (isOptional ? tape.below(3) === 0 : tape.rarely(60)) return [];
      return [`${name}: ${this.#value(type, name, 2).literal}`];
    });
    return written.length === 0 ? "" : `(${written.join(", ")})`;
  }

  /** Written out, or as a variable. */
  #value(type: GraphQLInputType, name: string, depth: number): Given {
    const { tape } = this;
    const plain = this.#plain(type, name, depth);
    if (tape.below(2) === 0) return tape.rarely(30) ? given(tape.pick([null, [], 7, "x", true])) : plain;
    // Inside an input object graphql-js itself takes what a name inherits for its value.
    const inherited = depth === 2 && tape.rarely(5) ? this.#unused.shift() : undefined;
    const variable = inherited ?? `v${(this.#count += 1)}`;
    const wrong = [null, [], {}, [plain.json], 7, "x", true, { x: 1 }, missing];
    const value = tape.rarely(4) ? tape.pick(wrong) : plain.json;
    const nullable = String(getNullableType(type));
    const hasDefault = isNonNullType(type) && !plain.literal.includes("$") && tape.rarely(3);
    this.#declare(
      variable,
      hasDefault ? `${nullable} = ${plain.literal}` : String(type),
      hasDefault ? tape.pick([value, null, missing]) : value,
    );
    return { literal: `$${variable}`, json: plain.json };
  }

  #plain(type: GraphQLInputType, name: string, depth: number): Given {
    const { tape } = this;
    const bare = getNullableType(type);
    if (isListType(bare)) {
      const items = Array.from({ length: tape.below(3) }, () => this.#plain(bare.ofType, name, depth));
      return { literal: `[${items.map(({ literal }) => literal).join(", ")}]`, json: items.map(({ json }) => json) };
    }
    if (isEnumType(bare)) {
      const { name: value } = tape.pick(bare.getValues());
      return { literal: value, json: value };
    }
    if (!isInputObjectType(bare)) return this.#scalar(getNamedType(bare).name, name);
    const fields = Object.values(bare.getFields()).filter((field) => isNonNullType(field.type) || tape.rarely(3));
    const values = fields.map((field) => {
      const isVariable = depth > 0 && tape.rarely(6);
      return [
        field.name,
        isVariable ? this.#value(field.type, field.name, depth - 1) : this.#plain(field.type, field.name, depth - 1),
      ] as const;
    });
    return {
      literal: `{ ${values.map(([field, { literal }]) => `${field}: ${literal}`).join(", ")} }`,
      json: Object.fromEntries(values.map(([field, { json }]) => [field, json])),
    };
  }

  #scalar(type: string, name: string): Given {
    const { tape } = this;
    switch (type) {
      case "Int":
        return given(tape.pick([1, 2, 3, 60, 0, -1, 101, 2 ** 31]));
      case "Boolean":
        return given(tape.pick([true, false]));
      case "UnixTime":
        return given(tape.pick<unknown>([4102444800, 1600000000, "2030-01-01T00:00:00Z", -1]));
      case "WecomAgentid":
        return given(tape.pick([1000014, 0]));
      case "_Any": {
        const [typename, key, value] = tape.pick<[string, string, string]>([
          ["Living", "livingid", tape.pick([...livingPlaceholders, "nonsense"])],
          ["WecomUser", "userid", "zhangsan"],
          ["Nothing", "x", "y"],
        ]);
        return {
          literal: `{ __typename: "${typename}", ${key}: "${value}" }`,
          json: { __typename: typename, [key]: value },
        };
      }
      default:
        if (name === "livingid") return given(tape.pick<unknown>([...livingPlaceholders, "nonsense", 7, ...texts]));
        if (name === "anchorUserid") return given(tape.pick<unknown>([...this.#anchors, 7, ...texts]));
        return given(tape.pick(texts));
    }
  }
}

function isPlainLeaf({ type, args }: GraphQLField<unknown, unknown>): boolean {
  return args.length === 0 && isLeafType(getNamedType(type));
}

export function generatedDocuments(schema: GraphQLSchema): fc.Arbitrary<GeneratedRequest> {
  return fc
    .array(fc.nat(9999), { minLength: 15, maxLength: 160, size: "max" })
    .map((numbers) => new Writer(schema, new Tape(numbers)).request());
}
