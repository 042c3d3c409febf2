/**
 * Which tests must notice a mutant of which files, by area. `files` and `tests` are folders or files. `score` is the lowest
 * percentage of mutants that must be killed: 85, where it is not given.
 *
 * `isProcess`: the tests start the bundle as a process. Coverage does not see into it, so every mutant meets every test.
 *
 * @typedef {{ name: string, files: readonly string[], tests: readonly string[], score?: number, isProcess?: true }} Area
 */

const simulation = "test/simulation/simulation.test.ts";

/** @type {readonly Area[]} */
export const areas = [
  // Without limiter-properties.test.ts: what chance finds is no score.
  {
    name: "wecom/limits",
    files: ["src/wecom/limits/"],
    tests: ["counting", "circuit-breaker", "semaphore", "limit-sync", "call-limiter"].map(
      (name) => `test/wecom/limits/${name}.test.ts`,
    ),
  },
  {
    name: "wecom/create-once",
    files: ["src/wecom/create-once/"],
    tests: ["test/wecom/create-once/", simulation],
    score: 95,
  },
  { name: "wecom/tokens", files: ["src/wecom/tokens/"], tests: ["test/wecom/tokens/"], score: 95 },
  { name: "server/auth", files: ["src/server/auth/"], tests: ["test/server/auth/"], score: 95 },
  {
    name: "living/access",
    files: ["src/living/living.access.ts", "src/living/living.directives.ts"],
    tests: ["test/living/permissions.test.ts"],
    score: 95,
  },
  {
    name: "living/mapping",
    files: ["src/living/living.mapping.ts", "src/living/living.validation.ts", "src/living/living.connections.ts"],
    tests: ["test/living/create-living.test.ts", "test/living/living-life.test.ts", "test/living/mapping.test.ts"],
    score: 95,
  },
  {
    name: "wecom/errcodes",
    files: ["src/wecom/errcodes.ts", "src/wecom/errors.ts", "src/wecom/retry.ts"],
    tests: ["test/wecom/errcodes.test.ts", "test/living/errcode-members.test.ts"],
    score: 95,
  },
  { name: "lib", files: ["src/lib/"], tests: ["test/lib/"] },
];
