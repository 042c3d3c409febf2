// Probes, metrics and details on a port of their own.
import { createServer } from "node:net";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { DeleteLivingReplayDocument } from "../../packages/client/src/index.js";
import { type Gateway, startGateway } from "../support/gateway.js";
import { callbackEnv, tell } from "../support/subscribers.js";

describe("With ADMIN_PORT", () => {
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await startGateway({ env: { ...callbackEnv, ADMIN_PORT: "0" } });
  });
  afterAll(() => gateway.close());
  const statusesOf = (base: string, paths: readonly string[]) =>
    Promise.all(paths.map(async (path) => (await fetch(`${base}${path}`)).status));
  const details = async () => {
    const text = await (await fetch(`${gateway.adminUrl}/health/details`)).text();
    gateway.alsoSearch({ received: text });
    return JSON.parse(text);
  };

  it("probes and metrics answer there, and not where clients ask", async () => {
    const paths = ["/health/live", "/health/ready", "/metrics", "/health/details"];

    expect(await statusesOf(gateway.adminUrl!, paths)).toEqual([200, 200, 200, 200]);
    expect(await statusesOf(gateway.url, paths)).toEqual([404, 404, 404, 404]);
    expect(await statusesOf(gateway.adminUrl!, ["/graphql", "/wecom/callback"])).toEqual([404, 404]);
  });

  it("details tell how each part is", async () => {
    expect((await details()).token).toEqual({ endsAt: null });
    await gateway.run(DeleteLivingReplayDocument, { livingid: "unknown" });
    await tell(gateway, { LivingId: "any", Status: 1 });

    expect(await details()).toEqual({
      versions: { gateway: expect.any(String), node: process.version },
      uptimeSeconds: expect.any(Number),
      credentials: "self-built",
      store: { kind: "embedded", answeredAfterMs: expect.any(Number) },
      limiter: expect.arrayContaining([expect.objectContaining({ api: "living/delete_replay_data", waiting: 0 })]),
      token: { endsAt: expect.stringMatching(/^\d{4}-.*Z$/) },
      callbacks: { lastAt: expect.stringMatching(/^\d{4}-.*Z$/), suiteTicketAt: null, subscriptions: 0 },
    });
  });
});

describe("Without ADMIN_PORT", () => {
  it("there are no details", async () => {
    await using gateway = await startGateway();

    expect((await gateway.fetch("/health/details")).status).toBe(404);
    expect((await gateway.fetch("/health/live")).status).toBe(200);
  });
});

describe("An ADMIN_PORT in use", () => {
  it("is named when the gateway cannot start", async () => {
    await using taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as AddressInfo;

    await expect(startGateway({ env: { ADMIN_PORT: String(port) } })).rejects.toThrow(
      `port ${port} of 127.0.0.1 is in use (ADMIN_PORT)`,
    );
  });
});
