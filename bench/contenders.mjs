/** Who takes part: how each is started and asked. `prepare` may give a reason why one cannot take part on this machine. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createRequest, input, wireBody } from "./parts/example.mjs";
import { results, run } from "./parts/servers.mjs";
import { bearer, jwtSettings } from "./parts/signed-in.mjs";

/**
 * @typedef {object} Contender
 * @property {string} name as `--only` takes it
 * @property {string} title as the table shows it
 * @property {string[]} command
 * @property {Record<string, string>} [env]
 * @property {Record<string, string>} [headers] of the request, besides its content type
 * @property {string} [path] default `/graphql`
 * @property {string} body of the request
 * @property {(place: { port: number, upstream: string }) => void} [prepare] throws when it cannot take part
 */

const here = (path) => new URL(path, import.meta.url).pathname;
const node = (path, ...args) => [process.execPath, here(path), ...args];
const tailcall = here("node_modules/@tailcallhq/core-linux-x64-gnu/bin/tailcall");
const floor = { command: node("contenders/floor.mjs"), body: JSON.stringify(wireBody), path: "/" };
// Many callers in one: what a single one may cause in a minute is counted all the same.
const manyCallers = { LIMIT_CALLS_PER_MINUTE: "1000000" };
const gateway = {
  // As the image runs it.
  command: [process.execPath, "--max-semi-space-size=16", "--expose-gc", here("../dist/main.js")],
  body: createRequest("... on CreateLivingSuccess { livingid } ... on LivingError { message errcode }"),
};

/** @type {readonly Contender[]} The first is what the others are compared with. */
export const contenders = [
  { name: "floor", title: "Floor: `node:http` → undici, no GraphQL", ...floor },
  { name: "control", title: "The floor again (A/A control)", ...floor },
  {
    name: "gateway",
    title: "**This gateway**, all guards on",
    ...gateway,
    env: { ...manyCallers, ...jwtSettings },
    headers: bearer(),
  },
  { name: "open", title: "This gateway with `AUTH_MODE=none`", ...gateway, env: { ...manyCallers, AUTH_MODE: "none" } },
  {
    name: "mercurius",
    title: "Mercurius 16 with JIT",
    command: node("contenders/mercurius.mjs"),
    body: createRequest("livingid"),
    prepare: installed("mercurius"),
  },
  {
    name: "apollo",
    title: "Apollo Server 5, standalone",
    command: node("contenders/apollo.mjs"),
    body: createRequest("livingid"),
    prepare: installed("@apollo/server"),
  },
  {
    name: "yoga",
    title: "GraphQL Yoga 5 + Pothos",
    command: node("contenders/yoga.mjs"),
    body: createRequest("livingid"),
    prepare: installed("graphql-yoga"),
  },
  {
    name: "hive",
    title: "Hive Gateway 2 + JSON schema",
    command: node(
      "contenders/hive/node_modules/@graphql-hive/gateway/dist/bin.js",
      "supergraph",
      "-c",
      here("contenders/hive/gateway.config.mjs"),
    ),
    env: { SUPERGRAPH: `${results}supergraph.graphql` },
    body: createRequest("livingid errcode errmsg", { input }, "LivingInput_Input"),
    prepare: composeSupergraph,
  },
  {
    name: "tailcall",
    title: "Tailcall 1.6 (Rust)",
    command: [tailcall, "start", `${results}tailcall.graphql`],
    env: { TAILCALL_TRACKER: "false", TAILCALL_LOG_LEVEL: "error" },
    body: createRequest("livingid errcode errmsg", { input: wireBody }),
    prepare: configureTailcall,
  },
];

/** `npm ci`, where that was not done yet. */
function install(folder) {
  if (existsSync(`${folder}node_modules/.package-lock.json`)) return;
  process.stderr.write(`npm ci in ${folder}\n`);
  execFileSync("npm", ["ci"], { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
}

function installed(name) {
  return () => {
    install(here("./"));
    if (!existsSync(here(`node_modules/${name}`))) throw new Error(`${name} could not be installed`);
  };
}

function composeSupergraph({ upstream }) {
  install(here("contenders/hive/"));
  const compose = node(
    "contenders/hive/node_modules/@graphql-mesh/compose-cli/esm/bin.js",
    "-c",
    here("contenders/hive/mesh.config.mjs"),
    "-o",
    `${results}supergraph.graphql`,
  );
  run(compose, { UPSTREAM: upstream });
}

function configureTailcall({ port, upstream }) {
  install(here("./"));
  if (!existsSync(tailcall)) throw new Error("its binary is for Linux on x64 with glibc only");
  run([tailcall, "--version"], {}); // Where the system's C library is too old, this says so.
  const template = readFileSync(here("contenders/tailcall.graphql"), "utf8");
  writeFileSync(
    `${results}tailcall.graphql`,
    template.replace("port: PORT", `port: ${port}`).replace("UPSTREAM", upstream),
  );
}
