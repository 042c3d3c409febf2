/**
 * What a document may do, found out once per text and before either way of executing it: the plan of a known operation
 * and Apollo Server's pipeline both start behind this.
 */
import { type DocumentNode, GraphQLError, type GraphQLSchema, parse, type ValidationRule } from "graphql";
import { compileCost, type Variables } from "./cost.js";
import { brokenLimit, type Limits, overLimit, valuesIn } from "./limits.js";
import { Remembered } from "./remembered.js";

type Finding =
  /** Not a document by its syntax: the pipeline says where. */
  | { readonly kind: "unreadable" }
  | { readonly kind: "refused"; readonly error: GraphQLError }
  | { readonly kind: "readable"; readonly document: DocumentNode; readonly cost: ReturnType<typeof compileCost> };

export interface OperationText {
  readonly query: string;
  readonly operationName?: string | null | undefined;
  readonly variables?: Variables | null | undefined;
}

/** Longer ones are looked at anew each time: nobody's everyday operation, and too much to keep. */
const maxRememberedLength = 10_000;
const maxRemembered = 500;

export class Documents {
  readonly #findings = new Remembered<string, Finding>(maxRemembered);

  constructor(
    private readonly schema: GraphQLSchema,
    private readonly limits: Limits,
  ) {}

  /** Why this request is not executed; undefined when nothing here is against it. */
  refusal({ query, operationName, variables }: OperationText): GraphQLError | undefined {
    const finding = this.#find(query);
    if (finding.kind === "refused") return finding.error;
    const values = variables ? valuesIn(variables) : 0;
    if (values > this.limits.variables) return overLimit("variables", this.limits.variables, values);
    if (finding.kind !== "readable") return undefined;
    const cost = finding.cost(operationName ?? undefined, variables ?? {});
    return cost > this.limits.cost ? overLimit("cost", this.limits.cost, cost) : undefined;
  }

  /** Undefined for what is no document by its syntax, or breaks a limit. */
  parsed(query: string): DocumentNode | undefined {
    const finding = this.#find(query);
    return finding.kind === "readable" ? finding.document : undefined;
  }

  #find(query: string): Finding {
    const known = this.#findings.get(query);
    if (known) return known;
    const finding = this.#examine(query);
    if (query.length <= maxRememberedLength) this.#findings.set(query, finding);
    return finding;
  }

  #examine(query: string): Finding {
    let document: DocumentNode;
    try {
      document = parse(query, { maxTokens: this.limits.tokens });
    } catch {
      return { kind: "unreadable" };
    }
    const error = brokenLimit(document, this.limits);
    return error
      ? { kind: "refused", error }
      : { kind: "readable", document, cost: compileCost(this.schema, document) };
  }
}

/** The schema is for the router and for development: names of its fields elsewhere help only who should not be there. */
export const noSchemaExposure: ValidationRule = (context) => ({
  Field: (node) => {
    if (!["__schema", "__type", "_service"].includes(node.name.value)) return;
    context.reportError(
      new GraphQLError("Introspection is switched off here", {
        nodes: node,
        extensions: { code: "INTROSPECTION_DISABLED" },
      }),
    );
  },
});

/** graphql-js proposes names of the schema for one that was misspelt. */
export function withoutSuggestions(message: string): string {
  return message.replace(/\s*Did you mean .*\?$/s, "");
}
