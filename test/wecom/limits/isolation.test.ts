// What calls that hang leave to the others: a real client, its pool and its limiter, in front of a server that answers some.
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Pool } from "undici";
import { Secret } from "../../../src/observability/secret.js";
import type { CallOptions, Endpoint } from "../../../src/wecom/call.js";
import { WecomClient } from "../../../src/wecom/client.js";
import { steadyUnixMs } from "../../../src/wecom/clock.js";
import { resettingConnector } from "../../../src/wecom/connector.js";
import { Deadline } from "../../../src/wecom/deadline.js";
import { CallLimiter } from "../../../src/wecom/limits/call-limiter.js";
import { callLimits } from "../../../src/wecom/limits/call-limits.js";
import { ReadRetries } from "../../../src/wecom/retry.js";
import { until } from "../../support/until.js";

const connections = 4096;
const create: Endpoint = { api: "living/create", method: "POST", effect: "write" };
const modify: Endpoint = { api: "living/modify", method: "POST", effect: "write" };
const read: Endpoint = { api: "living/get_living_info", method: "GET", effect: "read" };
const nothing = (): void => undefined;
const log = { debug: nothing, info: nothing, warn: nothing, error: nothing } as never;
const metrics = { observeCall: nothing, countRetry: nothing } as never;

let server: Server;
let pool: Pool;
let client: WecomClient;
let hanging = 0;
beforeAll(async () => {
  server = createServer((request, response) => {
    if (request.url!.includes("hangs")) hanging += 1;
    else response.end('{"errcode":0}');
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const baseUrl = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  pool = new Pool(baseUrl.origin, { connections, pipelining: 1, connect: resettingConnector({ timeout: 30_000 }) });
  const limits = callLimits(undefined, true);
  const limiter = new CallLimiter({ maxInFlight: 10, connections, limits, now: steadyUnixMs });
  const retries = new ReadRetries(Math.random);
  client = new WecomClient({ baseUrl, dispatcher: pool, limiter, retries, metrics, silentAfterMs: 60_000 });
});
afterAll(async () => {
  await pool.destroy();
  server.closeAllConnections();
  server.close();
});

const call = (endpoint: Endpoint, corp: string, token: string, timeoutMs = 60_000) => {
  const options: CallOptions = { corp, deadline: new Deadline(timeoutMs), log };
  return client.exchange(endpoint, {}, new Secret(token), options, nothing);
};

/** Milliseconds that each of 30 creates took, ten at a time; the one in the middle. */
const typicalMs = async () => {
  const times: number[] = [];
  const one = async () => {
    for (let round = 0; round < 3; round += 1) {
      const begun = performance.now();
      await call(create, "another", "answers");
      times.push(performance.now() - begun);
    }
  };
  await Promise.all(Array.from({ length: 5 }, one));
  return times.sort((one, other) => one - other)[Math.floor(times.length / 2)]!;
};

describe("With a hundred corps whose calls hang", () => {
  it("another corp's create takes at most 20 ms more", async () => {
    await typicalMs();
    const before = await typicalMs();
    const ended: unknown[] = [];
    for (let corp = 0; corp < 100; corp += 1) {
      for (let index = 0; index < 10; index += 1) {
        for (const endpoint of [create, read])
          call(endpoint, `corp${corp}`, "hangs").catch((error: unknown) => ended.push(error));
      }
    }
    await until(
      () => hanging === 2000,
      () => ({ hanging, ended }),
    );

    // The machine has other work now and then; who waits behind the hanging calls does so each time.
    let after = await typicalMs();
    for (let tries = 1; tries < 30 && after >= before + 20; tries += 1) after = await typicalMs();
    expect(after).toBeLessThan(before + 20);
    expect(ended).toEqual([]);
  });

  it("another API is called for these corps", async () => {
    await expect(call(modify, "corp0", "answers")).resolves.toBeUndefined();
  });
});
