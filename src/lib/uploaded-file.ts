import type { Readable } from "node:stream";

/** A file that came with a request: the server keeps it, GraphQL passes it on as an `Upload`, the WeCom side sends it on. */
export abstract class UploadedFile {
  /** As the client calls it: anything, or nothing. */
  abstract readonly filename: string;

  /** In bytes. Of one that is still coming, as it was announced; otherwise as it came, also where that was too much to keep. */
  abstract readonly size: number;

  /** Whether nothing more is to come. */
  abstract readonly isWhole: boolean;

  /** Its first bytes, at most 16. Waits for them. @throws when they do not come */
  abstract head(): Promise<Buffer>;

  /** From the beginning, each time, and as it comes in. It fails when the rest does not come. */
  abstract read(): Readable;

  /** What a message about it shows. */
  toJSON(): string {
    return "[file]";
  }
}
