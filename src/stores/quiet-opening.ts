/**
 * Lets a process open the LMDB file while no other one writes to it. LMDB, as lmdb-js builds it (3.5.6 and before), reads
 * the number of the newest transaction at one moment of its opening and, a moment later, writes it where all processes
 * look for it: what another one has committed in between is forgotten then, or the file is of no more use to any of them.
 *
 * Who opens asks for it by a file, `opening`, and waits until each process that has the file open has stopped writing and
 * said so, in its own file among the `users`. They go on when `opening` is gone.
 */
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

/** Who has it open looks this often whether another one asks. */
const lookMs = 20;
/** One that does not answer within this time is not writing either: it stands still. */
const answerMs = 1_000;
/** Opening takes some milliseconds. One that takes longer than this stands still, and the others must go on. */
const openingMs = 5_000;

/** Of this process, by the names of their files among the `users`. */
const own = new Set<string>();

export interface Quiet {
  /** Begins no write any more until `resume`; resolves when none is under way. */
  stop(): Promise<void>;
  resume(): void;
}

/** @param path of the folder of the LMDB file */
export function openQuietly<T>(path: string, open: () => T): { opened: T; id: string } {
  const users = join(path, "users");
  const opening = join(path, "opening");
  mkdirSync(users, { recursive: true, mode: 0o700 });
  const id = `${process.pid}-${randomUUID()}`;
  const patientUntil = performance.now() + openingMs;
  while (!tryToCreate(opening, id)) {
    const other = read(opening);
    const isInVain = performance.now() > patientUntil || (other !== undefined && !isAlive(other));
    if (isInVain) rmSync(opening, { force: true });
    sleep(2);
  }
  try {
    const others = usersElsewhere(users);
    const endsAt = performance.now() + answerMs;
    while (others.some((user) => read(join(users, user)) !== id && isAlive(user)) && performance.now() < endsAt) {
      sleep(1);
    }
    const opened = open();
    own.add(id);
    writeFileSync(join(users, id), "");
    return { opened, id };
  } finally {
    rmSync(opening, { force: true });
  }
}

/**
 * Lets others open the file as quietly.
 *
 * @param id of `openQuietly`
 * @returns what is to be called before it is closed, and after
 */
export function lendQuiet(path: string, id: string, quiet: Quiet): { beforeClose(): void; afterClose(): void } {
  const opening = join(path, "opening");
  const file = join(path, "users", id);
  let isAnswering = false;
  const answer = async (other: string): Promise<void> => {
    const endsAt = performance.now() + openingMs;
    try {
      await quiet.stop();
      writeFileSync(file, other);
      while (read(opening) === other && isAlive(other) && performance.now() < endsAt) await pause(1);
      if (read(opening) === other) rmSync(opening, { force: true });
    } catch {
      // Its folder is gone, or full: whoever asks goes on without an answer in a moment.
    } finally {
      quiet.resume();
      isAnswering = false;
    }
  };
  const looking = setInterval(() => {
    if (isAnswering || !existsSync(opening)) return;
    const other = read(opening);
    if (other === undefined) return;
    isAnswering = true;
    void answer(other);
  }, lookMs).unref();
  return {
    beforeClose: () => {
      clearInterval(looking);
    },
    afterClose: () => {
      own.delete(id);
      rmSync(file, { force: true });
    },
  };
}

/** What others have left behind is removed. */
function usersElsewhere(users: string): string[] {
  return readdirSync(users).filter((id) => {
    if (own.has(id)) return false;
    // What is named for this process but not its own is of one that had its number before.
    if (Number.parseInt(id, 10) !== process.pid && isAlive(id)) return true;
    rmSync(join(users, id), { force: true });
    return false;
  });
}

/** @param id begins with the number of a process */
function isAlive(id: string): boolean {
  try {
    return process.kill(Number.parseInt(id, 10), 0);
  } catch (error) {
    // Another user's process.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function tryToCreate(file: string, text: string): boolean {
  try {
    writeFileSync(file, text, { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
