// What is left of a call that was given up: nothing of it may reach WeCom when the settling time is over.
import { describe, expect, it } from "@jest/globals";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { createServer as createTlsServer } from "node:tls";
import { Pool } from "undici";
import { resettingConnector } from "../../src/wecom/connector.js";
import { Deadline } from "../../src/wecom/deadline.js";
import { exchange } from "../../src/wecom/transport.js";

/** More than the other side's kernel takes before anybody reads; the rest is left to this side's. */
const body = "x".repeat(400_000);

/** A shared key instead of a certificate. */
const psk = { psk: Buffer.alloc(32, 1), identity: "test" };
const tls = { ciphers: "PSK", maxVersion: "TLSv1.2", minVersion: "TLSv1.2" } as const;

describe.each(["http", "https"])("A call by %s that is given up while WeCom's machine does not read", (protocol) => {
  it.each([
    [false, "is delivered whole afterwards by an ordinary close: that is what the reset is for"],
    [true, "is not delivered any more"],
  ])("(reset: %s) %s", async (isReset) => {
    let reader: Socket | undefined;
    const keep = (socket: Socket): void => {
      // undici makes a new connection in place of the one that it has given up.
      reader ??= socket;
      socket.on("error", () => undefined).pause();
    };
    const server =
      protocol === "http" ? createServer(keep) : createTlsServer({ ...tls, pskCallback: () => psk.psk }, keep);
    await once(server.listen(0, "127.0.0.1"), "listening");
    const { port } = server.address() as AddressInfo;
    const options = { timeout: 3000, ...tls, pskCallback: () => psk, checkServerIdentity: () => undefined };
    const pool = new Pool(`${protocol}://127.0.0.1:${port}`, {
      connect: isReset ? resettingConnector(options) : options,
    });

    const call = exchange(pool, { method: "POST", path: "/cgi-bin/living/create", body }, new Deadline(1000));
    await expect(call).rejects.toThrow("deadline passed");
    await pause(50);
    let received = 0;
    reader!.on("data", ({ length }: Buffer) => (received += length));
    reader!.resume();
    await new Promise((resolve) => reader!.once("close", resolve));

    expect(received > body.length).toBe(!isReset);
    await pool.destroy();
    server.close();
  });
});
