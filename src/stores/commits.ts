/** LMDB's commits, so that a full disk neither ends the process nor keeps it from going on when there is room. */
import { open, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as nextTick } from "node:timers/promises";
import type { OwnedFolder } from "./owned-folder.js";

/** More than one commit needs. */
const roomBytes = 1_000_000;

export class Commits {
  #isFull = false;
  #probing: Promise<void> | undefined;

  constructor(private readonly folder: Pick<OwnedFolder, "path" | "root">) {}

  /**
   * If a commit fails, lmdb also rejects two promises that nobody else handles, which would end the process: one for all
   * writes of an event-loop tick, made at its end, and `commitError` with the reason.
   *
   * @throws an error that names the reason
   */
  async run<T>(write: () => Promise<T>): Promise<T> {
    if (this.#isFull) await this.#awaitRoom();
    const writing = write();
    setImmediate(() => void this.folder.root.committed.then(ignore, ignore));
    try {
      return await writing;
    } catch (error) {
      if (!hasCommitError(error)) throw error;
      this.#isFull = true;
      const reason = await reasonOfFailedCommit(error);
      await this.#awaitRoom();
      throw reason;
    }
  }

  #awaitRoom(): Promise<void> {
    return (this.#probing ??= this.#findRoom().finally(() => (this.#probing = undefined)));
  }

  /**
   * Each failed commit damages lmdb's memory, and after some ten of them the process is aborted. So after one nothing is
   * written until a file beside LMDB's can be, as far from its start as LMDB writes.
   */
  async #findRoom(): Promise<void> {
    const { path } = this.folder;
    const { size } = await stat(join(path, "data.mdb"));
    const zeros = Buffer.alloc(roomBytes);
    const probe = await open(join(path, "probe"), "w", 0o600);
    try {
      for (let at = 0; at < roomBytes;) {
        at += (await probe.write(zeros, at, roomBytes - at, size + at)).bytesWritten;
      }
      await probe.datasync();
      this.#isFull = false;
    } finally {
      await probe.close();
      await rm(join(path, "probe"), { force: true });
    }
  }
}

function ignore(): void {
  // Another promise rejects for the writer.
}

function hasCommitError(error: unknown): error is { commitError: unknown } {
  return typeof error === "object" && error !== null && "commitError" in error;
}

async function reasonOfFailedCommit(error: { commitError: unknown }): Promise<unknown> {
  const reason = Promise.resolve(error.commitError).catch((cause: unknown) => cause);
  return (await Promise.race([reason, nextTick()])) ?? error;
}
