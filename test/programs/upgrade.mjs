// An upgrade and the way back: `npm run test:upgrade -- FOLDER`, where FOLDER is a checkout of another release that was built.
// One release begins creates under keys and is killed, the other goes on with its embedded store, in both directions. Whoever
// goes on must know the key that was settled, settle the one that was open by its living, and fetch no token anew.
// With `--record FILE`, what the other release has written is kept as well, for test/stores/upgrade.test.ts.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, rmSync } from "node:fs";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { DEMO_CORP, startSimulator } from "../../dist/simulator/index.js";

const [other, option, file] = process.argv.slice(2);
if (!other || !existsSync(join(other, "dist/main.js")))
  throw new Error(
    "usage: npm run test:upgrade -- FOLDER, a checkout of another release in which `npm run build` was run",
  );
const here = new URL("../..", import.meta.url).pathname;
const mutation = `mutation ($input: LivingInput!, $key: ID) {
  createLiving(input: $input, idempotencyKey: $key) { __typename ... on CreateLivingSuccess { livingid } }
}`;
// Long after now, so that a recorded store stays of use.
const input = { anchorUserid: "zhangsan", theme: "upgrade", livingStart: 4102444800, livingDuration: 3600 };

/** Always the same: names in the store hold a digest of WeCom's address. */
const wecom = { host: "127.21.9.83", port: 21983 };

const children = [];
const folders = [];
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

let isBad = false;
const check = (words, holds) => {
  console.log(`  ${holds ? "ok   " : "WRONG"} ${words}`);
  isBad ||= !holds;
};
for (const [title, writer, reader] of [
  ["upgrade", resolve(other), here],
  ["rollback", here, resolve(other)],
]) {
  console.log(title);
  const folder = await mkdtemp(join(tmpdir(), "upgrade-"));
  folders.push(folder);
  const simulator = await startSimulator(wecom);
  const sent = (api) => simulator.requestsTo(api).length;

  const before = await start(writer, folder, simulator.url);
  const settled = await before.create("settled");
  simulator.faults.inject({ kind: "drop", api: "living/create", effect: "applied" });
  simulator.faults.inject({ kind: "hang", api: "living/get_user_all_livingid", times: 0 });
  const open = await before.create("open");
  await before.kill();
  simulator.faults.clear();
  check(
    "a create is settled, another is open",
    Boolean(settled.livingid) && open.__typename === "LivingOutcomeUnknownError",
  );
  if (option === "--record" && title === "upgrade") {
    const store = await readFile(join(folder, "store", "data.mdb"));
    await writeFile(file, gzipSync(store));
    console.log(`  ${file}: ${store.length} bytes, at ${new Date().toISOString()}, livingid ${settled.livingid}`);
  }

  const after = await start(reader, folder, simulator.url);
  const again = await after.create("settled");
  const found = await after.createUntilKnown("open");
  await after.kill();
  const [, second] = simulator.livings.all();
  check("the settled key has its living", again.livingid === settled.livingid);
  check("the open key gets the living that there was", found.livingid === second?.livingid);
  check("no create was sent again", sent("living/create") === 2 && simulator.livings.all().length === 2);
  check("the token goes on", sent("gettoken") === 1);
  await simulator.close();
}
process.exit(isBad ? 1 : 0);

async function start(checkout, dataDir, wecomUrl) {
  const child = spawn(process.execPath, [join(checkout, "dist/main.js")], {
    cwd: checkout,
    env: {
      ...{ PORT: "0", DATA_DIR: dataDir, WECOM_BASE_URL: wecomUrl, WECOM_TIMEOUT_MS: "1500", WECOM_SETTLE_MS: "2000" },
      ...{ WECOM_CORP_ID: DEMO_CORP.corpid, WECOM_CORP_SECRET: DEMO_CORP.apps[0].secret },
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (output += text));
  const ended = once(child, "exit");
  let url;
  while (!(url = /"msg":"listening on ([^"]+)"/.exec(output)?.[1])) {
    if (child.exitCode !== null) throw new Error(`the gateway of ${checkout} does not start:\n${output}`);
    await Promise.race([once(child.stdout, "data"), ended]);
  }
  return {
    async create(key) {
      const headers = { "content-type": "application/json" };
      const body = JSON.stringify({ query: mutation, variables: { input: { ...input, theme: key }, key } });
      const { data, errors } = await (await fetch(url, { method: "POST", headers, body })).json();
      if (errors) throw new Error(JSON.stringify(errors));
      return data.createLiving;
    },
    /** As a client does: the process that was killed still holds the booking's lock for up to 3 s. */
    async createUntilKnown(key) {
      for (const giveUpAt = Date.now() + 10_000; ; await wait(200)) {
        const answer = await this.create(key);
        if (answer.__typename !== "LivingOutcomeUnknownError" || Date.now() > giveUpAt) return answer;
      }
    },
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
