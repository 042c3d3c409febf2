// Compiles packages/client into its dist/, with the schema beside it. `npm pack` in the package runs it.
import { spawnSync } from "node:child_process";
import { cp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");

await rm(at("packages/client/dist"), { recursive: true, force: true });
const { status } = spawnSync(process.execPath, [tsc, "-p", at("packages/client/tsconfig.json")], { stdio: "inherit" });
if (status !== 0) process.exit(status ?? 1);
await cp(at("schema.api.graphql"), at("packages/client/dist/schema.graphql"));
