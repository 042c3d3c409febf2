/**
 * Ten thousand sockets of bad behaviour, and what is left of them: nothing. The gateway is a process of its own, so that
 * what is counted is its alone.
 */
import { describe, expect, it } from "@jest/globals";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { randomBytes } from "node:crypto";
import { SignJWT } from "jose";
import { audience, goodClaims, issuerName } from "../support/issuer.js";
import { Replica } from "../support/replica.js";

const subscribe = (id: string) =>
  JSON.stringify({ id, type: "subscribe", payload: { query: "subscription { livingStatusChanged { livingid } }" } });
const complete = (id: string) => JSON.stringify({ id, type: "complete" });
const init = JSON.stringify({ type: "connection_init" });

/** A client's frame: masked. @param first of its bytes: FIN, reserved bits, opcode */
function frame(payload: string | Buffer, first = 0x81): Buffer {
  const bytes = Buffer.from(payload);
  const mask = randomBytes(4);
  const length =
    bytes.length < 126
      ? Buffer.from([0x80 | bytes.length])
      : Buffer.from([0x80 | 126, bytes.length >> 8, bytes.length & 0xff]);
  return Buffer.concat([Buffer.from([first]), length, mask, bytes.map((byte, index) => byte ^ (mask[index % 4] ?? 0))]);
}

/** What each does after its upgrade; then it is gone, unless it has been closed. */
const behaviours: Readonly<Record<string, (socket: Socket) => void>> = {
  "says nothing and goes": () => undefined,
  "signs in and goes": (socket) => socket.write(frame(init)),
  "signs in twice": (socket) => socket.write(Buffer.concat([frame(init), frame(init)])),
  "subscribes before it has signed in": (socket) => socket.write(Buffer.concat([frame(init), frame(subscribe("1"))])),
  "subscribes, completes, subscribes": (socket) => {
    socket.write(frame(init));
    socket.once("data", () => {
      const burst = [subscribe("1"), complete("1"), subscribe("1"), subscribe("2"), complete("2"), subscribe("2")];
      socket.write(Buffer.concat(burst.map((message) => frame(message))));
    });
  },
  "subscribes more often than it may": (socket) => {
    socket.write(frame(init));
    socket.once("data", () => {
      socket.write(Buffer.concat(Array.from({ length: 60 }, (_, id) => frame(subscribe(`${id}`)))));
    });
  },
  "subscribes twice under one id": (socket) => {
    socket.write(frame(init));
    socket.once("data", () => socket.write(Buffer.concat([frame(subscribe("1")), frame(subscribe("1"))])));
  },
  "sends half a frame": (socket) => socket.write(frame(init).subarray(0, 9)),
  "sends a message in pieces, and not the last": (socket) =>
    socket.write(Buffer.concat([frame('{"type":', 0x01), frame('"connection_init"', 0x00)])),
  "announces a huge message": (socket) =>
    socket.write(Buffer.concat([Buffer.from([0x81, 0xff]), Buffer.alloc(8, 0x7f), randomBytes(4)])),
  "is not masked": (socket) => socket.write(Buffer.from([0x81, 0x02, 0x7b, 0x7d])),
  "is not UTF-8": (socket) => socket.write(frame(Buffer.from([0xff, 0xfe, 0xc0]))),
  "uses reserved bits": (socket) => socket.write(frame(init, 0xf1)),
  "pings without end": (socket) =>
    socket.write(Buffer.concat(Array.from({ length: 100 }, () => frame("x".repeat(125), 0x89)))),
  "subscribes and does not read": (socket) => {
    socket.write(frame(init));
    socket.once("data", () => {
      socket.pause();
      socket.write(Buffer.concat([frame(subscribe("1")), frame('{"type":"ping"}')]));
    });
  },
  "subscribes and shuts its side": (socket) => {
    socket.write(frame(init));
    socket.once("data", () => socket.end(frame(subscribe("1"))));
  },
};

/** Whoever is signed in has a timer, until their token expires. */
const secret = "s".repeat(32);
const signedIn = {
  ...{ AUTH_MODE: "jwt", AUTH_JWT_SECRET: secret, AUTH_ISSUER: issuerName, AUTH_AUDIENCE: audience },
  LIMIT_CONNECTIONS_PER_CALLER: "10000",
};

interface Target {
  readonly port: number;
  readonly token: string;
}

/** @param staysForMs before it breaks off, unless it was closed */
async function misbehave({ port, token }: Target, behave: (socket: Socket) => void, staysForMs: number): Promise<void> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  socket.on("error", () => undefined);
  const closed = new Promise((resolve) => socket.once("close", resolve));
  const upgrade = [
    "GET /graphql HTTP/1.1",
    "host: 127.0.0.1",
    "connection: Upgrade",
    "upgrade: websocket",
    "sec-websocket-version: 13",
    `sec-websocket-key: ${randomBytes(16).toString("base64")}`,
    "sec-websocket-protocol: graphql-transport-ws",
    `authorization: Bearer ${token}`,
  ];
  socket.write(`${upgrade.join("\r\n")}\r\n\r\n`);
  socket.once("data", () => {
    behave(socket);
    socket.on("data", () => undefined);
  });
  await Promise.race([closed, setTimeout(staysForMs)]);
  // Half of them say goodbye as TCP does, half break off.
  if (Math.random() < 0.5) socket.destroy();
  else socket.resetAndDestroy();
  await closed;
}

interface Left {
  readonly subscriptions: number;
  readonly handles: number;
  /** Handles, requests and timers. */
  readonly resources: number;
  readonly memoryMb: number;
}

async function left(url: string): Promise<Left> {
  const text = await (await fetch(`${url}/metrics`, { headers: { connection: "close" } })).text();
  const value = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
  return {
    subscriptions: value("graphql_subscriptions"),
    handles: value("nodejs_active_handles_total"),
    resources: value("nodejs_active_resources_total"),
    memoryMb: value("nodejs_heap_size_used_bytes") / 1e6,
  };
}

/** Once it is as quiet as it gets. */
async function settled(url: string, isQuiet: (now: Left) => boolean): Promise<Left> {
  const until = performance.now() + 30_000;
  for (;;) {
    const now = await left(url);
    if (isQuiet(now) || performance.now() > until) return now;
    await setTimeout(100);
  }
}

describe("Ten thousand sockets of bad behaviour", () => {
  it("leave no stream, no handle and no timer behind", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "sockets-"));
    const counter = new URL("../support/count-what-lives.mjs", import.meta.url);
    const gateway = await Replica.start({ ...signedIn, DATA_DIR: dataDir, NODE_OPTIONS: `--import ${counter.href}` });
    const token = await new SignJWT(goodClaims(Date.now(), { scope: "living:read" }))
      .setProtectedHeader({ alg: "HS256" })
      .sign(new TextEncoder().encode(secret));
    const target = { port: Number(new URL(gateway.url).port), token };
    const kinds = Object.values(behaviours);
    const attack = async (sockets: number): Promise<void> => {
      for (let begun = 0; begun < sockets; begun += 200) {
        const batch = Array.from({ length: 200 }, (_, index) =>
          misbehave(target, kinds[(begun + index) % kinds.length]!, 10 + (index % 5) * 20),
        );
        await Promise.all(batch);
      }
    };
    // What is loaded and kept at first is there.
    await attack(1000);
    const before = await settled(gateway.url, ({ subscriptions }) => subscriptions === 0);
    await attack(9000);
    const after = await settled(
      gateway.url,
      ({ subscriptions, handles, resources }) =>
        subscriptions === 0 && handles <= before.handles && resources <= before.resources,
    );
    await setTimeout(1000);
    const { memoryMb } = await left(gateway.url);
    expect(after.subscriptions).toBe(0);
    expect(after.handles).toBeLessThanOrEqual(before.handles);
    expect(after.resources).toBeLessThanOrEqual(before.resources);
    expect(memoryMb).toBeLessThan(before.memoryMb + 10);
    // It still answers.
    expect((await fetch(`${gateway.url}/health/ready`)).status).toBe(200);
    await gateway.kill();
    await rm(dataDir, { recursive: true });
  }, 180_000);
});
