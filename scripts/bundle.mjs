// Joins the gateway and what it depends on into dist/main.js: to find and read two thousand files took half of its start.
// What only some settings need stays apart, in dist/chunks. Names are left alone: the schema's types are named by classes.
import { rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build, stop } from "esbuild";
import { externalPackages, externals } from "./external-packages.mjs";
import { thirdPartyNotices } from "./third-party-notices.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
await rm(`${root}dist/chunks`, { recursive: true, force: true });
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: ["src/main.ts"],
  outdir: "dist",
  chunkNames: "chunks/[name]-[hash]",
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  tsconfig: "tsconfig.json",
  external: externals,
  metafile: true,
  // For the dependencies that are CommonJS modules.
  banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
  legalComments: "none",
  logLevel: "warning",
});
await writeFile(`${root}dist/THIRD-PARTY-NOTICES.txt`, thirdPartyNotices(metafile, externalPackages(), root));
await stop();
