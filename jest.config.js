import { availableParallelism } from "node:os";

/** @type {import("jest").Config} */
export default {
  // Most tests wait for sockets, timers and processes half of their time: one worker more than cores keeps these busy.
  maxWorkers: availableParallelism() + 1,
  testSequencer: "<rootDir>/test/support/longest-first.mjs",
  setupFiles: ["<rootDir>/test/support/short-stacks.cjs"],
  testEnvironment: "node",
  testMatch: ["<rootDir>/test/**/*.test.ts"],
  extensionsToTreatAsEsm: [".ts"],
  moduleNameMapper: {
    "^(\\.{1,2}/.*)\\.js$": ["$1.js", "$1.ts"],
    // The same in one file: each test file loads everything anew.
    "^class-validator$": "<rootDir>/node_modules/class-validator/bundles/class-validator.umd.js",
  },
  transform: {
    "^.+\\.ts$": [
      "@swc/jest",
      {
        jsc: {
          target: "es2022",
          parser: { syntax: "typescript", decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: false, useDefineForClassFields: false },
        },
        module: { type: "es6" },
        sourceMaps: "inline",
      },
    ],
  },
  // Many times what any test needs: a machine with two busy cores is no defect. Those that measure time do it themselves.
  testTimeout: 60_000,
};
