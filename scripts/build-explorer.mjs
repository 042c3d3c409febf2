// Writes the explorer's page, the sample filled in, beside the compiled gateway: one file that needs no network.
import { writeFile } from "node:fs/promises";
import { renderGraphiQL } from "@graphql-yoga/render-graphiql";
import { sample } from "../dist/living/living.sample.js";

const page = renderGraphiQL({
  title: "WeCom living gateway",
  endpoint: "/graphql",
  // Not `defaultTabs`: of these GraphiQL shows the document only, and not the variables.
  query: sample.document,
  variables: JSON.stringify(sample.variables, null, 2),
});
await writeFile(new URL("../dist/graphiql.html", import.meta.url), page);
