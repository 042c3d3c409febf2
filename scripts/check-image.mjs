// Runs an unpacked image as an engine would and checks what operators rely on: its user, its command as process 1, the root
// file system read-only, nothing writable but its volume. Called by build-image.sh, as root:
//   node scripts/check-image.mjs ROOTFS INSPECTED.json
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { externalPackages } from "./external-packages.mjs";

const [rootfs, inspected] = process.argv.slice(2);
const image = JSON.parse(readFileSync(inspected, "utf8")).Docker.config;

const enterContainer = `
  mount --bind "$1" "$1"
  mount -t proc proc "$1/proc"
  mount -t tmpfs -o uid=1000,gid=1000 data "$1/app/data"
  mount -o remount,bind,ro "$1"
  root=$1 user=$2
  shift 2
  exec chroot --userspec="$user" "$root" env -i "$@"`;

// Whatever goes wrong, nothing is left running: process 1 takes its namespace with it.
const running = new Set();
process.on("exit", () => running.forEach((container) => process.kill(container.pid(), "SIGKILL")));
setTimeout(() => assert.fail("the image took more than two minutes"), 120_000).unref();

function run(env, command = image.Cmd) {
  const settings = [...image.Env, ...Object.entries(env).map((entry) => entry.join("="))];
  const inside = [rootfs, image.User, `--chdir=${image.WorkingDir}`, ...settings, ...command];
  const unshare = ["--mount", "--pid", "--fork", "sh", "-euc", enterContainer, "sh", ...inside];
  const child = spawn("unshare", unshare, { stdio: ["ignore", "pipe", "pipe"] });
  const exit = once(child, "exit").then(([code, signal]) => code ?? signal);
  const output = Promise.all([text(child.stdout), text(child.stderr)]).then((parts) => parts.join(""));
  const container = {
    exit,
    output,
    pid: () => Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8")),
  };
  running.add(container);
  void exit.then(() => running.delete(container));
  return container;
}

/** @param check what it returns is a number that was measured, in words */
async function promise(words, check) {
  const measured = await check();
  console.log(`  ok  ${words}${measured ? `: ${measured}` : ""}`);
}

async function answering(url) {
  for (;;) {
    const response = await fetch(url).catch(() => undefined);
    if (response?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function bytesIn(path) {
  return Number(execFileSync("du", ["--summarize", "--bytes", path], { encoding: "utf8" }).split("\t")[0]);
}

await promise("holds the bundle with its licences, the packages that it imports, and no others", () => {
  assert.deepEqual(readdirSync(`${rootfs}/app`).sort(), [
    ...["LICENSE", "data", "dist", "doctor.js", "health-check.sh", "node_modules", "package.json"],
  ]);
  assert.deepEqual(readdirSync(`${rootfs}/app/dist`).sort(), ["THIRD-PARTY-NOTICES.txt", "chunks", "main.js"]);
  const packages = readdirSync(`${rootfs}/app/node_modules`).flatMap((name) =>
    name.startsWith("@")
      ? readdirSync(`${rootfs}/app/node_modules/${name}`).map((inside) => `${name}/${inside}`)
      : name,
  );
  const expected = externalPackages();
  const isNested = (path) => path.lastIndexOf("node_modules/") > 0;
  assert.deepEqual(
    packages.map((name) => `node_modules/${name}`).sort(),
    expected.filter((path) => !isNested(path)),
  );
  for (const path of expected) assert.ok(existsSync(`${rootfs}/app/${path}`), path);
  assert.equal(image.Labels["org.opencontainers.image.licenses"], "Apache-2.0");
});

await promise("adds at most 120 MB to its base", () => {
  const megabytes = bytesIn(`${rootfs}/app`) / 1e6;
  assert.ok(megabytes <= 120, `${megabytes} MB`);
  return `${megabytes.toFixed(1)} MB`;
});

await promise("without credentials exits with 78 and names each variable", async () => {
  const gateway = run({});
  assert.equal(await gateway.exit, 78);
  for (const name of ["WECOM_CORP_ID", "WECOM_CORP_SECRET", "WECOM_ACCESS_TOKEN", "AUTH_MODE"]) {
    assert.ok((await gateway.output).includes(name), name);
  }
});

const received = [];
const wecom = createServer(async (request, response) => {
  received.push({ url: request.url, body: JSON.parse(await text(request)) });
  response.end(JSON.stringify({ errcode: 0, errmsg: "ok", livingid: "XXXXXXXXX" }));
}).listen(0, "127.0.0.1");
await once(wecom, "listening");

const startedAt = performance.now();
const gateway = run({
  WECOM_BASE_URL: `http://127.0.0.1:${wecom.address().port}`,
  WECOM_ACCESS_TOKEN: "ACCESS_TOKEN",
  AUTH_MODE: "none",
});
// Not 127.0.0.1, which the gateway listens on by default: the image must listen on every address.
const url = "http://127.0.0.2:4000";

await promise("gets ready on port 4000, and its health check agrees", async () => {
  await answering(`${url}/health/ready`);
  const readyMs = performance.now() - startedAt;
  assert.deepEqual(Object.keys(image.ExposedPorts), ["4000/tcp"]);
  const [kind, ...command] = image.Healthcheck.Test;
  assert.equal(kind, "CMD");
  assert.equal(await run({}, command).exit, 0);
  assert.equal(await run({ HOST: "127.0.0.2" }, command).exit, 0);
  assert.equal(await run({ PORT: "4001" }, command).exit, 1);
  // Not asserted: another machine has another time. With the container's own start.
  return `in ${Math.round(readyMs)} ms`;
});

await promise("runs as a user who is not root, as process 1, with nothing writable but its data", async () => {
  assert.match(readFileSync(`/proc/${gateway.pid()}/status`, "utf8"), /^Uid:\t1000\t1000\t1000\t1000$/m);
  assert.match(readFileSync(`/proc/${gateway.pid()}/status`, "utf8"), /^NSpid:\t\d+\t1$/m);
  assert.deepEqual(Object.keys(image.Volumes), ["/app/data"]);
  assert.equal(statSync(`${rootfs}/app/data`).uid, 1000);
  const writable = run({}, [
    "find",
    "/app",
    "(",
    "-uid",
    "1000",
    "-o",
    "-perm",
    "-2",
    ")",
    "!",
    "-type",
    "l",
    "!",
    "-path",
    "/app/data",
  ]);
  assert.equal(await writable.output, "");
});

await promise("reserves a living", async () => {
  const input = { anchorUserid: "zhangsan", theme: "theme", livingStart: 1600000000, livingDuration: 3600 };
  const query =
    "mutation ($input: LivingInput!) { createLiving(input: $input) { ... on CreateLivingSuccess { livingid } } }";
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query, variables: { input } }),
  });
  assert.deepEqual(await response.json(), { data: { createLiving: { livingid: "XXXXXXXXX" } } });
  const body = { anchor_userid: "zhangsan", theme: "theme", living_start: 1600000000, living_duration: 3600 };
  assert.deepEqual(received, [{ url: "/cgi-bin/living/create?access_token=ACCESS_TOKEN", body }]);
});

await promise("ends with 0 on SIGTERM", async () => {
  process.kill(gateway.pid(), "SIGTERM");
  assert.equal(await gateway.exit, 0);
});
wecom.close();
