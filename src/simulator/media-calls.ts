// media/upload: a multipart body with one part named "media", parsed as strictly as WeCom has been seen to parse it.

import type { Api, RawBody } from "./api.js";
import { ApiFailure } from "./api-failure.js";
import type { MediaType } from "./media.js";

const TYPES: readonly string[] = ["image", "voice", "video", "file"] satisfies MediaType[];

/** @see https://developer.work.weixin.qq.com/document/path/90253 */
const upload: Api = {
  name: "media/upload",
  method: "POST",
  auth: "upload",
  handle: ({ world, app, query, raw }) => {
    const type = query.get("type") ?? "";
    if (!isMediaType(type)) throw new ApiFailure(40005);
    const { filename, bytes, declaredLength } = readMediaPart(raw, world.settings.assumptions.chunkedUploads);
    if (declaredLength !== undefined && declaredLength !== bytes.length) throw new ApiFailure(40123);
    const { mediaId, createdAtMs } = world.media.add(app.corpid, type, filename, bytes);
    const createdAtSeconds = Math.floor(createdAtMs / 1000);
    const { createdAtForm } = world.settings.assumptions;
    return {
      type,
      media_id: mediaId,
      created_at: createdAtForm === "text" ? String(createdAtSeconds) : createdAtSeconds,
    };
  },
};

export const mediaCalls: readonly Api[] = [upload];

interface MediaPart {
  readonly filename: string;
  /** `filelength` of the part; few clients send it. */
  readonly declaredLength: number | undefined;
  readonly bytes: Buffer;
}

/** @throws {ApiFailure} 44001 for a body that cannot be parsed, 41005 for a part without a plain `filename` */
function readMediaPart({ headers, bytes }: RawBody, chunked: "refuse" | "accept"): MediaPart {
  if (headers["content-length"] === undefined && chunked === "refuse") throw new ApiFailure(44001);
  const boundary = /^multipart\/form-data;.*\bboundary="?([^";]+)"?/i.exec(headers["content-type"] ?? "")?.[1];
  if (boundary === undefined) throw new ApiFailure(44001);
  const delimiter = Buffer.from(`--${boundary}`);
  for (let at = bytes.indexOf(delimiter); at >= 0;) {
    const next = bytes.indexOf(Buffer.concat([Buffer.from("\r\n"), delimiter]), at + delimiter.length);
    if (next < 0) break;
    const part = bytes.subarray(at + delimiter.length + 2, next);
    const headEnd = part.indexOf("\r\n\r\n");
    const head = part.subarray(0, Math.max(headEnd, 0)).toString("utf8");
    if (/^content-disposition:.*[;\s]name="?media"?(;|\s|$)/im.test(head)) {
      // Only the plain form is read, verbatim: neither RFC 5987 nor percent encoding.
      const filename = /;\s*filename="([^"]*)"/i.exec(head)?.[1];
      if (filename === undefined || filename === "") throw new ApiFailure(41005);
      const declared = /;\s*filelength="?(\d+)"?/i.exec(head)?.[1];
      return {
        filename,
        declaredLength: declared === undefined ? undefined : Number(declared),
        bytes: part.subarray(headEnd + 4),
      };
    }
    at = next + 2;
  }
  throw new ApiFailure(44001);
}

function isMediaType(type: string): type is MediaType {
  return TYPES.includes(type);
}
