/**
 * Which tests must notice a mutant of which files, by area. `files` and `tests` are folders or files. `score` is the lowest
 * percentage of mutants that must be killed: 85, where it is not given.
 * The tests must run the code in their own process: one that they start has no mutant in it.
 *
 * @typedef {{ name: string, files: readonly string[], tests: readonly string[], score?: number }} Area
 */

const simulation = "test/simulation/simulation.test.ts";

/** @type {readonly Area[]} */
export const areas = [
  // Neither the random ones, for what chance finds is no score, nor those with hundreds of calls that wait for each other:
  // they time out where others fail at once.
  {
    name: "wecom/limits",
    files: ["src/wecom/limits/"],
    tests: ["counting", "circuit-breaker", "semaphore", "limit-sync"].map(
      (name) => `test/wecom/limits/${name}.test.ts`,
    ),
  },
  {
    name: "wecom/create-once",
    files: ["src/wecom/create-once/"],
    tests: ["test/wecom/create-once/", simulation],
    score: 95,
  },
  {
    name: "wecom/retry",
    files: ["src/wecom/retry.ts"],
    tests: ["test/wecom/retry.test.ts", "test/wecom/repeated-writes.test.ts"],
  },
  {
    name: "wecom/tokens",
    files: ["src/wecom/tokens/"],
    tests: ["token-parts", "tokens", "renewed-token"].map((name) => `test/wecom/tokens/${name}.test.ts`),
    score: 95,
  },
  { name: "server/auth", files: ["src/server/auth/"], tests: ["test/server/auth/"], score: 95 },
  {
    name: "living/access",
    files: ["src/living/living.access.ts", "src/living/living.directives.ts"],
    tests: ["test/living/permissions.test.ts"],
    score: 95,
  },
  {
    name: "living/mapping",
    files: ["src/living/living.mapping.ts", "src/living/living.connections.ts"],
    tests: ["test/living/mapping.test.ts"],
    score: 95,
  },
  {
    name: "wecom/errcodes",
    files: ["src/wecom/errcodes.ts", "src/wecom/errors.ts"],
    tests: ["test/wecom/errcodes.test.ts", "test/wecom/errors.test.ts", "test/living/errcode-members.test.ts"],
    score: 95,
  },
  { name: "config", files: ["src/config.ts"], tests: ["test/config.test.ts", "test/config-values.test.ts"] },
  { name: "lib", files: ["src/lib/"], tests: ["test/lib/"] },
];
