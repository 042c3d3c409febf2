import type { Readable } from "node:stream";

/** A file of a request: the server receives it, GraphQL passes it as an `Upload`, and the WeCom side sends it on. */
export abstract class UploadedFile {
  /** The client's name for it: any text, or empty. */
  abstract readonly filename: string;

  /** In bytes: the announced length while it is received, then the actual one, even if that was too much to keep. */
  abstract readonly size: number;

  /** Whether it has been received completely. */
  abstract readonly isWhole: boolean;

  /**
   * Its first bytes, at most 16. Waits for them.
   *
   * @throws if they do not arrive
   */
  abstract head(): Promise<Buffer>;

  /** Reads from the beginning, each time, while it is received. Fails if the rest does not arrive. */
  abstract read(): Readable;

  /** What a message about it shows. */
  toJSON(): string {
    return "[file]";
  }
}
