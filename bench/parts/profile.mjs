/**
 * Where a server's CPU goes: V8's own profile under load, summed up by module. What Node and V8 do on a module's behalf
 * (parsing JSON, writing to a socket) is charged to the module that asked for it; the rest to Node's part that did it.
 */
import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { results, Server } from "./servers.mjs";
import { table } from "./table.mjs";

const warmUpSeconds = 6;
const measuredSeconds = 8;

/** @returns {Promise<string>} Markdown */
export async function profile(contender, place, bench) {
  const folder = mkdtempSync(join(results, "profile-"));
  const endOnSignal = 'data:text/javascript,process.prependListener("SIGTERM",()=>process.exit())';
  const extraArgs = ["--cpu-prof", "--cpu-prof-interval=500", `--cpu-prof-dir=${folder}`, `--import=${endOnSignal}`];
  const server = await Server.start(contender, place, { extraArgs });
  let slice;
  try {
    await bench.warmUp(server, warmUpSeconds);
    slice = await bench.slice(server, { connections: 64, seconds: measuredSeconds });
  } finally {
    await server.stop();
  }
  const [file] = readdirSync(folder);
  const { modules, functions } = shares(JSON.parse(readFileSync(join(folder, file), "utf8")));
  const cost = (share) => [`${(share * 100).toFixed(1)} %`, `${(share * slice.cpuUs).toFixed(1)} µs`];
  return [
    `${contender.title}: ${slice.cpuUs.toFixed(0)} µs per request, the profiler's own cost included`,
    table(
      ["module", "share", "per request"],
      largest(modules, 30).map(([name, share]) => [name, ...cost(share)]),
    ),
    table(
      ["function", "share", "per request"],
      largest(functions, 25).map(([name, share]) => [name, ...cost(share)]),
    ),
  ].join("\n\n");
}

const largest = (sums, count) => [...sums].sort(([, a], [, b]) => b - a).slice(0, count);

/** The shares of the last seconds' samples, by module and by function. */
function shares({ nodes, samples, timeDeltas, startTime, endTime }) {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  for (const node of nodes) for (const child of node.children ?? []) byId.get(child).parent = node;
  const modules = new Map();
  const functions = new Map();
  const add = (sums, key, time) => sums.set(key, (sums.get(key) ?? 0) + time);
  let now = startTime;
  let total = 0;
  samples.forEach((id, at) => {
    now += timeDeltas[at];
    const node = byId.get(id);
    if (now < endTime - measuredSeconds * 1e6 || node.callFrame.functionName === "(idle)") return;
    total += timeDeltas[at];
    add(modules, moduleOf(node), timeDeltas[at]);
    add(functions, functionOf(node), timeDeltas[at]);
  });
  for (const sums of [modules, functions]) for (const [key, time] of sums) sums.set(key, time / total);
  return { modules, functions };
}

function moduleOf(node) {
  const { functionName } = node.callFrame;
  if (functionName === "(garbage collector)") return "garbage collection";
  if (functionName === "(program)") return "native code outside of JavaScript";
  for (let asker = node; asker; asker = asker.parent) {
    const name = packageOf(sourceOf(asker.callFrame));
    if (name) return name;
  }
  for (let part = node; part; part = part.parent) if (part.callFrame.url) return part.callFrame.url;
  return "V8: microtasks and builtins";
}

/** By the URL of a bundle: where the parts of each file begin, as esbuild says above them, the last first. */
const bundles = new Map();

/** The file that a function was written in, where the one that runs is a bundle. */
function sourceOf({ url, lineNumber }) {
  if (!/\/dist\/.*\.js$/.test(url)) return url;
  let parts = bundles.get(url);
  if (!parts) {
    const found = readFileSync(new URL(url), "utf8")
      .split("\n")
      .flatMap((text, line) => {
        const path = /^\s*\/\/ ((?:node_modules|src)\/\S+)$/.exec(text)?.[1];
        return path ? [{ line, path }] : [];
      });
    bundles.set(url, (parts = found.reverse()));
  }
  return parts.find(({ line }) => line < lineNumber)?.path ?? url;
}

function packageOf(url) {
  const dependency = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1];
  // graphql is many things at once: parsing and executing are different costs.
  if (dependency === "graphql") return `graphql/${/node_modules\/graphql\/([^/]+)/.exec(url)[1]}`;
  if (dependency) return dependency;
  const own = /(?:^|\/)(?:src|dist|bench)\/(.+)$/.exec(url)?.[1];
  return own && `own: ${own}`;
}

function functionOf({ callFrame }) {
  const { functionName, url, lineNumber } = callFrame;
  const source = sourceOf(callFrame).replace(/.*(?:^|\/)(node_modules|src|dist|bench)\//, "");
  // A line of the bundle is not one of its source.
  const place = source && (url.endsWith(source) ? `${source}:${lineNumber + 1}` : source);
  return `${functionName || "(anonymous)"} ${place}`.trim().replaceAll("|", "\\|");
}
