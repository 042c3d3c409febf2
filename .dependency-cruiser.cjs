// Who may import whom: docs/architecture.md says why.
const only = (name, from, to, allowed) => ({
  name,
  severity: "error",
  from: { path: from },
  to: { path: to, pathNot: allowed },
});
const never = (name, from, to) => ({ name, severity: "error", from, to });

module.exports = {
  forbidden: [
    only("main-to-app", "^src/main\\.ts$", "^src/", "^src/(app|config|doctor/doctor|observability/.*)\\.ts$"),
    only("schema", "^src/graphql/schema\\.ts$", "^src/", "^src/(graphql|living|observability)/"),
    only("subgraph", "^src/graphql/subgraph\\.ts$", "^src/", "^src/graphql/subgraph\\.ts$"),
    only(
      "living",
      "^src/living/",
      "^src/",
      "^src/(living|wecom|observability|lib)/|^src/(errors|request-context)\\.ts$",
    ),
    only(
      "request-context",
      "^src/request-context\\.ts$",
      "^src/",
      "^src/(living|wecom|observability)/|^src/server/auth/caller\\.ts$",
    ),
    only(
      "operation-contexts",
      "^src/operation-contexts\\.ts$",
      "^src/",
      "^src/(living|wecom|observability)/|^src/(errors|request-context)\\.ts$|^src/server/(auth/caller|graphql/[^/]+)\\.ts$",
    ),
    only("errors", "^src/errors\\.ts$", "^src/", "^src/(wecom|observability)/"),
    only("wecom", "^src/wecom/", "^src/", "^src/(wecom|observability|lib)/|^src/stores/store\\.ts$"),
    only("stores", "^src/stores/", "^src/", "^src/(stores|observability|lib)/"),
    only("server", "^src/server/", "^src/", "^src/(server|observability|lib)/"),
    only("doctor", "^src/doctor/", "^src/", "^src/(doctor|config|observability|stores|wecom)(/|\\.)"),
    only("lib", "^src/lib/", "^src/", "^src/lib/"),
    only("observability", "^src/observability/", "^src/", "^src/(observability|lib)/"),
    only("simulator-imports-nothing-of-ours", "^src/simulator/", "^src/", "^src/simulator/"),
    // The configuration is typed by the parts that it configures, and runs none of them.
    never(
      "config-types-only",
      { path: "^src/config\\.ts$" },
      { path: "^src/", pathNot: "^src/observability/", dependencyTypesNot: ["type-only"] },
    ),
    never("wecom-knows-no-graphql", { path: "^src/wecom/" }, { path: "node_modules/(graphql|type-graphql|@apollo)/" }),
    never(
      "living-knows-no-http",
      { path: "^src/living/" },
      { path: "node_modules/(undici|@apollo|lmdb|redis)/|^(node:)?https?$" },
    ),
    never(
      "undici-in-wecom-and-app",
      { path: "^src/", pathNot: "^src/(wecom/|app\\.ts)" },
      { path: "node_modules/undici/" },
    ),
    never(
      "redis-in-stores",
      { path: "^src/", pathNot: "^src/stores/" },
      { path: "node_modules/(redis|@redis|ioredis|lmdb)/" },
    ),
    never("no-cycles", {}, { circular: true }),
    never("no-dev-dependencies", { path: "^src/" }, { dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown"] }),
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "require", "node", "default", "types"],
    },
  },
};
