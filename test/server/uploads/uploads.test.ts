// Images for an EVENT: over `POST /media` and as GraphQL's multipart requests, up to what WeCom is sent.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { createHash } from "node:crypto";
import { execFile } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { connect, type Socket } from "node:net";
import { once } from "node:events";
import { type Gateway, type GatewayOptions, startGateway } from "../../support/gateway.js";
import { gatewayCommand, Running } from "../../support/running.js";
import { until } from "../../support/until.js";
import { postImage } from "../../support/uploads.js";

const run = promisify(execFile);
const png = image("\x89PNG\r\n\x1a\n", 3_000_000);
const jpeg = image("\xff\xd8\xff\xe0", 2000);
const gif = image("GIF89a", 2000);
const tooLong = image("\x89PNG\r\n\x1a\n", 11 * 1024 * 1024);
const tooShort = image("\xff\xd8\xff", 3);

/** Bytes that are told from each other, wherever one is missing. */
function image(signature: string, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32BE((at * 2_654_435_761) >>> 0, at);
  bytes.write(signature, "latin1");
  return bytes;
}

const preflighted = { "apollo-require-preflight": "true" };
const mutation = `mutation ($image: Upload!, $purpose: LivingImagePurpose = COVER) {
  uploadLivingImage(image: $image, purpose: $purpose) {
    __typename
    ... on UploadLivingImageSuccess { mediaid expiresAt }
    ... on LivingError { message retryable errcode }
    ... on LivingInputError { fields { path constraint } }
  }
}`;
const operations = JSON.stringify({ query: mutation, variables: { image: null } });
const map = JSON.stringify({ 0: ["variables.image"] });

interface Part {
  readonly name: string;
  readonly content: string | Buffer;
  readonly filename?: string;
}

function formOf(parts: readonly Part[]): FormData {
  const form = new FormData();
  for (const { name, content, filename } of parts) {
    if (typeof content === "string" && filename === undefined) form.append(name, content);
    else form.append(name, new Blob([new Uint8Array(Buffer.from(content))]), filename ?? "image");
  }
  return form;
}

let gateway: Gateway;
const options: GatewayOptions = { simulator: { mediaIds: [] } };

beforeAll(async () => {
  gateway = await startGateway(options);
});
afterAll(() => gateway.close());
beforeEach(() => {
  gateway.simulator.reset();
  gateway.simulator.forgetRequests();
});

interface Reply {
  readonly status: number;
  readonly [field: string]: any;
}

async function postGraphql(parts: readonly Part[], headers: Record<string, string> = preflighted): Promise<Reply> {
  const { status, text } = await gateway.fetch("/graphql", { method: "POST", headers, body: formOf(parts) });
  return { status, ...JSON.parse(text) };
}

function upload(content: Buffer, filename = "cover.png") {
  return postGraphql([
    { name: "operations", content: operations },
    { name: "map", content: map },
    { name: "0", content, filename },
  ]);
}

async function postMedia(
  body: Buffer | FormData,
  headers: Record<string, string> = {},
  query = "purpose=COVER",
): Promise<Reply> {
  const type = body instanceof FormData ? preflighted : { "content-type": "image/png" };
  const { status, text } = await gateway.fetch(`/media?${query}`, {
    method: "POST",
    headers: { ...type, ...headers },
    body: body instanceof FormData ? body : new Uint8Array(body),
  });
  return { status, ...JSON.parse(text) };
}

const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

/** Files that were unlinked, and that this process still has. */
function openTemporaryFiles(): number {
  return readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).includes("upload-");
    } catch {
      return false;
    }
  }).length;
}

/** The two forms of one upload, and a way to tell whether it was refused, and why. */
const forms = [
  [
    "uploadLivingImage",
    async (content: Buffer, filename?: string) => {
      const { data } = await upload(content, filename);
      const { mediaid, fields } = data.uploadLivingImage;
      return { mediaid, fields: fields as { path: string; constraint: string }[] | undefined };
    },
  ],
  [
    "POST /media with a part",
    async (content: Buffer, filename = "cover.png") => {
      const { mediaid, errors } = await postMedia(formOf([{ name: "file", content, filename }]));
      return { mediaid, fields: errors?.[0].extensions.fields as { path: string; constraint: string }[] | undefined };
    },
  ],
  [
    "POST /media with the image as its body",
    async (content: Buffer) => {
      const { mediaid, errors } = await postMedia(content);
      return { mediaid, fields: errors?.[0].extensions.fields as { path: string; constraint: string }[] | undefined };
    },
  ],
] as const;

describe.each(forms)("An image that is uploaded with %s", (_form, send) => {
  it("arrives at WeCom byte for byte, with its length, and createLiving takes what comes back", async () => {
    const { mediaid } = await send(png);

    expect(gateway.simulator.media).toMatchObject([{ mediaId: mediaid, type: "image", sha256: sha256(png) }]);
    const [sent] = gateway.simulator.requestsTo("media/upload");
    expect(Number(sent!.headers["content-length"])).toBeGreaterThan(png.length);
    const input = { anchorUserid: "zhangsan", theme: "theme", livingStart: 1, livingDuration: 1, type: "EVENT" };
    const { data } = await gateway.run(
      `mutation ($input: LivingInput!) { createLiving(input: $input) { __typename } }`,
      { input: { ...input, activityCoverMediaid: mediaid } },
    );
    expect(data!["createLiving"]).toEqual({ __typename: "CreateLivingSuccess" });
  });

  it.each([
    ["a GIF that says it is a PNG", gif, "isImage"],
    ["11 MB", tooLong, "maxBytes"],
    ["3 bytes", tooShort, "minBytes"],
  ])("is refused before WeCom is asked: %s", async (_what, content, constraint) => {
    const { fields } = await send(content);

    expect(fields).toMatchObject([{ path: "image", constraint }]);
    expect(gateway.simulator.requestsTo("media/upload")).toEqual([]);
  });

  it("is sent again once when WeCom refuses the token", async () => {
    await send(jpeg);
    gateway.simulator.invalidateTokens();
    gateway.simulator.forgetRequests();

    const { mediaid } = await send(png);

    expect(gateway.simulator.requestsTo("media/upload").map(({ errcode }) => errcode)).toEqual([40014, 0]);
    expect(gateway.simulator.media.at(-1)).toMatchObject({ mediaId: mediaid, sha256: sha256(png) });
  });

  it("is LivingInputError when WeCom finds it damaged", async () => {
    gateway.simulator.faults.inject({ kind: "errcode", errcode: 40123, api: "media/upload" });

    expect((await send(png)).fields).toMatchObject([{ path: "image", constraint: "errcode40123" }]);
  });

  it("leaves nothing on the disk", async () => {
    await send(png);

    await until(() => openTemporaryFiles() === 0, openTemporaryFiles);
  });
});

describe("An image that createLiving is given", () => {
  const create = async (media: object) => {
    const { data } = await gateway.run(
      `mutation ($input: LivingInput!) { createLiving(input: $input) {
        ... on LivingInputError { errcode fields { path constraint } } } }`,
      {
        input: { anchorUserid: "zhangsan", theme: "theme", livingStart: 1, livingDuration: 1, type: "EVENT", ...media },
      },
    );
    return data!["createLiving"] as Record<string, unknown>;
  };

  it("is named by its field once its three days are over", async () => {
    const { mediaid } = await postMedia(png);
    expect(await create({ activityCoverMediaid: mediaid })).toEqual({});
    gateway.simulator.clock.advance(3 * 24 * 3_600_000);

    expect(await create({ activityCoverMediaid: mediaid })).toEqual({
      errcode: 40007,
      fields: [{ path: "activityCoverMediaid", constraint: "errcode40007" }],
    });
  });

  it("is one of the fields that hold a media_id, when nobody uploaded it", async () => {
    const { fields } = await create({ activityShareMediaid: "x", activityDetail: { imageList: ["y"] } });

    expect((fields as { path: string }[]).map(({ path }) => path)).toEqual([
      "activityShareMediaid",
      "activityDetail.imageList",
    ]);
  });
});

describe.each(forms.slice(0, 2))("The name of an image that is uploaded with %s", (_form, send) => {
  it.each([
    ["封面.png", png, "封面.png"],
    ['a"b\r\n.png', png, "ab.png"],
    ["a\\b.png", png, "b.png"],
    ["a:b*c?<d>|;\t.png", png, "abcd.png"],
    ["no extension", png, "no extension.png"],
    ["wrong.gif", jpeg, "wrong.jpg"],
    ["../../etc/passwd", jpeg, "passwd.jpg"],
    ["名".repeat(300), jpeg, `${"名".repeat(100)}.jpg`],
    [".", jpeg, "cover.jpg"],
  ])("%s is sent as raw UTF-8 that nothing can break out of", async (name, content, expected) => {
    await send(content, name);

    expect(gateway.simulator.media).toMatchObject([{ filename: expected }]);
  });
});

describe("docs/examples.md", () => {
  const commands = readFileSync(new URL("../../../docs/examples.md", import.meta.url), "utf8").matchAll(
    /^```sh\n([^]*?)^```/gm,
  );

  it.each([...commands].map(([, command]) => command!).filter((command) => command.includes("cover.png")))(
    "has an upload with curl that works: %s",
    async (command) => {
      const folder = await mkdtemp(join(tmpdir(), "curl-"));
      await writeFile(join(folder, "cover.png"), png);
      const { stdout } = await run("sh", ["-c", command.replace("http://127.0.0.1:4000", gateway.url)], {
        cwd: folder,
      }).finally(() => rm(folder, { recursive: true }));

      expect(stdout).toContain('"expiresAt":');
    },
  );
});

describe("uploadLivingImage", () => {
  it("says until when the image can be used: three days from WeCom's created_at", async () => {
    const { data } = await upload(png);

    const { createdAtMs } = gateway.simulator.media[0]!;
    expect(data.uploadLivingImage.expiresAt).toBe(Math.floor(createdAtMs / 1000) + 3 * 86_400);
  });

  it("needs the scope living:write, and the header that no form can set", async () => {
    const parts = [
      { name: "operations", content: operations },
      { name: "map", content: map },
      { name: "0", content: png },
    ];
    const { errors } = await postGraphql(parts, { ...preflighted, "x-wecom-scopes": "living:read" });
    expect(errors[0].extensions).toMatchObject({ code: "FORBIDDEN", scope: "living:write" });

    const refused = await postGraphql(parts, {});
    expect(refused.status).toBe(400);
    expect(refused.errors[0].message).toContain("CSRF");
    expect(gateway.simulator.requestsTo("media/upload")).toEqual([]);
  });

  it.each(["text", 1, {}, ["a"]])("takes nothing but a file of the request, not %j", async (value) => {
    const { errors } = await gateway.run(mutation, { image: value });

    expect(errors[0]!.extensions).toMatchObject({ code: "BAD_USER_INPUT" });
  });

  it("does not let the map put a file where none is asked for", async () => {
    const query = "query ($id: ID!) { living(livingid: $id) { theme } }";
    const { errors } = await postGraphql([
      { name: "operations", content: JSON.stringify({ query, variables: { id: null } }) },
      { name: "map", content: JSON.stringify({ 0: ["variables.id"] }) },
      { name: "0", content: jpeg },
    ]);

    expect(errors[0].extensions.code).toBe("BAD_USER_INPUT");
  });
});

const file: Part = { name: "0", content: jpeg };
const operationsPart: Part = { name: "operations", content: operations };
const mapPart: Part = { name: "map", content: map };
const withMap = (value: unknown) => [operationsPart, { name: "map", content: JSON.stringify(value) }, file];

describe("A multipart request that breaks the specification", () => {
  const withNull = { query: mutation, variables: { image: null }, extensions: { a: null } };
  it.each<[string, number, string, readonly Part[]]>([
    ["has no operations", 400, "The part map must come after operations", [mapPart, file]],
    ["has no parts", 400, "The part operations is missing", []],
    ["has operations that are not JSON", 400, "operations is not JSON", [{ ...operationsPart, content: "{" }, mapPart]],
    ["has operations that are text", 400, "must be a JSON object", [{ ...operationsPart, content: '"x"' }, mapPart]],
    ["is a batch", 400, "must be a JSON object", [{ ...operationsPart, content: `[${operations}]` }, mapPart, file]],
    [
      "has operations that are a file",
      400,
      "must come after operations",
      [{ ...operationsPart, filename: "a" }, mapPart, file],
    ],
    ["has no map", 400, "The part map is missing", [operationsPart]],
    ["has files without a map", 400, "Files must come after the part map", [operationsPart, file]],
    ["has a map that is not JSON", 400, "map is not JSON", [operationsPart, { name: "map", content: "{" }, file]],
    ["has a map that is text", 400, "map must be a JSON object", withMap("x")],
    ["has a map that is a list", 400, "map must be a JSON object", withMap(["variables.image"])],
    ["has an entry that is no list", 400, "must be a list of paths", withMap({ 0: "variables.image" })],
    ["has a path that is no text", 400, "must be text", withMap({ 0: [1] })],
    ["has a path to nowhere", 400, "leads to no variable", withMap({ 0: ["variables.other"] })],
    ["has a path below nowhere", 400, "leads to no variable", withMap({ 0: ["variables.a.b.c"] })],
    ["has a path to the variables", 400, "leads to no variable", withMap({ 0: ["variables"] })],
    ["has a path to the document", 400, "leads to no variable", withMap({ 0: ["query"] })],
    [
      "has a path to a null beside the variables",
      400,
      "leads to no variable",
      [{ ...operationsPart, content: JSON.stringify(withNull) }, ...withMap({ 0: ["extensions.a"] }).slice(1)],
    ],
    [
      "has a path to a variable that has a value",
      400,
      "leads to no variable",
      [{ ...operationsPart, content: operations.replace("null", "1") }, mapPart, file],
    ],
    ["has a path to a prototype", 400, "leads to no variable", withMap({ 0: ["variables.__proto__.image"] })],
    ["has an empty path", 400, "leads to no variable", withMap({ 0: [""] })],
    ["has its map before the operations", 400, "must come after operations", [mapPart, operationsPart, file]],
    ["has its file before the map", 400, "after the part map", [operationsPart, file, mapPart]],
    ["lacks the file of its map", 400, "A file of the map is missing", [operationsPart, mapPart]],
    [
      "has another file than its map",
      400,
      "A file of the map is missing",
      [operationsPart, mapPart, { ...file, name: "1" }],
    ],
    ["has two files", 413, "A request may have one file", withMap({ 0: ["variables.image"], 1: ["variables.image"] })],
    ["has operations of 200 kB", 413, "A field is longer than", [{ ...operationsPart, content: " ".repeat(200_000) }]],
    ["has twenty files", 413, "more than 10 files", [operationsPart, mapPart, ...Array<Part>(20).fill(file)]],
    ["has eleven fields", 413, "more than 10 fields", Array<Part>(11).fill(operationsPart)],
  ])("that %s is refused", async (_what, status, message, parts) => {
    const answer = await postGraphql(parts);

    expect([answer.status, answer.errors[0].message]).toEqual([status, expect.stringContaining(message)]);
    expect(gateway.simulator.requests).toEqual([]);
    await until(() => openTemporaryFiles() === 0, openTemporaryFiles);
  });

  it("takes the first of two files of one name", async () => {
    const { data } = await postGraphql([operationsPart, mapPart, file, { ...file, content: gif }]);

    expect(data.uploadLivingImage.__typename).toBe("UploadLivingImageSuccess");
    expect(gateway.simulator.media).toMatchObject([{ sha256: sha256(jpeg) }]);
  });

  it("reads no more than twenty parts, named or not", async () => {
    const body = "--B\r\nx: y\r\n\r\nz\r\n".repeat(1000);
    const { status, text } = await gateway.fetch("/graphql", {
      method: "POST",
      headers: { ...preflighted, "content-type": "multipart/form-data; boundary=B" },
      body: `${body}--B--\r\n`,
    });

    expect(status).toBe(413);
    expect(JSON.parse(text).errors[0].message).toBe("The request has more than 20 parts");
  });

  it("executes one without files, and passes over a file that its map does not name", async () => {
    const query = "{ __typename }";
    const answer = await postGraphql([
      { name: "operations", content: JSON.stringify({ query }) },
      { name: "map", content: "{}" },
      file,
    ]);

    expect(answer).toEqual({ status: 200, data: { __typename: "Query" } });
  });

  it("can put one file at two places", async () => {
    const query = `mutation ($a: Upload!, $b: Upload!) {
      a: uploadLivingImage(image: $a, purpose: COVER) { __typename }
      b: uploadLivingImage(image: $b, purpose: DETAIL) { __typename }
    }`;
    await postGraphql([
      { name: "operations", content: JSON.stringify({ query, variables: { a: null, b: null } }) },
      { name: "map", content: JSON.stringify({ 0: ["variables.a", "variables.b"] }) },
      { name: "0", content: png },
    ]);

    expect(gateway.simulator.media.map(({ sha256 }) => sha256)).toEqual([sha256(png), sha256(png)]);
  });
});

describe("POST /media", () => {
  it("answers the id of the image and its end", async () => {
    expect(await postMedia(jpeg)).toEqual({ status: 200, mediaid: expect.any(String), expiresAt: expect.any(Number) });
  });

  it.each<[string, number, Buffer | FormData, Record<string, string>, string]>([
    ["no purpose", 400, jpeg, {}, ""],
    ["an unknown purpose", 400, jpeg, {}, "purpose=cover"],
    ["a type that a form can send", 415, jpeg, { "content-type": "text/plain" }, "purpose=COVER"],
    ["a compressed body", 415, jpeg, { "content-encoding": "gzip" }, "purpose=COVER"],
    ["no file", 400, formOf([]), {}, "purpose=COVER"],
    ["a part of another name", 400, formOf([file]), {}, "purpose=COVER"],
    ["a field", 400, formOf([{ name: "file", content: "text" }]), {}, "purpose=COVER"],
    ["two files", 400, formOf(Array<Part>(2).fill({ name: "file", content: jpeg })), {}, "purpose=COVER"],
    [
      "multipart without the header",
      400,
      formOf([{ name: "file", content: jpeg }]),
      { "apollo-require-preflight": "" },
      "purpose=COVER",
    ],
    [
      "a boundary that is missing",
      400,
      jpeg,
      { "content-type": "multipart/form-data", ...preflighted },
      "purpose=COVER",
    ],
    [
      "a body that is no multipart",
      400,
      jpeg,
      { "content-type": "multipart/form-data; boundary=b", ...preflighted },
      "purpose=COVER",
    ],
    ["a scope that is missing", 403, jpeg, { "x-wecom-scopes": "living:read" }, "purpose=COVER"],
  ])("refuses %s", async (_what, status, body, headers, query) => {
    const answer = await postMedia(body, headers, query);

    expect(answer.status).toBe(status);
    expect(answer.errors[0].extensions.code).toMatch(/^[A-Z_]+$/);
    expect(gateway.simulator.requestsTo("media/upload")).toEqual([]);
  });

  it("says by its status what kind of failure it is", async () => {
    gateway.simulator.faults.inject({ kind: "errcode", errcode: 45009, api: "media/upload" });
    const { status, headers } = await gateway.fetch("/media?purpose=COVER", {
      method: "POST",
      headers: { "content-type": "image/jpeg" },
      body: new Uint8Array(jpeg),
    });

    expect([status, headers.get("retry-after")]).toEqual([429, "60"]);
  });

  it("takes no GET", async () => {
    expect((await gateway.fetch("/media")).status).toBe(405);
  });
});

describe("An upload where the temporary folder cannot be written to", () => {
  it("is kept in DATA_DIR", async () => {
    const folder = await mkdtemp(join(tmpdir(), "data-"));
    await using running = new Running(gatewayCommand, { TMPDIR: "/proc/nowhere", DATA_DIR: folder });
    const url = await running.printed(/"msg":"listening on ([^"]+)\/graphql"/);
    const body = new Uint8Array(png);
    const headers = { "content-type": "image/png" };
    const { status } = await fetch(`${url}/media?purpose=COVER`, { method: "POST", headers, body });

    expect(status).toBe(200);
    await rm(folder, { recursive: true });
  });
});

describe("An upload that does not come to its end", () => {
  const head = (length: number | "chunked", url: string, more = "") => {
    const framing = length === "chunked" ? "transfer-encoding: chunked" : `content-length: ${length}`;
    return `POST /media?purpose=COVER HTTP/1.1\r\nhost: ${new URL(url).host}\r\ncontent-type: image/png\r\n${more}${framing}\r\n\r\n`;
  };
  const open = async (gateway: Gateway): Promise<Socket> => {
    const { hostname, port } = new URL(gateway.url);
    const socket = connect(Number(port), hostname).setEncoding("utf8");
    socket.on("error", () => undefined);
    await once(socket, "connect");
    return socket;
  };
  const answerOf = async (socket: Socket): Promise<string> => {
    let received = "";
    for await (const part of socket) {
      received += String(part);
      if (received.includes("\r\n\r\n")) break;
    }
    return received;
  };

  it.each([
    ["POST /media", png.length],
    ["a chunked POST /media", "chunked"],
  ] as const)("leaves nothing when its client breaks off: %s", async (_form, length) => {
    const sockets = await Promise.all(Array.from({ length: 10 }, () => open(gateway)));
    for (const socket of sockets) {
      socket.write(head(length, gateway.url));
      socket.write(
        length === "chunked"
          ? Buffer.concat([Buffer.from("200000\r\n"), png.subarray(0, 2_000_000)])
          : png.subarray(0, 2_000_000),
      );
    }
    await until(() => openTemporaryFiles() === 10);
    for (const socket of sockets) socket.destroy();
    await until(() => openTemporaryFiles() === 0);

    expect(gateway.simulator.media).toEqual([]);
    expect(gateway.logs.filter(({ level }) => level === "error")).toEqual([]);
  });

  it("ends at the deadline, and says that the image is to blame", async () => {
    await using gateway = await startGateway({ ...options, env: { WECOM_TIMEOUT_MS: "300" } });
    const socket = await open(gateway);
    socket.write(head(png.length, gateway.url));
    socket.write(png.subarray(0, 2_000_000));

    const answer = await answerOf(socket);

    expect(answer).toContain("HTTP/1.1 400");
    expect(answer).toContain("connection: close");
    await until(() => openTemporaryFiles() === 0);
    expect(gateway.simulator.media).toEqual([]);
  });

  it("is refused when a hundred others are under way", async () => {
    await using gateway = await startGateway(options);
    const sockets = await Promise.all(Array.from({ length: 100 }, () => open(gateway)));
    for (const socket of sockets) socket.write(head("chunked", gateway.url));
    await until(async () => (await postImage(gateway, jpeg)).status === 503);
    for (const socket of sockets) socket.destroy();
    await until(async () => (await postImage(gateway, jpeg)).status === 200);
  });

  it("keeps nobody else's out: ten of one caller, and those that are refused count for nobody", async () => {
    await using gateway = await startGateway(options);
    const of = (userid: string) => `x-wecom-userid: ${userid}\r\n`;
    const sockets = await Promise.all(Array.from({ length: 150 }, () => open(gateway)));
    for (const socket of sockets) socket.write(head("chunked", gateway.url, of("lisi")));
    const post = (userid: string) => postImage(gateway, jpeg, userid);
    await until(async () => (await post("LISI")).status === 429);

    expect((await post("zhangsan")).status).toBe(200);
    const { headers, text } = await post("lisi");
    expect(headers.get("retry-after")).toBe("1");
    expect(JSON.parse(text).errors[0].extensions.code).toBe("TOO_MANY_UPLOADS");
    for (const socket of sockets) socket.destroy();
    await until(async () => (await post("lisi")).status === 200);
  });
});
