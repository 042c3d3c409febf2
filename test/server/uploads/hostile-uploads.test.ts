// Uploads from clients that mean harm, or have bad luck: nothing of them stays, and nobody else is kept out.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { createLogger } from "../../../src/observability/logger.js";
import { createListener } from "../../../src/server/listener.js";
import { readParts } from "../../../src/server/uploads/multipart.js";
import { Spool } from "../../../src/server/uploads/spool.js";
import { Uploads } from "../../../src/server/uploads/uploads.js";
import { sendText } from "../../../src/server/exchange.js";
import { corpid, fixedToken, type Gateway, startGateway } from "../../support/gateway.js";
import { jwtEnv, startIssuer } from "../../support/issuer.js";
import { sendRaw, statusesOf } from "../../support/raw-http.js";
import { gatewayCommand, Running } from "../../support/running.js";
import { until } from "../../support/until.js";
import { postImage } from "../../support/uploads.js";

const png = Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), Buffer.alloc(600_000, "0123456789")]);
const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

const query = `mutation ($image: Upload!) { uploadLivingImage(image: $image, purpose: COVER) { __typename } }`;
const operations = JSON.stringify({ query, variables: { image: null } });

interface Part {
  readonly name: string;
  readonly content: string | Buffer;
  readonly more?: string;
}

const latin1 = (content: string | Buffer) => (typeof content === "string" ? content : content.toString("latin1"));
const partOf = ({ name, content, more = "" }: Part) =>
  `--B\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${latin1(content)}\r\n`;
const fieldsOf = (operations: string, map: string): [Part, Part] => [
  { name: "operations", content: operations },
  { name: "map", content: map },
];
const fieldParts = fieldsOf(operations, '{"0":["variables.image"]}');
const filePart = { name: "0", content: png, more: '; filename="a.png"' };
const bodyOf = (parts: readonly Part[] = [...fieldParts, filePart]) => `${parts.map(partOf).join("")}--B--\r\n`;

interface Framing {
  readonly path?: string;
  readonly type?: string;
  /** What `content-length` says; "chunked" instead of it. */
  readonly length?: number | "chunked";
  readonly headers?: readonly string[];
}

function headOf(body: string, { path = "/graphql", type, length = body.length, headers = [] }: Framing = {}): string {
  const lines = [
    `POST ${path} HTTP/1.1`,
    "host: x",
    `content-type: ${type ?? "multipart/form-data; boundary=B"}`,
    "apollo-require-preflight: true",
    length === "chunked" ? "transfer-encoding: chunked" : `content-length: ${length}`,
    ...headers,
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

const requestOf = (body: string, framing?: Framing) => headOf(body, framing) + body;
const close = { headers: ["connection: close"] };
const asImage = { path: "/media?purpose=COVER", type: "image/png" };

async function open(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname).on("error", () => undefined);
  await once(socket, "connect");
  return socket;
}

async function serving(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const server: Server = createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Files that were unlinked, and that a process still has. */
function openTemporaryFiles(pid: number | "self" = "self"): number {
  return readdirSync(`/proc/${pid}/fd`).filter((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`).includes("upload-");
    } catch {
      return false;
    }
  }).length;
}

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway({ simulator: { mediaIds: [] } });
});
afterAll(() => gateway.close());
beforeEach(() => {
  gateway.simulator.reset();
  gateway.simulator.forgetRequests();
});

describe("A body with unusual boundaries", () => {
  const form = bodyOf();
  const tricky = Buffer.concat([
    png,
    Buffer.from("\r\n--\r\n--A\r\n\r\n--\r\r\n-B--\r\n\n--B"),
    png,
    Buffer.from("\r\n--"),
  ]);

  it.each<[string, string, Buffer]>([
    ["has text before and after its parts", requestOf(`hello\r\n${form}bye\r\n--B\r\n`, close), png],
    ["has no line end after its last boundary", requestOf(form.slice(0, -2), close), png],
    ["nearly holds its boundary", requestOf(bodyOf([...fieldParts, { ...filePart, content: tricky }]), close), tricky],
    ["has a boundary in quotes", requestOf(form, { ...close, type: 'multipart/form-data; boundary="B"' }), png],
    [
      "comes in chunks, the boundary in several",
      headOf(form, { ...close, length: "chunked" }) +
        form.replace(/[^]{1,60001}/g, (part) => `${part.length.toString(16)}\r\n${part}\r\n`) +
        "0\r\n\r\n",
      png,
    ],
    [
      "is an image in chunks",
      `${headOf("", { ...asImage, ...close, length: "chunked" })}${png.length.toString(16)}\r\n${latin1(png)}\r\n0\r\n\r\n`,
      png,
    ],
    [
      "has a part with thousands of headers and no name",
      requestOf(`--B\r\n${"a: b\r\n".repeat(5000)}\r\n\r\n${form}`, close),
      png,
    ],
    ["has its parts in capitals", requestOf(form.replaceAll("Content-Disposition", "CONTENT-DISPOSITION"), close), png],
  ])("arrives whole: it %s", async (_what, request, image) => {
    expect(statusesOf(await sendRaw(gateway.url, request))).toEqual([200]);
    expect(gateway.simulator.media).toMatchObject([{ sha256: sha256(image) }]);
  });

  it("is asked for, where the client waits with it", async () => {
    const socket = await open(gateway.url);
    socket.write(headOf(form, { headers: ["expect: 100-continue", "connection: close"] }));
    const [interim] = (await once(socket.setEncoding("latin1"), "data")) as string[];
    expect(statusesOf(interim!)).toEqual([100]);
    socket.write(form, "latin1");

    expect(statusesOf(((await once(socket, "data")) as string[]).join(""))).toEqual([200]);
    socket.destroy();
  });

  it.each<[string, number, string]>([
    ["is empty", 400, requestOf("", close)],
    ["has no boundary in its type", 400, requestOf(form, { ...close, type: "multipart/form-data" })],
    [
      "has another boundary than its type says",
      400,
      requestOf(form, { ...close, type: "multipart/form-data; boundary=C" }),
    ],
    [
      "has a type that begins like multipart's",
      400,
      requestOf(bodyOf(fieldParts), { ...close, type: "multipart/form-data-x; boundary=B" }),
    ],
    ["ends within its file", 400, requestOf(form.slice(0, -100), close)],
    ["ends before its last boundary", 400, requestOf(form.slice(0, -7), close)],
    ["ends within the head of a part", 400, requestOf(form.slice(0, 30), close)],
    ["is longer than it says", 400, requestOf(form, { ...close, length: form.length - 10 })],
    ["has a file whose part has no name", 400, requestOf(form.replace('; name="0"', ""), close)],
    ["has a part whose head never ends", 400, requestOf(`--B\r\nContent-Disposition: ${"x".repeat(200_000)}`, close)],
    ["is compressed", 415, requestOf(form, { headers: ["content-encoding: gzip", "connection: close"] })],
    [
      "says twice how long it is",
      400,
      requestOf(form, { headers: ["transfer-encoding: chunked", "connection: close"] }),
    ],
    ["has 10,000 parts", 413, requestOf(bodyOf(Array<Part>(10_000).fill({ name: "a", content: "b" })), close)],
    ["has a query that is a number", 400, requestOf(bodyOf(fieldsOf('{"query":1}', "{}")), close)],
    [
      "has variables that are a list",
      400,
      requestOf(
        bodyOf([...fieldsOf('{"query":"{ __typename }","variables":[null]}', '{"0":["variables.0"]}'), filePart]),
        { headers: ["accept: application/graphql-response+json", "connection: close"] },
      ),
    ],
  ])("is refused, and WeCom not asked: it %s", async (_what, status, request) => {
    expect(statusesOf(await sendRaw(gateway.url, request)).at(-1)).toBe(status);
    expect(gateway.simulator.requests).toEqual([]);
    await until(() => openTemporaryFiles() === 0, openTemporaryFiles);
    expect(gateway.logs.filter(({ level }) => level === "error")).toEqual([]);
  });
});

describe("A request that does not end", () => {
  const block = Buffer.alloc(1_000_000, "x");

  it.each([
    ["before its first part", "nothing"],
    [
      "in a file that its map does not name",
      bodyOf(fieldsOf(operations, "{}")).slice(0, -5) + partOf({ ...filePart, content: "" }),
    ],
    ["in the head of a part", "--B\r\nContent-Disposition: "],
    ["in a part without a name", "--B\r\nx: y\r\n\r\n"],
    ["in its file", bodyOf(fieldParts).slice(0, -5) + partOf({ ...filePart, content: "" }).slice(0, -2)],
  ])("is read to a certain length: %s", async (_where, beginning) => {
    const socket = await open(gateway.url);
    const answered = once(socket.setEncoding("latin1"), "data") as Promise<string[]>;
    socket.write(headOf("", { length: 1e12 }));
    socket.write(beginning, "latin1");
    let isAnswered = false as boolean;
    void answered.then(() => (isAnswered = true));
    const endsAt = performance.now() + 30_000;
    while (!isAnswered && performance.now() < endsAt) {
      if (!socket.write(block)) await Promise.race([once(socket, "drain"), answered]);
    }
    const received = isAnswered ? (await answered).join("") : "nothing";
    socket.destroy();

    expect(statusesOf(received)).toEqual([413]);
  });
});

describe("A client that breaks off", () => {
  const form = bodyOf();
  const announced = headOf("", { ...asImage, length: png.length });
  const stages = [10, 150, form.indexOf("map"), form.indexOf("a.png"), form.indexOf("PNG") + 2, 100_000, 400_000];

  it.each<[string, string, readonly number[]]>([
    ["a form", requestOf(form), [...stages, form.length - 8]],
    ["an image", announced + latin1(png), [10, announced.length, announced.length + 3, announced.length + 400_000]],
    [
      "an image in chunks",
      `${headOf("", { ...asImage, length: "chunked" })}${png.length.toString(16)}\r\n${latin1(png)}\r\n0\r\n\r\n`,
      [announced.length, 100_000, 400_000, png.length],
    ],
  ])("leaves nothing, and its place, at every stage of %s", async (_form, request, ends) => {
    const as = (bytes: string) => bytes.replace("host: x", "host: x\r\nx-wecom-userid: lisi");
    for (const end of ends) {
      for (let times = 0; times < 12; times += 1) {
        const socket = await open(gateway.url);
        socket.end(as(request).slice(0, end + 22), "latin1");
        socket.destroySoon();
        await once(socket, "close");
      }
    }
    const post = () => postImage(gateway, png, "lisi");
    await until(async () =>
      (await Promise.all(Array.from({ length: 10 }, post))).every(({ status }) => status === 200),
    );
    await until(() => openTemporaryFiles() === 0, openTemporaryFiles);
    expect(gateway.logs.filter(({ level }) => level === "error")).toEqual([]);
  });

  it.each([
    ["a part of the body", 1000],
    ["all of it", undefined],
  ])("has its place back when it left while its token was looked at, having sent %s", async (_what, end) => {
    await using issuer = await startIssuer();
    const waiting: ServerResponse[] = [];
    await using keys = await serving((_request, response) => waiting.push(response));
    await using gateway = await startGateway({ env: { ...jwtEnv(issuer), AUTH_JWKS_URL: keys.url } });
    const authorization = `authorization: Bearer ${await issuer.sign()}`;
    const short = bodyOf([...fieldParts, { ...filePart, content: png.subarray(0, 1000) }]);
    const request = requestOf(short, { headers: [authorization] });
    for (let times = 0; times < 10; times += 1) {
      const socket = await open(gateway.url);
      socket.write(request.slice(0, end ?? request.length), "latin1");
      await until(() => waiting.length > 0);
      socket.destroy();
    }
    await gateway.fetch("/health/live");
    for (const response of waiting.splice(0)) response.end(JSON.stringify({ keys: [issuer.publicJwk] }));

    let statuses: number[] = [];
    await until(
      async () => {
        const again = requestOf(short, { headers: [authorization, "connection: close"] });
        statuses = statusesOf(await sendRaw(gateway.url, again));
        return statuses[0] === 200;
      },
      () => statuses,
    );
    expect(gateway.logs.filter(({ level }) => level === "error")).toEqual([]);
  });
});

describe("Slow uploads", () => {
  it("of one caller do not keep another's out, although WeCom takes ten at once", async () => {
    await using gateway = await startGateway({ simulator: { mediaIds: [] }, env: { WECOM_TIMEOUT_MS: "3000" } });
    const sockets = await Promise.all(Array.from({ length: 10 }, () => open(gateway.url)));
    for (const socket of sockets) {
      socket.write(headOf("", { ...asImage, length: png.length, headers: ["x-wecom-userid: lisi"] }));
      socket.write(png.subarray(0, 100_000));
    }
    await until(async () => (await postImage(gateway, png, "lisi")).status === 429);

    // Kept out, it would be refused at its deadline.
    expect((await postImage(gateway, png, "zhangsan")).status).toBe(200);
    for (const socket of sockets) socket.destroy();
  });

  it("end with the time that a request has, and leave nothing", async () => {
    const uploads = new Uploads({
      ...{ maxBytes: 10_000_000, maxUploads: 1, maxUploadsPerCaller: 1, maxPipedPerCaller: 1 },
      folders: [tmpdir()],
    });
    const listener = createListener({
      routes: {
        "/": (exchange) =>
          uploads.take(exchange, undefined, async (upload) => {
            await readParts(
              exchange.request,
              { fieldBytes: 1000, bytes: upload.maxReadBytes },
              {
                field: () => undefined,
                file: (_name, content) => upload.receive(content, upload.file({ filename: "" })),
              },
            );
            sendText(exchange, 200, "text/plain", "");
          }),
      },
      ...{ upgrade: () => undefined, cors: [], headers: [], log: createLogger("debug", { write: () => undefined }) },
      metrics: { observeRequest: () => undefined, countOperation: () => undefined },
      requestTimeoutMs: 300,
    });
    const { port } = await listener.listen(0, "127.0.0.1");
    const url = `http://127.0.0.1:${port}`;
    const request = requestOf(bodyOf([filePart]), { path: "/", ...close });

    expect(statusesOf(await sendRaw(url, request.slice(0, -100)))).toEqual([408]);
    expect(statusesOf(await sendRaw(url, request))).toEqual([200]);
    await until(() => openTemporaryFiles() === 0, openTemporaryFiles);
    await listener.close(0);
  });
});

describe("The bytes of an image", () => {
  it("are there for a second try, when WeCom refuses the token before it has them", async () => {
    const taken: string[] = [];
    let tokens = 0;
    await using wecom = await serving((request, response) => {
      const { pathname, searchParams } = new URL(request.url!, "http://wecom");
      const say = (answer: object) => response.end(JSON.stringify({ errcode: 0, errmsg: "ok", ...answer }));
      if (pathname === "/cgi-bin/gettoken") {
        say({ access_token: `CANARY-token-${(tokens += 1)}`, expires_in: 7200 });
      } else if (searchParams.get("access_token") === "CANARY-token-1") {
        say({ errcode: 42001, errmsg: "access_token expired" });
      } else {
        void request.toArray().then((chunks: Buffer[]) => {
          const body = Buffer.concat(chunks);
          const at = body.indexOf("\r\n\r\n") + 4;
          taken.push(sha256(body.subarray(at, at + png.length)));
          say({ type: "image", media_id: "MEDIA", created_at: "1700000000" });
        });
      }
    });
    await using gateway = await startGateway({ upstreamUrl: wecom.url });
    const socket = await open(gateway.url);
    socket.write(headOf("", { ...asImage, ...close, length: png.length }));
    socket.write(png.subarray(0, 300_000));
    await until(() => tokens === 2);
    socket.write(png.subarray(300_000));

    const received = (await socket.setEncoding("latin1").toArray()).join("");
    expect(received).toContain('"mediaid":"MEDIA"');
    expect(taken).toEqual([sha256(png)]);
  });

  it("have no room where no folder can be written to: the client gets a retryable error", async () => {
    const logged: string[] = [];
    const uploads = new Uploads({
      ...{ maxBytes: 10_000_000, maxUploads: 1, maxUploadsPerCaller: 1, maxPipedPerCaller: 1 },
      folders: ["/proc/nowhere", "/proc/nowhere-else"],
    });
    const listener = createListener({
      routes: {
        "/": (exchange) =>
          uploads.take(exchange, undefined, (upload) =>
            upload.receive(exchange.request, upload.file({ filename: "" })),
          ),
      },
      ...{ upgrade: () => undefined, cors: [], headers: [] },
      log: createLogger("debug", { write: (line) => logged.push(line) }),
      metrics: { observeRequest: () => undefined, countOperation: () => undefined },
    });
    const { port } = await listener.listen(0, "127.0.0.1");
    const answer = await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body: new Uint8Array(png) });

    expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(await answer.json()).toMatchObject({ errors: [{ extensions: { code: "SERVICE_UNAVAILABLE" } }] });
    expect(logged.join("")).toContain("an upload could not be kept");
    await listener.close(0);
  });

  it("keep no file open that is discarded while it is being opened", async () => {
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        const spool = new Spool({ filename: "", maxBytes: 10_000_000, folders: [tmpdir()] });
        const written = Promise.resolve(spool.write(Buffer.alloc(300_000))).catch(() => undefined);
        await spool.discard();
        await written;
      }),
    );

    expect(openTemporaryFiles()).toBe(0);
  });
});

describe("The memory of an upload", () => {
  const spool = () => new Spool({ filename: "", maxBytes: 10_000_000, folders: [tmpdir()] });
  const chunk = Buffer.alloc(50_000);

  it("is reused by the next", async () => {
    const upload = async () => {
      const file = spool();
      for (let times = 0; times < 12; times += 1) await file.write(chunk);
      await file.discard();
    };
    await upload();
    const before = process.memoryUsage().arrayBuffers;
    for (let times = 0; times < 100; times += 1) await upload();

    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2_000_000);
  });

  it("holds nothing of another, also of one that ended during a write", async () => {
    const upload = async (number: number) => {
      const file = spool();
      const isBroken = number % 3 === 0;
      const content = randomBytes(300_000 + number * 20_000);
      // Small chunks are read from the memory that is reused.
      const size = number % 2 ? 50_000 : 3000;
      const whileReceived = file.read().toArray() as Promise<Buffer[]>;
      whileReceived.catch(() => undefined);
      for (let at = 0; at < content.length; at += size) {
        const written = file.write(content.subarray(at, at + size));
        if (written && isBroken && at > 500_000) {
          await Promise.all([file.discard(), written.catch(() => undefined)]);
          return;
        }
        await written;
      }
      file.end();
      const read = [await whileReceived, (await file.read().toArray()) as Buffer[]];
      await file.discard();
      expect(read.map((chunks) => Buffer.concat(chunks).equals(content))).toEqual([true, true]);
    };
    for (let round = 0; round < 3; round += 1) {
      await Promise.all(Array.from({ length: 40 }, (_, number) => upload(number)));
    }

    expect(openTemporaryFiles()).toBe(0);
  });
});

describe("A disk that fills during a write", () => {
  it.each(["as the body", "as a part"])(
    "is an error of the server, leaves nothing and ends nothing: %s",
    async (form) => {
      const broken: string[] = [];
      await using wecom = await serving((request, response) => {
        request.on("aborted", () => broken.push("aborted"));
        request.resume().on("end", () => response.end('{"errcode":0,"media_id":"MEDIA","created_at":"1700000000"}'));
      });
      // The kernel refuses what a file would have beyond 4 MB.
      const command = `ulimit -f 4096; exec ${gatewayCommand.join(" ")}`;
      await using running = new Running(["bash", "-c", command], {
        ...{ NODE_ENV: "production", AUTH_MODE: "none", WECOM_BASE_URL: wecom.url },
        ...{ WECOM_CORP_ID: corpid, WECOM_ACCESS_TOKEN: fixedToken },
      });
      const url = await running.printed(/"msg":"listening on ([^"]+)\/graphql"/);
      const post = (length: number) => {
        const image = new Blob([png.subarray(0, 8), Buffer.alloc(length - 8)], { type: "image/png" });
        const parts = new FormData();
        parts.set("file", image);
        const headers = { "apollo-require-preflight": "true" };
        const body = form === "as a part" ? parts : image;
        return fetch(`${url}/media?purpose=COVER`, { method: "POST", headers, body });
      };
      const answer = await post(10_000_000);

      expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "1"]);
      expect(await answer.json()).toMatchObject({ errors: [{ message: "There is no room for the upload" }] });
      expect(running.output).toContain("an upload could not be kept");
      // A part is received before WeCom is called.
      await until(() => broken.length === (form === "as a part" ? 0 : 1));
      expect((await post(1_000_000)).status).toBe(200);
      await until(
        () => openTemporaryFiles(running.pid) === 0,
        () => openTemporaryFiles(running.pid),
      );
    },
  );
});

describe("Many uploads of 10 MB, of which a third break off", () => {
  /** With the flags for V8 that `npm start` and the image have. */
  const { scripts } = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8"));
  const startCommand: string[] = /exec (.*)$/.exec(scripts.start)![1]!.split(" ");
  const image = Buffer.alloc(10 * 1024 * 1024, 7);
  image.write("\x89PNG\r\n\x1a\n", "latin1");
  const form = Buffer.from(bodyOf([...fieldParts, { ...filePart, content: "" }]), "latin1");
  const at = form.indexOf("\r\n--B--");
  const formOfImage = Buffer.concat([form.subarray(0, at), image, form.subarray(at)]);

  it.each<[string, string, Buffer]>([
    ["POST /media", headOf("", { ...asImage, length: image.length }), image],
    ["uploadLivingImage", headOf("", { length: formOfImage.length }), formOfImage],
  ])("leave no file, and memory as it was: %s", async (_form, head, body) => {
    await using wecom = await serving((request, response) => {
      const answer = { errcode: 0, errmsg: "ok", type: "image", media_id: "MEDIA", created_at: "1700000000" };
      request.resume().on("end", () => response.end(JSON.stringify(answer)));
    });
    await using running = new Running(startCommand, {
      ...{ NODE_ENV: "production", AUTH_MODE: "none", WECOM_BASE_URL: wecom.url, WECOM_TIMEOUT_MS: "60000" },
      ...{ WECOM_CORP_ID: corpid, WECOM_ACCESS_TOKEN: fixedToken },
    });
    const url = await running.printed(/"msg":"listening on ([^"]+)\/graphql"/);
    const memoryMb = () => {
      const [, kb] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${running.pid}/status`, "utf8"))!;
      return Number(kb) / 1024;
    };
    const upload = async (number: number) => {
      const socket = await open(url);
      socket.write(head);
      if (number % 10 < 3) {
        socket.write(body.subarray(0, body.length / 2), () => socket.destroy());
        await once(socket, "close");
        return 0;
      }
      socket.write(body);
      const [answer] = (await once(socket.setEncoding("latin1"), "data")) as string[];
      socket.destroy();
      return statusesOf(answer!)[0];
    };
    await Promise.all([3, 4, 5, 6].map(upload));
    const before = memoryMb();
    let most = before;
    for (let round = 0; round < 4; round += 1) {
      const statuses = await Promise.all(Array.from({ length: 20 }, (_, number) => upload(number)));
      expect(statuses.filter((status) => status === 200)).toHaveLength(14);
      most = Math.max(most, memoryMb());
    }

    expect(most - before).toBeLessThan(60);
    await until(
      () => openTemporaryFiles(running.pid) === 0,
      () => openTemporaryFiles(running.pid),
    );
  });
});
