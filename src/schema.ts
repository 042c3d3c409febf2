/** The living API as a subgraph. `schema.graphql` is its SDL: what `rover subgraph publish --schema` takes. */
import "reflect-metadata";
import { fieldResolvers } from "./living/living.fields.js";
import { LivingMutations } from "./living/living.mutations.js";
import { LivingQueries } from "./living/living.queries.js";
import { entityTypes } from "./living/living.references.js";
import { buildSubgraph } from "./subgraph.js";

/** `@contact` is no part of federation: registries read it from the schema, and composition leaves it out. */
const header = `extend schema
  @link(
    url: "https://specs.apollo.dev/federation/v2.9"
    import: ["@authenticated", "@cost", "@key", "@listSize", "@requiresScopes", "@shareable", "@tag"]
  )
  @contact(
    name: "The team that runs this gateway"
    description: "Replace name and url by your own when you publish this schema to a registry."
  )

"""Whom to ask about this subgraph."""
directive @contact(
  """The team."""
  name: String!
  """Where it can be reached: a chat, a page."""
  url: String
  """What else to know, in Markdown."""
  description: String
) on SCHEMA
`;

export const buildLivingSubgraph = () =>
  buildSubgraph({
    header,
    resolvers: [LivingQueries, LivingMutations, ...fieldResolvers],
    entityTypes,
    maxReferences: ({ limits }) => limits.entities,
  });
