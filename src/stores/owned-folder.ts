/**
 * The folder of the embedded store, locked by one process. The kernel holds the lock (fcntl, per open file) and
 * releases it when the process ends, in whatever way. There is no pid file that could be stale. The lock also works
 * between containers that share a volume, and over NFS if that supports locks. Several stores in one process share one
 * open folder.
 */
import { closeSync, existsSync, mkdirSync, openSync } from "node:fs";
import { dirname, join } from "node:path";
import { tryLock } from "fs-native-extensions";
import { open, type RootDatabase } from "lmdb";
import type { ChannelListener } from "./store.js";

export interface OwnedFolder {
  readonly path: string;
  readonly root: RootDatabase;
  readonly listeners: Map<string, Set<ChannelListener>>;
  close(): Promise<void>;
}

/** Another process holds the lock. */
export class FolderInUseError extends Error {
  constructor(path: string) {
    super(`another process uses ${path}, and the embedded store belongs to one: for several set REDIS_URL`);
    this.name = "FolderInUseError";
  }
}

interface Opened {
  readonly root: RootDatabase;
  readonly listeners: Map<string, Set<ChannelListener>>;
  readonly lock: number;
  users: number;
}

const openedHere = new Map<string, Opened>();

/** @throws {FolderInUseError} */
export function openOwnedFolder(path: string): OwnedFolder {
  const opened = openedHere.get(path) ?? openNew(path);
  openedHere.set(path, opened);
  opened.users += 1;
  const close = async (): Promise<void> => {
    opened.users -= 1;
    if (opened.users > 0) return;
    openedHere.delete(path);
    await opened.root.close();
    closeSync(opened.lock);
  };
  return { path, root: opened.root, listeners: opened.listeners, close };
}

function openNew(path: string): Opened {
  // The content may be secret, and LMDB leaves the mode of its files to the umask.
  makeFolder(path);
  const lock = openSync(join(path, "owner"), "a", 0o600);
  try {
    if (!tryLock(lock)) throw new FolderInUseError(path);
    const root = open({ path, noSubdir: false, overlappingSync: false, maxDbs: 4 });
    return { root, listeners: new Map(), lock, users: 0 };
  } catch (error) {
    closeSync(lock);
    throw error;
  }
}

/** Not `recursive`: if a file system rejects folders with ENOENT, as /proc does, Node retries forever. */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  mkdirSync(path, { mode: 0o700 });
}
