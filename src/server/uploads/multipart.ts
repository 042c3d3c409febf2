/**
 * Parses multipart/form-data with `@fastify/busboy` while it is received. Its callers interpret the parts.
 * (graphql-upload, which does both, needs Node 22.)
 *
 * @see https://www.rfc-editor.org/rfc/rfc7578
 */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { Busboy, type BusboyConfig, type BusboyHeaders, type BusboyInstance } from "@fastify/busboy";
import { UploadRefused } from "./uploads.js";

export interface PartHandlers {
  /** @throws {UploadRefused} */
  field(name: string, text: string): void;
  /**
   * The next part is parsed when this one has been read.
   *
   * @throws {UploadRefused}
   */
  file(name: string, content: Readable, filename: string | undefined): Promise<void>;
}

const maxFiles = 10;
const maxFields = 10;

/** Browsers send multipart requests for any page without a preflight, so a header is required that forms cannot set. */
export function isMultipart({ "content-type": type = "" }: IncomingHttpHeaders): boolean {
  return /^multipart\/form-data\s*(;|$)/i.test(type);
}

export const csrfMessage =
  "A multipart request needs the header apollo-require-preflight: true, against Cross-Site Request Forgery (CSRF)";

export interface PartLimits {
  /** The maximum length of a field. */
  readonly fieldBytes: number;
  /** The maximum length of the request, with everything before, between and after parts, and with unexpected files. */
  readonly bytes: number;
}

/** @throws {UploadRefused}, and errors of its handlers */
export async function readParts(
  request: IncomingMessage,
  { fieldBytes, bytes }: PartLimits,
  handlers: PartHandlers,
): Promise<void> {
  const { "content-type": contentType = "", "content-encoding": encoding = "identity" } = request.headers;
  if (encoding !== "identity") throw new UploadRefused(415, "The body must come without content-encoding");
  const headers: BusboyHeaders = { "content-type": contentType };
  const limits = {
    ...{ fieldSize: fieldBytes, fields: maxFields, files: maxFiles },
    // Nameless parts are ignored, but reading each takes time.
    ...{ parts: maxFields + maxFiles, headerPairs: 20, headerSize: 8192 },
  };
  const parser = parserFor(headers, limits);
  await new Promise<void>((resolve, reject) => {
    let current: Readable | undefined;
    let files = Promise.resolve();
    let received = 0;
    const count = (chunk: Buffer): void => {
      received += chunk.length;
      if (received > bytes) fail(new UploadRefused(413, `The request is longer than ${bytes} bytes`));
    };
    const fail = (error: Error): void => {
      request.unpipe(parser).off("data", count);
      current?.destroy(error);
      reject(error);
    };
    const attempt = (handle: () => void): void => {
      try {
        handle();
      } catch (error) {
        fail(error as Error);
      }
    };
    parser.on("field", (name, text, _, isTruncated) => {
      attempt(() => {
        if (isTruncated) throw new UploadRefused(413, `A field is longer than ${fieldBytes} bytes`);
        handlers.field(name, text);
      });
    });
    parser.on("file", (name, content, filename) => {
      current = content;
      // The file's reader gets the error as well.
      content.on("error", () => undefined);
      const file = handlers.file(name, content, filename);
      files = Promise.all([files, file]).then(() => undefined);
      files.catch(fail);
    });
    const tooMany = (what: string, most: number) => (): void => {
      fail(new UploadRefused(413, `The request has more than ${most} ${what}`));
    };
    parser.on("filesLimit", tooMany("files", maxFiles)).on("fieldsLimit", tooMany("fields", maxFields));
    parser.on("partsLimit", tooMany("parts", maxFields + maxFiles));
    parser.on("error", () => {
      fail(new UploadRefused(400, "The multipart body cannot be read"));
    });
    parser.on("finish", () => {
      files.then(resolve, () => undefined);
    });
    const left = (): void => {
      if (!request.readableEnded) fail(new Error("the client broke off"));
    };
    request.once("close", left);
    // The client may have left before the listener was added.
    if (request.destroyed) left();
    request.on("data", count).pipe(parser);
  });
}

function parserFor(headers: BusboyHeaders, limits: BusboyConfig["limits"]): BusboyInstance {
  try {
    return new Busboy({ headers, limits });
  } catch {
    throw new UploadRefused(400, "The content-type names no boundary");
  }
}
