// The app alone: `npm run example` starts it together with a gateway (start.mjs).
import { fileURLToPath } from "node:url";

const client = (name) => fileURLToPath(new URL(`../../packages/client/src/${name}.ts`, import.meta.url));

/** @type {import("vite").UserConfig} */
export default {
  root: import.meta.dirname,
  // In an app of your own the package is installed; here its source lies beside the app.
  resolve: {
    alias: [
      { find: /^wecom-living-client$/, replacement: client("index") },
      { find: /^wecom-living-client\/apollo$/, replacement: client("apollo") },
    ],
  },
  esbuild: { jsx: "automatic" },
  build: { target: "es2022", modulePreload: { polyfill: false } },
};
