import graphql from "@graphql-eslint/eslint-plugin";
import jest from "eslint-plugin-jest";
import tseslint from "typescript-eslint";

/** The recommended rules for schemas; their naming convention is narrowed below to that of Apollo's linter. */
const schemaRules = graphql.configs["flat/schema-recommended"].rules;
const [, namingConvention] = schemaRules["@graphql-eslint/naming-convention"];

/** What `@link` brings in a subgraph, and the linter does not know. Composition checks how they are used. */
const federation = `
  directive @link(url: String!, import: [String]) repeatable on SCHEMA
  directive @authenticated on FIELD_DEFINITION | OBJECT
  directive @cost(weight: Int!) on FIELD_DEFINITION | OBJECT
  directive @key(fields: String!) repeatable on OBJECT
  directive @listSize(
    slicingArguments: [String!], sizedFields: [String!], assumedSize: Int, requireOneSlicingArgument: Boolean
  ) on FIELD_DEFINITION
  directive @requiresScopes(scopes: [[String!]!]!) on FIELD_DEFINITION | OBJECT
  directive @shareable on FIELD_DEFINITION | OBJECT
  directive @tag(name: String!) repeatable on FIELD_DEFINITION | OBJECT
`;

/** A describe is one topic: a longer one has several. `max-lines-per-function` does not tell it from other functions. */
const maxDescribeLines = {
  create: (context) => ({
    CallExpression(node) {
      const { start, end } = node.loc;
      const lines = end.line - start.line + 1;
      const [max] = context.options;
      const isDescribe = context.sourceCode.getText(node.callee).startsWith("describe") && node.arguments.length === 2;
      if (isDescribe && lines > max)
        context.report({ node, message: `This describe has ${lines} lines, more than ${max}` });
    },
  }),
  meta: { schema: [{ type: "integer" }] },
};

export default tseslint.config(
  {
    ignores: [
      "dist/**",
      "{packages,examples}/*/dist/**",
      "coverage/**",
      "bench/results/**",
      "node_modules/**",
      "**/generated/**",
    ],
  },
  {
    files: ["**/*.ts", "**/*.tsx"],
    extends: [...tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      "@typescript-eslint/no-extraneous-class": "off",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", ignoreRestSiblings: true }],
      // The classes describe types to TypeGraphQL; their values are plain objects.
      "@typescript-eslint/no-unsafe-class-instance-assignment": "off",
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
    },
  },
  {
    // Composition and metrics: named parts that fit on a screen, and decide nothing.
    files: ["src/app.ts", "src/observability/metrics.ts"],
    rules: { "max-lines-per-function": ["error", { max: 60 }] },
  },
  {
    // Replies of servers under test are `unknown` by nature; the assertion is the check.
    files: ["test/**/*.ts", "bench/**/*.ts"],
    rules: {
      "@typescript-eslint/no-explicit-any": "off",
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/no-unsafe-argument": "off",
      "@typescript-eslint/no-unsafe-assignment": "off",
      "@typescript-eslint/no-unsafe-return": "off",
      "@typescript-eslint/no-unsafe-member-access": "off",
      "@typescript-eslint/no-floating-promises": [
        "error",
        { allowForKnownSafeCalls: [{ from: "package", package: "@jest/globals", name: ["describe", "it"] }] },
      ],
    },
  },
  {
    // A test without an assertion passes whatever happens; helpers that assert say so by their name.
    files: ["test/**/*.test.ts"],
    plugins: { jest, tests: { rules: { "max-describe-lines": maxDescribeLines } } },
    rules: {
      "tests/max-describe-lines": ["error", 120],
      "jest/expect-expect": ["error", { assertFunctionNames: ["expect*", "until*", "fc.assert"] }],
      "jest/no-focused-tests": "error",
      "jest/no-identical-title": "error",
    },
  },
  {
    files: ["schema.graphql"],
    plugins: { "@graphql-eslint": graphql },
    languageOptions: {
      parser: graphql.parser,
      parserOptions: { graphQLConfig: { schema: ["schema.graphql", federation] } },
    },
    rules: {
      ...schemaRules,
      "@graphql-eslint/naming-convention": [
        "error",
        {
          ...namingConvention,
          InputObjectTypeDefinition: { style: "PascalCase", requiredSuffixes: ["Input"] },
          FieldDefinition: { style: "camelCase", forbiddenPrefixes: ["get", "list", "put", "post", "patch"] },
        },
      ],
      "@graphql-eslint/require-description": [
        "error",
        {
          types: true,
          rootField: true,
          FieldDefinition: true,
          InputValueDefinition: true,
          EnumValueDefinition: true,
          // The root types belong to all subgraphs: a description here would be a hint of its own in composition.
          ignoredSelectors: ["ObjectTypeDefinition[name.value=/^(Query|Mutation|Subscription)$/]"],
        },
      ],
      // Names are WeCom's own words: `livingid`, `livingStart`; and its ids are not called `id`.
      "@graphql-eslint/no-typename-prefix": "off",
      "@graphql-eslint/strict-id-in-types": "off",
    },
  },
);
