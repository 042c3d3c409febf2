import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "@jest/globals";

const root = new URL("../../", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), "utf8");

interface LockEntry {
  readonly version: string;
  readonly integrity?: string;
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
    expect(read("package-lock.json")).not.toContain('"resolved"');
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

  it("run no script of theirs when they are installed, and need none", () => {
    const withScripts = lock.filter((entry) => "hasInstallScript" in entry).map(({ name }) => name);

    expect(read(".npmrc")).toMatch(/^ignore-scripts=true$/m);
    expect([...new Set(withScripts)].sort()).toEqual(scriptsThatMayBeSkipped);
  });

  it("and the releases of Node and npm are named exactly, the same in the image and for developers", () => {
    const [, release] = /^ARG BASE=docker\.io\/library\/node:(\d+\.\d+\.\d+)-trixie-slim$/m.exec(read("Dockerfile"))!;

    expect(read(".nvmrc").trim()).toBe(release);
    for (const path of [".ci/run", "scripts/build-image.sh", "Dockerfile"]) {
      const named = [...read(path).matchAll(/\bnpm (?:install|ci|exec)[^\n|&]*?([\w-]+)@(\S+)/g)].map(
        ([, , version]) => version!,
      );
      for (const version of named) expect(version).toMatch(/^(\d+\.\d+\.\d+|\$release")/);
    }
  });

  it("and what is in no lockfile are pinned by a digest, and run no script either", () => {
    const [, release] = /^ARG BASE=\S+node:([\d.]+)-/m.exec(read("Dockerfile"))!;
    const digests = read("scripts/check-digest.sh");
    const packagesIn = (line: string) => line.match(/[\w$-]+@[\w.$]+/g) ?? [];

    for (const path of [".ci/run", "scripts/build-image.sh"]) {
      const [, checked, installed] = /check-digest.sh (.*)\n +npm install (.*)\n/.exec(read(path))!;
      expect(installed).toContain("--ignore-scripts ");
      expect(packagesIn(installed!).length).toBeGreaterThan(0);
      expect(packagesIn(installed!)).toEqual(packagesIn(checked!));
      for (const name of packagesIn(installed!)) {
        const names =
          name === "$node@$release" ? ["x64", "arm64"].map((arch) => `node-linux-${arch}@${release}`) : [name];
        for (const each of names) expect(digests).toContain(`[${each}]=sha512-`);
      }
    }
    expect(read(".ci/run")).not.toMatch(/npm install (?!--no-save)/);
  });

  it("are as many in production as the documents say", () => {
    const counts = ["README.md", "docs/threat-model.md"].flatMap((path) =>
      [...read(path).matchAll(/(\d+) production dependencies/g)].map(([, count]) => Number(count)),
    );

    expect(counts.length).toBeGreaterThan(0);
    expect(new Set(counts)).toEqual(new Set([versions.size]));
  });

  it("have their licences in the notices beside the bundle: all that is in it, and what lies beside it", () => {
    const notices = read("dist/THIRD-PARTY-NOTICES.txt");
    const titles = [...notices.matchAll(/^-{80}\n(\S+) (\S+) \((.+)\)$/gm)].map(
      ([, name, version]) => `${name}@${version}`,
    );

    expect(titles.length).toBeGreaterThan(50);
    for (const title of titles) expect(versions).toContain(title);
    for (const name of ["graphql", "@apollo/server", "lmdb", "msgpackr", "@redis/client", "ws"]) {
      expect(titles.some((title) => title.startsWith(`${name}@`))).toBe(true);
    }
    expect(notices).toContain("Copyright (c) GraphQL Contributors");
    expect(notices).not.toMatch(/Licence: undefined/);
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

describe("What runs", () => {
  const bundle = ["dist/main.js", ...readdirSync(new URL("dist/chunks/", root)).map((name) => `dist/chunks/${name}`)];

  it("makes no code of text, but for the fixed texts by which libraries find the global object", () => {
    expect(bundle.length).toBeGreaterThan(1);
    const makers =
      /\bnew Function\b|(?<![.\w$])(Function|eval)\(.*|\beval\)\(.*|\brunIn(This|New)?Context\b|["'](node:)?vm["']/g;
    const found = bundle.flatMap((path) => read(path).match(makers) ?? []);

    expect(found.filter((text) => !fixedTexts.some((fixed) => text.startsWith(fixed)))).toEqual([]);
  });

  it("has no dependency that compiles requests", () => {
    // esbuild names each module that it took in.
    const packages = bundle.flatMap((path) =>
      [...read(path).matchAll(/^ *\/\/ node_modules\/((?:@[^/]+\/)?[^/\n]+)/gm)].map(([, name]) => name),
    );

    expect(packages).toContain("graphql");
    expect(packages.filter((name) => compilers.includes(name!))).toEqual([]);
    expect(production.filter(({ name }) => compilers.includes(name))).toEqual([]);
  });
});

/** reflect-metadata's and lodash's; function-bind's, which names as many parameters as the function has that it binds. */
const fixedTexts = [
  ...['Function("return this;")()', 'Function("return this")()', 'eval)("(function() { return this; })()")'],
  'Function("binder", "return function (" + joiny(boundArgs, ",") + "){ return binder.apply(this,arguments); }")(binder)',
];

const compilers = ["graphql-jit", "generate-function", "ajv", "fast-json-stringify", "vm2"];

/**
 * Version checks, a request for donations, and compilers for platforms without a prebuilt package: `npm test` and the image do
 * without any.
 */
const scriptsThatMayBeSkipped = [
  ...[
    "@apollo/protobufjs",
    "@parcel/watcher",
    "@swc/core",
    "core-js",
    "esbuild",
    "lmdb",
    "msgpackr-extract",
    "protobufjs",
  ],
  "unrs-resolver",
];
