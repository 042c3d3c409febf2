import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "@jest/globals";

const root = new URL("../", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), "utf8");

interface LockEntry {
  readonly version: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly dev?: true;
  readonly devOptional?: true;
  readonly optional?: true;
}

const lock = Object.entries((JSON.parse(read("package-lock.json")) as { packages: Record<string, LockEntry> }).packages)
  .filter(([path]) => path !== "")
  .map(([path, entry]) => ({ ...entry, path, name: path.slice(path.lastIndexOf("node_modules/") + 13) }));
const production = lock.filter(({ dev, devOptional }) => !dev && !devOptional);
const versions = new Set(production.map(({ name, version }) => `${name}@${version}`));

describe("The packages that this depends on", () => {
  it("are pinned by a sha512 each, from no particular registry", () => {
    expect(lock.length).toBeGreaterThan(100);
    expect(lock.filter(({ integrity }) => !integrity?.startsWith("sha512-")).map(({ path }) => path)).toEqual([]);
    expect(lock.filter(({ resolved }) => resolved !== undefined)).toEqual([]);
  });

  it("are named exactly in package.json", () => {
    const { dependencies, devDependencies } = JSON.parse(read("package.json")) as Record<
      string,
      Record<string, string>
    >;
    for (const version of Object.values({ ...dependencies, ...devDependencies })) {
      expect(version).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/);
    }
  });

  it("need no script of theirs to run in production", () => {
    const withScripts = production.filter((entry) => "hasInstallScript" in entry).map(({ name }) => name);

    expect(withScripts).toEqual(scriptsThatMayBeSkipped);
  });

  it("are as many in production as the documents say", () => {
    const counts = ["README.md", "docs/threat-model.md"].flatMap((path) =>
      [...read(path).matchAll(/(\d+) production dependencies/g)].map(([, count]) => Number(count)),
    );

    expect(counts.length).toBeGreaterThan(0);
    expect(new Set(counts)).toEqual(new Set([versions.size]));
  });

  // `--omit=dev` would drop what a development dependency needs as well; so all are listed, and development ones marked.
  it("stand in the bill of materials, each with its digest", () => {
    const sbom = JSON.parse(
      execFileSync("npm", ["run", "--silent", "sbom"], {
        cwd: root,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      }),
    );

    expect(sbom.bomFormat).toBe("CycloneDX");
    const components = sbom.components as {
      name: string;
      version: string;
      hashes?: unknown[];
      properties: { name: string }[];
    }[];
    const runs = components.filter(({ properties }) => !properties.some(({ name }) => name.endsWith(":development")));
    expect(new Set(runs.map(({ name, version }) => `${name}@${version}`))).toEqual(versions);
    expect(components.filter(({ hashes }) => !hashes?.length)).toEqual([]);
  });
});

/** A version check, and compilers for platforms without a prebuilt package; the image is built without running any. */
const scriptsThatMayBeSkipped = ["@apollo/protobufjs", "lmdb", "msgpackr-extract"];
