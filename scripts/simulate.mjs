/** `npm run test:simulation`: test/simulation/main.ts says what it takes. */
import { spawnSync } from "node:child_process";
import { build } from "esbuild";

const outfile = "dist/simulation.mjs";
await build({
  entryPoints: ["test/simulation/main.ts"],
  ...{ outfile, bundle: true, platform: "node", format: "esm", packages: "external", sourcemap: "inline" },
});
const { status } = spawnSync(
  process.execPath,
  ["--enable-source-maps", "--max-semi-space-size=64", outfile, ...process.argv.slice(2)],
  {
    stdio: "inherit",
  },
);
process.exitCode = status ?? 1;
