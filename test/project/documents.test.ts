// What the documents say of the code.
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "@jest/globals";

const root = new URL("../../", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), "utf8");
const filesIn = (folder: string) =>
  readdirSync(new URL(folder, root), { recursive: true, encoding: "utf8" })
    .filter((path) => !path.includes("node_modules"))
    .map((path) => `${folder}${path}`);

const documents = ["README.md", "README.zh-CN.md", "CONTRIBUTING.md", "SECURITY.md", ...filesIn("docs/")]
  .filter((path) => path.endsWith(".md"))
  .map((path) => [path, read(path)] as const);
const scripts = Object.keys(JSON.parse(read("package.json")).scripts);
const files = ["src/", "packages/", "test/", "docs/", "deploy/", "scripts/", ".ci/"]
  .flatMap(filesIn)
  .concat(readdirSync(root));

describe.each(documents)("%s", (path, text) => {
  it("names only commands that exist", () => {
    for (const [, script] of text.matchAll(/npm run ([\w:-]+)/g)) expect(scripts).toContain(script);
  });

  it("links only to files and headings that exist", () => {
    for (const [, target = "", heading] of text.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)/g)) {
      const linked = target === "" ? text : readFileSync(new URL(target, new URL(path, root)), "utf8");
      if (heading !== undefined) expect(headingsOf(linked)).toContain(heading);
    }
  });

  it("names only files and folders that exist", () => {
    const code = [...text.matchAll(/`[^`\n]+`|```mermaid[^]*?```/g)].map(([match]) => match).join("\n");
    const named = [...code.matchAll(/(?<![\w./-])[\w.-]*[\w/-][\w./-]*\.(?:ts|mjs|md|yaml|graphql|rhai)\b/g)];
    const folders = [...code.matchAll(/`((?:src|test|docs|deploy|scripts)\/[\w/-]*)\/`/g)];
    const missing = [...named.map(([name]) => name), ...folders.map(([, name]) => name!)].filter(
      (name) => !files.some((file) => file === name || file.endsWith(`/${name}`)) && !madeByCommands.includes(name),
    );

    expect(missing).toEqual([]);
  });
});

describe("A log line that a document or an alert quotes", () => {
  const code = files
    .filter((path) => /^src\/.*\.ts$/.test(path))
    .map(read)
    .join("\n");
  const texts = [...documents, ["the alerts", read("deploy/observability/rules.yaml")] as const];
  const quoted = texts.flatMap(([, text]) => {
    const lists = text.replace(/\n/g, " ").matchAll(/\blog(?: line| says)? ((?:["`][^"`]+["`](?:, | or )?)+)/g);
    return [...lists].flatMap(([, list]) => [...list!.matchAll(/["`]([^"`]+)["`]/g)].map(([, line]) => line!));
  });

  it.each([...new Set(quoted)])("is in the code: %s", (line) => {
    expect(code).toContain(line);
  });

  it("is found where operators look for it", () => {
    expect(quoted).toEqual(expect.arrayContaining(["a create has taken effect twice", "call to WeCom failed"]));
  });
});

describe("The comments of the code", () => {
  it.each(filesIn("src/").filter((path) => path.endsWith(".ts")))("%s names only documents that exist", (path) => {
    for (const [name] of read(path).matchAll(/(?<![\w./-])docs\/[\w-]+\.md/g)) expect(files).toContain(name);
  });
});

const madeByCommands = ["supergraph.graphql", "schema.open.graphql"];

/** The anchors that GitHub gives to headings. */
function headingsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}
