/**
 * What a create costs without metrics, log and audit log, with them, and with traces. All gateways run at once and are
 * asked in turn, so that what the machine does meets all alike; each ratio is the median of those within a start.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { once } from "node:events";
import { join } from "node:path";
import { contenders } from "./contenders.mjs";
import { usage } from "./parts/machine.mjs";
import { freePort, results, Server } from "./parts/servers.mjs";
import { median } from "./parts/statistics.mjs";

const dist = new URL("../dist/", import.meta.url).pathname;

/** What is taken out of the bundle. The arguments of each call are still made. */
const cuts = [
  ["function createMetrics(", "function createWholeMetrics("],
  ["  record(event) {\n    const { metrics", "  record(event) {\n    return;\n    const { metrics"],
];
const hollow = `
function createMetrics(known) {
  const whole = createWholeMetrics(known);
  const nothing = Object.keys(whole).map((name) => [name, () => undefined]);
  return { ...Object.fromEntries(nothing), render: whole.render };
}
`;

/** @returns the main file of a copy of the bundle that counts and records nothing */
function bareBundle(folder) {
  for (const path of ["main.js", "chunks", "graphiql.html.gz"])
    cpSync(join(dist, path), join(folder, path), { recursive: true });
  const app = readdirSync(join(folder, "chunks")).find((name) => name.startsWith("app-"));
  const file = join(folder, "chunks", app);
  let code = readFileSync(file, "utf8");
  for (const [whole, cut] of cuts) {
    if (code.split(whole).length !== 2) throw new Error(`the bundle has not one «${whole}»`);
    code = code.replace(whole, () => cut);
  }
  writeFileSync(file, code + hollow);
  return join(folder, "main.js");
}

/** @param {import("./scenarios.mjs").Stage} stage */
export async function observability({ bench, upstream, isQuick }) {
  // Two processes of one program differ by several percent for as long as they live, so each is started several times.
  const [starts, rounds, requests] = isQuick ? [1, 5, 2000] : [6, 6, 5000];
  const folder = mkdtempSync(join(results, "observability-"));
  const collector = createServer((request, response) => request.resume().on("end", () => response.end("{}")));
  collector.listen(0, "127.0.0.1");
  await once(collector, "listening");
  const gateway = contenders.find(({ name }) => name === "gateway");
  const bare = [...gateway.command.slice(0, -1), bareBundle(join(folder, "dist"))];
  const traced = (ratio) => ({
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.address().port}`,
    ...{ OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: ratio },
  });
  const variants = [
    { title: "without metrics, log and audit log", command: bare, env: { LOG_LEVEL: "silent" } },
    { title: "the same again (control)", command: bare, env: { LOG_LEVEL: "silent" } },
    { title: "as it starts: with them, traces off" },
    { title: "1 % of the traces recorded", env: traced("0.01") },
    { title: "all traces recorded, and sent", env: traced("1") },
  ];
  /** Of each start, the medians of its rounds in µs. */
  const found = [];
  try {
    for (let start = 0; start < starts; start += 1) {
      const servers = [];
      try {
        for (const [index, { command, env }] of variants.entries()) {
          const own = {
            ...gateway,
            ...(command && { command }),
            env: { ...gateway.env, ...env, DATA_DIR: join(folder, `${start}-${index}`) },
          };
          const place = { port: await freePort(), upstream: `http://127.0.0.1:${upstream.greeting.port}` };
          servers.push(await Server.start(own, place));
        }
        for (const server of servers) await bench.warmUp(server, isQuick ? 1.5 : 4);
        const cpuUs = servers.map(() => []);
        for (let round = 0; round < rounds; round += 1) {
          const order = [...servers.keys()];
          for (const index of round % 2 ? order.reverse() : order) {
            const before = usage(servers[index].pid).cpuMs;
            await bench.run(servers[index], { connections: 16, requests });
            cpuUs[index].push(((usage(servers[index].pid).cpuMs - before) * 1000) / requests);
          }
        }
        found.push(cpuUs.map(median));
      } finally {
        await Promise.all(servers.map((server) => server.stop()));
      }
    }
    const rows = variants.map(({ title }, index) => {
      const ratios = found.map((cpuUs) => cpuUs[index] / cpuUs[0]);
      return [
        title,
        `${median(found.map((cpuUs) => cpuUs[index])).toFixed(0)} µs`,
        median(ratios).toFixed(3),
        `${Math.min(...ratios).toFixed(3)}–${Math.max(...ratios).toFixed(3)}`,
      ];
    });
    return { head: ["createLiving", "CPU each", "ratio", "of the starts"], rows };
  } finally {
    collector.close();
    rmSync(folder, { recursive: true });
  }
}
