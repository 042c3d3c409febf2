// Writes schema.graphql from the code; with --check, says whether the file is up to date instead.
import { writeOrCheck } from "./write-or-check.mjs";
import { buildLivingSubgraph } from "../dist/schema.js";

await writeOrCheck("schema.graphql", buildLivingSubgraph().sdl, "npm run schema");
