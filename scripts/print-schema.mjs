// Writes schema.graphql from the code; with --check, says whether the file is up to date instead.
import "reflect-metadata";
import { writeOrCheck } from "./write-or-check.mjs";
import { buildSubgraph } from "../dist/schema.js";

await writeOrCheck("schema.graphql", buildSubgraph().sdl, "npm run schema");
