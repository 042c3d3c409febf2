// Temporary media: each upload, its corp, and the expiry of its media_id.

import { createHash } from "node:crypto";
import { ApiFailure } from "./api-failure.js";
import type { SimulatorClock } from "./clock.js";
import { randomToken } from "./random.js";

export type MediaType = "image" | "voice" | "video" | "file";

/** Largest sizes in bytes. @see https://developer.work.weixin.qq.com/document/path/90253 */
const MAX_BYTES: Readonly<Record<MediaType, number>> = {
  image: 10 << 20,
  voice: 2 << 20,
  video: 10 << 20,
  file: 20 << 20,
};
const MIN_BYTES = 5;
const VALID_MS = 3 * 24 * 3_600_000;
/** Beyond this number, the oldest are dropped. */
const REMEMBERED_MEDIA = 10_000;

/** An uploaded file; its bytes are not kept. */
export interface UploadedMedia {
  readonly mediaId: string;
  readonly corpid: string;
  readonly type: MediaType;
  readonly filename: string;
  readonly size: number;
  /** In hexadecimal, so that tests can check that all bytes arrived. */
  readonly sha256: string;
  readonly createdAtMs: number;
}

export class Media {
  readonly #byId = new Map<string, UploadedMedia>();

  constructor(
    private readonly clock: SimulatorClock,
    private readonly random: () => number,
  ) {}

  /**
   * @throws {ApiFailure} 40006 for a file that is too short, 40009 and similar for one that is too long, 40004 for a
   * file that is not an image
   */
  add(corpid: string, type: MediaType, filename: string, bytes: Buffer): UploadedMedia {
    if (bytes.length <= MIN_BYTES) throw new ApiFailure(40006);
    if (bytes.length > MAX_BYTES[type]) throw new ApiFailure(tooLong(type));
    if (type === "image" && !isJpegOrPng(bytes)) throw new ApiFailure(40004);
    const mediaId = randomToken(this.random, 64);
    const uploaded = {
      ...{ mediaId, corpid, type, filename, size: bytes.length, createdAtMs: this.clock.nowMs() },
      sha256: createHash("sha256").update(bytes).digest("hex"),
    };
    this.#byId.set(mediaId, uploaded);
    const oldest = this.#byId.keys().next().value;
    if (this.#byId.size > REMEMBERED_MEDIA && oldest !== undefined) this.#byId.delete(oldest);
    return uploaded;
  }

  /** Oldest first. */
  all(): UploadedMedia[] {
    return [...this.#byId.values()];
  }

  get(mediaId: string): UploadedMedia | undefined {
    return this.#byId.get(mediaId);
  }

  /** Whether the corp can use it as an image: its own, and at most three days old. */
  isUsableImage(corpid: string, { corpid: owner, type, createdAtMs }: UploadedMedia): boolean {
    return owner === corpid && type === "image" && this.clock.nowMs() < createdAtMs + VALID_MS;
  }

  clear(): void {
    this.#byId.clear();
  }
}

function tooLong(type: MediaType): number {
  if (type === "image") return 40009;
  if (type === "video") return 40011;
  return type === "voice" ? 45007 : 45001;
}

function isJpegOrPng(bytes: Buffer): boolean {
  return (
    bytes.subarray(0, 3).equals(Buffer.from([0xff, 0xd8, 0xff])) ||
    bytes.subarray(0, 8).equals(Buffer.from("\x89PNG\r\n\x1a\n", "latin1"))
  );
}
