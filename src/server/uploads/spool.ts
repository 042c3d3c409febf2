/**
 * What came in of a file: at most 256 kB in memory, the rest in a temporary file that has no name, so that nothing of it is
 * left when this process ends in any way. It can be read while it comes in, and again from the beginning.
 */
import { randomUUID } from "node:crypto";
import { type FileHandle, open, unlink } from "node:fs/promises";
import { join } from "node:path";
import { UploadedFile } from "../../lib/uploaded-file.js";

/** What is written at once, and kept in memory of a file that is not longer. */
const blockBytes = 256 * 1024;
const readBytes = 64 * 1024;
const headBytes = 16;

export interface SpoolOptions {
  /** Empty where the client does not say. */
  readonly filename: string;
  /** What is longer is counted, and not kept. */
  readonly maxBytes: number;
  /** Where its file may be: the first that can be written to, for an image may have a root file system that is read-only. */
  readonly folders: readonly string[];
  /** Where the client said how long it is. */
  readonly announcedBytes?: number;
}

interface Block {
  readonly bytes: Buffer;
  readonly start: number;
}

export class Spool extends UploadedFile {
  readonly filename: string;
  #received = 0;
  #kept = 0;
  /** The one that is being filled; `#kept` says how far. Never used again for another: who reads it may still send it. */
  #block: Block | undefined;
  #previous: (Block & { written: Promise<unknown> }) | undefined;
  #file: FileHandle | undefined;
  #isWhole = false;
  #failure: Error | undefined;
  #waiting: (() => void)[] = [];

  constructor(private readonly options: SpoolOptions) {
    super();
    this.filename = options.filename;
  }

  get size(): number {
    return this.options.announcedBytes ?? this.#received;
  }

  /** What came in so far. */
  get received(): number {
    return this.#received;
  }

  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** @returns a promise where whoever writes has to wait; it rejects when there is no room. Not to be called meanwhile */
  write(chunk: Buffer): Promise<void> | undefined {
    this.#received += chunk.length;
    const rest = chunk.subarray(0, Math.max(0, this.options.maxBytes - this.#kept));
    return this.#keep(this.#fill(rest));
  }

  /** All has come in. */
  end(): void {
    const { announcedBytes = this.#received } = this.options;
    if (announcedBytes === this.#received) this.#isWhole = true;
    else this.#failure ??= new Error("the file has another length than was announced");
    this.#wake();
  }

  /** The rest does not come. */
  fail(error: Error): void {
    if (!this.#isWhole) this.#failure ??= error;
    this.#wake();
  }

  async head(): Promise<Buffer> {
    while (this.#kept < headBytes && !this.#isWhole) await this.#more();
    return this.#kept === 0 ? Buffer.alloc(0) : (await this.#at(0)).subarray(0, headBytes);
  }

  async *read(): AsyncGenerator<Buffer> {
    for (let at = 0; ;) {
      if (this.#failure) throw this.#failure;
      if (at < this.#kept) {
        const part = await this.#at(at);
        at += part.length;
        yield part;
      } else if (this.#isWhole) return;
      else await this.#more();
    }
  }

  /** Whoever still reads or writes it fails; nothing is left of it. */
  async discard(): Promise<void> {
    this.#failure ??= new Error("the file was discarded");
    this.#wake();
    this.#block = undefined;
    await this.#previous?.written.catch(() => undefined);
    this.#previous = undefined;
    await this.#file?.close();
  }

  #fill(bytes: Buffer): Buffer {
    if (bytes.length === 0) return bytes;
    this.#block ??= { bytes: Buffer.allocUnsafeSlow(blockBytes), start: this.#kept };
    const copied = bytes.copy(this.#block.bytes, this.#kept - this.#block.start);
    this.#kept += copied;
    this.#wake();
    return bytes.subarray(copied);
  }

  #keep(rest: Buffer): Promise<void> | undefined {
    return rest.length === 0 ? undefined : this.#keepSlowly(rest);
  }

  /** The block is full: the next one is filled while it is written. */
  async #keepSlowly(rest: Buffer): Promise<void> {
    while (rest.length > 0) {
      await this.#previous?.written;
      this.#file ??= await this.#open();
      if (this.#failure) throw this.#failure;
      const block = this.#block;
      if (!block) throw new Error("there is no block to write");
      const written = writeWhole(this.#file, block);
      // Whoever waits for it is told; nobody need.
      written.catch(() => undefined);
      this.#previous = { ...block, written };
      this.#block = undefined;
      rest = this.#fill(rest);
    }
  }

  /** It may have been discarded meanwhile: then nobody else would close it. */
  async #open(): Promise<FileHandle> {
    const file = await openUnnamed(this.options.folders);
    if (!this.#failure) return file;
    await file.close();
    throw this.#failure;
  }

  async #at(at: number): Promise<Buffer> {
    for (const block of [this.#block, this.#previous]) {
      if (!block || at < block.start) continue;
      const end = Math.min(this.#kept - block.start, blockBytes, at - block.start + readBytes);
      return block.bytes.subarray(at - block.start, end);
    }
    if (!this.#file) throw this.#failure ?? new Error("the file is not there");
    const start = this.#previous?.start ?? this.#kept;
    const into = Buffer.allocUnsafeSlow(Math.min(readBytes, start - at));
    const { bytesRead, buffer } = await this.#file.read(into, 0, into.length, at);
    if (bytesRead === 0) throw new Error("the file ended early");
    return buffer.subarray(0, bytesRead);
  }

  #more(): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  #wake(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
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

async function writeWhole(file: FileHandle, { bytes, start }: Block): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    written += (await file.write(bytes, written, bytes.length - written, start + written)).bytesWritten;
  }
}
