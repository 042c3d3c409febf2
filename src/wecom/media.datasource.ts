/**
 * Temporary media: images that WeCom keeps for three days. The HTTP body is built here, because WeCom's multipart
 * parser is special: a name only as raw UTF-8 in `filename="…"`, no `filename*`, and a Content-Length.
 *
 * @see https://developer.work.weixin.qq.com/document/path/90253
 */
import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import type { CallOptions, Endpoint } from "./call.js";
import { type Answer, requireString } from "./answer.js";
import type { WecomClient } from "./client.js";
import type { TokenSource } from "./tokens/token-source.js";
import type { BodyStream } from "./transport.js";

/** The allowed length of an image. */
export const imageBytes = { moreThan: 5, atMost: 10 * 1024 * 1024 } as const;
const validForSeconds = 3 * 24 * 3600;

/** Repeating an upload does no harm: another media_id is just not used. */
const upload: Endpoint = { api: "media/upload", method: "POST", effect: "read" };

export interface Image {
  /** Without quotes, backslashes and line ends, which would end the quoted name. */
  readonly filename: string;
  readonly type: "image/jpeg" | "image/png";
  readonly size: number;
  /** Its bytes, from the beginning each time. */
  read(): Readable;
}

export interface UploadedMedia {
  readonly media_id: string;
  /** Unix seconds. */
  readonly expires_at: number;
}

export class MediaDataSource {
  constructor(
    private readonly client: WecomClient,
    private readonly tokens: TokenSource,
    private readonly now: () => number,
  ) {}

  /** @throws errors of `WecomClient.call`; 40004, 40006, 40009 or 44001 for a file that WeCom rejects */
  uploadImage(image: Image, call: CallOptions): Promise<UploadedMedia> {
    const payload = { query: { type: "image" }, stream: multipartOf(image) };
    return this.client.call(upload, payload, this.tokens, call, (answer) => ({
      media_id: requireString(answer, "media_id"),
      expires_at: this.#createdAt(answer) + validForSeconds,
    }));
  }

  /** Documented as text; the same call of Official Accounts returns a number. */
  #createdAt({ created_at: createdAt }: Answer): number {
    const seconds = typeof createdAt === "string" && createdAt !== "" ? Number(createdAt) : createdAt;
    return typeof seconds === "number" && Number.isInteger(seconds) ? seconds : Math.floor(this.now() / 1000);
  }
}

function multipartOf(image: Image): BodyStream {
  const { filename, type, size } = image;
  const boundary = `----------${randomBytes(16).toString("hex")}`;
  const head = Buffer.from(
    `--${boundary}\r\n` +
      `Content-Disposition: form-data; name="media"; filename="${filename}"; filelength=${size}\r\n` +
      `Content-Type: ${type}\r\n\r\n`,
  );
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
  return {
    headers: { "content-type": `multipart/form-data; boundary=${boundary}` },
    length: head.length + size + tail.length,
    open: () => framed(head, image.read(), tail),
  };
}

/** Joins three streams without a promise per chunk, which would be a third of an upload's cost. */
function framed(head: Buffer, content: Readable, tail: Buffer): Readable {
  const whole = new Readable({
    read: () => {
      content.resume();
    },
    destroy: (error, done) => {
      content.destroy();
      done(error);
    },
  });
  whole.push(head);
  content.on("data", (chunk) => {
    if (!whole.push(chunk)) content.pause();
  });
  content.on("end", () => {
    whole.push(tail);
    whole.push(null);
  });
  content.on("error", (error) => whole.destroy(error));
  return whole;
}
