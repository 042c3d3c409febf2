/**
 * The file of the audit log. Other programs may truncate it, or rename it to rotate it: each batch of lines goes to the
 * file that the path names at that moment, which is created if there is none.
 */
import { constants } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import type { AuditSink } from "./audit-log.js";

/** @throws when the file cannot be opened for writing */
export async function auditFile(path: string): Promise<AuditSink> {
  let file = await openToAppend(path);
  /** The batch that is being written. */
  let batch: readonly string[] | undefined;
  let bytes: Buffer = Buffer.alloc(0);
  /** How many of them are written: a write on a full disk may fail part-way. */
  let written = 0;
  let separator = await separatorIn(path, file);

  async function reopen(): Promise<void> {
    const next = await openToAppend(path);
    await file.close().catch(() => undefined);
    file = next;
    separator = await separatorIn(path, file);
    // A line of which only a part was written is written again, whole.
    if (batch) bytes = Buffer.concat([Buffer.from(separator), bytes.subarray(lineStart(bytes, written))]);
    if (batch) separator = "";
    written = 0;
  }

  return {
    write: async (lines) => {
      if (!(await isNamed(path, file))) await reopen();
      // A retry of the same lines continues where the last write ended.
      if (batch?.[0] !== lines[0]) {
        bytes = Buffer.from(separator + lines.join(""));
        [written, separator] = [0, ""];
      } else if (batch && lines.length > batch.length) {
        bytes = Buffer.concat([bytes, Buffer.from(lines.slice(batch.length).join(""))]);
      }
      batch = lines;
      while (written < bytes.length) written += (await file.write(bytes, written)).bytesWritten;
      batch = undefined;
    },
  };
}

async function openToAppend(path: string): Promise<FileHandle> {
  const { O_APPEND, O_CREAT, O_NONBLOCK, O_WRONLY } = constants;
  // Without O_NONBLOCK, a pipe without a reader would block a thread, and the process could not exit.
  return await open(path, O_APPEND | O_CREAT | O_NONBLOCK | O_WRONLY, 0o640).catch((error: unknown) => {
    throw new Error(`the audit log cannot be opened: ${error instanceof Error ? error.message : String(error)}`);
  });
}

/** False after a rotation. One `stat` for each batch of lines costs less than writing them. */
async function isNamed(path: string, file: FileHandle): Promise<boolean> {
  const [opened, named] = await Promise.all([
    file.stat(),
    stat(path).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }),
  ]);
  return named?.ino === opened.ino && named.dev === opened.dev;
}

/** A process that was killed, or that met a full disk, may have left a part of a line. */
async function separatorIn(path: string, file: FileHandle): Promise<"" | "\n"> {
  const found = await file.stat();
  if (!found.isFile() || found.size === 0) return "";
  // The file may be one that the gateway may only write to.
  const reading = await open(path, "r").catch(() => undefined);
  const last = await reading?.read(Buffer.alloc(1), 0, 1, found.size - 1);
  await reading?.close();
  return last?.bytesRead === 1 && last.buffer.toString() !== "\n" ? "\n" : "";
}

function lineStart(bytes: Buffer, at: number): number {
  return at === 0 ? 0 : bytes.lastIndexOf("\n", at - 1) + 1;
}
