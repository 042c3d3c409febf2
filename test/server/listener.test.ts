/** What the HTTP server answers to requests that no client library would send. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { createLogger } from "../../src/observability/logger.js";
import { createListener, type Listener, type ListenerOptions } from "../../src/server/listener.js";
import { type Route, sendText } from "../../src/server/exchange.js";
import { startGateway } from "../support/gateway.js";
import { rawRequest, sendRaw, statusesOf } from "../support/raw-http.js";

const logLines: string[] = [];

const routes: Record<string, Route> = {
  "/echo": (exchange) => {
    sendText(exchange, 200, "text/plain", `${exchange.request.method} ${exchange.search}`);
  },
  "/slow": async (exchange) => {
    await new Promise((resolve) => setTimeout(resolve, 100));
    sendText(exchange, 200, "text/plain", "slow");
  },
  "/bad-header": (exchange) => {
    exchange.headers.set("x-broken", "line\r\nbreak");
    sendText(exchange, 200, "text/plain", "");
  },
  "/throws": () => {
    throw new Error("broken route");
  },
  "/rejects": () => Promise.reject(new Error("broken route")),
  "/half": ({ response }) => {
    response.writeHead(200);
    response.write("half");
    throw new Error("broken after its headers");
  },
};

async function startListener(options: Partial<ListenerOptions> = {}): Promise<{ listener: Listener; url: string }> {
  const listener = createListener({
    routes,
    upgrade: (_, socket) => {
      socket.end("HTTP/1.1 101 Switching Protocols\r\n\r\n");
    },
    cors: ["https://a.example"],
    headers: [["x-content-type-options", "nosniff"]],
    log: createLogger("debug", { write: (line) => logLines.push(line) }),
    metrics: { observeRequest: () => undefined, countOperation: () => undefined },
    ...options,
  });
  const { port } = await listener.listen(0, "127.0.0.1");
  return { listener, url: `http://127.0.0.1:${port}` };
}

let listener: Listener;
let url: string;
beforeAll(async () => {
  ({ listener, url } = await startListener());
});
afterAll(() => listener.close(0));

describe("A route that fails", () => {
  it.each(["/bad-header", "/throws", "/rejects"])("is answered with 500 and fresh headers: %s", async (path) => {
    logLines.length = 0;
    const answer = await fetch(`${url}${path}`, {
      headers: { origin: "https://a.example", "x-request-id": "attempt-1" },
    });

    expect(answer.status).toBe(500);
    expect(await answer.json()).toEqual({
      errors: [{ message: "Internal server error", extensions: { code: "INTERNAL_SERVER_ERROR" } }],
    });
    expect(answer.headers.get("x-request-id")).toBe("attempt-1");
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
    expect(answer.headers.get("access-control-allow-origin")).toBe("https://a.example");
    expect(answer.headers.get("x-broken")).toBeNull();
    expect(logLines.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({ level: "error", requestId: "attempt-1", msg: "request failed" }),
    ]);
  });

  it("is cut off where a part of its answer was sent", async () => {
    const received = await sendRaw(url, rawRequest("GET /half HTTP/1.1"));

    // Whether its beginning was sent already is chance; that it is whole, the client must not believe.
    expect(received).not.toMatch(/\r\n0\r\n\r\n$/);
    expect(statusesOf(received)).not.toContain(500);
  });
});

describe("A request id that is the name of a header", () => {
  it.each(["content-type", "content-length", "cache-control", "connection", "x-request-id", "transfer-encoding"])(
    "is a value like any other: %s",
    async (name) => {
      await using gateway = await startGateway();
      const post = (body: string) =>
        gateway.fetch("/graphql", {
          method: "POST",
          headers: { "content-type": "application/json", "x-request-id": name },
          body,
        });
      const answers = [await post('{"query":"{ x }"}'), await post('{"query":"{ __typename }","extensions":{}}')];

      for (const { status, headers } of answers) {
        expect(status).toBe(200);
        expect(headers.get("x-request-id")).toBe(name);
        expect(headers.get("content-type")).toContain("application/json");
        expect(headers.get("cache-control")).toBe("no-store");
      }
      expect(gateway.logs.filter(({ level }) => level === "error")).toEqual([]);
    },
  );
});

describe("The request's target", () => {
  it("may be absolute, as HTTP wants it of every server", async () => {
    const received = await sendRaw(
      url,
      rawRequest("GET http://other.example/echo?a=1 HTTP/1.1", ["connection: close"]),
    );

    expect(statusesOf(received)).toEqual([200]);
    expect(received).toMatch(/GET \?a=1$/);
  });

  it.each([
    ["GET http://other.example HTTP/1.1", 404],
    ["GET HTTPS://other.example?a=1 HTTP/1.1", 404],
    ["GET //echo HTTP/1.1", 404],
    ["GET /__proto__ HTTP/1.1", 404],
    ["GET /constructor HTTP/1.1", 404],
    ["OPTIONS * HTTP/1.1", 404],
  ])("names nothing here: %s", async (line, status) => {
    expect(statusesOf(await sendRaw(url, rawRequest(line, ["connection: close"])))).toEqual([status]);
  });
});

describe("A request for another protocol", () => {
  const h2c = ["upgrade: h2c", "connection: upgrade, http2-settings", "http2-settings: AAMAAABkAARAAAAAAAIAAAAA"];

  it("is answered without it, and so is what follows on the connection", async () => {
    const requests = [
      rawRequest("GET /slow HTTP/1.1"),
      rawRequest("POST /echo?1 HTTP/1.1", h2c, "body"),
      rawRequest("GET /echo?2 HTTP/1.1", h2c),
      rawRequest("GET /echo?3 HTTP/1.1", ["connection: close"]),
    ];
    const received = await sendRaw(url, requests.join(""));

    expect(statusesOf(received)).toEqual([200, 200, 200, 200]);
    expect(received.match(/slow|POST \?1|GET \?\d/g)).toEqual(["slow", "POST ?1", "GET ?2", "GET ?3"]);
  });

  it("adds nothing to a connection, however often it comes", async () => {
    const warnings: string[] = [];
    const onWarning = ({ name }: Error) => warnings.push(name);
    process.on("warning", onWarning);
    const requests = Array.from({ length: 100 }, () => rawRequest("GET /echo HTTP/1.1", h2c)).join("");
    const received = await sendRaw(url, requests, (text) => statusesOf(text).length === 100);
    await new Promise(setImmediate);
    process.off("warning", onWarning);

    expect(statusesOf(received).length).toBe(100);
    expect(warnings).toEqual([]);
  });

  it("does not overtake the answer to the request before it", async () => {
    const webSocket = ["upgrade: websocket", "connection: upgrade"];
    const received = await sendRaw(url, rawRequest("GET /slow HTTP/1.1") + rawRequest("GET /echo HTTP/1.1", webSocket));

    expect(statusesOf(received)).toEqual([200, 101]);
  });
});

describe("The header Host", () => {
  const withHosts = (lines: string, more = "close") => `GET /echo HTTP/1.1\r\n${lines}connection: ${more}\r\n\r\n`;

  it.each([
    ["twice", "host: a\r\nhost: b\r\n"],
    ["twice, in two spellings", "host: a\r\nHOST: a\r\n"],
    ["with two hosts", "host: a, b\r\n"],
    ["with a path", "host: a/b\r\n"],
    ["with a user", "host: a@b\r\n"],
    ["with two ports", "host: a:1:2\r\n"],
  ])("is refused as ambiguous: %s", async (_, lines) => {
    expect(statusesOf(await sendRaw(url, withHosts(lines)))).toEqual([400]);
    expect(statusesOf(await sendRaw(url, withHosts(lines, "upgrade\r\nupgrade: websocket")))).toEqual([400]);
  });

  it.each(["a", "a.example:8080", "[::1]", "[::1]:80", "127.0.0.1:", "xn--a_b.c"])("may be %s", async (host) => {
    expect(statusesOf(await sendRaw(url, withHosts(`host: ${host}\r\n`)))).toEqual([200]);
  });

  it("is no better in the request line", async () => {
    const lines = ["connection: close"];
    expect(statusesOf(await sendRaw(url, rawRequest("GET http://a@b/echo HTTP/1.1", lines)))).toEqual([400]);
  });
});

describe("With the hosts that are ours", () => {
  it.each([
    ["127.0.0.1", [200]],
    ["LOCALHOST:4000", [200]],
    ["evil.example", [421]],
    ["evil.example:4000", [421]],
    ["127.0.0.1.evil.example", [421]],
    ["[::1]:4000", [200]],
  ])("answers a request for %s so: %p", async (host, statuses) => {
    const allowedHosts = ["localhost", "127.0.0.1", "[::1]"];
    const { listener: own, url: ownUrl } = await startListener({ allowedHosts });
    const request = (more: string) => `GET /echo HTTP/1.1\r\nhost: ${host}\r\nconnection: ${more}\r\n\r\n`;
    const plain = await sendRaw(ownUrl, request("close"));
    const upgrade = await sendRaw(ownUrl, request("upgrade\r\nupgrade: websocket"));
    await own.close(0);

    expect(statusesOf(plain)).toEqual(statuses);
    expect(statusesOf(upgrade)).toEqual(statuses.map((status) => (status === 200 ? 101 : status)));
  });

  it("believes the request line before the header, as HTTP says", async () => {
    const { listener: own, url: ownUrl } = await startListener({ allowedHosts: ["127.0.0.1"] });
    const received = await sendRaw(ownUrl, rawRequest("GET http://evil.example/echo HTTP/1.1", ["connection: close"]));
    await own.close(0);

    expect(statusesOf(received)).toEqual([421]);
  });
});

describe("A request that never comes in whole", () => {
  it.each([
    ["nothing", "", [408]],
    ["half a header", "GET /echo HTTP/1.1\r\nhost", [408]],
    ["half a body", "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n12345", [404, 408]],
  ])("is ended when its time is over: %s", async (_, bytes, statuses) => {
    const { listener: own, url: ownUrl } = await startListener({ requestTimeoutMs: 900 });
    const startedAt = performance.now();
    const received = await sendRaw(ownUrl, bytes);
    await own.close(0);

    expect(statusesOf(received)).toEqual(statuses);
    // Node's own limit is five minutes.
    expect(performance.now() - startedAt).toBeLessThan(15_000);
  });
});
