/** The uploads in progress: their limits, receiving their files, and cleaning up. */
import { finished, type Readable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { type Exchange, sendError } from "../exchange.js";
import { Spool, type SpoolOptions } from "./spool.js";
import { countStreamed } from "./young-garbage.js";

export interface UploadLimits {
  /** The maximum length of a file. */
  readonly maxBytes: number;
  /** Concurrent uploads of all callers; each takes at most 1 MiB of memory and `maxBytes` of disk. */
  readonly maxUploads: number;
  /** Concurrent uploads per caller; anonymous callers are not counted. */
  readonly maxUploadsPerCaller: number;
  /**
   * Per caller, or for all anonymous callers: uploads that are sent on while they are received. Each holds a
   * permit for WeCom as long as its client sends. Others are received completely first.
   */
  readonly maxPipedPerCaller: number;
  readonly folders: readonly string[];
}

/** How long to keep reading after the answer, while the client still sends. */
const politenessMs = 1000;

const codes = {
  400: "BAD_REQUEST",
  403: "FORBIDDEN",
  413: "PAYLOAD_TOO_LARGE",
  415: "UNSUPPORTED_MEDIA_TYPE",
  429: "TOO_MANY_UPLOADS",
  503: "SERVICE_UNAVAILABLE",
} as const;

/** Why a request with a file is rejected, for its client. */
export class UploadRefused extends Error {
  constructor(
    readonly status: keyof typeof codes,
    message: string,
    cause?: unknown,
  ) {
    super(message, { cause });
  }
}

export class Uploads {
  #underWay = 0;
  readonly #ofCaller = new Map<string, number>();

  constructor(readonly limits: UploadLimits) {}

  /**
   * Lets `answer` receive the request's files, and turns a rejection into an answer. All data is released afterwards.
   *
   * @param identity of the caller; undefined if callers are anonymous
   */
  async take(
    exchange: Exchange,
    identity: string | undefined,
    answer: (upload: Upload) => Promise<void>,
  ): Promise<void> {
    const { request, log } = exchange;
    // Not counted as the caller's, because slow clients could keep others out.
    const tooMany = this.#refusal(identity);
    if (tooMany) {
      await refuseUpload(exchange, tooMany);
      return;
    }
    const ofCaller = identity === undefined ? this.#underWay : (this.#ofCaller.get(identity) ?? 0);
    const upload = new Upload(this.limits, ofCaller < this.limits.maxPipedPerCaller);
    this.#count(identity, 1);
    try {
      await answer(upload);
    } catch (error) {
      // The client has left, so there is no answer.
      if (request.destroyed && !request.readableEnded) return;
      if (!(error instanceof UploadRefused)) throw error;
      if (error.cause !== undefined) log.error({ err: error.cause }, "an upload could not be kept");
      await refuseUpload(exchange, error);
    } finally {
      this.#count(identity, -1);
      await upload.end();
    }
  }

  #refusal(identity: string | undefined): UploadRefused | undefined {
    const { maxUploads, maxUploadsPerCaller } = this.limits;
    const ofCaller = identity === undefined ? 0 : (this.#ofCaller.get(identity) ?? 0);
    if (ofCaller >= maxUploadsPerCaller) return new UploadRefused(429, "This caller has too many uploads in progress");
    if (this.#underWay >= maxUploads) return new UploadRefused(503, "Too many uploads are in progress");
    return undefined;
  }

  #count(identity: string | undefined, change: 1 | -1): void {
    this.#underWay += change;
    if (identity === undefined) return;
    const ofCaller = (this.#ofCaller.get(identity) ?? 0) + change;
    if (ofCaller > 0) this.#ofCaller.set(identity, ofCaller);
    else this.#ofCaller.delete(identity);
  }
}

export async function refuseUpload(exchange: Exchange, { status, message }: UploadRefused): Promise<void> {
  await readOn(exchange);
  if (status === 503 || status === 429) exchange.headers.set("retry-after", "1");
  sendError(exchange, status, message, codes[status]);
}

/** The files of one request. */
export class Upload {
  readonly #spools: Spool[] = [];

  constructor(
    private readonly limits: UploadLimits,
    /** Whether the file may be sent on while it is received. */
    readonly mayBePiped: boolean,
  ) {}

  /** Reads this much of a file or request that is too long, so that its client is still there for the answer. */
  get maxReadBytes(): number {
    return 4 * this.limits.maxBytes;
  }

  file(options: Omit<SpoolOptions, "maxBytes" | "folders">): Spool {
    const spool = new Spool({ ...options, ...this.limits });
    this.#spools.push(spool);
    return spool;
  }

  /**
   * Receives the file to its end.
   *
   * @throws {UploadRefused}, and errors of the source; the spool's readers get them as well
   */
  receive(source: Readable, spool: Spool): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (error: Error): void => {
        source.off("data", take);
        spool.fail(error);
        reject(error);
      };
      const take = (chunk: Buffer): void => {
        countStreamed(chunk.length);
        const written = spool.write(chunk);
        if (spool.received > this.maxReadBytes) {
          fail(new UploadRefused(413, "The file is much too long"));
        } else if (written) {
          source.pause();
          const noRoom = (cause: unknown) => {
            fail(new UploadRefused(503, "There is no room for the upload", cause));
          };
          written.then(() => source.resume(), noRoom);
        }
      };
      finished(source, { writable: false }, (error) => {
        if (error) {
          fail(error);
          return;
        }
        spool.end();
        resolve();
      });
      source.on("data", take);
    });
  }

  async end(): Promise<void> {
    await Promise.all(this.#spools.map((spool) => spool.discard()));
  }
}

/**
 * Keeps reading briefly, because a client that still sends may not read its answer before. After that, the connection
 * ends with the answer.
 */
export async function readOn({ request, headers }: Exchange): Promise<void> {
  if (request.complete || request.destroyed) return;
  const giveUp = new AbortController();
  // Other readers continue at the disk's speed.
  if (request.listenerCount("data") === 0) request.resume();
  const ended = new Promise<void>((resolve) => {
    request.once("end", resolve).once("close", resolve);
  });
  await Promise.race([ended, pause(politenessMs, undefined, { signal: giveUp.signal }).catch(() => undefined)]);
  giveUp.abort();
  const { complete: isComplete } = request as { complete: boolean };
  if (!isComplete) headers.set("connection", "close");
}
