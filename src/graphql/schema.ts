/** The living API as a subgraph. `schema.graphql` is its SDL, for `rover subgraph publish --schema`. */
import "reflect-metadata";
import { fieldResolvers } from "../living/living.fields.js";
import { LivingMutations } from "../living/living.mutations.js";
import { LivingQueries } from "../living/living.queries.js";
import { entityTypes } from "../living/living.references.js";
import { LivingSubscriptions } from "../living/living.subscriptions.js";
import { JsSdkQueries } from "../living/living.js-sdk.js";
import { LivingUploads } from "../living/living.uploads.js";
import { buildSubgraph } from "./subgraph.js";

/**
 * `@contact` and `@cacheControl` are not part of federation: tools that read the subgraph's schema use them, and
 * composition drops them. Apollo's `scope: PRIVATE` is only in the header Cache-Control, because its enum would appear
 * in every supergraph.
 */
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

"""For how long its caller may keep an answer: as long as the shortest of what it holds, as its header Cache-Control says."""
directive @cacheControl(
  """Seconds; 0: not at all."""
  maxAge: Int
  """As long as its parent."""
  inheritMaxAge: Boolean
) on FIELD_DEFINITION | OBJECT
`;

export const buildLivingSubgraph = () =>
  buildSubgraph({
    header,
    resolvers: [LivingQueries, JsSdkQueries, LivingMutations, LivingUploads, LivingSubscriptions, ...fieldResolvers],
    entityTypes,
    maxReferences: ({ limits }) => limits.entities,
  });
