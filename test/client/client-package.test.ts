/** `npm pack` of packages/client, as an app installs it: its files, its types, and what it adds to a page. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { build } from "esbuild";
import type { Browser } from "playwright-core";
import { describeInBrowser, launch } from "../support/browser.js";
import { startGateway } from "../support/gateway.js";
import { checkout } from "../support/running.js";

const app = mkdtempSync(join(tmpdir(), "app-"));
const installed = join(app, "node_modules/wecom-living-client");
const run = (command: string, ...args: string[]) => spawnSync(command, args, { cwd: app, encoding: "utf8" }).stdout;

beforeAll(() => {
  // `npm test` hands down the `ignore-scripts` of .npmrc, but `prepack` is what builds the package.
  execFileSync("npm", ["pack", "--silent", "--ignore-scripts=false", "--pack-destination", app], {
    cwd: join(checkout, "packages/client"),
    stdio: "ignore",
  });
  const [archive] = readdirSync(app).filter((name) => name.endsWith(".tgz"));
  writeFileSync(join(app, "package.json"), '{ "type": "module" }');
  // Its peers are those of this checkout: nothing is downloaded.
  const quietly = ["--silent", "--offline", "--legacy-peer-deps", "--no-audit", "--no-fund"];
  execFileSync("npm", ["install", ...quietly, `./${archive}`], { cwd: app });
  for (const name of ["graphql", "rxjs", "@apollo", "@urql"]) {
    symlinkSync(join(checkout, "node_modules", name), join(app, "node_modules", name));
  }
}, 120_000);
afterAll(() => {
  rmSync(app, { recursive: true });
});

const frontend = `
import { ApolloClient, HttpLink, InMemoryCache } from "@apollo/client";
import { possibleTypes, typePolicies } from "wecom-living-client/apollo";
import { createIdempotencyKey, CreateLivingDocument, createLivingOnce, isLivingError, type LivingInput } from "wecom-living-client";

const client = new ApolloClient({ link: new HttpLink({ uri: "/graphql" }), cache: new InMemoryCache({ possibleTypes, typePolicies }) });
const input: LivingInput = { anchorUserid: "zhangsan", theme: "theme", livingStart: 1, livingDuration: 1 };

export async function schedule(): Promise<string> {
  const result = await createLivingOnce(
    async (variables) => (await client.mutate({ mutation: CreateLivingDocument, variables })).data!.createLiving,
    input,
    createIdempotencyKey(),
  );
  if (!isLivingError(result)) return result.livingid;
  switch (result.__typename) {
    case "LivingInputError": return result.fields.map(({ path }) => path).join();
    case "LivingRateLimitError": return String(result.retryAfterSeconds);
    default: return result.message;
  }
}
`;

describe("wecom-living-client, as it is packed", () => {
  it("holds code, types, schema and words about itself, and nothing else", () => {
    const modules = readdirSync(join(checkout, "packages/client/src"), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts"))
      .map((name) => `dist/${name.slice(0, -3)}`);
    const files = run("find", "node_modules/wecom-living-client", "-type", "f").trim().split("\n");

    expect(files.map((path) => path.replace("node_modules/wecom-living-client/", "")).sort()).toEqual(
      [
        ...["LICENSE", "README.md", "package.json", "dist/schema.graphql"],
        ...modules.flatMap((name) => [`${name}.d.ts`, `${name}.js`]),
      ].sort(),
    );
    expect(readFileSync(join(installed, "dist/schema.graphql"), "utf8")).toBe(
      readFileSync(join(checkout, "schema.api.graphql"), "utf8"),
    );
  });

  it("imports nothing when it runs", () => {
    const code = run("find", "node_modules/wecom-living-client/dist", "-name", "*.js")
      .trim()
      .split("\n")
      .map((path) => readFileSync(join(app, path), "utf8"))
      .join("\n");
    expect([...code.matchAll(/from ["']([^."'][^"']*)["']/g)].map(([, name]) => name)).toEqual([]);
    expect(JSON.parse(readFileSync(join(installed, "package.json"), "utf8"))).not.toHaveProperty("dependencies");
  });

  it.each([
    ["a bundler's", "esnext", "bundler"],
    ["Node's", "nodenext", "nodenext"],
  ])(
    "type-checks in a strict app that resolves in %s way",
    (_whose, module, moduleResolution) => {
      writeFileSync(join(app, "frontend.ts"), frontend);
      writeFileSync(join(app, "mistaken.ts"), frontend.replace('theme: "theme"', "theme: 1"));
      const compilerOptions = { strict: true, noEmit: true, target: "es2022", module, moduleResolution, types: [] };
      // In Node's way Apollo Client's own dependencies do not check.
      const skipLibCheck = moduleResolution === "nodenext";
      const files = ["frontend.ts", "mistaken.ts"];
      writeFileSync(
        join(app, "tsconfig.json"),
        JSON.stringify({ compilerOptions: { ...compilerOptions, skipLibCheck }, files }),
      );
      const told = run("node", join(checkout, "node_modules/typescript/bin/tsc"), "-p", app);

      const mistake: unknown = expect.stringMatching(/^mistaken\.ts.*Type 'number' is not assignable to type 'string'/);
      expect(told.split("\n").filter((line) => line.includes("error TS"))).toEqual([mistake]);
    },
    120_000,
  );

  it("adds at most 10 kB to a page that creates livings", async () => {
    const contents = `export { createLivingOnce, CreateLivingDocument, isLivingError, livingErrorMessage } from "wecom-living-client"`;
    const { outputFiles } = await build({
      stdin: { contents, resolveDir: app },
      ...{ bundle: true, minify: true, format: "esm", write: false },
    });
    expect(gzipSync(outputFiles[0]!.contents).length).toBeLessThan(10_000);
  });

  it("runs on Node as it is", () => {
    const program = `import { CreateLivingDocument, createIdempotencyKey } from "wecom-living-client";
      import { print } from "graphql";
      if (!createIdempotencyKey()) throw new Error("no key");
      console.log(print(CreateLivingDocument).split("\\n")[0]);`;
    writeFileSync(join(app, "run.js"), program);
    expect(run("node", "run.js")).toBe("mutation CreateLiving($input: LivingInput!, $idempotencyKey: ID) {\n");
  });
});

describeInBrowser("wecom-living-client, in an empty Vite app, in a browser", () => {
  const page = `
    import { schedule } from "./frontend.js";
    document.querySelector("button")!.onclick = async () => {
      document.querySelector("output")!.textContent = await schedule();
    };
  `;
  let browser: Browser;
  beforeAll(async () => {
    writeFileSync(join(app, "frontend.ts"), frontend.replace('uri: "/graphql"', "uri: location.hash.slice(1)"));
    writeFileSync(join(app, "page.ts"), page);
    const script = '<script type="module" src="/page.ts"></script>';
    writeFileSync(join(app, "index.html"), `<!doctype html><button>Schedule</button><output></output>${script}`);
    execFileSync("node", [join(checkout, "node_modules/vite/bin/vite.js"), "build", "--logLevel=warn"], { cwd: app });
    browser = await launch();
  }, 120_000);
  afterAll(() => browser.close());

  it("type-checks, and creates a living", async () => {
    const compilerOptions = { strict: true, noEmit: true, target: "es2022", module: "esnext", types: [] };
    // As Vite's own templates have it: the libraries are checked above.
    const resolution = { skipLibCheck: true, moduleResolution: "bundler", lib: ["es2022", "dom"] };
    const files = ["page.ts", "frontend.ts"];
    writeFileSync(
      join(app, "tsconfig.json"),
      JSON.stringify({ compilerOptions: { ...compilerOptions, ...resolution }, files }),
    );
    expect(run("node", join(checkout, "node_modules/typescript/bin/tsc"), "-p", app)).toBe("");

    await using server = createServer((request, response) => {
      const name = request.url!.startsWith("/assets/") ? request.url! : "index.html";
      response.setHeader("content-type", name.endsWith(".js") ? "text/javascript" : "text/html");
      response.end(readFileSync(join(app, "dist", name)));
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await using gateway = await startGateway({ env: { CORS_ORIGINS: origin } });
    const shown = await browser.newPage();
    await shown.goto(`${origin}/#${gateway.url}/graphql`);
    await shown.getByRole("button").click();
    const livingid = await shown.locator("output:not(:empty)").textContent();
    await shown.close();

    expect(gateway.simulator.livings.get(livingid!)).toMatchObject({ booking: { theme: "theme" } });
    expect(gateway.simulator.requestsTo("living/create")).toHaveLength(1);
  }, 60_000);
});
