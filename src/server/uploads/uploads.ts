/** The uploads under way: how many there may be, how their bytes are taken in, and that nothing is left of them. */
import { finished, type Readable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { type Exchange, sendError } from "../exchange.js";
import { Spool, type SpoolOptions } from "./spool.js";
import { countStreamed } from "./young-garbage.js";

export interface UploadLimits {
  /** Of a file. */
  readonly maxBytes: number;
  /** Under way at once, of all callers together: each takes at most 1 MiB of memory and `maxBytes` of the disk. */
  readonly maxUploads: number;
  /** Of these, those of one caller; callers who cannot be told apart are not counted. */
  readonly maxUploadsPerCaller: number;
  /**
   * Of one caller, or of all who cannot be told apart: so many are sent on while they come in, each with a permit for WeCom
   * that a slow client keeps. The others are taken in first.
   */
  readonly maxPipedPerCaller: number;
  readonly folders: readonly string[];
}

/** For what a client still sends of a request that is answered already. */
const politenessMs = 1000;

const codes = {
  400: "BAD_REQUEST",
  403: "FORBIDDEN",
  413: "PAYLOAD_TOO_LARGE",
  415: "UNSUPPORTED_MEDIA_TYPE",
  429: "TOO_MANY_UPLOADS",
  503: "SERVICE_UNAVAILABLE",
} as const;

/** Why a request with a file is not taken, for its client. */
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
   * Lets `answer` take the request's files in, and words why one is refused. Nothing of them is left afterwards.
   *
   * @param identity of the caller; undefined if callers cannot be told apart
   */
  async take(
    exchange: Exchange,
    identity: string | undefined,
    answer: (upload: Upload) => Promise<void>,
  ): Promise<void> {
    const { request, log } = exchange;
    // Not counted: its client could go on sending, and keep others out.
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
      // The client has left: there is nobody to be told.
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
    if (ofCaller >= maxUploadsPerCaller) return new UploadRefused(429, "Too many uploads of this caller are under way");
    if (this.#underWay >= maxUploads) return new UploadRefused(503, "Too many uploads are under way");
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

/** One request's files. */
export class Upload {
  readonly #spools: Spool[] = [];

  constructor(
    private readonly limits: UploadLimits,
    /** Whether it may be sent on while it comes in. */
    readonly mayBePiped: boolean,
  ) {}

  /** So much is read of a file, or of a request with one, so that its client is there to hear that it is too long. */
  get maxReadBytes(): number {
    return 4 * this.limits.maxBytes;
  }

  file(options: Omit<SpoolOptions, "maxBytes" | "folders">): Spool {
    const spool = new Spool({ ...options, ...this.limits });
    this.#spools.push(spool);
    return spool;
  }

  /** Until its end. @throws {UploadRefused}, and what the source throws; whoever reads the spool is told as well */
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
 * Reads on for a moment: a client that still sends may not read its answer before it is through. What comes later is not
 * read, and the connection ends with the answer.
 */
export async function readOn({ request, headers }: Exchange): Promise<void> {
  if (request.complete || request.destroyed) return;
  const giveUp = new AbortController();
  // Whoever still takes it in goes on at the pace of the disk.
  if (request.listenerCount("data") === 0) request.resume();
  const ended = new Promise<void>((resolve) => {
    request.once("end", resolve).once("close", resolve);
  });
  await Promise.race([ended, pause(politenessMs, undefined, { signal: giveUp.signal }).catch(() => undefined)]);
  giveUp.abort();
  const { complete: isComplete } = request as { complete: boolean };
  if (!isComplete) headers.set("connection", "close");
}
