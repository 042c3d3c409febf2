import { existsSync, readFileSync } from "node:fs";
import { expect, it } from "@jest/globals";

const { href } = new URL("../chaos/guards.mjs", import.meta.url);
const { guards } = (await import(href)) as {
  guards: readonly Record<"name" | "file" | "find" | "test", string>[];
};

it.each(guards)("The guard «$name» stands where `npm run test:guards` takes it out", ({ file, find, test }) => {
  expect(readFileSync(file, "utf8").split(find)).toHaveLength(2);
  expect(existsSync(test)).toBe(true);
});
