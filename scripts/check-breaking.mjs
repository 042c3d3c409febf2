// Says how one schema would break the clients of another: `node scripts/check-breaking.mjs [released] [current]`. The
// schema of the last release is schema.released.graphql, so that a clone without tags knows it; `npm run schema:release`
// replaces it when a release is made.
import { readFile } from "node:fs/promises";
import { CriticalityLevel, diff } from "@graphql-inspector/core";
import { buildASTSchema, parse } from "graphql";

/** The definitions of federation's directives come with `@link`, and composition checks them. */
const read = async (file) => buildASTSchema(parse(await readFile(file, "utf8")), { assumeValidSDL: true });

const [released = "schema.released.graphql", current = "schema.graphql"] = process.argv.slice(2);
const changes = await diff(await read(released), await read(current));
const breaking = changes.filter(({ criticality }) => criticality.level === CriticalityLevel.Breaking);
for (const { message } of breaking) process.stderr.write(`breaking: ${message}\n`);
if (breaking.length > 0) process.exitCode = 1;
