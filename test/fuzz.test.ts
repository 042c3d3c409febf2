/**
 * Generated requests against a gateway in a process of its own. `npm test` sends some hundred; `npm run test:fuzz` sends
 * 200,000 and the hostile corpus besides, and reports how long the event loop was blocked.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { Pool } from "undici";
import { buildLivingSubgraph } from "../src/schema.js";
import { generatedBodies, mutatedBodies } from "./support/generated-requests.js";
import { hostileRequests } from "./support/hostile-corpus.js";

const isLong = process.env["FUZZ_REQUESTS"] !== undefined;
const requestCount = Number(process.env["FUZZ_REQUESTS"] ?? 400);
const atOnce = 20;
/** What the long form may take; fast-check stops there and says how far it came. */
const timeLimitMs = isLong ? 30 * 60_000 : 15_000;

let gateway: ChildProcess;
let pool: Pool;
let stderr = "";
beforeAll(async () => {
  gateway = spawn(
    process.execPath,
    ["--import", fileURLToPath(new URL("support/report-loop-delay.mjs", import.meta.url)), "dist/main.js"],
    {
      env: { PATH: process.env["PATH"], PORT: "0", AUTH_MODE: "none", INTROSPECTION: "off", LOG_LEVEL: "error" },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  gateway.stderr!.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  let stdout = "";
  while (!/http:\S+(?=\/graphql\n)/.test(stdout)) {
    const [chunk] = (await once(gateway.stdout!, "data")) as [Buffer];
    stdout += chunk.toString();
  }
  gateway.stdout!.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  pool = new Pool(/http:\S+(?=\/graphql\n)/.exec(stdout)![0], { connections: atOnce });
});
afterAll(async () => {
  await pool.destroy();
  if (gateway.exitCode === null) gateway.kill("SIGKILL");
});

async function send(body: string | Uint8Array, headers: Record<string, string> = {}): Promise<void> {
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
}

const bodies = generatedBodies(buildLivingSubgraph().schema);

async function fuzz<T extends string | Uint8Array>(arbitrary: fc.Arbitrary<T>): Promise<fc.RunDetails<[T[]]>> {
  const numRuns = Math.ceil(requestCount / 2 / atOnce);
  const property = fc.asyncProperty(fc.array(arbitrary, { minLength: atOnce, maxLength: atOnce }), async (batch) => {
    await Promise.all(batch.map((body) => send(body)));
  });
  return await fc.check(property, { numRuns, interruptAfterTimeLimit: timeLimitMs, endOnFailure: isLong });
}

describe("Whatever is sent", () => {
  it.each([
    ["operations made of the schema", bodies],
    ["bytes changed at random", mutatedBodies(bodies)],
  ] as [string, fc.Arbitrary<string | Uint8Array>][])(
    "(%s) is answered without a 5xx, a stack or the word bug",
    async (_, arbitrary) => {
      const details = await fuzz(arbitrary);
      if (isLong) process.stderr.write(`${details.numRuns * atOnce} requests sent, seed ${details.seed}\n`);

      expect({ failed: details.failed, error: fc.defaultReportMessage(details) }).toEqual({ failed: false });
    },
    timeLimitMs + 20_000,
  );

  // The last promise below says what it did to everybody else.
  if (isLong) {
    it("outlives the hostile corpus, ten times over", async () => {
      for (let round = 0; round < 10; round++) {
        for (const { body, headers } of hostileRequests) await send(body, headers).catch(unlessHungUp);
      }
    }, 600_000);
  }

  it("leaves a gateway that is alive, has said nothing, and ends when it is told", async () => {
    const { statusCode } = await pool.request({ path: "/health/live", method: "GET" });
    expect(statusCode).toBe(200);
    expect(stderr).toBe("");

    gateway.kill("SIGTERM");
    const [exitCode] = (await once(gateway, "exit")) as [number];

    expect(exitCode).toBe(0);
    const delay = JSON.parse(/loop-delay (.*)/.exec(stderr)![1]!) as Record<"p50" | "p99" | "p999" | "max", number>;
    if (isLong) {
      process.stderr.write(`event loop delay in ms: ${JSON.stringify(delay)}\n`);
      expect(delay.p999).toBeLessThan(50);
    }
  });
});

/** A body that is not read to its end can cost the connection before the answer is seen. */
function unlessHungUp(error: unknown): void {
  if (!(error instanceof Error && "code" in error && /ECONNRESET|EPIPE|UND_ERR_SOCKET/.test(String(error.code))))
    throw error;
}
