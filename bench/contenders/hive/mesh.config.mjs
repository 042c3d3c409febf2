import { createNamingConventionTransform, defineConfig } from "@graphql-mesh/compose-cli";
import { loadJSONSchemaSubgraph } from "@omnigraph/json-schema";

const types = new URL("living.schema.json", import.meta.url).pathname;

export const composeConfig = defineConfig({
  subgraphs: [
    {
      sourceHandler: loadJSONSchemaSubgraph("wecom", {
        endpoint: process.env.UPSTREAM,
        operations: [
          {
            type: "Mutation",
            field: "createLiving",
            path: "/cgi-bin/living/create?access_token=TOKEN",
            method: "POST",
            requestSchema: `${types}#/definitions/LivingInput`,
            responseSchema: `${types}#/definitions/CreateLivingResult`,
          },
          // A schema needs a query; this one is never asked.
          {
            type: "Query",
            field: "unused",
            path: "/unused",
            method: "GET",
            responseSchema: `${types}#/definitions/CreateLivingResult`,
          },
        ],
      }),
      transforms: [createNamingConventionTransform({ fieldNames: "camelCase", fieldArgumentNames: "camelCase" })],
    },
  ],
});
