/**
 * Generated requests against a gateway in a process of its own. `npm test` sends some hundred; `npm run test:fuzz` sends
 * 200,000 and then the hostile corpus, and reports for how long that blocked the event loop for everybody else.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { setTimeout as wait } from "node:timers/promises";
import { isNativeError } from "node:util/types";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { Pool } from "undici";
import { buildLivingSubgraph } from "../../src/graphql/schema.js";
import { generatedBodies, mutatedBodies } from "../support/generated-requests.js";
import { hostileRequests } from "../support/hostile-corpus.js";

const isLong = process.env["FUZZ_REQUESTS"] !== undefined;
const requestCount = Number(process.env["FUZZ_REQUESTS"] ?? 400);
const hostileRounds = 20;
const atOnce = 20;
/** What the long form may take; fast-check stops there and says how far it came. */
const timeLimitMs = isLong ? 30 * 60_000 : 15_000;

const userids = ["zhangsan", "lisi"];
const livingids: string[] = [];
const dataDir = mkdtempSync(join(tmpdir(), "fuzz-"));
let gateway: ChildProcess;
let pool: Pool;
let output = "";
let executed = 0;
beforeAll(async () => {
  gateway = spawn(
    process.execPath,
    ["--import", fileURLToPath(new URL("../support/report-loop-delay.mjs", import.meta.url)), "dist/main.js"],
    {
      env: {
        ...{ PATH: process.env["PATH"], PORT: "0", DATA_DIR: dataDir },
        ...{ AUTH_MODE: "none", INTROSPECTION: "off", LOG_LEVEL: "error" },
        AUDIT_LOG_FILE: join(dataDir, "audit.jsonl"),
      },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  gateway.stderr!.on("data", (chunk: Buffer) => (output += chunk.toString()));
  let stdout = "";
  while (!/http:\S+(?=\/graphql\n)/.test(stdout)) {
    const [chunk] = (await once(gateway.stdout!, "data")) as [Buffer];
    stdout += chunk.toString();
  }
  gateway.stdout!.on("data", (chunk: Buffer) => (output += chunk.toString()));
  pool = new Pool(/http:\S+(?=\/graphql\n)/.exec(stdout)![0], { connections: atOnce });
  for (const anchorUserid of [...userids, ...userids]) {
    const query = `mutation { createLiving(input: { anchorUserid: "${anchorUserid}", theme: "t", livingStart: 4102444800, livingDuration: 60, type: EVENT }) { ... on CreateLivingSuccess { livingid } } }`;
    const { data } = JSON.parse(await send(JSON.stringify({ query }))) as {
      data: { createLiving: { livingid: string } };
    };
    livingids.push(data.createLiving.livingid);
  }
});
afterAll(async () => {
  await pool.destroy();
  if (gateway.exitCode === null) gateway.kill("SIGKILL");
  rmSync(dataDir, { recursive: true });
});

async function send(body: string | Uint8Array, headers: Record<string, string> = {}): Promise<string> {
  const { statusCode, body: answer } = await pool.request({
    path: "/graphql",
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body,
  });
  const text = await answer.text();
  if (statusCode >= 500 || /node_modules|\.[jt]s:\d|stacktrace|INTERNAL_SERVER_ERROR/.test(text)) {
    throw new Error(`${statusCode}: ${text.slice(0, 500)}`);
  }
  if (text.includes('"data":{')) executed += 1;
  return text;
}

async function fuzz<T extends string | Uint8Array>(arbitrary: fc.Arbitrary<T>): Promise<fc.RunDetails<[T[]]>> {
  const numRuns = Math.ceil(requestCount / 2 / atOnce);
  const property = fc.asyncProperty(fc.array(arbitrary, { minLength: atOnce, maxLength: atOnce }), async (batch) => {
    await Promise.all(batch.map((body) => send(body)));
  });
  executed = 0;
  const details = await fc.check(property, { numRuns, interruptAfterTimeLimit: timeLimitMs, endOnFailure: isLong });
  if (isLong) {
    const sent = details.numRuns * atOnce;
    process.stderr.write(`${sent} requests sent, ${executed} of them executed, seed ${details.seed}\n`);
  }
  return details;
}

const operations = () => generatedBodies(buildLivingSubgraph().schema, { livingids, userids });

describe("Whatever is sent", () => {
  it.each<[string, () => fc.Arbitrary<string | Uint8Array>, number]>([
    // What validation refuses is a test of validation alone: a part must get further.
    ["operations made of the schema", operations, 0.3],
    ["bytes changed at random", () => mutatedBodies(operations()), 0],
  ])(
    "(%s) is answered without a 5xx, a stack or the word bug",
    async (_, arbitrary, executedAtLeast) => {
      const details = await fuzz(arbitrary());

      expect({ failed: details.failed, error: fc.defaultReportMessage(details) }).toEqual({ failed: false });
      expect(executed).toBeGreaterThanOrEqual(executedAtLeast * details.numRuns * atOnce);
    },
    timeLimitMs + 20_000,
  );

  if (isLong) {
    it("blocks the event loop for nobody else, if it is the hostile corpus", async () => {
      await loopDelay();
      const over = new AbortController();
      const neighbour = (async () => {
        const body = JSON.stringify({ query: `{ living(livingid: "${livingids[0]}") { livingStart } }` });
        const latencies: number[] = [];
        while (!over.signal.aborted) {
          const startedAt = performance.now();
          expect(await send(body)).toContain('"livingStart":');
          latencies.push(performance.now() - startedAt);
          await wait(2);
        }
        return latencies.sort((a, b) => a - b);
      })();
      for (let round = 0; round < hostileRounds; round++) {
        for (const { body, headers } of hostileRequests) await send(body, headers).catch(unlessHungUp);
      }
      over.abort();
      const latencies = await neighbour;
      const delay = await loopDelay();
      process.stderr.write(
        `${hostileRounds * hostileRequests.length} hostile requests: event loop blocked for ms ${JSON.stringify(delay)}; ` +
          `a neighbour's ${latencies.length} reads: p99.9 ${latencies[Math.floor(latencies.length * 0.999)]!.toFixed(1)} ms\n`,
      );

      expect(delay.byProcessor["p99.9"]).toBeLessThan(50);
    }, 600_000);
  }

  it("leaves a gateway that is alive, has logged nothing, and ends at a signal", async () => {
    const { statusCode } = await pool.request({ path: "/health/live", method: "GET" });
    expect(statusCode).toBe(200);
    expect(output).toBe("");

    gateway.kill("SIGTERM");
    const [exitCode] = (await once(gateway, "exit")) as [number];

    expect(exitCode).toBe(0);
  });
});

/** Since it was asked for last, in milliseconds. */
async function loopDelay(): Promise<Record<"byClock" | "byProcessor", { "p99.9": number }>> {
  gateway.kill("SIGUSR2");
  while (!output.includes("\n")) await wait(10);
  const [, report] = /loop-delay (.*)\n/.exec(output)!;
  output = output.replace(/loop-delay .*\n/, "");
  return JSON.parse(report!) as Awaited<ReturnType<typeof loopDelay>>;
}

/** A body that is not read to its end can cost the connection before the answer is seen. */
function unlessHungUp(error: unknown): void {
  // Not `instanceof`: what Node throws is of another realm than a test's.
  if (!(isNativeError(error) && "code" in error && /ECONNRESET|EPIPE|UND_ERR_SOCKET/.test(String(error.code))))
    throw error;
}
