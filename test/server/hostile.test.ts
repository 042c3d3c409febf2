import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type Gateway, startGateway } from "../support/gateway.js";
import { hostileRequests } from "../support/hostile-corpus.js";

describe("A hostile request", () => {
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await startGateway({ env: { NODE_ENV: "production", AUTH_MODE: "none", LOG_LEVEL: "info" } });
  });
  afterAll(() => gateway.close());

  it("is one of at least 300", () => {
    expect(new Set(hostileRequests.map(({ name }) => name)).size).toBeGreaterThanOrEqual(300);
  });

  it.each(hostileRequests.map(({ name, ...request }) => [name, request] as const))(
    "(%s) is answered, as the client's mistake at worst, without a stack",
    async (_, { body, headers }) => {
      // The server may hang up on a body that it will not read: that is an answer too, once the status was sent.
      const { status, text } = await gateway.fetch("/graphql", { method: "POST", headers, body }).catch(hungUp);

      expect(status).toBeLessThan(500);
      expect(text).not.toMatch(/node_modules|\.[jt]s:\d|stacktrace/);
      expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    },
  );

  it("by chunks, without a length, is cut off where it gets too long", async () => {
    const chunk = Buffer.alloc(64 * 1024, "[");
    let sent = 0;
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const sender = request(`${gateway.url}/graphql`, {
        method: "POST",
        headers: { "content-type": "application/json" },
      });
      const send = () => {
        sent += chunk.length;
        if (sent > 64 * 1024 * 1024) reject(new Error("read 64 MB"));
        else if (!sender.destroyed) sender.write(chunk, () => setImmediate(send));
      };
      sender.once("response", ({ statusCode }) => {
        sender.destroy();
        resolve(statusCode);
      });
      sender.once("error", reject);
      send();
    });

    expect(status).toBe(413);
    expect(sent).toBeLessThan(32 * 1024 * 1024);
  });

  it("leaves the gateway as it was for everybody else", async () => {
    expect((await gateway.run("{ __typename }")).data).toEqual({ __typename: "Query" });
    expect(gateway.logs.filter(({ level }) => level === "error")).toEqual([]);
  });
});

function hungUp(error: unknown): { status: number; text: string } {
  if (error instanceof TypeError && error.message === "fetch failed") return { status: 413, text: "" };
  throw error;
}
