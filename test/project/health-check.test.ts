// The image's health check, as the engine runs it: with the container's own environment.
import { execFile } from "node:child_process";
import { createServer, type Server } from "node:http";
import { once } from "node:events";
import { createServer as createTcpServer, type AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "@jest/globals";

const script = fileURLToPath(new URL("../../scripts/health-check.sh", import.meta.url));

function check(env: Readonly<Record<string, string>>): Promise<number> {
  return new Promise((resolve) => {
    execFile(script, { env }, (error) => {
      resolve(error ? Number(error.code) : 0);
    });
  });
}

async function listen(server: Server | ReturnType<typeof createTcpServer>, host: string): Promise<string> {
  server.listen(0, host);
  await once(server, "listening");
  return String((server.address() as AddressInfo).port);
}

const answering = (status: number) =>
  createServer(({ url }, response) => {
    response.writeHead(url === "/health/live" ? status : 404).end();
  });

describe("The image's health check", () => {
  it.each([
    ["127.0.0.1", "0.0.0.0"],
    ["127.0.0.1", "127.0.0.1"],
    ["127.0.0.2", "127.0.0.2"],
    ["::1", "::1"],
    ["::1", "::"],
    ["127.0.0.1", "localhost"],
  ])("passes where the gateway answers on %s and HOST is %s", async (address, HOST) => {
    await using gateway = answering(200);
    const PORT = await listen(gateway, address);

    expect(await check({ HOST, PORT })).toBe(0);
  });

  it("asks the admin port where there is one", async () => {
    await using gateway = answering(404);
    await using admin = answering(200);
    const [PORT, ADMIN_PORT] = [await listen(gateway, "127.0.0.1"), await listen(admin, "127.0.0.1")];

    expect(await check({ HOST: "0.0.0.0", PORT, ADMIN_PORT })).toBe(0);
    expect(await check({ HOST: "0.0.0.0", PORT })).toBe(1);
  });

  it("fails where nobody listens, where the answer is no 200, and within 3 s where none comes", async () => {
    await using gateway = answering(500);
    await using silent = createTcpServer((socket) => socket.on("error", () => undefined).resume());
    const PORT = await listen(silent, "127.0.0.1");

    expect(await check({ HOST: "127.0.0.1", PORT: await listen(gateway, "127.0.0.1") })).toBe(1);
    expect(await check({ HOST: "127.0.0.1", PORT: "1" })).toBe(1);
    expect(await check({ HOST: "127.0.0.1", PORT })).toBe(1);
  });
});
