/**
 * The record of each keyed create. Every write is a compare-and-set with the record that was read, so concurrent
 * writers cannot overwrite each other.
 */
import { createHash } from "node:crypto";
import { parseStored } from "../../stores/store.js";
import type { CreateStore } from "./closable-store.js";
import type { CreateLivingRequest } from "../living.wire.js";
import type { StoreTime } from "./store-watch.js";

const queue = "creates";
/** A request that is still searching updates its record within this time; after it, the reconciler takes over. */
const unattendedAfterMs = 1000;

interface CreateOfKey {
  /** Identifies the input that the key was first used with. */
  readonly digest: string;
  /** When the key expires, in the store's Unix milliseconds. Fixed at its first use. */
  readonly endsAtMs: number;
}

/** A create with an unknown outcome. Times are the store's, in Unix milliseconds. */
export type OpenCreate = CreateOfKey & {
  readonly corp: string;
  readonly request: CreateLivingRequest;
} &
  /** Not sent yet; never stored. */
  (
    | { readonly state: "new" }
    | {
        /** Possibly sent; a request may wait for the answer until `answerByMs`. */
        readonly state: "sent";
        readonly answerByMs: number;
        /** Identifies the attempt, so that two attempts never store equal records. */
        readonly attempt: string;
      }
    /** No request waits for the answer; the create may take effect until `settlesAtMs`. */
    | { readonly state: "unknown"; readonly settlesAtMs: number }
  );

export type CreateOutcome =
  { readonly livingid: string } | { readonly refusal: { readonly errcode: number; readonly errmsg: string } };

export type EndedCreate = CreateOfKey &
  (
    | { readonly state: "done"; readonly outcome: CreateOutcome }
    /** The key expired before the outcome was known. */
    | { readonly state: "given-up" }
  );

interface EntryOf<R> {
  readonly id: string;
  readonly record: R;
  /** The stored text, for compare-and-set; undefined: no record. */
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
    return text === undefined ? undefined : ({ id, record: parseStored(text), text } as Entry);
  }

  /**
   * An open record is also queued for the reconciler, in case this process dies.
   *
   * @returns undefined, without a change, if the record has changed meanwhile
   */
  async replace<R extends OpenCreate | EndedCreate>(
    { id, text: before }: Pick<Entry, "id" | "text">,
    record: R,
  ): Promise<EntryOf<R> | undefined> {
    const text = JSON.stringify(record);
    // An unfinished record is kept for another key lifetime after its end, so that operators and clients notice.
    const keptMs = record.endsAtMs - this.time.latestMs() + (record.state === "done" ? 0 : this.keyLifetimeMs);
    const expiry = { expiresInMs: Math.max(keptMs, 1000) };
    const isOpen = record.state === "sent" || record.state === "unknown";
    const remindAtMs = record.state === "sent" ? record.answerByMs : this.time.latestMs() + unattendedAfterMs;
    // First, because the store may fail in between. A superfluous reminder does no harm.
    if (isOpen) await this.remindOf(id, remindAtMs);
    if (!(await this.store.compareAndSet(keyOf(id), before, text, expiry))) return undefined;
    if (!isOpen) this.remindOfNoMore(id).catch(() => undefined);
    return { id, record, text };
  }

  /**
   * Deletes the record, when the create certainly had no effect.
   *
   * @returns false if the record has changed meanwhile
   */
  async forget({ id, text }: Entry): Promise<boolean> {
    const isForgotten = await this.store.compareAndSet(keyOf(id), text, undefined);
    if (isForgotten) await this.remindOfNoMore(id);
    return isForgotten;
  }

  /** Queues the create for the reconciler of any replica, due at that time of the store's clock. */
  remindOf(id: string, atMs: number): Promise<void> {
    return this.store.enqueue(queue, id, atMs);
  }

  remindOfNoMore(id: string): Promise<void> {
    return this.store.dequeue(queue, id);
  }

  /** The number of open creates, up to a thousand, and the start of the oldest among the first hundred. */
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

/** Of fixed length, and reveals nothing. */
export function digestOf(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("base64url");
}

function keyOf(id: string): string {
  return `create:${id}`;
}
