/**
 * `npm run bench`: this gateway beside its peers and the floor, in one run. docs/performance.md says how it measures.
 *
 *   --quick         a short form, under two minutes
 *   --only a,b      of the contenders and scenarios
 *   --rounds N      how often each contender is started and measured; 0: only check that each does the job
 *   --profile       instead: where the CPU goes, of each contender named by --only (the gateway)
 *   --write         into docs/performance.md, at the place for this release of Node, and for the first also the picture
 */
import { readFileSync, writeFileSync } from "node:fs";
import { cpus as allCpus } from "node:os";
import { parseArgs } from "node:util";
import { contenders } from "./contenders.mjs";
import { cpus } from "./parts/machine.mjs";
import { Bench, MachineTooBusy, quietly } from "./parts/measure.mjs";
import { picture } from "./parts/picture.mjs";
import { profile } from "./parts/profile.mjs";
import { freePort, results, Server, startHelper } from "./parts/servers.mjs";
import { mainConnections, resultTable, table } from "./parts/table.mjs";
import { verify } from "./parts/verify.mjs";
import { scenarios } from "./scenarios.mjs";

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    rounds: { type: "string" },
    profile: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
  },
});
const rounds = Number(options.rounds ?? (options.quick ? 2 : 5));
const { connections, warmUpSeconds, sliceSeconds } = options.quick
  ? { connections: [1, 64], warmUpSeconds: 1.5, sliceSeconds: 1 }
  : { connections: [1, 16, 64, 256], warmUpSeconds: 4, sliceSeconds: 2 };
const chosen = options.only?.split(",") ?? (options.profile ? ["gateway"] : undefined);
const known = [...contenders.map(({ name }) => name), ...Object.keys(scenarios)];
for (const name of chosen ?? []) {
  if (!known.includes(name)) throw new Error(`--only: found ${name}, expected some of ${known.join(", ")}`);
}
const isChosen = (name) => chosen === undefined || chosen.includes(name);
const say = (line) => process.stderr.write(`${line}\n`);
const docs = new URL("../docs/", import.meta.url);
const page = new URL("performance.md", docs);
if (options.write) placeInPage();

const upstream = await startHelper("upstream.mjs");
const load = await startHelper("load.mjs");
const bench = new Bench(load);
const place = { port: await freePort(), upstream: `http://127.0.0.1:${upstream.greeting.port}` };

try {
  const ready = await readyContenders();
  if (options.profile) {
    for (const contender of ready) console.log(await profile(contender, place, bench));
  } else if (rounds > 0) {
    await measureAll(ready);
  }
} catch (error) {
  if (!(error instanceof MachineTooBusy)) throw error;
  say(error.message);
  process.exitCode = 1;
} finally {
  upstream.stop();
  load.stop();
}

/** The chosen contenders that can run here; each has shown that it does the job. */
async function readyContenders() {
  const ready = [];
  for (const contender of contenders.filter(({ name }) => isChosen(name))) {
    try {
      contender.prepare?.(place);
    } catch (error) {
      say(`${contender.name}: skipped: ${error.message}`);
      continue;
    }
    await verify(contender, place, upstream);
    say(`${contender.name}: sends WeCom the documented body, reports an errcode`);
    ready.push(contender);
  }
  return ready;
}

/** Prints each part of the report as it comes: a scenario that fails must not take the others' numbers with it. */
async function measureAll(ready) {
  const report = [];
  const add = (part) => {
    report.push(part);
    console.log(`${part}\n`);
  };
  const measured = ready.length > 0 ? await compare(ready) : [];
  if (measured.length > 0) add(comparison(measured));
  for (const name of Object.keys(scenarios).filter(isChosen)) add(await scenarioReport(scenarios[name]));
  if (options.write) write(report.join("\n\n"), measured);
}

/** Contenders in turn, each a fresh process: A B C, C B A, …; so what changes with time meets all alike. */
async function compare(ready) {
  const measured = ready.map((contender) => ({ contender, startMs: [], slices: {} }));
  for (let round = 1; round <= rounds; round++) {
    for (const result of round % 2 ? measured : measured.toReversed()) {
      const start = () => Server.start(result.contender, place);
      const server = await quietly(start, (disturbed) => disturbed.stop());
      try {
        result.startMs.push(server.startMs);
        await bench.warmUp(server, warmUpSeconds);
        for (const count of connections) {
          const slice = await bench.slice(server, { connections: count, seconds: sliceSeconds });
          (result.slices[count] ??= []).push(slice);
        }
      } finally {
        await server.stop();
      }
    }
    say(`round ${round} of ${rounds}`);
  }
  writeFileSync(`${results}last.json`, JSON.stringify(measured));
  return measured;
}

function comparison(measured) {
  const order = [mainConnections, ...connections.filter((count) => count !== mainConnections)];
  return [
    `${conditions()}. Medians (quartiles); **bold**: ratio to the first row's median.`,
    ...order.map((count) => resultTable(measured, count)),
  ].join("\n\n");
}

function conditions() {
  const { model } = allCpus()[0];
  const pinning = cpus ? "the server on a core of its own" : "nothing pinned to a core";
  const date = new Date().toISOString().slice(0, 10);
  return `Node ${process.versions.node}, ${allCpus().length} × ${model.trim()}, ${pinning}, ${rounds} rounds, ${date}`;
}

async function scenarioReport({ title, run }) {
  const gateway = contenders.find(({ name }) => name === "gateway");
  const withServer = async (contender, use) => {
    const server = await Server.start(contender, place);
    try {
      return await use(server);
    } finally {
      await server.stop();
    }
  };
  const withGateway = (use, { env, ...changes } = {}) =>
    withServer({ ...gateway, ...changes, env: { ...gateway.env, ...env } }, use);
  const found = await run({ withGateway, withServer, bench, upstream, isQuick: options.quick });
  const body = typeof found === "string" ? `Skipped: ${found}.` : table(found.head, found.rows);
  return `#### ${title}\n\n${body}`;
}

/** Where the page has room for what is measured on this release of Node. */
function placeInPage() {
  const text = readFileSync(page, "utf8");
  const [major] = process.versions.node.split(".");
  const places = [...text.matchAll(/(?<=<!-- measured on Node (\d+) -->\n)[^]*?(?=<!-- \/measured -->)/g)];
  const found = places.find(([, release]) => release === major);
  if (!found) throw new Error(`--write: docs/performance.md has no place for Node ${major}`);
  const [{ length }] = found;
  return {
    isFirst: found === places[0],
    fill: (report) => text.slice(0, found.index) + report + text.slice(found.index + length),
  };
}

function write(report, measured) {
  const { isFirst, fill } = placeInPage();
  writeFileSync(page, fill(`\n${report}\n\n`));
  if (measured.length === 0 || !isFirst) return;
  const subtitle = `${mainConnections} connections, ${conditions()}`;
  writeFileSync(new URL("performance.svg", docs), picture(measured, subtitle));
}
