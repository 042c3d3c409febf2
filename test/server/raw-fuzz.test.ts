/**
 * Raw bytes against the production bundle in a process of its own: it lives, and every request is answered or its connection
 * closed in time. `npm test` opens some hundred connections, `npm run test:fuzz` 50,000. Failures print their seed and shrink.
 */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { type Simulator, startSimulator } from "../../src/simulator/index.js";
import { corpid, fixedToken } from "../support/gateway.js";
import { type Issuer, jwtEnv, startIssuer } from "../support/issuer.js";
import { type RawConnection, rawConnections } from "../support/raw-bytes.js";
import { statusesOf } from "../support/raw-http.js";
import { Replica } from "../support/replica.js";

const isLong = process.env["FUZZ_REQUESTS"] !== undefined;
/** Of each kind. */
const connectionCount = isLong ? 25_000 : 400;
const atOnce = 20;
const timeLimitMs = isLong ? 15 * 60_000 : 30_000;
/** Within it a connection must be closed whose client has sent all that it will. One that is forgotten stays for 10 s or more. */
const closedWithinMs = isLong ? 5000 : 9000;

let issuer: Issuer;
let simulator: Simulator;
let gateway: Replica;
let token: string;
let dataDir: string;
let stopped: Promise<readonly { readonly closedAfterMs: number }[]>;

/** How long connections that stop in the middle may stay: their headers 10 s, their body 30 s, checked each second. Node's own limits are
 * 60 s and five minutes. */
const stops = [
  ...["", "G", "GET /graphql HTTP/1.1\r\nhost: a\r\nx:"].map((bytes) => ({ bytes, withinMs: 25_000 })),
  ...(isLong ? [{ bytes: "POST /graphql HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n{", withinMs: 45_000 }] : []),
];

beforeAll(async () => {
  issuer = await startIssuer();
  simulator = await startSimulator({
    corps: [{ corpid, apps: [{ agentid: 1000014, secret: "secret" }] }],
    fixedTokens: [fixedToken],
  });
  dataDir = await mkdtemp(join(tmpdir(), "raw-fuzz-"));
  gateway = await Replica.start({
    ...jwtEnv(issuer),
    ...{ WECOM_BASE_URL: simulator.url, WECOM_ACCESS_TOKEN: fixedToken, DATA_DIR: dataDir },
  });
  stopped = Promise.all(stops.map(({ bytes }) => openAndStop(bytes)));
  token = await issuer.sign({ scope: "", exp: Math.floor(Date.now() / 1000) + 7200 });
});
afterAll(async () => {
  await gateway.kill();
  await simulator.close();
  await issuer[Symbol.asyncDispose]();
  await rm(dataDir, { recursive: true });
});

/** @returns what came back, and whether the gateway closed the connection in time */
function talk({ writes, requests }: RawConnection): Promise<{ received: string; isClosed: boolean }> {
  const { hostname, port } = new URL(gateway.url);
  return new Promise((resolve) => {
    let received = "";
    const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
    const giveUp = setTimeout(() => {
      resolve({ received, isClosed: false });
      socket.destroy();
    }, closedWithinMs);
    socket.setEncoding("latin1");
    socket.on("error", () => undefined);
    socket.on("data", (text) => (received += String(text)));
    // The gateway's end of the connection is closed; ours follows.
    socket.on("end", () => socket.end());
    socket.on("close", () => {
      clearTimeout(giveUp);
      resolve({ received, isClosed: true });
    });
    void (async () => {
      for (const { bytes, waitMs } of writes) {
        if (waitMs > 0) await wait(waitMs);
        if (!socket.destroyed && bytes) socket.write(bytes, "latin1");
      }
      // Well-formed ones end with `connection: close`.
      if (requests === undefined) socket.end();
    })();
  });
}

async function check(arbitrary: fc.Arbitrary<RawConnection>): Promise<fc.RunDetails<[RawConnection[]]>> {
  const batch = fc.array(arbitrary, { minLength: 1, maxLength: atOnce, size: "max" });
  const property = fc.asyncProperty(batch, async (connections) => {
    await Promise.all(
      connections.map(async (connection) => {
        const { received, isClosed } = await talk(connection);
        const statuses = statusesOf(received).filter((status) => status !== 100);
        const said = `${JSON.stringify(connection.writes)}\nwas answered with\n${received}`;
        if (!isClosed) throw new Error(`not closed: ${said}`);
        if (statuses.some((status) => status >= 500)) throw new Error(`a 5xx: ${said}`);
        // After an answer that closes the connection, nothing else is answered.
        const isCutShort = /connection: close/i.test(received.slice(received.lastIndexOf("HTTP/1.1 ")));
        if (connection.requests !== undefined && statuses.length !== connection.requests && !isCutShort) {
          throw new Error(`${statuses.length} answers to ${connection.requests} requests: ${said}`);
        }
      }),
    );
    if (!gateway.isRunning) throw new Error("the process has ended");
  });
  return await fc.check(property, {
    numRuns: Math.ceil(connectionCount / (atOnce / 2)),
    interruptAfterTimeLimit: timeLimitMs,
    markInterruptAsFailure: false,
  });
}

/** Connections that stop in the middle, and stay open. */
function openAndStop(bytes: string): Promise<{ closedAfterMs: number }> {
  const { hostname, port } = new URL(gateway.url);
  const startedAt = performance.now();
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    socket.on("error", () => undefined);
    socket.resume();
    socket.on("close", () => {
      resolve({ closedAfterMs: performance.now() - startedAt });
    });
  });
}

describe("Raw bytes", () => {
  it.each(["wellFormed", "hostile"] as const)(
    "(%s) are answered, or their connection is closed, and the process lives",
    async (kind) => {
      const details = await check(rawConnections(token)[kind]);
      if (isLong) process.stderr.write(`${details.numRuns} batches of ${kind} connections, seed ${details.seed}\n`);

      expect({ failed: details.failed, error: fc.defaultReportMessage(details) }).toEqual({ failed: false });
      expect(details.numRuns).toBeGreaterThan(5);
    },
    timeLimitMs + 60_000,
  );

  it("that stop in the middle cost their connection within its time", async () => {
    const outcomes = await stopped;

    stops.forEach(({ withinMs }, index) => {
      expect(outcomes[index]!.closedAfterMs).toBeLessThan(withinMs);
    });
  }, 60_000);

  it("leave a gateway that is alive, has logged no error, and ends at a signal", async () => {
    expect((await fetch(`${gateway.url}/health/ready`)).status).toBe(200);
    expect(gateway.hasLogged(/"level":"error"/)).toBe(false);
    expect(await gateway.terminate()).toBe(0);
  });
});
