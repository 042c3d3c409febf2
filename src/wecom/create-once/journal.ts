/**
 * What is known of each create under an idempotency key. A record changes only by comparison with what stood there before:
 * of two that change it, one finds that it is not what it was.
 */
import { createHash } from "node:crypto";
import type { CreateStore } from "./closable-store.js";
import type { CreateLivingRequest } from "../living.wire.js";
import type { StoreTime } from "./store-watch.js";

const queue = "creates";
/** A request that looks for what was lost has moved its record on by then, or is gone. */
const unattendedAfterMs = 1000;

interface CreateOfKey {
  /** Tells the input from another one under the same key. */
  readonly digest: string;
  /** When the key ends, in the store's Unix milliseconds: a while after it was first seen, and never put off. */
  readonly endsAtMs: number;
}

/** A create whose outcome is open. Times are the store's, in Unix milliseconds. */
export type OpenCreate = CreateOfKey & {
  readonly corp: string;
  readonly request: CreateLivingRequest;
} &
  /** Not sent yet; never stored so. */
  (
    | { readonly state: "new" }
    | {
        /** It may be on its way, and somebody may be waiting for its answer, until `answerByMs`. */
        readonly state: "sent";
        readonly answerByMs: number;
        /** Which sending it is: no two write the same record. */
        readonly attempt: string;
      }
    /** Nobody waits for its answer; it may take effect until `settlesAtMs`. */
    | { readonly state: "unknown"; readonly settlesAtMs: number }
  );

export type CreateOutcome =
  { readonly livingid: string } | { readonly refusal: { readonly errcode: number; readonly errmsg: string } };

export type EndedCreate = CreateOfKey &
  (
    | { readonly state: "done"; readonly outcome: CreateOutcome }
    /** The key has ended, and what became of the create was not found out. */
    | { readonly state: "given-up" }
  );

interface EntryOf<R> {
  readonly id: string;
  readonly record: R;
  /** As it stands in the store, for the comparison; undefined: there was none. */
  readonly text: string | undefined;
}

export type OpenEntry = EntryOf<OpenCreate>;
export type EndedEntry = EntryOf<EndedCreate>;
export type Entry = OpenEntry | EndedEntry;

export function isEnded(entry: Entry): entry is EndedEntry {
  return entry.record.state === "done" || entry.record.state === "given-up";
}

/** All methods throw `StoreError`s. */
export class Journal {
  constructor(
    private readonly store: CreateStore,
    private readonly time: StoreTime,
    private readonly keyLifetimeMs: number,
  ) {}

  async read(id: string): Promise<Entry | undefined> {
    const text = await this.store.get(keyOf(id));
    return text === undefined ? undefined : ({ id, record: JSON.parse(text) as unknown, text } as Entry);
  }

  /**
   * What is open is looked at again by the reconciler of some replica, whatever becomes of this process.
   *
   * @returns undefined, and nothing is changed, when the record is not what it was
   */
  async replace<R extends OpenCreate | EndedCreate>(
    { id, text: before }: Pick<Entry, "id" | "text">,
    record: R,
  ): Promise<EntryOf<R> | undefined> {
    const text = JSON.stringify(record);
    // What is not done by its end is kept as long again: somebody has to notice, and whoever asks has to be told.
    const keptMs = record.endsAtMs - this.time.latestMs() + (record.state === "done" ? 0 : this.keyLifetimeMs);
    const expiry = { expiresInMs: Math.max(keptMs, 1000) };
    const isOpen = record.state === "sent" || record.state === "unknown";
    const remindAtMs = record.state === "sent" ? record.answerByMs : this.time.latestMs() + unattendedAfterMs;
    const [isWritten] = await Promise.all([
      this.store.compareAndSet(keyOf(id), before, text, expiry),
      isOpen && this.remindOf(id, remindAtMs),
    ]);
    if (!isWritten) return undefined;
    // One reminder too many does no harm.
    if (!isOpen) this.remindOfNoMore(id).catch(() => undefined);
    return { id, record, text };
  }

  /** As if it had never been: certainly nothing was carried out. @returns false when it is not what it was */
  async forget({ id, text }: Entry): Promise<boolean> {
    const isForgotten = await this.store.compareAndSet(keyOf(id), text, undefined);
    if (isForgotten) await this.remindOfNoMore(id);
    return isForgotten;
  }

  /** Lets the reconciler of any replica look at it at that time of the store's. */
  remindOf(id: string, atMs: number): Promise<void> {
    return this.store.enqueue(queue, id, atMs);
  }

  remindOfNoMore(id: string): Promise<void> {
    return this.store.dequeue(queue, id);
  }

  /** How many are open, up to a thousand, and when the oldest of the first hundred was begun. */
  async unfinished(): Promise<{ count: number; oldestAtMs: number | undefined }> {
    const ids = await this.store.due(queue, Number.MAX_SAFE_INTEGER, 1000);
    const entries = await Promise.all(ids.slice(0, 100).map((id) => this.read(id)));
    const begunAtMs = entries.flatMap((entry) =>
      entry && !isEnded(entry) ? [entry.record.endsAtMs - this.keyLifetimeMs] : [],
    );
    return { count: ids.length, oldestAtMs: begunAtMs.length === 0 ? undefined : Math.min(...begunAtMs) };
  }

  due(nowMs: number): Promise<string[]> {
    return this.store.due(queue, nowMs, 100);
  }
}

/** Of fixed length, and nothing can be read from it. */
export function digestOf(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("base64url");
}

function keyOf(id: string): string {
  return `create:${id}`;
}
