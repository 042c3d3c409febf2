// Writes schema.graphql, the subgraph's SDL, and schema.api.graphql, what a client sees of it, from the code; with --check,
// says whether the files are up to date instead.
import { writeOrCheck } from "./write-or-check.mjs";
import { buildLivingSubgraph } from "../dist/graphql/schema.js";

const { sdl, apiSdl } = buildLivingSubgraph();
await writeOrCheck("schema.graphql", sdl, "npm run schema");
await writeOrCheck("schema.api.graphql", apiSdl, "npm run schema");
