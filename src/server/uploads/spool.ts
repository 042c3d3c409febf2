/**
 * A file that is being received. Up to 256 kB are kept in memory; the rest goes to an unlinked temporary file, so that
 * nothing is left however the process ends. It can be read while it is received, and again from the beginning. A reader
 * that keeps up gets the received chunks themselves: allocating memory is the main cost of 10 MB.
 */
import { randomUUID } from "node:crypto";
import { type FileHandle, open, unlink } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { UploadedFile } from "../../lib/uploaded-file.js";
import { countStreamed } from "./young-garbage.js";

/** The size of a write; a shorter file stays in memory. */
const blockBytes = 256 * 1024;
/** The C library maps larger buffers each time. */
const readBytes = 64 * 1024;
/**
 * The limit of received chunks that wait for a reader. Small chunks are copied instead, because each takes more memory
 * than its bytes.
 */
const queueBytes = 256 * 1024;
const smallBytes = 4 * 1024;
const headBytes = 16;
/** 8 MB. */
const maxFreeBlocks = 32;

export interface SpoolOptions {
  /** Empty if the client does not name it. */
  readonly filename: string;
  /** Bytes beyond it are counted but not kept. */
  readonly maxBytes: number;
  /**
   * Folders for the temporary file. The first writable one is used, because a container's root file system may be
   * read-only.
   */
  readonly folders: readonly string[];
  /** The length that the client announced, if it did. */
  readonly announcedBytes?: number;
}

/** Consecutive bytes of the file. Its memory is reused, so readers get copies. */
class Block {
  /**
   * For the next uploads. Memory that lives as long as an upload is released only when V8 marks the whole heap, and makes
   * it do so: a fifth of an upload's cost.
   */
  static readonly #free: Block[] = [];
  readonly bytes = Buffer.allocUnsafeSlow(blockBytes);
  start = 0;
  length = 0;

  static take(): Block {
    return Block.#free.pop() ?? new Block();
  }

  release(): void {
    this.start = 0;
    this.length = 0;
    if (Block.#free.length < maxFreeBlocks) Block.#free.push(this);
  }

  /** @returns the rest that did not fit */
  fill(chunk: Buffer): Buffer {
    const copied = chunk.copy(this.bytes, this.length);
    this.length += copied;
    return chunk.subarray(copied);
  }

  /** A copy; undefined if these bytes are not in this block. */
  from(at: number): Buffer | undefined {
    const offset = at - this.start;
    if (offset < 0 || offset >= this.length) return undefined;
    return Buffer.from(this.bytes.subarray(offset, Math.min(this.length, offset + readBytes)));
  }
}

export class Spool extends UploadedFile {
  readonly filename: string;
  #received = 0;
  /** The last bytes. The source waits while they are written. */
  #block: Block | undefined;
  #writing: Promise<void> | undefined;
  #file: FileHandle | undefined;
  #isWhole = false;
  #failure: Error | undefined;
  readonly #readers = new Set<SpoolReader>();
  #waiting: (() => void)[] = [];

  constructor(private readonly options: SpoolOptions) {
    super();
    this.filename = options.filename;
  }

  get size(): number {
    return this.options.announcedBytes ?? this.#received;
  }

  /** Bytes received so far. */
  get received(): number {
    return this.#received;
  }

  get isWhole(): boolean {
    return this.#isWhole;
  }

  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Bytes that can be read. */
  get kept(): number {
    return this.#block ? this.#block.start + this.#block.length : 0;
  }

  /** @returns a promise if the writer has to wait; it rejects if there is no room. Do not call it again before */
  write(chunk: Buffer): Promise<void> | undefined {
    const start = this.#received;
    this.#received += chunk.length;
    if (this.#failure) return undefined;
    const rest = chunk.subarray(0, Math.max(0, this.options.maxBytes - start));
    for (const reader of this.#readers) reader.offer(rest, start);
    return this.#keep(rest);
  }

  /** The file is complete. */
  end(): void {
    if (this.#failure) return;
    const { announcedBytes = this.#received } = this.options;
    if (announcedBytes === this.#received) this.#isWhole = true;
    else this.#failure = new Error("the file has another length than was announced");
    this.#wake();
  }

  /** The file will not be completed. */
  fail(error: Error): void {
    if (!this.#isWhole) this.#failure ??= error;
    this.#wake();
  }

  async head(): Promise<Buffer> {
    while (this.kept < headBytes && !this.#isWhole) {
      if (this.#failure) throw this.#failure;
      await new Promise<void>((resolve) => {
        this.whenMore(resolve);
      });
    }
    return this.kept === 0 ? Buffer.alloc(0) : (await this.from(0)).subarray(0, headBytes);
  }

  read(): Readable {
    const reader = new SpoolReader(this);
    this.#readers.add(reader);
    return reader.once("close", () => this.#readers.delete(reader));
  }

  /** Bytes from that position; a promise if they are in the file. */
  from(at: number): Buffer | Promise<Buffer> {
    return this.#block?.from(at) ?? this.#fromFile(at);
  }

  /** Calls back once, when more bytes, the end or a failure is available. */
  whenMore(listener: () => void): void {
    this.#waiting.push(listener);
  }

  /** Readers and writers fail, and all data is released. */
  async discard(): Promise<void> {
    this.#failure ??= new Error("the file was discarded");
    this.#wake();
    await this.#writing?.catch(() => undefined);
    this.#block?.release();
    this.#block = undefined;
    await this.#file?.close();
  }

  #keep(chunk: Buffer): Promise<void> | undefined {
    const rest = (this.#block ??= Block.take()).fill(chunk);
    this.#wake();
    if (rest.length === 0) return undefined;
    this.#writing = this.#write(this.#block);
    return this.#writing.then(() => this.#keep(rest));
  }

  async #write(block: Block): Promise<void> {
    this.#file ??= await openUnnamed(this.options.folders);
    if (this.#failure) throw this.#failure;
    for (let written = 0; written < block.length;) {
      const length = block.length - written;
      written += (await this.#file.write(block.bytes, written, length, block.start + written)).bytesWritten;
    }
    block.start += block.length;
    block.length = 0;
  }

  async #fromFile(at: number): Promise<Buffer> {
    if (!this.#file || !this.#block) throw this.#failure ?? new Error("the file is not there");
    const into = Buffer.allocUnsafeSlow(Math.min(readBytes, this.#block.start - at));
    const { bytesRead } = await this.#file.read(into, 0, into.length, at);
    countStreamed(bytesRead);
    if (bytesRead === 0) throw new Error("the file ended early");
    return into.subarray(0, bytesRead);
  }

  #wake(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    for (const listener of waiting) listener();
  }
}

/** Reads from the beginning, while the file is received. */
class SpoolReader extends Readable {
  #at = 0;
  readonly #queue: Buffer[] = [];
  #queued = 0;

  constructor(private readonly spool: Spool) {
    super();
  }

  /** Recently received chunks, for a reader that keeps up. */
  offer(chunk: Buffer, start: number): void {
    if (chunk.length < smallBytes || start !== this.#at + this.#queued) return;
    if (this.#queued + chunk.length > queueBytes) return;
    this.#queue.push(chunk);
    this.#queued += chunk.length;
  }

  override _read(): void {
    const { spool } = this;
    const next = this.#queue.shift();
    if (this.destroyed) return;
    if (spool.failure) this.destroy(spool.failure);
    else if (next) {
      this.#queued -= next.length;
      this.#pushed(next);
    } else if (this.#at < spool.kept) {
      const part = spool.from(this.#at);
      if (part instanceof Promise) part.then(this.#pushed, (error: unknown) => this.destroy(error as Error));
      else this.#pushed(part);
    } else if (spool.isWhole) this.push(null);
    else {
      spool.whenMore(() => {
        this._read();
      });
    }
  }

  readonly #pushed = (part: Buffer): void => {
    this.#at += part.length;
    this.push(part);
  };
}

async function openUnnamed([folder = "", ...others]: readonly string[]): Promise<FileHandle> {
  const path = join(folder, `upload-${randomUUID()}`);
  try {
    const file = await open(path, "wx+", 0o600);
    await unlink(path);
    return file;
  } catch (error) {
    if (others.length === 0) throw error;
    return await openUnnamed(others);
  }
}
